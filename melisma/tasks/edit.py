"""Edit: change what is sung or how it sounds along the flow from one description to another (FlowEdit)."""

from melisma.song import Edit
from melisma.tasks.canvas import Canvas, Desk, Words


def lay(task: Edit, desk: Desk) -> Canvas:
    """The source is where the flow starts; the model hears no source, only both descriptions."""
    sound = desk.sound(task.source)
    source = desk.encode(sound)
    blueprint = desk.lasting(sound)
    lyrics = blueprint.lyrics if task.source_lyrics is None else task.source_lyrics
    words = Words(task.source_caption, lyrics, task.window, task.draws)
    return Canvas(task, blueprint, frames=len(source), source=source, edit=words)
