"""Compose: a song from words, on an empty canvas."""

from melisma.song import Compose
from melisma.tasks.canvas import Canvas, Desk


def lay(task: Compose, desk: Desk) -> Canvas:
    """Nothing is there yet; the blueprint's codes, if it has any, are the generator's to hear."""
    return Canvas(task, desk.blueprint, frames=desk.frames(desk.blueprint.duration_s))
