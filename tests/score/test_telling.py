"""What a score says in words."""

import pytest

from melisma.score import write
from melisma.score.singer import VOICES
from melisma.score.telling import plainly, told, voice_in
from melisma.song import INSTRUMENTAL, Blueprint


def score_of(caption: str, lyrics: str = INSTRUMENTAL):
    return write(Blueprint(caption=caption, lyrics=lyrics, duration_s=12.0), seed=1)


def test_each_part_is_said_once() -> None:
    assert plainly("jazz", ("piano", "piano"), None) == "jazz, piano"
    assert plainly("folk", (), "male vocals") == "folk, male vocals"


def test_what_was_made_of_words_is_said() -> None:
    caption = "smoky late night saxophone in a small bar"
    score = score_of(caption)
    assert told(score, caption).startswith("jazz, tenor saxophone, ")
    assert told(score, caption) == plainly(score.style, score.band)


def test_a_style_that_nobody_knows_is_said_as_it_is() -> None:
    odd = score_of("folk").model_copy(update={"style": "a style of one's own", "band": ()})
    assert told(odd, "a song") == "a style of one's own"


def test_instruments_beyond_lead_and_company_are_said_too() -> None:
    caption = "folk with flute, acoustic guitar and harp"
    assert told(score_of(caption), caption) == "folk, flute, acoustic guitar, harp"


def test_a_band_edited_by_hand_is_said() -> None:
    caption = "folk"
    edited = score_of(caption).model_copy(update={"band": ("oboe", "harp")})
    assert told(edited, caption) == "folk, oboe, harp"
    assert told(edited, "jazz with flute", settled=True) == "folk, oboe, harp, flute"


def test_a_caption_changed_since_has_the_last_word() -> None:
    score = score_of("folk with flute and harp")
    assert told(score, "jazz with trumpet") == "jazz, trumpet, flute"
    assert told(score, "jazz with trumpet, piano and violin") == "jazz, trumpet, piano, violin"
    assert told(score, "harp").endswith(", flute, harp")


def test_who_sings_is_said_where_somebody_does() -> None:
    words = "[verse]\nhello my friend\nstay until the end"
    assert told(score_of("folk, male vocals", words), "folk, male vocals").endswith(", male vocals")
    assert told(score_of("folk", words), "folk").endswith(", female vocals")
    assert "vocals" not in told(score_of("folk, male vocals"), "folk")


@pytest.mark.parametrize("name", VOICES)
def test_every_guise_of_the_voice_can_be_asked_for(name: str) -> None:
    assert voice_in(f"slow soul, {name}") == name
