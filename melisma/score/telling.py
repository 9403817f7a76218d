"""A score in words: its style, who plays and who sings.

People say what a song is for, where it is heard, whom it is about; a small network understands few of these words. What
was made of them is in the score, and can be said in the few words that the network was taught each song with.
"""

import re
from collections.abc import Sequence

from melisma.notation import Score
from melisma.score.genres import STYLES, suggested_style
from melisma.score.grammar import LOW_VOICE_RANGE, instruments_in, voice_range


def plainly(style: str, players: Sequence[str], voice: str | None = None) -> str:
    """Style, instruments and voice, each once: "jazz, tenor saxophone, vibraphone"."""
    return ", ".join(dict.fromkeys(part for part in (style, *players, voice) if part))


def told(score: Score, caption: str) -> str:
    """What a score says. Where the caption names or suggests another style, other instruments or a voice, it has the
    last word: it may have been changed since the score was written."""
    style = suggested_style(caption) or STYLES[score.style]
    voice = voice_in(caption) if score.lines else None
    return plainly(style.name, _players(score.band, instruments_in(caption)), voice)


def _players(band: Sequence[str], named: Sequence[str]) -> list[str]:
    """The band in its order, then whom else the caption names; those first, where others stand in their place."""
    missing = [player for player in named if player not in band]
    if not missing or set(band) <= set(named):
        return [*band, *missing]
    return list(dict.fromkeys([*named, *band]))[: max(len(band), len(named))]


def voice_in(caption: str) -> str:
    """The guise of the guide voice that a caption asks for, a name of `singer.VOICES`; the plain one where it says nothing."""
    asked = caption.lower()
    if voice_range(asked) == LOW_VOICE_RANGE:
        return "male vocals"
    for word in ("bright", "warm"):
        if re.search(rf"\b{word}\b[^,.]*\bvoc|\b{word}\b[^,.]*\bvoice", asked):
            return f"{word} female vocals"
    return "female vocals"
