"""The song grammar: a blueprint and a seed become a whole `Score`.

It goes from large to small: style and facts, form in bars, chords, then melody and words. What the blueprint states is
kept to the letter; blanks are filled from the genre that the caption names. Every step draws from its own stream of
random numbers, named after the step, so changing the words leaves the chords as they were.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, cast

from melisma.notation import Chord, Line, Note, Score, Section, SectionTag, Word
from melisma.score.genres import ALIASES, HARMONY, PLAYERS, PROGRAM_NAMES, Style, style_of
from melisma.score.harmony import progression
from melisma.score.hints import FAST_WORDS, SLOW_WORDS
from melisma.score.hints import stated_bpm as stated_bpm
from melisma.score.hints import stated_meter as stated_meter
from melisma.score.melody import MAJOR_FIVE, MINOR_FIVE, Ground, Span, pitches, tune_rhythm, word_rhythm
from melisma.score.words import Verse, stressed, verses
from melisma.song import Blueprint, canonical_key

Meter = Literal[2, 3, 4, 6]

MAJOR_KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")

ENERGY: dict[SectionTag, float] = {
    "intro": 0.55, "verse": 0.68, "pre-chorus": 0.78, "chorus": 0.95, "drop": 1.0, "bridge": 0.65, "solo": 0.85, "break": 0.45, "outro": 0.55,
}  # fmt: skip

VOICE_RANGE = (57, 74)
"""Lowest and highest sung pitch, A3 to D5: where the guide voice is at ease."""
LOW_VOICE_RANGE = (45, 62)
"""For a low voice, as a caption asks for with a word such as "male" or "baritone"."""
_LOW_VOICES = ("male", "man", "baritone", "bass voice", "tenor", "deep voice", "low voice")
LEAD_RANGE = (60, 81)

_FORMS: dict[str, tuple[SectionTag, ...]] = {
    "song": ("intro", "verse", "chorus", "verse", "pre-chorus", "chorus", "bridge", "chorus", "solo", "chorus", "outro"),
    "club": ("intro", "verse", "pre-chorus", "drop", "break", "verse", "pre-chorus", "drop", "bridge", "drop", "outro"),
    "loop": ("intro", "verse", "chorus", "verse", "break", "chorus", "verse", "chorus", "outro"),
    "jazz": ("intro", "verse", "verse", "bridge", "verse", "solo", "solo", "verse", "outro"),
    "classical": ("intro", "verse", "verse", "bridge", "chorus", "break", "verse", "chorus", "outro"),
    "ambient": ("intro", "verse", "break", "verse", "bridge", "chorus", "verse", "outro"),
}  # fmt: skip
_MIDDLE: dict[str, tuple[SectionTag, ...]] = {
    "song": ("verse", "chorus"),
    "club": ("pre-chorus", "drop"),
    "loop": ("verse", "chorus"),
    "jazz": ("verse", "solo"),
    "classical": ("verse", "chorus"),
    "ambient": ("verse", "chorus"),
}
_SAD_WORDS = tuple(
    """sad, sadness, dark, melancholic, melancholy, moody, minor, gloomy, sombre, somber, mysterious, menacing, haunting, haunted, mourning,
    mournful, grief, grieving, heartbroken, heartbreak, tears, tearful, crying, lonely, loneliness, sorrow, sorrowful, tragic,
    funeral, farewell, goodbye, lament, bleak, brooding, ominous, sinister, eerie, creepy, spooky, scary, horror, evil, angry, rage, tense, desolate,
    despair, regret, lost, noir, cold, doom""".replace(",", " ").split()
)
_GLAD_WORDS = tuple(
    """happy, bright, sunny, sunshine, cheerful, joyful, joyous, joy, major, uplifting, festive, playful, carefree, triumphant, victorious,
    victory, celebration, celebrating, jolly, merry, feel-good, proud, hopeful, optimistic, wedding, birthday, funny, silly, comical, laughing,
    smiling, glorious, blissful, bouncy, jaunty""".replace(",", " ").split()
)


@dataclass(frozen=True)
class Facts:
    """What is fixed before a note is written."""

    style: Style
    bpm: int
    key: str
    meter: Meter

    @property
    def bar_s(self) -> float:
        """Seconds per bar."""
        return 60 / self.bpm * (2 if self.meter == 6 else self.meter)


def write(blueprint: Blueprint, seed: int) -> Score:
    """Write a song: the blueprint's facts kept, its blanks filled, its words set to music.

    The same blueprint and seed give the same score. The score is as long as `duration_s`, the bars fill it but for a
    last ring-out of less than a bar and a second; a song shorter than one bar still has one.
    """
    streams = _Streams(seed)
    facts = settle(blueprint, streams("facts"))
    written = [] if blueprint.instrumental else verses(blueprint.lyrics)
    bars = max(1, math.floor((blueprint.duration_s - min(1.0, 0.05 * blueprint.duration_s)) / facts.bar_s + 1e-9))
    blocks = _form(facts, written, bars, streams("form"))
    sections = tuple(_sections(blocks))
    chords = _chords(facts, sections, streams)
    sung, lines = _words(facts, blocks, chords, voice_range(blueprint.caption), streams)
    played = _tunes(facts, sections, chords, sung, streams)
    melody = tuple(sorted([*sung, *played], key=lambda note: note.start))
    return Score(
        bpm=facts.bpm,
        meter=facts.meter,
        key=facts.key,
        style=facts.style.name,
        duration_s=max(blueprint.duration_s, bars * facts.bar_s),
        swing=facts.style.swing if facts.meter != 6 else 0.5,
        swing_unit=facts.style.swing_unit,
        band=band_for(blueprint.caption, facts.style, streams("band")),
        sections=sections,
        chords=chords,
        melody=melody,
        lines=lines,
    )


def settle(blueprint: Blueprint, rng: Random) -> Facts:
    """Style, tempo, key and metre: as the blueprint says, else as its caption says, else as the style usually has them."""
    caption = blueprint.caption.lower()
    style = style_of(blueprint.caption, rng)
    meter = blueprint.meter or stated_meter(caption) or cast(Meter, rng.choice(style.meters))
    low, high = style.bpm
    spread = rng.random()
    if _any_word(SLOW_WORDS, caption):
        spread *= 0.35
    elif _any_word(FAST_WORDS, caption):
        spread = 0.65 + 0.35 * spread
    drawn = round(low + (high - low) * spread)
    if meter == 6 and style.name != "celtic":
        drawn = max(60, round(drawn * 0.6)) if drawn > 84 else max(48, round(drawn * 0.8))
    minor = rng.random() < (
        0.9 if _any_word(_SAD_WORDS, caption) else 0.1 if _any_word(_GLAD_WORDS, caption) else style.minor
    )
    drawn_key = f"{rng.choice(MINOR_KEYS)} minor" if minor else f"{rng.choice(MAJOR_KEYS)} major"
    return Facts(
        style=style,
        bpm=blueprint.bpm or stated_bpm(caption) or drawn,
        key=blueprint.key or stated_key(blueprint.caption) or drawn_key,
        meter=meter,
    )


def band_for(caption: str, style: Style, rng: Random) -> tuple[str, str]:
    """Who plays the tune and who accompanies: instruments that the caption names, in its order, else the style's own."""
    named = instruments_in(caption)
    backing = [PROGRAM_NAMES[program] for _, programs in style.comps for program in programs]
    leads = [PROGRAM_NAMES[program] for program in style.leads]
    own = (rng.choice(leads), rng.choice(backing))
    if len(named) == 1:  # a lone instrument of the accompaniment stays there where the style has other leads
        return (own[0], named[0]) if named[0] in backing and named[0] not in leads else (named[0], own[1])
    return (named[0], named[1]) if named else own


