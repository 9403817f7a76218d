"""How the official code lays out a song, mistakes included, for songs that must be made again exactly.

Everywhere else every song and every added part has the length asked for (docs/decisions/083-v1-mistakes.md).

Axes: b take, t latent frame, c channel.
"""

from dataclasses import replace

import torch

from melisma.audio import Waveform
from melisma.errors import BadRequest
from melisma.models.autoencoders.dcae import CHANNELS, ROWS, as_sequence
from melisma.sampling import Draw
from melisma.song import Extend
from melisma.tasks.canvas import Canvas, Region


def official_draws(seed: int, frames: int) -> Draw:
    """A source of noise (1, t, c) in the order of the official latents (1, 8, 16, t): float32 on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    return lambda: as_sequence(torch.randn(1, CHANNELS, ROWS, frames, generator=generator))


def officially_laid(canvas: Canvas, latent_hz: float) -> Canvas:
    """The canvas with whole frames only, and an extension to both sides too short by its left part.

    Raises BadRequest where the official code fails.
    """
    duration_s = canvas.blueprint.duration_s
    if canvas.source is None:
        frames = max(1, int(round(duration_s * latent_hz, 6)))
        return _lasting(replace(canvas, frames=frames), min(duration_s, frames / latent_hz))
    if isinstance(canvas.task, Extend) and len(canvas.regions) == 2:
        return _shortened(canvas)
    return canvas


def _shortened(canvas: Canvas) -> Canvas:
    """Officially the right part is measured from the end of a song that already has its left part."""
    assert canvas.source is not None
    assert canvas.keeping is not None
    (left, right), ((_, before_s), (right_s, end_s)) = canvas.regions, canvas.keeping.spans_s
    frames, end_s = canvas.frames - left.end, end_s - before_s
    if frames <= right.start or end_s <= right_s:
        raise BadRequest(
            f"the official code cannot extend by {before_s:g} s before and {end_s + before_s - right_s:g} s after: make "
            "the part after it longer than the part before, or leave compat open"
        )
    original = canvas.keeping.original
    keeping = replace(
        canvas.keeping,
        original=Waveform(original.samples[:, : round(end_s * original.rate_hz)], original.rate_hz),
        spans_s=((0.0, before_s), (right_s, end_s)),
    )
    regions = (left, Region(right.start, frames))
    shorter = replace(canvas, frames=frames, source=canvas.source[:frames], regions=regions, keeping=keeping)
    return _lasting(shorter, end_s)


def _lasting(canvas: Canvas, duration_s: float) -> Canvas:
    return replace(canvas, blueprint=canvas.blueprint.model_copy(update={"duration_s": duration_s}))
