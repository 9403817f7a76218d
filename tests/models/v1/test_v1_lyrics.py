"""Lyrics of the first generation: spelling against the official cleaners, languages, ids.

The real vocabulary carries a licence of its own and is not kept here. `MELISMA_LYRIC_VOCABULARY` may name it; then ids
are compared as well. Without it the same lines go through a toy vocabulary.
"""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models.v1 import chinese, spelling
from melisma.models.v1.languages import languages_of
from melisma.models.v1.lyrics import LyricTokenizer, with_known_tags
from melisma.models.v1.spelling import LANGUAGES, spelled
from melisma.models.v1.toy import toy_vocabulary

DATA = Path(__file__).parents[2] / "data/v1"
RECORDED = json.loads((DATA / "lyric_tokens.json").read_text())
LINES = RECORDED["lines"]
REAL = os.environ.get("MELISMA_LYRIC_VOCABULARY")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> LyricTokenizer:
    path = tmp_path_factory.mktemp("vocabulary") / "lyric_vocab.json"
    toy_vocabulary().save(str(path))
    return LyricTokenizer(path)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["text"])
def test_lines_are_spelled_as_officially(line: dict) -> None:
    assert spelled(line["text"], line["forced_lang"]) == line["forced_preprocessed"]


@pytest.mark.skipif(not REAL, reason="MELISMA_LYRIC_VOCABULARY names no vocabulary")
def test_ids_are_the_official_ones() -> None:
    tokenizer = LyricTokenizer(REAL or "")
    for line in LINES:
        assert tokenizer.line(line["text"], line["forced_lang"]) == line["forced_ids"]
        detected = line["detected"] if line["detected"] in LANGUAGES else "en"
        assert tokenizer.encode(line["text"], detected) == line["lyric_ids"]
    for song in RECORDED["songs"]:
        assert tokenizer.encode(song["lyrics"]) == song["ids"]


def test_languages_are_found_more_often_than_officially() -> None:
    sung = [line for line in LINES if not line["text"].startswith("[")]
    ours = sum(languages_of([line["text"]])[0] == line["true_lang"] for line in sung)
    theirs = sum(line["detected"] == line["true_lang"] for line in sung)
    assert len(sung) == 69
    assert ours >= 68 > theirs


def test_a_short_line_is_sung_in_the_language_of_the_song() -> None:
    song = ["Bajo la luna llena bailamos los dos", "la la la", "Te quiero más que ayer, corazón", "no no"]
    assert languages_of(song) == ["es"] * 4
    assert languages_of([*song, "Every night I walk along the river and I think of you"])[-1] == "en"
    assert languages_of(["(Oh oh) don't stop, we're 100% alive!", *song]) == ["en", *["es"] * 4]
    assert languages_of(["I don't know", *song]) == ["es"] * 5
    assert languages_of(["愛してる I love you", "我爱你", "사랑해 baby", "...", "Моя любовь"]) == [
        "ja",
        "zh",
        "ko",
        "en",
        "ru",
    ]


def test_ids_of_a_song(toy: LyricTokenizer) -> None:
    vocabulary = toy_vocabulary()
    ids = toy.encode("[verse]\nhi you\n\n[chorus]\n你好", "en")
    tokens = [vocabulary.id_to_token(number) for number in ids]
    words = ["[en]", "h", "i", "[SPACE]", "y", "o", "u", "[SPACE]"]
    assert tokens[:12] == ["[START]", "[en]", "[verse]", "[SPACE]", *words]
    assert tokens[12:16] == ["[SPACE]", "[en]", "[chorus]", "[SPACE]"]
    assert tokens[16:] == ["[en]", "[UNK]", "[UNK]", "[SPACE]"]
    assert toy.encode("[verse]\n你好")[4] == vocabulary.token_to_id("[zh-cn]")
    assert toy.encode("") == toy.encode(" \n") == [0]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(LANGUAGES))
def test_any_words_become_ids(toy: LyricTokenizer, text: str, language: str) -> None:
    ids = toy.encode(text, language)
    if text.strip():
        assert ids[0] == toy.encode("a", "en")[0]
        assert ids.count(ids[-1]) >= len(text.split("\n"))


@given(st.integers(0, 10**15))
def test_chinese_numbers_can_be_read_back(number: int) -> None:
    said = chinese.cardinal(str(number))
    assert read_back(said.replace("两", "二")) == number


def read_back(said: str) -> int:
    """The value of a Chinese number, by place."""
    total = section = digit = 0
    for sign in said:
        if sign in chinese.DIGITS:
            digit = chinese.DIGITS.index(sign)
        elif sign in "十百千":
            section += (digit or (1 if sign == "十" and not digit else 0)) * 10 ** ("十百千".index(sign) + 1)
            digit = 0
        else:
            power = {"万": 4, "亿": 8, "兆": 12}[sign]
            section, digit = section + digit, 0
            # A larger unit multiplies all that came before it.
            total = (total + section) * 10**power if total % 10**power else total + section * 10**power
            section = 0
    return total + section + digit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2024年5月3日", "二零二四年五月三日"),
        ("给你12元", "给你十二元"),
        ("电话13812345678。", "电话一三八一二三四五六七八,"),
        ("喝了1/2", "喝了二分之一"),
        ("涨了25%", "涨了百分之二十五"),
        ("200个", "两百个"),
        ("2200块", "两千两百块"),
        ("b二b", "b2b"),
    ],
)
def test_chinese_numbers_are_said_by_what_they_count(text: str, said: str) -> None:
    assert chinese.spoken(text) == said


def test_numbers_that_cannot_be_said_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spelled("Mám 5 psů", "cs") == "mám 5 psů"
    assert spelled("9" * 400, "en") == "9" * 400


def test_what_is_missing_is_said(tmp_path: Path, toy: LyricTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypinyin", None)
    with pytest.raises(MissingModel, match=r"pip install 'melisma\[v1\]'"):
        spelled("你好", "zh")
    with pytest.raises(BadRequest, match="does not sing in 'sw'"):
        toy.encode("habari", "sw")
    with pytest.raises(MissingModel, match="no lyric vocabulary"):
        LyricTokenizer(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match="not a tokenizer or vocabulary"):
        LyricTokenizer(tmp_path / "bad.json")


def test_tags_become_those_of_the_vocabulary() -> None:
    lyrics = "[Verse 1]\nhello [you]\n\n[Pre-Chorus: soft]\n[Guitar Riff]\nla\n[Instrumental]\n[CHORUS] hey"
    assert with_known_tags(lyrics) == "[verse]\nhello [you]\n\n[pre-chorus]\nla\n[inst]\n[chorus] hey"


def test_every_language_has_its_words() -> None:
    latin = set(LANGUAGES) - {"ja", "hi"}
    assert set(spelling.SIGN_WORDS) == latin
    assert set(spelling.ORDINALS) == latin - {"zh"}
