"""Drafting: what the person gave stays, blanks are filled or left open on purpose."""

import pytest

from melisma.errors import BadRequest
from melisma.planning import DEFAULT_DURATION_S, draft
from melisma.song import AudioRef, Compose, Cover, Retake, SongRequest

SOURCE = AudioRef(path="song.flac")


def test_without_a_planner_nothing_is_invented() -> None:
    blueprint = draft(SongRequest(caption="slow waltz", bpm=90))
    assert (blueprint.caption, blueprint.lyrics, blueprint.language) == ("slow waltz", "[Instrumental]", "unknown")
    assert (blueprint.bpm, blueprint.key, blueprint.meter, blueprint.codes) == (90, None, None, None)
    assert blueprint.duration_s == DEFAULT_DURATION_S
    assert blueprint.decided_by == {
        "bpm": "person",
        "key": "generator",
        "meter": "generator",
        "caption": "person",
        "lyrics": "default",
        "language": "default",
        "duration_s": "default",
    }


def test_everything_given_is_kept() -> None:
    given = {
        "caption": "folk",
        "lyrics": "[verse]\nhello",
        "language": "en",
        "bpm": 70,
        "key": "D minor",
        "meter": 3,
        "duration_s": 12.5,
    }
    blueprint = draft(SongRequest(**given))
    assert {name: getattr(blueprint, name) for name in given} == given
    assert set(blueprint.decided_by.values()) == {"person"}


def test_source_decides_the_length() -> None:
    blueprint = draft(SongRequest(task=Cover(source=SOURCE), duration_s=40), source_s=61.5)
    assert blueprint.duration_s == 61.5
    assert blueprint.decided_by["duration_s"] == "source"


def test_words_of_a_source_stay_open() -> None:
    assert draft(SongRequest(task=Cover(source=SOURCE)), source_s=10).lyrics == ""
    again = Retake(again=Cover(source=SOURCE), seed=1)
    assert draft(SongRequest(task=again), source_s=10).decided_by["lyrics"] == "generator"
    assert draft(SongRequest(task=Retake(again=Compose(), seed=1))).lyrics == "[Instrumental]"


def test_vocals_without_words_or_planner_are_refused() -> None:
    with pytest.raises(BadRequest, match="give lyrics"):
        draft(SongRequest(caption="pop", instrumental=False))
