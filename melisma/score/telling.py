"""A score in words: its style, who plays and who sings.

People say what a song is for, where it is heard, whom it is about; a small network understands few of these words. What
was made of them is in the score, and can be said in the few words that the network was taught each song with.
"""

import re
from collections.abc import Sequence

from melisma.notation import Score
from melisma.score.genres import suggested_style
from melisma.score.grammar import LOW_VOICE_RANGE, instruments_in, voice_range


def plainly(style: str, players: Sequence[str], voice: str | None = None) -> str:
    """Style, instruments and voice, each once: "jazz, tenor saxophone, vibraphone"."""
    return ", ".join(dict.fromkeys(part for part in (style, *players, voice) if part))


def told(score: Score, caption: str, settled: bool = False) -> str:
    """What a score says, and which instruments the caption names besides.

    Where the two disagree, the caption was changed after the score was written from it and has the last word; unless
    somebody `settled` the score by hand.
    """
    named = instruments_in(caption)
    suggested = None if settled else suggested_style(caption)
    voice = voice_in(caption) if score.lines else None
    missing = [player for player in named if player not in score.band]
    players = [*score.band, *missing]
    if missing and not settled and not set(score.band) <= set(named):
        players = list(dict.fromkeys([*named, *score.band]))[: max(len(score.band), len(named))]
    return plainly(suggested.name if suggested else score.style, players, voice)


def voice_in(caption: str) -> str:
    """The guise of the guide voice that a caption asks for, a name of `singer.VOICES`; the plain one where it says nothing."""
    asked = caption.lower()
    if voice_range(asked) == LOW_VOICE_RANGE:
        return "male vocals"
    for word in ("bright", "warm"):
        if re.search(rf"\b{word}\b[^,.]*\bvoc|\b{word}\b[^,.]*\bvoice", asked):
            return f"{word} female vocals"
    return "female vocals"
