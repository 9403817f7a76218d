"""Repaint and extend: regions are made, everything outside them is kept to the sample.

Strength follows the official modes (ACE-Step 1.5, `repaint_mode`): at strength s the outside is injected during the
first 1 − s of the steps and blended over round(25·(1 − s)) latent frames; 0 is conservative, 1 aggressive. Unlike the
official code the waveform outside is spliced back at every strength, and the model is told the region by an explicit
mask (docs/decisions/003-explicit-masks.md).
"""

import numpy as np

from melisma.audio import Waveform
from melisma.errors import BadRequest
from melisma.song import MAX_DURATION_S, Extend, Playable, Repaint
from melisma.tasks.canvas import UNTOUCHED, Canvas, Desk, Keeping

LEAST_CROSSFADE_S = 0.01  # a hard cut in a waveform clicks
EXTEND_STRENGTH = 0.5


def lay(task: Repaint, desk: Desk) -> Canvas:
    """Hide the region of the source; outpaint where it reaches past either end."""
    sound = desk.sound(task.source)
    length_s = sound.duration_s
    end_s = length_s if task.end_s is None else task.end_s
    if task.start_s >= length_s or end_s <= 0:
        raise BadRequest(
            f"the region starting at {task.start_s:g} s lies outside the source, which is {length_s:g} s long: "
            "choose a region that overlaps it, or use extend to continue it"
        )
    before_s = max(0.0, -task.start_s)
    padded = pad(sound, before_s, max(0.0, end_s - length_s))
    span_s = (task.start_s + before_s, end_s + before_s)
    return make_again(task, padded, (span_s,), task.strength, task.crossfade_s, desk)


def lay_extension(task: Extend, desk: Desk) -> Canvas:
    """Silence is added at either end, and made."""
    sound = desk.sound(task.source)
    padded = pad(sound, task.before_s, task.after_s)
    ends_s = ((0.0, task.before_s), (task.before_s + sound.duration_s, padded.duration_s))
    spans_s = tuple((start_s, end_s) for start_s, end_s in ends_s if end_s > start_s)
    return make_again(task, padded, spans_s, EXTEND_STRENGTH, None, desk)


def make_again(
    task: Playable,
    sound: Waveform,
    spans_s: tuple[tuple[float, float], ...],
    strength: float,
    crossfade_s: float | None,
    desk: Desk,
) -> Canvas:
    """A canvas on which the spans of `sound` are hidden and made, and the rest is kept."""
    source = desk.encode(sound)
    crossfade_s = 0.05 * (1 - strength) if crossfade_s is None else crossfade_s
    return Canvas(
        task,
        desk.lasting(sound),
        frames=len(source),
        source=source,
        regions=tuple(desk.region(*span_s, len(source)) for span_s in spans_s),
        erase=True,
        keeping=Keeping(
            inject=1 - strength,
            crossfade_frames=round(25 * (1 - strength)),
            crossfade_s=max(crossfade_s, LEAST_CROSSFADE_S),
            original=sound,
            spans_s=spans_s,
        ),
        finish=UNTOUCHED,
    )


def pad(sound: Waveform, before_s: float, after_s: float) -> Waveform:
    """Silence before and after; the whole stays within the longest song that can be made."""
    total_s = sound.duration_s + before_s + after_s
    if total_s > MAX_DURATION_S:
        raise BadRequest(
            f"the result would be {total_s:g} s long, the limit is {MAX_DURATION_S:g} s: extend by less, or cut the source"
        )
    before, after = (round(seconds * sound.rate_hz) for seconds in (before_s, after_s))
    return Waveform(np.pad(sound.samples, ((0, 0), (before, after))), sound.rate_hz)
