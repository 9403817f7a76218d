"""Reading what the planner wrote: as officially where it is well-formed, clearly refused where it is not."""

import pytest
from recorded import golden

from melisma.errors import MelismaError
from melisma.planning.codes import codes_in, format_codes, parse_codes
from melisma.planning.limits import budget
from melisma.planning.parse import PlanError, clean_caption, parse_blueprint, parse_lyrics, parse_metadata

# Quotes belong to YAML and headings to the form; the original keeps both.
UNQUOTED = {"'quoted: text with colon'": "quoted: text with colon", '"double: quoted"': "double: quoted"}
HEADED = {"# Lyrics\nabc": "abc", "# Languages\nen\n\n# Lyric\nabc": "abc"}


@pytest.mark.parametrize("case", golden("parse")["outputs"], ids=lambda case: case["text"][:30])
def test_answers(case: dict) -> None:
    expected = {name: UNQUOTED.get(value, value) for name, value in case["metadata"].items()}
    assert parse_metadata(case["text"]) == expected
    assert format_codes(parse_codes(case["text"])) == case["audio_codes"].replace("007", "7")
    assert parse_lyrics(case["text"]) == case["lyrics"]


@pytest.mark.parametrize("case", golden("parse")["lyrics"], ids=lambda case: case["text"][:30])
def test_lyrics(case: dict) -> None:
    assert parse_lyrics(case["text"]) == HEADED.get(case["lyrics"], case["lyrics"])


@pytest.mark.parametrize("case", golden("parse")["captions"], ids=str)
def test_captions(case: dict) -> None:
    assert clean_caption(case["text"]) == case["expected"]


@pytest.mark.parametrize("case", golden("audio_codes")["cases"], ids=lambda case: case["text"][:30])
def test_codes(case: dict) -> None:
    assert parse_codes(case["text"]) == case["expected"]


def test_codes_there_and_back() -> None:
    assert parse_codes(format_codes([0, 7, 63_999])) == [0, 7, 63_999]


@pytest.mark.parametrize("case", golden("limits")["target_codes"], ids=str)
def test_codes_in_a_duration(case: dict) -> None:
    if case["expected"] is not None:  # the rest are the original's ways to say "not known"
        assert codes_in(case["duration"]) == case["expected"]


@pytest.mark.parametrize("case", golden("limits")["max_new_tokens"], ids=str)
def test_budget(case: dict) -> None:
    phase = "codes" if case["phase"] == "codes" else "reasoning"
    found = budget(
        phase, case["target_duration"], case["max_model_len"], case["device_max_duration"], case["fallback_max"]
    )
    assert found == case["expected"]


def test_blueprint_fields_have_our_names_and_types() -> None:
    text = (
        "<think>\nbpm: 73\ncaption: 'A: long\n  caption'\nduration: 33.5\nkeyscale: F♯ minor\nlanguage: 'no'\n"
        "timesignature: 3/4\n</think>\n\n# Lyric\n[Verse]\nhello<|im_end|>"
    )
    assert parse_blueprint(text) == {
        "bpm": 73,
        "caption": "A: long caption",
        "duration_s": 33.5,
        "key": "F# minor",
        "language": "no",
        "meter": 3,
        "lyrics": "[Verse]\nhello",
    }
    assert parse_blueprint("<think>\nbpm: 90\n</think>\n\n<|audio_code_4|><|audio_code_5|>") == {
        "bpm": 90,
        "codes": (4, 5),
    }


def test_not_applicable_counts_as_not_written() -> None:
    assert parse_blueprint("<think>\nbpm: 90\nkeyscale: N/A\n</think>") == {"bpm": 90}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no metadata but nothing"),
        ("la la la", "no metadata but 'la la la'"),
        ("bpm: fast", "bpm 'fast', which is not a whole number from 30 to 300"),
        ("bpm: 999\nkeyscale: H major", "bpm 999.*; keyscale 'H major'"),
        ("duration: long", "duration 'long', which is not a length in seconds"),
        ("duration: nan", "duration 'nan'"),
        ("language: english", "language 'english'"),
        ("timesignature: 5", "timesignature '5', which is not 2, 3, 4 or 6"),
    ],
)
def test_unusable_answers_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint) as refused:
        parse_blueprint(text)
    assert isinstance(refused.value, MelismaError)