def instruments_in(caption: str) -> list[str]:
    """Instruments that a caption names, in its order, by the names of `PLAYERS`."""
    text = caption.lower()
    found: dict[int, str] = {}
    for word, name in sorted((ALIASES | {n: n for n in PROGRAM_NAMES.values()}).items(), key=lambda w: -len(w[0])):
        for match in re.finditer(rf"\b{re.escape(word)}s?\b", text):
            if name in PLAYERS:
                found.setdefault(match.start(), name)
            text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    return list(dict.fromkeys(found[place] for place in sorted(found)))


def voice_range(caption: str) -> tuple[int, int]:
    """Lowest and highest pitch of the voice that a caption asks for; the guide voice's own where it says nothing."""
    return LOW_VOICE_RANGE if _any_word(_LOW_VOICES, caption.lower()) else VOICE_RANGE


def _any_word(words: Sequence[str], caption: str) -> bool:
    return any(re.search(rf"\b{word}\b", caption) for word in words)


def stated_key(caption: str) -> str | None:
    """The key that a caption names."""
    found = re.search(
        r"\b(?:in|key of|key:)\s+(?:the key of\s+)?([A-G](?:#|♯|b|♭| sharp| flat)?[ -](?:major|minor))\b", caption
    )
    return canonical_key(found.group(1)) if found else None


