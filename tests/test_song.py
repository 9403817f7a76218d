"""The central types: round trips, and what bad values answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from melisma import song
from melisma.errors import BadRequest
from melisma.song import Blueprint, SamplingOptions, SongRequest, canonical_key

SOURCE = {"path": "in.flac"}
TASKS = [
    {"kind": "compose"},
    {"kind": "cover", "source": SOURCE, "strength": 0.4, "noise_strength": 0.1, "semantic": False},
    {"kind": "repaint", "source": SOURCE, "start_s": -2, "end_s": 4.5},
    {"kind": "extend", "source": SOURCE, "before_s": 3},
    {"kind": "extract", "source": SOURCE, "track": "vocals"},
    {"kind": "lego", "source": SOURCE, "track": "bass", "start_s": 2, "end_s": 9},
    {"kind": "complete", "source": SOURCE, "tracks": ["drums", "bass"]},
    {"kind": "edit", "source": SOURCE, "source_caption": "slow", "window": [0.1, 0.9]},
    {"kind": "retake", "seed": 4, "again": {"kind": "cover", "source": SOURCE}},
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["kind"])
def test_every_task_survives_a_round_trip(task: dict) -> None:
    request = SongRequest.of(task=task, caption="folk", seeds=[1, 2], key="f# min", lyrics="[verse]\nla", bpm=90)
    assert SongRequest.model_validate_json(request.model_dump_json()) == request
    assert request.takes == 2
    assert request.key == "F# minor"


@pytest.mark.parametrize(
    ("fields", "seen", "allowed"),
    [
        ({"bpm": 301}, "301", "300"),
        ({"bpm": 12}, "12", "30"),
        ({"duration_s": 0.2}, "0.2", "1"),
        ({"duration_s": 10800}, "10800", "600"),
        ({"meter": 5}, "5", "2, 3, 4 or 6"),
        ({"key": "H moll"}, "H moll", "major or minor"),
        ({"language": "klingon"}, "klingon", "yue"),
        ({"seeds": [1, 2], "takes": 3}, "2 seeds", "one seed per take"),
        ({"instrumental": True, "lyrics": "la la"}, "instrumental", "leave out the lyrics"),
        ({"task": {"kind": "repaint", "source": SOURCE, "start_s": 5, "end_s": 2}}, "2.0", "end_s > start_s"),
        ({"task": {"kind": "extend", "source": SOURCE}}, "0 s", "before_s or after_s"),
        ({"task": {"kind": "extract", "source": SOURCE, "track": "kazoo"}}, "kazoo", "woodwinds"),
        ({"task": {"kind": "mashup"}}, "mashup", "compose"),
        ({"task": {"kind": "cover", "source": {}}}, "reference", "path"),
        ({"task": {"kind": "cover", "source": SOURCE, "strength": 1.5}}, "1.5", "less than or equal to 1"),
        ({"sampling": {"steps": 0}}, "0", "greater than or equal to 1"),
        ({"tempo": 3}, "tempo", "not permitted"),
    ],
)
def test_bad_values_are_named_with_what_is_allowed(fields: dict, seen: str, allowed: str) -> None:
    with pytest.raises(BadRequest) as caught:
        SongRequest.of(**fields)
    assert seen in str(caught.value)
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("spelt", "canonical"),
    [
        ("C", "C major"),
        ("am", "A minor"),
        ("Bb minor", "Bb minor"),
        ("E♭ maj", "Eb major"),
        ("f sharp minor", "F# minor"),
    ],
)
def test_keys_are_spelt_as_checkpoints_know_them(spelt: str, canonical: str) -> None:
    assert canonical_key(spelt) == canonical


@given(st.sampled_from("ABCDEFG"), st.sampled_from(["", "#", "b"]), st.sampled_from(["major", "minor"]))
def test_canonical_keys_stay_as_they_are(note: str, accidental: str, mode: str) -> None:
    key = f"{note}{accidental} {mode}"
    assert canonical_key(key) == key
    assert canonical_key(key.lower()) == key


def test_blanks_are_filled_from_the_checkpoint_and_only_blanks() -> None:
    asked = SamplingOptions(steps=12)
    filled = asked.over(SamplingOptions(steps=8, shift=3.0, guidance=1.0))
    assert (filled.steps, filled.shift, filled.guidance) == (12, 3.0, 1.0)


def test_every_field_is_documented() -> None:
    models = [m for m in vars(song).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    whole = {
        "kind",
        "task",
        "request",
        "blueprint",
        "takes",
        "planning",
        "sampling",
        "finish",
        "tags",
        "artwork",
        "again",
    }
    blank = [
        f"{m.__name__}.{n}" for m in models for n, f in m.model_fields.items() if not f.description and n not in whole
    ]
    assert not blank


def test_central_types_are_frozen() -> None:
    blueprint = Blueprint(caption="x", lyrics="[Instrumental]", duration_s=10)
    assert blueprint.instrumental
    with pytest.raises(ValueError, match="frozen"):
        blueprint.bpm = 3  # type: ignore[misc]
