"""Compose: a song from words, on an empty canvas or along a score."""

import torch
from torch import Tensor

from melisma.audio import Waveform
from melisma.notation import Score
from melisma.score.guide import render_guide
from melisma.song import INSTRUMENTAL, Compose
from melisma.tasks.canvas import Canvas, Desk


def lay(task: Compose, desk: Desk) -> Canvas:
    """Without a score nothing is there yet. With one, its guide track is what the generator hears.

    Words of a score may be sung by the guide voice; the generator then plays the band alone.
    """
    blueprint = desk.blueprint
    frames = desk.frames(blueprint.duration_s)
    if (score := blueprint.score) is None:
        return Canvas(task, blueprint, frames=frames)
    voice = None
    if desk.sing and not blueprint.instrumental:
        voice = desk.sing(score, blueprint.caption)
        blueprint = blueprint.model_copy(update={"lyrics": INSTRUMENTAL})
    return Canvas(task, blueprint, frames=frames, source=heard(desk, frames, score), voice=voice)


def heard(desk: Desk, frames: int, score: Score) -> Tensor:
    """Latents (t, c) of a score's guide track, as long as the song."""
    guide: Waveform = render_guide(score, desk.autoencoder.sample_rate)
    latents = desk.encode(guide)[:frames]
    missing = frames - len(latents)
    return torch.cat([latents, latents[-1:].expand(missing, -1)]) if missing else latents
