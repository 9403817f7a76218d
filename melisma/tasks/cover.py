"""Cover: existing music made anew, keeping its outline."""

from melisma.song import Cover
from melisma.tasks.canvas import Canvas, Desk


def lay(task: Cover, desk: Desk) -> Canvas:
    """The whole source is heard, as codes or as latents, for a share of the steps."""
    sound = desk.sound(task.source)
    source = desk.encode(sound)
    return Canvas(
        task,
        desk.lasting(sound),
        frames=len(source),
        source=source,
        semantic=task.semantic,
        hears=task.strength,
        advance=task.noise_strength,
    )
