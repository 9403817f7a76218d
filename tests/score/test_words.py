"""Lyrics are cut where one would sing them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.score.words import count, stressed, syllables, tag_of, verses, words_of

SUNG = {
    1: "love night heart dreams the world fire loved walked strength you're years eyes through once",
    2: "river golden over every table above dreaming ocean lonely little couldn't quiet wanted heaven people rhythm beyond player loyal",
    3: "beautiful memories tomorrow forever wandering everything remember diamond everywhere yesterday radio",
    4: "everybody hallelujah january generation",
}


@pytest.mark.parametrize(("number", "word"), [(n, w) for n, ws in SUNG.items() for w in ws.split()])
def test_counts(number, word):
    assert count(word) == number
    assert len(syllables(word)) == number


@given(st.text(min_size=1, max_size=24).filter(lambda s: not any(c.isspace() for c in s)))
def test_syllables_spell_the_word(word):
    assert "".join(syllables(word)) == word
    assert all(syllables(word))


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("golden,", ("gold", "en,")),
        ("river", ("riv", "er")),
        ("over", ("o", "ver")),
        ("rock-a-bye", ("rock-", "a-", "bye")),
        ("夜空", ("夜", "空")),
    ],
)
def test_cuts(word, pieces):
    assert syllables(word) == pieces


def test_stress():
    assert [stressed(word)[0] for word in words_of("the river is wide")] == [False, True, False, True]
    assert stressed(words_of("remember")[0]) == (False, True, False)


def test_verses():
    found = verses("untagged words\n[Chorus x2]\nla la [clap] la\n[whispered]\nstill here -\n[Guitar Solo]\n")
    assert [verse.tag for verse in found] == ["verse", "chorus", "solo"]
    assert [" ".join(w.text for w in line) for line in found[1].lines] == ["la la la", "still here-"]


@pytest.mark.parametrize(
    ("label", "tag"),
    [("Verse 2", "verse"), ("Pre-Chorus", "pre-chorus"), ("CHORUS - big", "chorus"), ("guitar solo", "solo"), ("Final Chorus", "chorus"), ("softly", None), ("Intro: piano", "intro"), ("drop", "drop")],
)  # fmt: skip
def test_tags(label, tag):
    assert tag_of(label) == tag
