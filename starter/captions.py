"""A song's facts in many words: from a bare list of tags to full sentences, each with some facts left out.

People write "sad piano" as readily as three sentences. A model has to have heard both, and must not expect every fact
to be stated, so every caption drops each fact with a fixed chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

KEEP = 0.7
"""Chance that a fact is said in one caption."""


@dataclass(frozen=True)
class Facts:
    """What can be said about a song."""

    genres: tuple[str, ...]
    """Names of its style, any of which will do."""
    moods: tuple[str, ...]
    instruments: tuple[str, ...]
    """Most prominent first."""
    bpm: int
    key: str
    meter: int
    pace: float
    """0 where songs of its style are slowest, 1 where they are fastest."""
    voice: str | None
    """Such as "female vocals"; None if nobody sings."""
    scenes: tuple[str, ...] = ()


def tempo_word(pace: float, rng: Random) -> str:
    """How fast, in a word: a slow waltz has more beats a minute than a fast ballad."""
    words = (
        ("slow", "downtempo", "relaxed")
        if pace < 0.35
        else ("mid-tempo", "moderate", "steady")
        if pace < 0.65
        else ("upbeat", "fast", "lively")
        if pace < 0.85
        else ("fast", "very fast", "rapid")
    )
    return rng.choice(words)


def _article(words: str) -> str:
    return f"an {words}" if words[:1].lower() in "aeiou" else f"a {words}"


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def captions(facts: Facts, count: int, seed: int) -> tuple[str, ...]:
    """Different wordings of the same song, in a fixed order of style: tags, phrase, sentence, several sentences."""
    rng = Random(f"{seed}/captions")
    return tuple(_one(facts, k % 6, rng) for k in range(count))


def _one(facts: Facts, shape: int, rng: Random) -> str:
    def keep(chance: float = KEEP) -> bool:
        return rng.random() < chance

    genre = rng.choice(facts.genres)
    moods = rng.sample(facts.moods, k=min(len(facts.moods), rng.choice((1, 1, 2))))
    some = list(facts.instruments[: rng.choice((1, 2, 3, 4))])
    rng.shuffle(some)
    tempo, voice = tempo_word(facts.pace, rng), facts.voice or "instrumental"
    meter = {2: "2/4", 3: rng.choice(("3/4", "waltz time")), 4: "4/4", 6: "6/8"}[facts.meter]
    if shape == 0:
        tags = [
            genre,
            *(m for m in moods if keep()),
            *(i for i in some if keep()),
            *([tempo] if keep(0.5) else []),
            *([voice] if keep() else []),
        ]
        if keep(0.25):
            tags.append(f"{facts.bpm} bpm")
        if keep(0.2):
            tags.append(facts.key)
        if facts.meter != 4 and keep(0.5):
            tags.append(meter)
        head, rest = tags[0], tags[1:]
        rng.shuffle(rest)
        return ", ".join([head, *rest] if keep() else [*rest, head])
    if shape == 1:
        words = [*(moods[:1] if keep() else []), genre]
        return " ".join(words) + (f" with {_listed(some[:2])}" if keep() else "")
    if shape == 2:
        text = f"{_article(' '.join([*(moods[:1] if keep() else []), *([tempo] if keep(0.4) else []), genre]))} {'song' if facts.voice else rng.choice(('track', 'instrumental', 'piece'))}"
        text += f" featuring {_listed(some)}" if keep() else ""
        text += f" and {voice}" if facts.voice and keep() else ""
        return text[0].upper() + text[1:] + rng.choice((".", ""))
    if shape == 3:
        first = f"{_article(_listed(moods))} {genre} {'song' if facts.voice else 'instrumental'}"
        first = first[0].upper() + first[1:]
        details = []
        if keep():
            details.append(f"at {facts.bpm} bpm" if keep(0.6) else f"at {_article(tempo)} tempo")
        if keep(0.5):
            details.append(f"in {facts.key}")
        if keep(0.3):
            details.append(f"in {meter}")
        text = " ".join([first, *details]) + "."
        if keep():
            text += f" {_listed(some).capitalize()} {rng.choice(('carry the tune', 'lead the way', 'set the tone', 'drive it forward')) if len(some) > 1 else rng.choice(('carries the tune', 'leads the way', 'sets the tone'))}."
        if facts.voice and keep():
            text += f" {_article(voice).capitalize() if not voice.endswith('s') else voice.capitalize()} on top."
        return text
    if shape == 4:
        scene = rng.choice(
            facts.scenes or ("for a quiet evening", "for the road", "to work to", "for a film", "for dancing")
        )
        return f"{' '.join([*(moods[:1] if keep() else []), genre])} {'song' if facts.voice else 'music'} {scene if keep() else ''}".strip()
    words = [genre if keep(0.85) else "", *moods, *(some if keep() else []), tempo if keep(0.4) else ""]
    chosen = [word for word in words if word]
    rng.shuffle(chosen)
    return " ".join(chosen[: rng.choice((2, 3, 4))]) or genre
