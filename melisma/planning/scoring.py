"""A blueprint with its score: the song written down, for checkpoints that follow one."""

from melisma.score import write
from melisma.song import Blueprint


def scored(blueprint: Blueprint, seed: int) -> Blueprint:
    """Write the score a blueprint leaves open, and take over tempo, key and metre from it. Same seed, same score."""
    if blueprint.score is not None:
        return blueprint
    score = write(blueprint, seed)
    music = {"bpm": score.bpm, "key": score.key, "meter": score.meter}
    decided = {name: "default" for name in music if getattr(blueprint, name) is None}
    return blueprint.model_copy(
        update={**music, "score": score, "decided_by": {**blueprint.decided_by, **decided, "score": "default"}}
    )
