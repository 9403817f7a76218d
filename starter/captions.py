"""A song's facts in many words: from a bare list of tags to full sentences, each with some facts left out.

People write "sad piano" as readily as three sentences. A model has to have heard both, and must not expect every fact
to be stated, so every caption drops each fact with a fixed chance. Nor do they always name the genre: every third
caption says it in hints ("for a night drive past neon lights"), as far as they are true of the song.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from melisma.score.hints import Hint

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
    hints: tuple[Hint, ...] = ()
    """What suggests its style without naming it; all of it true of the song."""


_HEARD = tuple(
    (re.compile(rf"\b(?:{words})", re.IGNORECASE), tuple(instruments.split(", ")))
    for words, instruments in (
        ("808|sub|reese|wobbl", "deep synth bass, synth bass"),
        ("slap|popping bass", "slap bass"),
        ("walking (?:double )?bass|upright bass|double bass(?! drum)", "upright bass"),
        ("vinyl|crackle|record scratch", "vinyl crackle"),
        ("bells?\\b|music box", "music box, glockenspiel, celesta, vibraphone"),
        ("rhodes|electric piano|wurlitzer|keys", "electric piano, fm electric piano"),
        ("harpsichord", "harpsichord"),
        ("clav", "clavinet"),
        ("church organ|pipe organ", "church organ"),
        ("organ|hammond", "organ, rock organ, percussive organ"),
        ("piano|barrelhouse", "piano, bright piano"),
        ("analog|retro synth|vintage synth|synth|supersaw|saw|arpeggi|sequencer|plucks", "saw lead, square lead, polysynth, synth brass"),
        ("pads?\\b|drone|texture|wash", "warm pad, airy pad, sweep pad, halo pad, bowed pad"),
        ("nylon|spanish guitar|classical guitar|flamenco|fiery guitar|gentle guitar", "nylon guitar"),
        ("slide|bottleneck|beat-up guitar|gritty guitar|wailing guitar|crying|weeping", "overdriven guitar"),
        ("distort|loud guitar|heavy|riff|power chord|palm|chug|downtuned|detuned guitar|twin guitar|marshall|sloppy|buzzsaw|galloping guitar|crunchy", "distorted guitar, overdriven guitar"),
        ("wah|scratchy|chicken|muted guitar|skank|upstroke|off-?beat guitar|off-?beat chord", "muted guitar, clean electric guitar"),
        ("twang|telecaster|jangly|electric guitar", "clean electric guitar"),
        ("finger|strum|steel-string|acoustic|old guitar|guitar", "acoustic guitar, nylon guitar"),
        ("strings?\\b", "strings, slow strings"),
        ("choir", "choir"),
        ("french horn", "french horn"),
        ("horns?\\b|brass|fanfare", "brass section, trumpet, trombone"),
        ("sax", "tenor saxophone, alto saxophone, soprano saxophone"),
        ("muted trumpet|trumpet with a mute", "muted trumpet"),
        ("oompah|oom-pah|tuba|sousaphone", "tuba"),
        ("bagpipe|pipes", "bagpipes"),
        ("penny whistle|tin whistle|low whistle|whistle", "tin whistle"),
        ("bamboo flute|pan flute", "pan flute"),
        *((f"{name}s?\\b", name) for name in (
            "accordion", "harmonica", "banjo", "fiddle", "violin", "viola", "cello", "trumpet", "trombone", "clarinet", "oboe",
            "bassoon", "flute", "recorder", "glockenspiel", "kalimba", "marimba", "sitar", "vibraphone", "celesta",
        )),
        ("harps?\\b", "harp"),
    )
)  # fmt: skip
"""Which instruments a phrase speaks of: any of them makes it true. The first pattern that fits counts."""
_OPEN = re.compile(
    r"beach|platform|stage|terrace|rooftop|street|strip|coast|island|prairie|moon$|mars$|skye|grid|bandstand|levee|ground$|field$|side of|seine",
    re.IGNORECASE,
)
"""Places that one is on, not in."""
KINDS = ("scenes", "places", "names", "sounds")
"""Of hints that are put in words here."""
_UNSURE = re.compile(
    r"slow|fast|rapid|brisk|tempo|bpm|\b(?:in|on|no|without) |six|three|triplet|lyrics|voice|vocal|sing|drums?\b|my |our |i ",
    re.IGNORECASE,
)
"""What a song of the style need not have though its instruments play."""


@cache
def _players(text: str) -> tuple[str, ...] | None:
    """Instruments that a phrase speaks of; None if of none."""
    return next((players for pattern, players in _HEARD if pattern.search(text)), None)


def true_hints(hints: Iterable[Hint], instruments: Sequence[str]) -> Iterator[Hint]:
    """Those that hold for a song with these instruments: where they speak of one, it plays; sounds always speak of one."""
    for hint in hints:
        players = _players(hint.text)
        speaks = hint.kind != "sounds" or (players is not None and not _UNSURE.search(hint.text))
        if speaks and hint.kind in KINDS and (players is None or set(players) & set(instruments)):
            yield hint


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
    """Different wordings of the same song, in a fixed order of style: tags, phrase, sentence, several sentences.

    Every third one hints at the genre and names none. It is shorter than the longest that names it, for that one is
    taken to say most.
    """
    rng, hinting = Random(f"{seed}/captions"), Random(f"{seed}/hints")
    if not facts.hints:
        return tuple(_one(facts, k % 6, rng) for k in range(count))
    hinted = [k % 3 == 2 for k in range(count)]
    named = [_one(facts, k % 6, rng) for k in range(count - sum(hinted))]
    longest = max(map(len, named))
    chosen = iter(named)
    return tuple(
        _hinted(facts, k // 3, longest - 1, hinting) if hint else next(chosen) for k, hint in enumerate(hinted)
    )


def _hinted(facts: Facts, shape: int, longest: int, rng: Random) -> str:
    """A wording that names no genre; of several the first that is short enough, else a scene and nothing else."""
    drawn = [_hinting(facts, shape % 6, rng) for _ in range(6)]
    scenes = [_bare(hint.text) for hint in facts.hints if hint.kind == "scenes" and len(hint.text) <= longest]
    return next((text for text in drawn if len(text) <= longest), rng.choice(scenes))


def _hinting(facts: Facts, shape: int, rng: Random) -> str:
    """One way to hint at a genre: as tags, as an occasion, as a picture, as a wish, by likeness, as a listener."""
    kinds: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for hint in facts.hints:
        kinds[hint.kind].append(hint.text)
    for texts in kinds.values():
        rng.shuffle(texts)
    scene, other = kinds["scenes"][:2]
    place = next(text for text in kinds["places"] if text not in (scene, other))
    at, name = f"{'on' if _OPEN.search(place) else 'in'} {place}", kinds["names"][0]
    mood = rng.choice([mood for mood in facts.moods if mood not in facts.genres])
    sounds = [text for k, text in enumerate(kinds["sounds"][:2]) if not k or text[-4:] != kinds["sounds"][0][-4:]]
    if not sounds or rng.random() < 0.5:
        sounds += [name for name in facts.instruments[:2] if not any(name in sound for sound in sounds)]
    sound = _listed(sounds[:2] or facts.instruments[:1])
    tempo = tempo_word(facts.pace, rng)
    voice = facts.voice or "instrumental"
    if shape == 0:
        tags = [
            _bare(scene),
            _bare(place),
            *map(_bare, kinds["sounds"][:1]),
            mood,
            *([voice] if rng.random() < 0.4 else []),
        ]
        tags += [tempo] if rng.random() < 0.3 else []
        rng.shuffle(tags)
        return ", ".join(tags)
    if shape == 1:
        text = rng.choice(
            ("for {scene}", "music for {scene}", "something {mood} for {scene}", "{mood} music for {scene}")
        )
        text += rng.choice(("", " {at}", ", with {sound}", ", {sound}", " and {other}"))
    elif shape == 2:
        text = rng.choice(("{scene} {at}", "{scene}, {other}", "{place}, {scene}", "imagine {scene} {at}"))
        text += rng.choice(("", ", {mood}", ", {tempo} and {mood}", ", {sound}", ". {Mood}, with {sound}."))
    elif shape == 3:
        text = rng.choice(
            ("I want music for {scene}", "we need a {tempo} track for {scene}", "write me something for {scene}")
        )
        text += rng.choice((", something {mood}", ", as if {at}", ", with {sound}", ", {mood}, with {sound}"))
        text += rng.choice(("", ".", f", {voice}"))
    elif shape == 4:
        text = rng.choice(("like {name}", "in the manner of {name}", "it should sound like {name}", "{name} vibes"))
        text += rng.choice((", {mood}", ", {mood}, for {scene}", " {at}", ", with {sound}", ", {scene}"))
    else:
        text = rng.choice(("what you would hear {at}", "the sound of {scene}", "music that takes me to {place}"))
        text += rng.choice((" during {scene}", ", {mood} and {tempo}", ", {sound}", ": {scene}, {other}"))
    words = {
        "scene": scene,
        "other": other,
        "place": place,
        "at": at,
        "name": name,
        "mood": mood,
        "Mood": mood.capitalize(),
    }
    said = text.format(**words, sound=sound, tempo=tempo)
    said = said[0].upper() + said[1:] if rng.random() < 0.4 else said
    return said.lower() if rng.random() < 0.3 else said


def _bare(text: str) -> str:
    """A phrase without its article, as a tag."""
    return re.sub(r"^(?:an?|the) ", "", text)


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
