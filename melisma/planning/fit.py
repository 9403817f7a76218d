"""Do the words fit the music? An estimate in singable syllables per bar, before anything is sung.

Syllables are counted from the writing alone: groups of vowels in alphabets that write them, signs in scripts that
write syllables, half the letters where vowels are not written. That is rough, and rough is enough to tell a song from
a page of prose in thirty seconds.
"""

import math
import re
import unicodedata
from dataclasses import dataclass

# Fluent singing stays below five syllables a second; rap reaches seven.
FASTEST_HZ = 5.0
# Share of a song in which somebody sings: the rest is intro, breath and outro.
SUNG_SHARE = 0.85
BPM, METER = 110, 4
SILENT_E = ("en", "fr", "unknown")

_TAG = re.compile(r"\[[^\]\n]*\]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d")
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ")


@dataclass(frozen=True)
class Fit:
    """How full of words a song is."""

    syllables: int
    bars: float
    fastest: float  # syllables a bar holds

    @property
    def per_bar(self) -> float:
        """Syllables per sung bar."""
        return self.syllables / (self.bars * SUNG_SHARE)

    @property
    def fits(self) -> bool:
        """Whether somebody could sing it."""
        return self.per_bar <= self.fastest


def fit(
    lyrics: str, duration_s: float, bpm: int | None = None, meter: int | None = None, language: str = "unknown"
) -> Fit:
    """Measure lyrics against a length; an open tempo counts as 110 in four."""
    beats = 3 if meter == 6 else meter or METER  # 6/8 at a given tempo: a bar of six eighths is three quarters
    bar_s = beats * 60 / (bpm or BPM)
    return Fit(syllables(lyrics, language), duration_s / bar_s, FASTEST_HZ * bar_s)


def warning(
    lyrics: str, duration_s: float, bpm: int | None = None, meter: int | None = None, language: str = "unknown"
) -> str | None:
    """What to tell a person whose words do not fit; None if they do."""
    measured = fit(lyrics, duration_s, bpm, meter, language)
    if measured.fits:
        return None
    needed_s = math.ceil(measured.syllables / FASTEST_HZ / SUNG_SHARE / 5) * 5
    return (
        f"The lyrics have about {measured.syllables} syllables, {measured.per_bar:.0f} in a bar; "
        f"{measured.fastest:.0f} can be sung. Expect words to be dropped: give {needed_s} s or more, or fewer words."
    )


def syllables(lyrics: str, language: str = "unknown") -> int:
    """Roughly how many syllables are sung. Section tags are not."""
    return sum(_in_word(word, language) for word in _WORD.findall(_TAG.sub(" ", lyrics)))


def _in_word(word: str, language: str) -> int:
    """Syllables of one word, or of a run of signs without spaces between them."""
    scripts = [_script(letter) for letter in word]
    if any(script in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL") for script in scripts):
        return sum(letter not in _SMALL_KANA for letter in word)
    if any(script in ("ARABIC", "HEBREW") for script in scripts):
        return max(1, round(sum(letter.isalpha() for letter in word) / 2))
    if "CYRILLIC" in scripts:
        return max(1, len(re.findall(r"[аеёиоуыэюяіїє]", word.lower())))
    if any(script in ("LATIN", "GREEK") for script in scripts):
        return max(1, _vowel_groups(word, language))
    return max(1, sum(unicodedata.category(letter) == "Lo" for letter in word))


def _vowel_groups(word: str, language: str) -> int:
    """Groups of vowels. Where a final e may be silent, it is not one."""
    plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))
    groups = len(re.findall(r"[aeiouyæøœαεηιουω]+", plain))
    silent = language in SILENT_E and plain.endswith("e") and not plain.endswith("le") and groups > 1
    return groups - silent


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]
