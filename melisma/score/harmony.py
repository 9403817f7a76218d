"""Degrees of a key to chord symbols: "ii7 V7 Imaj7" in Bb major is "Cm7 F7 Bbmaj7".

Degrees count along the major scale in major keys and the natural minor scale in minor ones, so `VII` in a minor key
is the chord on its lowered seventh; an accidental in front (bVII, #io7) moves the root off the scale.
"""

import re

from melisma.notation import (
    CHORD_QUALITIES,
    FLAT_NAMES,
    MAJOR_SCALE,
    MINOR_SCALE,
    SHARP_NAMES,
    pitch_class,
    spells_flat,
)
from melisma.score.genres import HARMONY

_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_DEGREE = re.compile(r"^([#b]?)(VII|VI|V|IV|III|II|I|vii|vi|v|iv|iii|ii|i)(.*)$")
_MINOR_SUFFIX = {"": "m", "7": "m7", "9": "m9", "6": "m6", "add9": "madd9", "maj7": "mmaj7"}
_COMMON_SUFFIX = {"o": "dim", "o7": "dim7", "ø7": "m7b5", "5": "5", "sus2": "sus2", "sus4": "sus4", "7sus4": "7sus4", "+": "aug"}  # fmt: skip


def chord_of(degree: str, key: str) -> str:
    """Chord symbol of a degree such as "bVII" or "iiø7" in a key such as "F# minor"."""
    found = _DEGREE.match(degree)
    if not found or (found.group(3) not in _MINOR_SUFFIX | _COMMON_SUFFIX and found.group(3) not in CHORD_QUALITIES):
        raise ValueError(
            f"unknown degree {degree!r}: write I–VII or i–vii with an optional # or b before and a quality after"
        )
    accidental, numeral, suffix = found.groups()
    note, mode = key.split()
    scale = MINOR_SCALE if mode == "minor" else MAJOR_SCALE
    step = scale[_NUMERALS.index(numeral.upper())] + (accidental == "#") - (accidental == "b")
    flats = accidental == "b" or (spells_flat(key) and accidental != "#")
    root = (FLAT_NAMES if flats else SHARP_NAMES)[(pitch_class(note) + step) % 12]
    if suffix in _COMMON_SUFFIX:
        return root + _COMMON_SUFFIX[suffix]
    return root + (_MINOR_SUFFIX[suffix] if numeral.islower() else suffix)


def progression(degrees: str, key: str) -> list[tuple[str, ...]]:
    """A progression such as "ii7-V7 Imaj7" as one tuple of chord symbols per bar."""
    return [tuple(chord_of(degree, key) for degree in bar.split("-")) for bar in degrees.split()]


def vocabulary(key: str) -> frozenset[str]:
    """Every chord that the grammar may write in a key."""
    mode = key.split()[1]
    written = {bar for table in HARMONY.values() for line in table[mode] for bar in line.split()}
    cadences = {"i", "V", "V7", "i7", "I", "Imaj7", "i5", "I5", "I7"}
    usable = {d for d in cadences if d[0].islower() == (mode == "minor") or d[0] == "V"} | (
        {"I5"} if mode == "major" else set()
    )
    return frozenset(chord_of(degree, key) for bar in written | usable for degree in bar.split("-"))
