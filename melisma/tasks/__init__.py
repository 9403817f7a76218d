"""Tasks: one file per verb, each from a request and a blueprint to a canvas.

`lay_out` is the only door. A new task is one type in `song.py`, one function here and one line in `LAYERS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from melisma.audio import Waveform
from melisma.models.autoencoders import Loaded
from melisma.song import Blueprint, Retake, SongRequest
from melisma.tasks import compose, cover, edit, repaint, stems
from melisma.tasks.canvas import Canvas, Desk, Hear, Keeping, Near, Region, Sing, Words

LAYERS: Mapping[str, Callable[[Any, Desk], Canvas]] = {
    "compose": compose.lay,
    "cover": cover.lay,
    "repaint": repaint.lay,
    "extend": repaint.lay_extension,
    "extract": stems.lay_extraction,
    "lego": stems.lay_lego,
    "complete": stems.lay_completion,
    "edit": edit.lay,
}

TIMBRE_S = 30.0


def lay_out(
    request: SongRequest, blueprint: Blueprint, autoencoder: Loaded, hear: Hear, sing: Sing | None = None
) -> Canvas:
    """Say what is kept and what is to be made.

    `hear` gives the waveform behind an `AudioRef`, `sing` the guide voice. Raises BadRequest where a source and a region do not fit.
    """
    desk = Desk(blueprint, hear, autoencoder, sing)
    task = request.task
    near = Near(task.seed, task.variance) if isinstance(task, Retake) else None
    played = task.again if isinstance(task, Retake) else task
    canvas = LAYERS[played.kind](played, desk)
    timbre = desk.encode(timbre_of(desk.sound(request.reference))) if request.reference else None
    return replace(canvas, timbre=timbre, near=near)


def timbre_of(sound: Waveform) -> Waveform:
    """Thirty seconds that represent a reference: ten from the middle of each third, repeated where it is shorter.

    The official code draws the three places at random; the middle makes the same request the same song.
    """
    rate = sound.rate_hz
    samples = np.clip(sound.samples, -1.0, 1.0)
    whole, piece = round(TIMBRE_S * rate), round(TIMBRE_S * rate) // 3
    if samples.shape[1] < whole:
        repeats = -(-whole // max(samples.shape[1], 1))
        return Waveform(np.tile(samples, (1, repeats))[:, :whole], rate)
    third = samples.shape[1] // 3
    starts = [i * third + (third - piece) // 2 for i in range(3)]
    return Waveform(np.concatenate([samples[:, start : start + piece] for start in starts], axis=1), rate)


__all__ = ["Canvas", "Desk", "Hear", "Keeping", "Near", "Region", "Sing", "Words", "lay_out", "timbre_of"]
