"""Compose: a song from words, on an empty canvas or along a score."""

import torch
from torch import Tensor

from melisma.audio import Stretch, Waveform
from melisma.notation import Score
from melisma.score.guide import render_guide
from melisma.score.telling import told
from melisma.song import Compose, FinishOptions
from melisma.tasks.canvas import Canvas, Desk

SHORTEST_FADE_S = 1.0
DB_PER_ENERGY = 8.5
"""Between sections of the songs that `starter/songs.py` renders: median of 271 sections, correlation 0.74."""


def lay(task: Compose, desk: Desk) -> Canvas:
    """Without a score nothing is there yet. With one, its guide track is what the generator hears.

    Words of a score may be sung by the guide voice; a generator that follows scores leaves room for it. The song fades
    where the score rings out, so that it is never cut off.
    """
    blueprint = desk.blueprint
    frames = desk.frames(blueprint.duration_s)
    if (score := blueprint.score) is None:
        return Canvas(task, blueprint, frames=frames)
    voice = desk.sing(score, blueprint.caption) if desk.sing and not blueprint.instrumental else None
    rings_s = min(max(score.duration_s - score.seconds(score.beats), SHORTEST_FADE_S), score.duration_s / 4)
    return Canvas(
        task,
        blueprint,
        frames=frames,
        source=heard(desk, frames, score),
        guided=True,
        told=told(score, blueprint.caption, settled=blueprint.decided_by.get("score") == "person"),
        dynamics=dynamics(score),
        voice=voice,
        finish=FinishOptions(fade_out_s=rings_s),
    )


def dynamics(score: Score) -> tuple[Stretch, ...]:
    """How loud the sections of a score are against each other."""
    starts = [score.seconds(float(beat)) for beat in score.section_starts]
    ends = [*starts[1:], score.seconds(score.beats)]
    return tuple(
        Stretch(start, end, DB_PER_ENERGY * section.energy)
        for start, end, section in zip(starts, ends, score.sections, strict=True)
    )


def heard(desk: Desk, frames: int, score: Score) -> Tensor:
    """Latents (t, c) of a score's guide track, as long as the song."""
    guide: Waveform = render_guide(score, desk.autoencoder.sample_rate)
    latents = desk.encode(guide)[:frames]
    missing = frames - len(latents)
    return torch.cat([latents, latents[-1:].expand(missing, -1)]) if missing else latents
