"""What each task keeps and what it makes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from melisma.audio import Waveform
from melisma.errors import BadRequest
from melisma.song import AudioRef, Blueprint, Retake, SongRequest
from melisma.tasks import lay_out, timbre_of

RATE, HOP = 8000, 320  # 25 latent frames per second, as ACE-Step 1.5 has
REF = {"path": "in.flac"}


class Means:
    """An autoencoder whose latents are the mean of each hop, per channel."""

    sample_rate, hop, channels = RATE, HOP, 2

    def encode(self, waveform: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return waveform.unfold(-1, HOP, HOP).mean(-1).transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        return latents.transpose(1, 2).repeat_interleave(HOP, dim=-1)


def noise(seconds: float, seed: int = 0) -> Waveform:
    samples = np.random.default_rng(seed).uniform(-1, 1, (2, round(seconds * RATE)))
    return Waveform(samples.astype(np.float32), RATE)


def canvas_of(task: dict, source: Waveform | None = None, **fields: object):
    request = SongRequest.of(task=task, caption="folk", **fields)
    blueprint = Blueprint(caption="folk", lyrics="[Instrumental]", duration_s=8.0)
    return lay_out(request, blueprint, Means(), lambda ref: source)


def test_compose_is_an_empty_canvas_that_covers_the_length() -> None:
    canvas = canvas_of({"kind": "compose"})
    assert (canvas.frames, canvas.source, canvas.regions) == (200, None, ())
    assert canvas.made.all()


@pytest.mark.parametrize("seconds", [0.013, 4.0, 7.99])
def test_sources_give_their_length(seconds: float) -> None:
    for task in ({"kind": "cover"}, {"kind": "extract", "track": "bass"}, {"kind": "edit", "source_caption": "x"}):
        canvas = canvas_of({**task, "source": REF}, noise(seconds))
        assert canvas.blueprint.duration_s == pytest.approx(seconds)
        assert canvas.frames == len(canvas.source) == int(np.ceil(round(seconds * 25, 6)))


# start, end → padded length, region in seconds; recorded from the official handler
PADDING = [
    (2.0, 5.0, 8.0, (2.0, 5.0)),
    (-1.5, 4.0, 9.5, (0.0, 5.5)),
    (3.0, 10.5, 10.5, (3.0, 10.5)),
    (1.0, None, 8.0, (1.0, 8.0)),
]


@pytest.mark.parametrize(("start_s", "end_s", "length_s", "span_s"), PADDING)
def test_repaint_regions_reach_past_either_end(
    start_s: float, end_s: float | None, length_s: float, span_s: tuple
) -> None:
    canvas = canvas_of({"kind": "repaint", "source": REF, "start_s": start_s, "end_s": end_s}, noise(8))
    assert canvas.blueprint.duration_s == pytest.approx(length_s)
    assert canvas.keeping.spans_s == (span_s,)
    (region,) = canvas.regions
    assert (region.start, region.end) == (int(span_s[0] * 25), int(span_s[1] * 25))
    assert canvas.erase
    assert canvas.made.sum() == region.end - region.start


@pytest.mark.parametrize(
    ("strength", "expected"),
    [(0.0, (1.0, 25, 0.05)), (0.25, (0.75, 19, 0.0375)), (0.5, (0.5, 12, 0.025)), (1.0, (0.0, 0, 0.01))],
)
def test_strength_follows_the_official_modes(strength: float, expected: tuple) -> None:
    kept = canvas_of(
        {"kind": "repaint", "source": REF, "start_s": 1, "end_s": 2, "strength": strength}, noise(8)
    ).keeping
    assert (kept.inject, kept.crossfade_frames, kept.crossfade_s) == pytest.approx(expected)


def test_extend_makes_both_ends_and_keeps_the_middle() -> None:
    source = noise(4)
    canvas = canvas_of({"kind": "extend", "source": REF, "before_s": 1, "after_s": 2}, source)
    assert canvas.blueprint.duration_s == pytest.approx(7)
    assert canvas.made.tolist() == [True] * 25 + [False] * 100 + [True] * 50
    kept = canvas.keeping.original.samples[:, RATE : 5 * RATE]
    assert np.array_equal(kept, source.samples)


def test_restore_puts_kept_frames_back_exactly() -> None:
    canvas = canvas_of({"kind": "repaint", "source": REF, "start_s": 1, "end_s": 2}, noise(4))
    restored = canvas.restore(torch.full((1, 100, 2), 9.0))
    assert torch.equal(restored[0, ~canvas.made], canvas.source[~canvas.made])
    assert (restored[0, canvas.made] == 9.0).all()


def test_lego_hears_inside_its_span() -> None:
    canvas = canvas_of({"kind": "lego", "source": REF, "track": "bass", "start_s": 1, "end_s": 99}, noise(4))
    assert not canvas.erase
    assert canvas.regions[0].end == 100
    whole = canvas_of({"kind": "lego", "source": REF, "track": "bass"}, noise(4))
    assert whole.regions == ()


def test_retake_lays_the_same_canvas_near_other_noise() -> None:
    canvas = canvas_of(Retake(again={"kind": "compose"}, seed=5, variance=0.3).model_dump())
    assert (canvas.task.kind, canvas.near.seed, canvas.near.variance) == ("compose", 5, 0.3)


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ({"kind": "repaint", "start_s": 9, "end_s": 12}, "8 s long"),
        ({"kind": "repaint", "start_s": -5, "end_s": -1}, "outside the source"),
        ({"kind": "lego", "track": "bass", "start_s": 30}, "8 s long"),
        ({"kind": "extend", "after_s": 600}, "600 s"),
    ],
)
def test_regions_that_do_not_fit_are_refused(task: dict, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        canvas_of({**task, "source": REF}, noise(8))


def test_a_reference_becomes_thirty_seconds() -> None:
    long = Waveform(np.arange(90 * RATE, dtype=np.float32)[None].repeat(2, 0) / (90 * RATE), RATE)
    timbre = timbre_of(long)
    assert timbre.duration_s == 30
    assert timbre.samples[0, 0] == pytest.approx(10 / 90, abs=1e-3)  # the middle ten seconds of the first third
    assert timbre_of(noise(7)).duration_s == 30
    assert canvas_of({"kind": "compose"}, noise(3), reference=AudioRef(path="r.wav")).timbre.shape == (750, 2)


def test_what_a_score_says_stands_before_the_caption() -> None:
    canvas = canvas_of({"kind": "compose"})
    assert canvas.caption == "folk"
    assert replace(canvas, told="folk, flute").caption == "folk, flute, folk"
    assert replace(canvas, told="").caption == "folk"


def test_what_the_caption_begins_with_is_not_said_twice() -> None:
    assert replace(canvas_of({"kind": "compose"}), told="folk").caption == "folk"