class _Streams:
    """Independent random streams by name: `streams("chords:verse")` is always the same stream for one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")


# --- Form -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """A section with the lines it sings."""

    tag: SectionTag
    bars: int
    verse: Verse | None = None


def _form(facts: Facts, written: list[Verse], bars: int, rng: Random) -> list[_Block]:
    """Lay out exactly `bars` bars: the given tags in their order if there are any, else the style's usual form."""
    if not written:
        return _played_form(facts, bars, rng)
    if len(written) > bars:
        return _crowded(written, bars)
    wanted = [_bars_for(facts, verse) for verse in written]
    total = sum(wanted)
    shares = _shared(wanted, bars) if total > bars else wanted
    blocks = [_Block(verse.tag, share, verse) for verse, share in zip(written, shares, strict=True)]
    spare = bars - sum(shares)
    if spare:
        blocks = _with_played(facts, blocks, spare)
    return blocks


def _bars_for(facts: Facts, verse: Verse) -> int:
    """Bars that a block likes: two per line (one if a bar is long), four or eight where nobody sings."""
    if not verse.lines:
        return 2 if verse.tag in ("intro", "outro", "break") and facts.bar_s > 2.2 else 4
    per_line = 2 if facts.bar_s * 2 <= 6.5 else 1
    if facts.bar_s < 1.1:
        per_line = 4
    return per_line * len(verse.lines)


def _shared(wanted: Sequence[int], bars: int) -> list[int]:
    """Share out `bars` in proportion to `wanted`, at least one each; needs len(wanted) <= bars."""
    total = sum(wanted)
    shares = [max(1, math.floor(bars * want / total)) for want in wanted]
    while sum(shares) > bars:
        shares[max(range(len(shares)), key=lambda i: (shares[i], i))] -= 1
    while sum(shares) < bars:
        shares[max(range(len(shares)), key=lambda i: (wanted[i] / shares[i], -i))] += 1
    return shares


