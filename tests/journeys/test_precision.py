"""The same request in float32 and in bfloat16: roundings, and the same music."""

import torch

from melisma.engine import Band, rehearse
from melisma.models.store import Store
from melisma.song import INSTRUMENTAL, SongRequest

REQUEST = SongRequest(
    caption="folk with acoustic guitar and flute", lyrics=INSTRUMENTAL, duration_s=6.0, model="starter", seeds=(7,)
)


def test_bfloat16_plays_the_same_music() -> None:
    wide, half = (Band.of(REQUEST, Store("cpu", dtype=dtype)) for dtype in (torch.float32, torch.bfloat16))
    first = rehearse(REQUEST, wide)
    latents = [first.take(7).latents, rehearse(REQUEST, half, first.blueprint).take(7).latents]
    apart = (latents[0] - latents[1]).square().mean().sqrt()
    assert 0 < apart < 0.05 * latents[0].std()
