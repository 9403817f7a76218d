"""Extract, lego and complete: one track out of a mix, one track into a mix, a band around a track.

All three hear the source as plain latents over its whole length; the instruction tells the model which it is. Lego may
be limited to a span, outside of which the source stays.
"""

from melisma.song import Complete, Extract, Lego
from melisma.tasks.canvas import UNTOUCHED, Canvas, Desk, Keeping
from melisma.tasks.repaint import LEAST_CROSSFADE_S


def lay_extraction(task: Extract, desk: Desk) -> Canvas:
    """Hear the mix; make one of its tracks. Loudness is left alone, so that stems add up."""
    sound = desk.sound(task.source)
    source = desk.encode(sound)
    return Canvas(task, desk.lasting(sound), frames=len(source), source=source, finish=UNTOUCHED)


def lay_completion(task: Complete, desk: Desk) -> Canvas:
    """Hear one track; make the band around it."""
    sound = desk.sound(task.source)
    source = desk.encode(sound)
    return Canvas(task, desk.lasting(sound), frames=len(source), source=source)


def lay_lego(task: Lego, desk: Desk) -> Canvas:
    """Hear everything, inside the span too; make one track."""
    sound = desk.sound(task.source)
    source = desk.encode(sound)
    blueprint = desk.lasting(sound)
    if task.start_s == 0 and task.end_s is None:
        return Canvas(task, blueprint, frames=len(source), source=source, finish=UNTOUCHED)
    span_s = (task.start_s, min(task.end_s or sound.duration_s, sound.duration_s))
    return Canvas(
        task,
        blueprint,
        frames=len(source),
        source=source,
        regions=(desk.region(*span_s, len(source)),),
        keeping=Keeping(0.0, 0, LEAST_CROSSFADE_S, sound, (span_s,)),
        finish=UNTOUCHED,
    )