def _crowded(written: list[Verse], bars: int) -> list[_Block]:
    """More blocks than bars: neighbours share a bar under the tag of the first of them."""
    blocks = []
    for k in range(bars):
        group = written[k * len(written) // bars : (k + 1) * len(written) // bars]
        lines = tuple(line for verse in group for line in verse.lines)
        blocks.append(_Block(group[0].tag, 1, Verse(group[0].tag, lines)))
    return blocks


def _with_played(facts: Facts, blocks: list[_Block], spare: int) -> list[_Block]:
    """Spend spare bars on an intro, an outro, solos between the sung blocks, and the rest on the last block's ring."""
    unit = 4 if facts.bar_s <= 3.2 else 2
    blocks = list(blocks)
    if spare >= unit and blocks[0].tag != "intro":
        blocks.insert(0, _Block("intro", unit))
        spare -= unit
    if spare >= unit and blocks[-1].tag != "outro":
        blocks.append(_Block("outro", unit))
        spare -= unit
    played: tuple[SectionTag, ...] = ("solo", "break", "solo")
    turn = 0
    while spare >= 2 * unit:
        gaps = [
            i
            for i in range(1, len(blocks))
            if blocks[i].tag not in ("pre-chorus", "outro") and blocks[i - 1].tag != "intro"
        ]
        place = gaps[(turn * 2 + len(gaps) // 2) % len(gaps)] if gaps else len(blocks) - (blocks[-1].tag == "outro")
        blocks.insert(place, _Block(played[turn % 3], 2 * unit))
        spare -= 2 * unit
        turn += 1
    if spare:
        unsung = [i for i, block in enumerate(blocks) if block.verse is None or not block.verse.lines]
        index = unsung[-1] if unsung else len(blocks) - 1
        if unsung or spare <= 2:
            old = blocks[index]
            blocks[index] = _Block(old.tag, old.bars + spare, old.verse)
        else:
            blocks.append(_Block("outro", spare))
    return blocks


def _played_form(facts: Facts, bars: int, rng: Random) -> list[_Block]:
    """The style's form cut to size: short songs start and end in the middle of things, long ones go round again."""
    family = facts.style.form
    unit = 12 if facts.style.harmony == "blues" and bars >= 24 else 8 if bars >= 40 and facts.bar_s < 4 else 4
    if bars < unit:
        return [_Block(rng.choice(_MIDDLE[family]), bars)]
    order = list(_FORMS[family])
    if bars < 5 * unit:
        length = max(1, bars // unit)
        first = rng.choice((0, 0, 0, 1, 2, 3, 5))
        order = order[first : first + length + 1]
    blocks: list[_Block] = []
    left = bars
    for tag in _rounds(order, family):
        size = unit
        if tag in ("intro", "outro", "break", "pre-chorus") and unit > 4:
            size = 4
        elif tag == "intro" and bars < 16:
            size = 2
        if left < size:
            break
        blocks.append(_Block(tag, size))
        left -= size
    if bars >= 5 * unit and blocks[-1].tag != "outro":
        last = blocks.pop()
        blocks.append(_Block("outro", last.bars))
    if left:
        grow = _Block(blocks[-1].tag, blocks[-1].bars + left)
        if left >= 3 and blocks[-1].tag not in ("outro", "intro"):
            blocks.append(_Block("outro", left))
        else:
            blocks[-1] = grow
    return blocks


def _rounds(order: list[SectionTag], family: str) -> Iterator[SectionTag]:
    """The form's tags; a form that runs out before its outro goes on with its middle."""
    yield from (tag for tag in order if tag != "outro")
    middle = [tag for tag in _FORMS[family] if tag not in ("intro", "outro")]
    while True:
        yield from middle


def _sections(blocks: Sequence[_Block]) -> Iterator[Section]:
    """Blocks as sections; a tag that returns comes back a little stronger."""
    seen: dict[SectionTag, int] = {}
    for block in blocks:
        times = seen.get(block.tag, 0)
        seen[block.tag] = times + 1
        energy = min(1.0, ENERGY[block.tag] + 0.04 * min(times, 3))
        yield Section(tag=block.tag, bars=block.bars, energy=round(energy, 3))


# --- Harmony --------------------------------------------------------------------------------------------------------

_SHARES: dict[SectionTag, str] = {
    "intro": "verse",
    "outro": "chorus",
    "solo": "verse",
    "drop": "chorus",
    "break": "bridge",
}
"""Sections that borrow another section's progression."""


def _chords(facts: Facts, sections: Sequence[Section], streams: _Streams) -> tuple[Chord, ...]:
    """One progression per kind of section; a closing cadence at the end of the song."""
    mode = facts.key.split()[1]
    pool = list(HARMONY[facts.style.harmony][mode])
    order = streams("chords").sample(pool, len(pool))
    kinds = ("verse", "chorus", "bridge", "pre-chorus")
    chosen = {kind: progression(order[i % len(order)], facts.key) for i, kind in enumerate(kinds)}
    if facts.style.form in ("loop", "ambient", "jazz"):
        chosen["chorus"] = chosen["pre-chorus"] = chosen["verse"]
    chords: list[Chord] = []
    beat = 0
    for index, section in enumerate(sections):
        bars = chosen[_SHARES.get(section.tag, section.tag)]
        for k in range(section.bars):
            symbols = bars[k % len(bars)]
            last = index == len(sections) - 1 and k == section.bars - 1
            if last and section.bars * len(sections) > 2:
                symbols = (_home(facts, chosen["verse"]),)
            for start, length, symbol in _split(symbols, facts.meter):
                chords.append(Chord(symbol=symbol, start=beat + start, length=length))
            beat += facts.meter
    return tuple(chords)


def _home(facts: Facts, bars: Sequence[tuple[str, ...]]) -> str:
    """The tonic chord to end on, in the colour that the progression uses."""
    note, mode = facts.key.split()
    plain = note + ("m" if mode == "minor" else "")
    in_use = [symbol for bar in bars for symbol in bar]
    coloured = [
        s
        for s in in_use
        if s.startswith(note) and s[len(note) :] in ("maj7", "m7", "m9", "maj9", "5", "7", "6", "m6", "")
    ]
    return coloured[0] if coloured and facts.style.name != "pop" and (mode == "major" or coloured[0] != note) else plain


def _split(symbols: Sequence[str], meter: int) -> list[tuple[float, float, str]]:
    """Start, length and symbol of the chords of one bar; in three the first takes two beats."""
    if len(symbols) == 1:
        return [(0.0, float(meter), symbols[0])]
    first = 2.0 if meter == 3 else meter / 2
    return [(0.0, first, symbols[0]), (first, meter - first, symbols[1])]


# --- Melody ---------------------------------------------------------------------------------------------------------


class _ChordFinder:
    """Chord at a beat, by bar, so that long songs stay quick."""

    def __init__(self, chords: Sequence[Chord], meter: int) -> None:
        self._meter = meter
        self._bars: dict[int, list[Chord]] = {}
        for chord in chords:
            self._bars.setdefault(int(chord.start // meter), []).append(chord)

    def __call__(self, beat: float) -> Chord:
        bar = self._bars[min(int(beat // self._meter), len(self._bars) - 1)]
        return next((chord for chord in reversed(bar) if chord.start <= beat + 1e-6), bar[0])


def _ground(facts: Facts, chords: Sequence[Chord], compass: tuple[int, int], rng: Random) -> Ground:
    """What a tune within a range stands on; `rng` decides whether it keeps to a five-note scale."""
    probe = Score(bpm=120, meter=4, key=facts.key, style="", duration_s=1, sections=(Section(tag="verse", bars=1),), chords=(Chord(symbol="C", start=0, length=4),))  # fmt: skip
    five = MINOR_FIVE if probe.minor else MAJOR_FIVE
    degrees = five if rng.random() < facts.style.pentatonic else range(7)
    return Ground(_ChordFinder(chords, facts.meter), facts.meter, list(probe.scale), degrees, *compass)


def _words(
    facts: Facts, blocks: Sequence[_Block], chords: Sequence[Chord], compass: tuple[int, int], streams: _Streams
) -> tuple[list[Note], tuple[Line, ...]]:
    """Set every line to music: its section's bars shared among the lines, one note per syllable."""
    notes: list[Note] = []
    lines: list[Line] = []
    ground = _ground(facts, chords, compass, streams("voice scale"))
    above = (ground.scale[0] - ground.low) % 12  # a range that begins just under the tonic begins on it
    ground = replace(ground, low=ground.low + (above if above <= 4 else 0))
    beat = 0.0
    for index, block in enumerate(blocks):
        block_beats = block.bars * facts.meter
        if block.verse and block.verse.lines:
            for start, length, words in _lines_in(block.verse, block_beats, facts.meter):
                line = Line(section=index, words=words)
                stresses = [heavy for word in words for heavy in stressed(word)]
                number = sum(1 for other in lines if other.section == index)
                role = ("a", "a", "b", "c")[number % 4] if block.tag != "chorus" else ("a", "b", "a", "c")[number % 4]
                spans = word_rhythm(stresses, length, facts.meter, streams(f"voice rhythm {block.tag} {role}"))
                rng = streams(f"voice tune {block.tag} {role} {len(stresses)}")
                lift = 0.8 if block.tag in ("chorus", "drop") else 0.2
                tune = pitches(spans, beat + start, ground, rng, close=number % 2 == 1, lift=lift)
                notes += [
                    Note(pitch=pitch, start=beat + start + span.start, length=span.length, syllable=syllable)
                    for pitch, span, syllable in zip(tune, spans, line.syllables, strict=True)
                ]
                lines.append(line)
        beat += block_beats
    return notes, tuple(lines)


def _lines_in(verse: Verse, beats: float, meter: int) -> Iterator[tuple[float, float, tuple[Word, ...]]]:
    """Start, length and words of each line within its section.

    Whole bars if they fit, and then one, two or four to a line: where bars are left over but not enough for all, the
    longest lines get a second one. Else half a bar each, else equal shares.
    """
    n = len(verse.lines)
    bars = int(beats // meter)
    if bars >= 2 * n:
        sizes = [float(meter * (4 if bars >= 4 * n else 2))] * n
    elif bars >= n:
        by_length = sorted(range(n), key=lambda k: -sum(len(word.syllables) for word in verse.lines[k]))
        doubled = set(by_length[: bars - n])
        sizes = [float(meter * (2 if k in doubled else 1)) for k in range(n)]
    else:
        sizes = [meter / 2 if 2 * bars >= n else beats / n] * n
    start = 0.0
    for size, words in zip(sizes, verse.lines, strict=True):
        yield start, size, words
        start += size


def _tunes(
    facts: Facts, sections: Sequence[Section], chords: Sequence[Chord], sung: Sequence[Note], streams: _Streams
) -> list[Note]:
    """The lead instrument's line: themes where nobody sings, answers in the voice's pauses."""
    ground = _ground(facts, chords, LEAD_RANGE, streams("lead scale"))
    notes: list[Note] = []
    beat = 0.0
    for index, section in enumerate(sections):
        size = section.bars * facts.meter
        voices = [n for n in sung if beat - 1e-6 <= n.start < beat + size - 1e-6]
        plays = not voices and not (
            section.tag in ("intro", "break") and streams(f"lead rests {section.tag}").random() < 0.4
        )
        if plays:
            theme = _theme(facts.style.density, section, beat, ground, streams)
            notes += _ended(theme, section, beat, ground) if index == len(sections) - 1 else theme
        elif voices and streams("answers").random() < 0.6:
            notes += _answers(voices, beat + size, replace(ground, low=ground.low + 3), streams)
        beat += size
    return notes


def _theme(density: float, section: Section, beat: float, ground: Ground, streams: _Streams) -> list[Note]:
    """A section's theme in two-bar phrases: a a' a b, the last one closing."""
    density *= {
        "solo": 1.35,
        "chorus": 1.1,
        "drop": 1.1,
        "intro": 0.7,
        "outro": 0.6,
        "break": 0.5,
        "bridge": 0.85,
    }.get(section.tag, 1.0)
    lift = {"chorus": 0.9, "drop": 0.9, "solo": 0.7, "pre-chorus": 0.5}.get(section.tag, 0.2)
    notes: list[Note] = []
    phrase = 2 if section.bars >= 2 else 1
    for number, bar in enumerate(range(0, section.bars, phrase)):
        bars = min(phrase, section.bars - bar)
        role = "aaab"[number % 4] if section.tag != "solo" else f"s{number}"
        start = beat + bar * ground.meter
        spans = tune_rhythm(bars, ground.meter, min(0.95, density), streams(f"lead rhythm {section.tag} {role} {bars}"))
        variant = role + ("'" if number % 4 == 2 else "")
        close = number % 4 == 3 or bar + bars >= section.bars
        tune = pitches(spans, start, ground, streams(f"lead tune {section.tag} {variant}"), close=close, lift=lift)
        notes += _notes(tune, spans, start)
    return notes


def _ended(theme: Sequence[Note], section: Section, beat: float, ground: Ground) -> list[Note]:
    """The last theme of a song: its last bar is one long tonic."""
    if not theme:
        return []
    closing = beat + (section.bars - 1) * ground.meter
    notes = [note for note in theme if note.start + note.length <= closing + 1e-6]
    home = min(
        (p for p in range(ground.low, ground.high) if p % 12 == ground.scale[0]),
        key=lambda p: abs(p - (notes[-1].pitch if notes else 67)),
    )
    return [*notes, Note(pitch=home, start=closing, length=float(ground.meter))]


def _answers(voices: Sequence[Note], end: float, ground: Ground, streams: _Streams) -> list[Note]:
    """Short replies where the voice pauses for more than a beat and a half."""
    notes: list[Note] = []
    edges = [*(n.start for n in voices[1:]), end]
    for k, (voice, following) in enumerate(zip(voices, edges, strict=True)):
        rest_from = voice.start + voice.length
        room = following - rest_from
        if room < 1.5 or streams(f"answer {k}").random() < 0.3:
            continue
        start = math.ceil(rest_from * 2) / 2
        room = min(following - start - 0.5, 2.0)
        pieces = int(room * 2)
        if pieces < 2:
            continue
        spans = [Span(i * 0.5, 0.5) for i in range(pieces)]
        tune = pitches(spans, start, ground, streams(f"answer tune {pieces}"), close=False)
        notes += _notes(tune, spans, start)
    return notes


def _notes(tune: Sequence[int], spans: Sequence[Span], start: float) -> list[Note]:
    """Notes without words, from their pitches and their places after a beat."""
    return [Note(pitch=p, start=start + s.start, length=s.length) for p, s in zip(tune, spans, strict=True)]
