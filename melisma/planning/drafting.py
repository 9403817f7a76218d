"""From a request to a blueprint: what the person gave stays, only blanks are filled.

`decided_by` names who decided each field: the person, the source of an edit, the planner, a default of ours, or the
generator, which is left free on purpose.
"""

from typing import Any

from melisma.errors import BadRequest
from melisma.listen import Listener, quiet
from melisma.planning.planner import Planner
from melisma.song import INSTRUMENTAL, Blueprint, Compose, Decider, Retake, SongRequest

# How long a song is when neither the person, nor a source, nor a planner says so.
DEFAULT_DURATION_S = 30.0


def draft(
    request: SongRequest, planner: Planner | None = None, listen: Listener = quiet, source_s: float | None = None
) -> Blueprint:
    """Fill the blanks of a request. source_s: length of the music that the task starts from, in seconds.

    Without a planner nothing is invented: tempo, key and metre stay open for the generator.
    """
    return unplanned(request, source_s)


def unplanned(request: SongRequest, source_s: float | None = None) -> Blueprint:
    """The blueprint that needs no language model."""
    lyrics, singer = _lyrics(request)
    duration_s, clock = _duration(request, source_s)
    given: dict[str, Any] = {name: getattr(request, name) for name in ("bpm", "key", "meter")}
    decided_by: dict[str, Decider] = {name: "generator" if value is None else "person" for name, value in given.items()}
    decided_by |= {
        "caption": "person" if request.caption.strip() else "generator",
        "lyrics": singer,
        "language": "person" if request.language else "default",
        "duration_s": clock,
    }
    return Blueprint.of(
        caption=request.caption,
        lyrics=lyrics,
        language=request.language or "unknown",
        duration_s=duration_s,
        decided_by=decided_by,
        **given,
    )


def _lyrics(request: SongRequest) -> tuple[str, Decider]:
    """What is sung without a planner, and who said so. Words in an existing source are not ours to forbid."""
    if request.lyrics and request.lyrics.strip():
        return request.lyrics, "person"
    if request.instrumental:
        return INSTRUMENTAL, "person"
    if not isinstance(_played(request), Compose):
        return "", "generator"
    if request.instrumental is False:
        raise BadRequest(
            "a song with vocals needs words, and there is no planner here to write them: give lyrics, "
            "or fetch a planner (`melisma models list` shows them)"
        )
    return INSTRUMENTAL, "default"


def _duration(request: SongRequest, source_s: float | None) -> tuple[float, Decider]:
    """Length in seconds, and who said so. Tasks with a source take its length."""
    if source_s is not None:
        return source_s, "source"
    if request.duration_s is not None:
        return request.duration_s, "person"
    return DEFAULT_DURATION_S, "default"


def _played(request: SongRequest) -> Any:
    """The task that is played; a retake plays another one again."""
    return request.task.again if isinstance(request.task, Retake) else request.task
