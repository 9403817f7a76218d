"""A score becomes a band: which instruments play, what figures, how they breathe.

`arrange(score, seed)` returns parts, each a list of timed notes for one General MIDI instrument. The score says what
is right (beats, chords, tune); the arrangement adds what makes it a recording: grooves with accents and ghost notes,
fills into the next section, layers that come and go with the energy, humanised timing. Deterministic for a seed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from melisma.notation import Chord, Score, Section
from melisma.score.genres import PROGRAM_NAMES, STYLES, Style, grooves

DRUM_KEYS = {
    "K": 36, "S": 38, "H": 42, "O": 46, "P": 44, "R": 51, "B": 53, "C": 39, "r": 37, "t": 54, "s": 70, "c": 56,
    "1": 41, "2": 45, "3": 48, "g": 64, "G": 63, "m": 70, "w": 76, "T": 81,
}  # fmt: skip
"""General MIDI drum note of each letter in a groove."""
PERCUSSION = frozenset("tscgGmwT")
"""Letters that belong to the percussion track, not to the drum kit."""
CRASH = 49
FX = {"riser": 1, "impact": 2, "vinyl": 3}
"""Pitch that stands for each effect in the events of the fx part."""
_ACCENTS = {"X": 112, "x": 88, "o": 48}

DISTORTED = (29, 30)
SUSTAINED = frozenset(
    {16, 17, 18, 19, 21, 22, *range(40, 45), *range(48, 55), *range(56, 80), *range(80, 96), 109, 110}
)
"""Programs whose notes hold for as long as the key is down."""


def track_of(program: int) -> str:
    """The official track name that a General MIDI program belongs to. Mallets and kalimba count as percussion."""
    if program in (50, 51, 62, 63) or 80 <= program <= 103 or program in (38, 39):
        return "bass" if program in (38, 39) else "synth"
    if program in (108, 47) or 8 <= program <= 15 or 112 <= program <= 118:
        return "percussion"
    if program in (22, 109) or 64 <= program <= 79:
        return "woodwinds"
    if program == 110:
        return "strings"
    if program in (52, 53, 54):
        return "backing_vocals"
    groups = (
        ("keyboard", 24),
        ("guitar", 32),
        ("bass", 40),
        ("strings", 52),
        ("synth", 55),
        ("fx", 56),
        ("brass", 64),
        ("synth", 104),
        ("guitar", 108),
    )
    return next((name for name, end in groups if program < end), "fx")


@dataclass(frozen=True)
class Event:
    """One played note, in seconds from the start of the song."""

    start_s: float
    length_s: float
    pitch: int
    velocity: int


@dataclass
class PartPlan:
    """What one player plays."""

    role: str
    program: int
    track: str
    drums: bool = False
    events: list[Event] = field(default_factory=list)

    @property
    def instrument(self) -> str:
        """The instrument in words."""
        if self.role == "vocals":
            return "voice"
        if self.role == "fx":
            return "vinyl crackle" if any(event.pitch == FX["vinyl"] for event in self.events) else "sound effects"
        if self.drums:
            return "drums" if self.track == "drums" else "percussion"
        return PROGRAM_NAMES.get(self.program, "synth")


@dataclass(frozen=True)
class Band:
    """The players chosen for a song, before they play."""

    style: Style
    groove: str
    kit: int
    bass: tuple[str, int]
    comps: tuple[tuple[str, int], ...]
    lead: int
    pad: int | None
    counter: int | None
    voices: int | None
    fx: tuple[str, ...]


def hire(score: Score, seed: int) -> Band:
    """Choose the instruments of a song from its style."""
    style = STYLES[score.style]
    rng = Random(f"{seed}/band")
    figures = list(style.comps)
    rng.shuffle(figures)
    comps = tuple((figure, rng.choice(programs)) for figure, programs in figures[: 2 if rng.random() < 0.55 else 1])
    lead = rng.choice([p for p in style.leads if p not in {c[1] for c in comps}] or list(style.leads))
    counters = [p for p in style.counters if p != lead]
    return Band(
        style=style,
        groove=rng.choice(style.grooves),
        kit=rng.choice(style.kits),
        bass=(rng.choice(style.bass), rng.choice(style.basses)),
        comps=comps,
        lead=lead,
        pad=rng.choice(style.pads) if style.pads and rng.random() < 0.75 else None,
        counter=rng.choice(counters) if counters and rng.random() < 0.6 else None,
        voices=rng.choice(style.voices) if style.voices and rng.random() < 0.35 else None,
        fx=tuple(name for name in style.fx if rng.random() < 0.6),
    )


def arrange(score: Score, seed: int, band: Band | None = None) -> list[PartPlan]:
    """Play a score with its style's band; parts without a note are left out."""
    band = band or hire(score, seed)
    stage = _Stage(score, band, seed)
    parts = [*_drums(stage), _bass(stage)]
    parts += [_comp(stage, k, figure, program) for k, (figure, program) in enumerate(band.comps)]
    if band.pad is not None:
        parts.append(_pad(stage, "pad", band.pad))
    parts.append(_lead(stage))
    if band.counter is not None:
        parts.append(_counter(stage))
    if band.voices is not None:
        parts.append(_pad(stage, "voices", band.voices))
    parts.append(_fx(stage))
    for part in parts:
        part.events.sort(key=lambda e: (e.start_s, e.pitch, e.length_s))
    return [part for part in parts if part.events]


# --- Who plays when -------------------------------------------------------------------------------------------------

_LAYERS: dict[str, frozenset[str]] = {
    "intro": frozenset({"comp0", "pad"}),
    "verse": frozenset({"drums", "bass", "comp0"}),
    "pre-chorus": frozenset({"drums", "bass", "comp0", "comp1", "pad"}),
    "chorus": frozenset({"drums", "percussion", "bass", "comp0", "comp1", "pad", "counter", "voices"}),
    "drop": frozenset({"drums", "percussion", "bass", "comp0", "comp1", "pad", "counter", "voices"}),
    "bridge": frozenset({"bass", "comp0", "pad", "counter", "voices"}),
    "solo": frozenset({"drums", "percussion", "bass", "comp0", "pad"}),
    "break": frozenset({"comp1", "pad", "comp0"}),
    "outro": frozenset({"drums", "bass", "comp0", "pad"}),
}


@dataclass(frozen=True)
class Bar:
    """One bar as a player sees it."""

    index: int
    """Within the song."""
    place: int
    """Within its section."""
    section: Section
    number: int
    """Of the section within the song."""
    start: float
    """First beat."""
    chords: tuple[Chord, ...]
    following: Chord
    """The next bar's first chord."""
    last_of_section: bool
    last_of_song: bool


class _Stage:
    """The score with lookups that every player needs, and the seed's streams."""

    def __init__(self, score: Score, band: Band, seed: int) -> None:
        self.score, self.band, self.seed = score, band, seed
        self.meter = score.meter
        self.per_beat = 2 if score.meter == 6 else 4
        self.steps = score.meter * self.per_beat
        self.bars = list(self._bars())
        self._layers = self._plan_layers()

    def rng(self, name: str) -> Random:
        return Random(f"{self.seed}/{name}")

    def _bars(self) -> Iterator[Bar]:
        by_bar: dict[int, list[Chord]] = {}
        for chord in self.score.chords:
            by_bar.setdefault(int(chord.start // self.meter), []).append(chord)
        reach = self.score.chords[0]
        for index in range(self.score.bars):
            if index not in by_bar:
                by_bar[index] = [reach]
            reach = by_bar[index][-1]
        index = 0
        for number, section in enumerate(self.score.sections):
            for place in range(section.bars):
                yield Bar(
                    index, place, section, number, float(index * self.meter), tuple(by_bar[index]),
                    by_bar.get(index + 1, by_bar[index])[0], place == section.bars - 1, index == self.score.bars - 1,
                )  # fmt: skip
                index += 1

    def _plan_layers(self) -> list[frozenset[str]]:
        rng = self.rng("layers")
        planned = []
        seen: dict[str, int] = {}
        for section in self.score.sections:
            layers = set(_LAYERS[section.tag])
            times = seen.get(section.tag, 0)
            seen[section.tag] = times + 1
            if section.tag == "verse":
                layers |= {"pad"} if times or rng.random() < 0.4 else set()
                layers |= {"comp1"} if times and rng.random() < 0.6 else set()
                layers |= {"percussion"} if times and rng.random() < 0.5 else set()
                layers |= {"counter"} if times > 1 else set()
            if section.tag == "intro":
                layers |= rng.choice(({"drums", "bass"}, {"drums"}, set(), {"bass"}, {"comp1"}))
            if section.tag == "bridge":
                layers |= rng.choice(({"drums"}, set(), {"percussion"}, {"drums", "comp1"}))
            if section.tag == "break" and rng.random() < 0.3:
                layers |= {"percussion", "bass"}
            if self.score.style in (
                "jazz",
                "bossa nova",
                "blues",
                "funk",
                "reggae",
                "latin",
                "metal",
                "punk",
                "celtic",
                "march",
                "waltz",
            ):
                layers |= {"drums", "bass", "percussion", "comp0"} if section.tag not in ("break",) else {"bass"}
            if self.score.style in ("ambient", "classical", "orchestral"):
                layers |= {"pad", "bass"}
            planned.append(frozenset(layers))
        return planned

    def on(self, layer: str, bar: Bar) -> bool:
        """Whether a layer plays in a bar."""
        return layer in self._layers[bar.number]

    def time(self, bar: Bar, step: float) -> float:
        """Seconds of a sixteenth step within a bar."""
        return self.score.seconds(bar.start + step / self.per_beat)

    def step_s(self) -> float:
        """Seconds of a sixteenth step on the straight grid."""
        return self.score.beat_s / self.per_beat

    def spans(self, bar: Bar) -> list[tuple[int, int, Chord]]:
        """First step, length in steps and chord of each chord in a bar."""
        out = []
        for chord in bar.chords:
            start = max(0, round((chord.start - bar.start) * self.per_beat))
            end = min(self.steps, round((chord.start + chord.length - bar.start) * self.per_beat))
            out.append((start, max(1, end - start), chord))
        return out

    def chord_at(self, bar: Bar, step: float) -> Chord:
        """The chord under a step of a bar."""
        return next((c for start, _, c in reversed(self.spans(bar)) if start <= step + 1e-6), bar.chords[0])


class _Player:
    """Adds humanised notes to a part."""

    def __init__(self, stage: _Stage, part: PartPlan, spread_ms: float = 5.0, late_ms: float = 0.0) -> None:
        self.stage, self.part = stage, part
        self.rng = stage.rng(f"play {part.role}")
        self.spread_s, self.late_s = spread_ms / 1000, late_ms / 1000

    def hit(self, bar: Bar, step: float, steps: float, pitch: int, velocity: float, delay_s: float = 0.0) -> None:
        """Play a pitch for so many steps; velocity is scaled by the section's energy."""
        start = self.stage.time(bar, step) + delay_s + self.late_s + self.rng.gauss(0, self.spread_s)
        end = self.stage.time(bar, step + steps)
        loud = velocity * (0.62 + 0.38 * bar.section.energy) + self.rng.gauss(0, 4)
        start = max(0.0, start)
        self.part.events.append(
            Event(start, max(0.04, end - start), max(0, min(127, pitch)), int(max(12, min(127, loud))))
        )


# --- Drums ----------------------------------------------------------------------------------------------------------

_FILLS = (
    ("S", "x.xxXXXX"), ("S", "..x.X.XX"), ("3S2", "X.3.2.1."), ("T", "332211XX"), ("S", "....XxXx"), ("T", "3.3.2.1."), ("S", "oxoxxXXX"),
)  # fmt: skip


def _drums(stage: _Stage) -> list[PartPlan]:
    """The kit and the hand percussion."""
    band, score = stage.band, stage.score
    patterns = grooves(band.groove, score.meter)
    rng = stage.rng("drums")
    kit = PartPlan("drums", band.kit, "drums", drums=True)
    hands = PartPlan("percussion", 0, "percussion", drums=True)
    if not patterns[0]:
        return [_orchestral_hits(stage, kit)] if score.style == "orchestral" else []
    first = rng.randrange(len(patterns))
    second = rng.randrange(len(patterns)) if rng.random() < 0.6 else first
    shaker = rng.random() < 0.35 and not any("s" in p or "m" in p for p in patterns)
    late = rng.uniform(4, 14) if score.style in ("lofi", "hip hop", "soul", "reggae") else 0.0
    play, shake = _Player(stage, kit, 4.0), _Player(stage, hands, 6.0)
    fill_kind = rng.sample(_FILLS, 3)
    for bar in stage.bars:
        if stage.on("drums", bar) and not (
            bar.section.tag == "intro" and bar.place < bar.section.bars // 2 and score.style not in ("jazz", "funk")
        ):
            loud = bar.section.tag in ("chorus", "drop", "solo")
            pattern = patterns[second if loud else first]
            if bar.last_of_song:
                play.hit(bar, 0, 4, DRUM_KEYS["K"], 105)
                if band.kit != 40:
                    play.hit(bar, 0, stage.steps, CRASH, 92)
                continue
            fill = bar.last_of_section and bar.section.bars >= 4 and rng.random() < 0.85
            fill_from = (
                stage.steps - 8
                if fill and stage.steps >= 12 and rng.random() < 0.4
                else stage.steps - 4
                if fill
                else stage.steps
            )
            _groove(stage, bar, pattern, play, fill_from, rng, late)
            if fill:
                _fill(stage, bar, fill_from, fill_kind[bar.number % 3], play)
            if bar.place == 0 and loud and band.groove not in ("bossa", "brushes", "swing", "waltz"):
                play.hit(bar, 0, 12, CRASH, 100)
        if stage.on("percussion", bar) and not bar.last_of_song:
            pattern = patterns[first]
            for letter, hits in pattern.items():
                if letter in PERCUSSION:
                    _line(stage, bar, letter, hits, shake, stage.steps, rng, 0.0)
            if shaker:
                _line(stage, bar, "s", "xoxo" * (stage.steps // 4), shake, stage.steps, rng, 0.0)
    return [kit, hands]


def _groove(
    stage: _Stage, bar: Bar, pattern: dict[str, str], play: _Player, until: int, rng: Random, late_ms: float
) -> None:
    build = bar.section.tag == "pre-chorus" and stage.score.style in ("house", "techno", "drum and bass")
    for letter, hits in pattern.items():
        if letter in PERCUSSION or (build and letter in "SC"):
            continue
        _line(stage, bar, letter, hits, play, until, rng, late_ms / 1000 if letter in "SC" else 0.0)
    if build:
        every = 4 if bar.place < bar.section.bars // 2 else 2 if not bar.last_of_section else 1
        for step in range(0, stage.steps, every):
            rise = (bar.place + step / stage.steps) / bar.section.bars
            play.hit(bar, step, every, DRUM_KEYS["S"], 55 + 55 * rise)


def _line(
    stage: _Stage, bar: Bar, letter: str, hits: str, play: _Player, until: int, rng: Random, late_s: float
) -> None:
    """One instrument's pattern for a bar, with accents on the beats and now and then a hit left out or added."""
    for step in range(min(until, len(hits))):
        mark = hits[step]
        if mark == "." or (mark == "o" and rng.random() < 0.3):
            continue
        velocity = _ACCENTS[mark]
        if letter in "HsmRt" and step % stage.per_beat:
            velocity -= 18
        if letter == "K" and mark == "x" and rng.random() < 0.08:
            continue
        play.hit(bar, step, 2, DRUM_KEYS[letter], velocity, late_s)


def _fill(stage: _Stage, bar: Bar, start: int, kind: tuple[str, str], play: _Player) -> None:
    """The last steps of a section: a roll down the toms or on the snare."""
    letters, marks = kind
    marks = marks[-(stage.steps - start) :] if stage.steps - start <= 8 else marks
    for offset, mark in enumerate(marks):
        step = start + offset
        if mark == "." or step >= stage.steps:
            continue
        if mark in "123":
            play.hit(bar, step, 2, DRUM_KEYS[mark], 96 + 2 * offset)
        else:
            play.hit(bar, step, 1, DRUM_KEYS["S" if "S" in letters else "1"], _ACCENTS[mark] - 10 + 2 * offset)


def _orchestral_hits(stage: _Stage, part: PartPlan) -> PartPlan:
    """Timpani strokes, bass drum and cymbals at the heads of loud sections."""
    play = _Player(stage, part, 6.0)
    for bar in stage.bars:
        if bar.section.energy > 0.65 and bar.place % 2 == 0:
            play.hit(bar, 0, 8, 36, 96 if bar.place == 0 else 70)
            if bar.place == 0:
                play.hit(bar, 0, 16, CRASH, 84)
        if bar.last_of_section and bar.section.energy > 0.6:
            for step in range(stage.steps // 2, stage.steps):
                play.hit(bar, step, 1, DRUM_KEYS["1"], 40 + 60 * (step / stage.steps))
    return part


# --- Bass -----------------------------------------------------------------------------------------------------------

BassLine = list[tuple[float, float, int, float]]
"""First step, length in steps, pitch, velocity."""


def _bass_figure(
    name: str, steps: int, per_beat: int, root: int, fifth: int, third: int, seventh: int, onward: int, rng: Random
) -> BassLine:
    """One chord's worth of a bass figure. `onward` is the next chord's root near by."""
    octave = root + 12 if root < 40 else root
    b = per_beat
    if name == "eighth":
        return [(s, b / 2 * 0.9, root, 98 if s % b == 0 else 86) for s in _every(steps, b / 2)]
    if name == "sixteenth":
        return [
            (s, 0.85, root if s % 8 or rng.random() > 0.2 else octave, 96 if s % b == 0 else 80)
            for s in _every(steps, 1)
        ]
    if name == "offbeat":
        return [(s + b / 2, b / 2, root, 98) for s in _every(steps, b)]
    if name == "octave":
        return [(s, b / 2 * 0.85, root if (s / (b / 2)) % 2 == 0 else octave, 94) for s in _every(steps, b / 2)]
    if name == "root":
        half = steps / 2
        return (
            [(0, steps * 0.95, root, 94)]
            if steps < 8 or rng.random() < 0.4
            else [(0, half, root, 96), (half, half * 0.95, rng.choice((root, fifth, onward)), 84)]
        )
    if name in ("root5", "oompah"):
        beats = list(_every(steps, b))
        strong = [beats[0]] + ([beats[len(beats) // 2]] if len(beats) >= 4 or (len(beats) == 2) else [])
        return [
            (
                s,
                b * 0.9 if name == "oompah" else steps / len(strong) * 0.8,
                root if k == 0 else _below(fifth, root),
                98 - 8 * k,
            )
            for k, s in enumerate(strong)
        ]
    if name == "bossa":
        return [
            (s, n, p, v)
            for s, n, p, v in ((0, 6, root, 96), (6, 2, fifth, 80), (8, 6, fifth, 92), (14, 2, root, 78))
            if s < steps
        ]
    if name == "sync":
        return [(s, n, p, v) for s, n, p, v in ((0, 3, root, 100), (3, 3, root, 80), (6, 4, fifth if rng.random() < 0.5 else root, 90), (11, 3, octave if rng.random() < 0.3 else root, 86), (14, 2, onward if rng.random() < 0.4 else root, 82)) if s < steps]  # fmt: skip
    if name in ("funk", "slap"):
        shape = (
            (0, 2, root, 112),
            (3, 1, octave, 96),
            (4, 1, root, 70),
            (6, 1, seventh, 84),
            (7, 1, root, 80),
            (10, 2, root, 104),
            (13, 1, octave, 98),
            (14, 2, onward if rng.random() < 0.5 else fifth, 90),
        )
        return [(s, n * 0.85, p, v) for s, n, p, v in shape if s < steps and (s == 0 or rng.random() > 0.15)]
    if name == "walk":
        beats = list(_every(steps, b))
        middle = [third, fifth, seventh, fifth, root + 12 if root < 36 else root]
        line = [root, *(middle[rng.randrange(len(middle))] for _ in beats[1:-1]), onward + rng.choice((-1, 1, -2, 2))][
            : len(beats)
        ]
        if len(beats) == 1:
            line = [root]
        return [(s, b * 0.92, p, 96 if k == 0 else 86) for k, (s, p) in enumerate(zip(beats, line, strict=True))]
    if name == "shuffle":
        walk = [root, root, fifth, fifth, root + 9, root + 9, fifth, fifth]
        return [(s, b / 2 * 0.85, walk[k % 8], 94 if k % 2 == 0 else 78) for k, s in enumerate(_every(steps, b / 2))]
    if name == "tumbao":
        return [
            (s, n, p, v) for s, n, p, v in ((3, 3, fifth, 92), (6, 5, octave, 94), (12, 4, onward, 98)) if s < steps
        ] or [(0, steps, root, 92)]
    if name == "dub":
        bar = ((0, 3, root, 104), (4, 2, root, 84), (6, 2, third, 84), (8, 4, fifth, 98), (13, 2, root, 84))
        return [(s, n * 0.9, p, v) for s, n, p, v in bar if s < steps and (s == 0 or rng.random() > 0.2)]
    if name == "eightoheight":
        return [
            (s, n, p, v)
            for s, n, p, v in (
                (0, 6, root, 112),
                (6, 4, root, 92),
                (10, 5, root if rng.random() < 0.7 else octave, 100),
            )
            if s < steps
        ]
    if name == "reese":
        return [(0, steps * 0.6, root, 98), (steps * 0.625, steps * 0.3, rng.choice((root, seventh, fifth)), 90)]
    if name == "ostinato":
        return [(s, b / 2 * 0.8, root, 92 if s % b == 0 else 74) for s in _every(steps, b / 2)]
    return [(0, steps * 0.98, root, 80)]


def _every(steps: float, size: float) -> list[float]:
    return [k * size for k in range(max(1, int(steps / size)))]


def _below(pitch: int, limit: int) -> int:
    return pitch - 12 if pitch - 12 >= 28 and pitch > limit + 4 else pitch


def _near(pitch_class: int, pitch: int, low: int = 28, high: int = 50) -> int:
    """The pitch of a class nearest to another within the bass's range."""
    return min((p for p in range(low, high + 1) if p % 12 == pitch_class), key=lambda p: (abs(p - pitch), p))


def _bass(stage: _Stage) -> PartPlan:
    figure, program = stage.band.bass
    part = PartPlan(
        "bass",
        program,
        "strings"
        if program in (42, 43)
        else "brass"
        if program == 58
        else "woodwinds"
        if program == 70
        else "synth"
        if program >= 80
        else "bass",
    )
    play = _Player(stage, part, 4.0)
    rng = stage.rng("bass")
    last = 33
    low = 28 if program not in (42, 70) else 36
    for bar in stage.bars:
        if not stage.on("bass", bar):
            continue
        name = (
            "root"
            if bar.section.tag in ("break", "bridge")
            and figure not in ("walk", "bossa", "drone", "oompah")
            and rng.random() < 0.7
            else figure
        )
        if bar.last_of_song:
            name = "drone"
        spans = stage.spans(bar)
        for k, (start, length, chord) in enumerate(spans):
            root = _near(chord.bass, (last + 34) // 2 if name == "walk" else 33, low, low + 16)
            tones = chord.tones
            fifth = root + (tones[2] - chord.root) % 12 if len(tones) > 2 else root + 7
            third = root + (tones[1] - chord.root) % 12
            seventh = root + ((tones[3] - chord.root) % 12 if len(tones) > 3 else 12)
            following = spans[k + 1][2] if k + 1 < len(spans) else bar.following
            onward = _near(following.bass, root, low, low + 17)
            for s, n, pitch, velocity in _bass_figure(
                name, length, stage.per_beat, root, fifth, third, seventh, onward, rng
            ):
                play.hit(bar, start + s, min(n, length - s) if s < length else n, pitch, velocity)
                last = pitch
    return part


# --- Chords ---------------------------------------------------------------------------------------------------------


class _Voicer:
    """Close voicings that move as little as they can from chord to chord."""

    def __init__(self, low: int, high: int, most: int = 4) -> None:
        self.low, self.high, self.most = low, high, most
        self.last: list[int] | None = None

    def __call__(self, chord: Chord) -> list[int]:
        tones = list(dict.fromkeys(chord.tones))
        if len(tones) > self.most:
            tones = (
                [t for t in tones if t != chord.tones[2]][: self.most] if len(chord.tones) > 3 else tones[: self.most]
            )
        options = []
        for lowest in range(self.low, self.high - 9):
            if lowest % 12 not in tones:
                continue
            options.append(sorted(lowest + (tone - lowest) % 12 for tone in tones))
        centre = (self.low + self.high) / 2
        before = self.last

        def cost(voicing: list[int]) -> float:
            drift = abs(sum(voicing) / len(voicing) - centre) * 0.25
            if before is None:
                return drift
            return drift + sum(min(abs(p - q) for q in before) for p in voicing)

        self.last = min(options, key=cost)
        return self.last


def _guitar_shape(chord: Chord) -> list[int]:
    """Root and fifth low, then the chord stacked over two octaves: what six strings would sound."""
    root = _near(chord.root, 44, 40, 51)
    stack = [root]
    pitch = root
    for _ in range(5):
        pitch = min(
            p
            for p in range(pitch + 3, pitch + 13)
            if p % 12 in chord.tones and (p - root > 6 or p % 12 == (chord.root + 7) % 12)
        )
        stack.append(pitch)
    return [p for p in stack if p <= 72][:6]


def _comp(stage: _Stage, index: int, figure: str, program: int) -> PartPlan:
    part = PartPlan(f"comp{index}", program, track_of(program))
    play = _Player(stage, part, 5.0)
    rng = stage.rng(f"comp {index}")
    low = 40 if program in DISTORTED else 52 if index == 0 else 57
    voicer = _Voicer(low, low + 21)
    for bar in stage.bars:
        if not stage.on(part.role, bar):
            continue
        soft = bar.section.tag in ("break",) and figure not in ("arp8", "arp16", "pad")
        for start, length, chord in stage.spans(bar):
            voicing = _guitar_shape(chord) if figure in ("strum", "boomchuck") else voicer(chord)
            if bar.last_of_song or soft:
                for k, pitch in enumerate(voicing):
                    play.hit(bar, start, length if not bar.last_of_song else stage.steps, pitch, 76, 0.015 * k)
                continue
            _comp_bar(stage, bar, figure, start, length, chord, voicing, play, rng)
    return part


Steps = Sequence[tuple[float, float, float]]


def _comp_bar(
    stage: _Stage,
    bar: Bar,
    figure: str,
    start: int,
    length: int,
    chord: Chord,
    voicing: list[int],
    play: _Player,
    rng: Random,
) -> None:
    """One chord of a bar in an accompaniment figure."""
    b = stage.per_beat
    s: float  # sixteenths, and what lies between them

    def chords(hits: Steps, spread_s: float = 0.0) -> None:
        for s, n, v in hits:
            if s < length:
                for k, pitch in enumerate(voicing):
                    play.hit(bar, start + s, min(n, length - s), pitch, v, spread_s * k)

    def grid(size: float, hold: float, strong: float, weak: float) -> Steps:
        return [(s, size * hold, strong if s % b == 0 else weak) for s in _every(length, size)]

    sixteen: dict[str, Steps] = {
        "block2": ((0, 6, 78), (6, 9, 72)),
        "stab": ((3, 1.4, 88), (6, 1.4, 84), (11, 1.4, 86), (14, 1.4, 80)),
        "housestab": ((2, 1.4, 86), (5, 1.4, 82), (8, 1.4, 88), (11, 1.4, 82), (14, 1.4, 86)),
        "charleston": ((0, 3, 80), (6, 2, 74)),
        "bossacomp": ((0, 2, 78), (3, 2, 70), (6, 3, 76), (10, 2, 72), (13, 2, 74)),
        "funkstab": ((2, 0.8, 92), (3, 0.6, 70), (6, 0.8, 88), (10, 0.8, 92), (11, 0.6, 66), (14, 0.8, 86)),
        "montuno": ((0, 1.5, 90), (2, 1, 80), (5, 1, 88), (7, 1, 84), (10, 1, 90), (12, 1, 80), (14, 1, 86)),
    }
    if figure in sixteen:
        chords(sixteen[figure])
    elif figure == "comping":
        places = [s for s in (0, 3, 4, 6, 7, 10, 12, 14) if s < length]
        for s in sorted(rng.sample(places, min(len(places), rng.choice((2, 2, 3))))):
            chords(((s, rng.choice((1.5, 2, 4)), rng.uniform(62, 84)),))
    elif figure == "freddie":
        chords(grid(b, 0.55, 80, 80))
    elif figure == "block8":
        chords(grid(b / 2, 0.9, 82, 68))
    elif figure == "block4":
        chords(grid(b, 0.95, 78, 70))
    elif figure == "skank":
        chords([(s + b / 2, b * 0.28, 90) for s in _every(length, b)])
    elif figure == "bubble":
        chords([(s + b / 2, b * 0.22, 82 if k % 2 else 74) for k, s in enumerate(_every(length, b / 2))])
    elif figure == "funk16":
        marks = [rng.random() for _ in range(length)]
        chords([(s, 0.5, 90 if marks[s] > 0.75 else 58) for s in range(length) if s % b == 0 or marks[s] > 0.45])
    elif figure == "pad":
        chords(((0, length * 0.99, 74),), 0.02)
    elif figure == "ostinato":
        for k, s in enumerate(_every(length, b / 2)):
            play.hit(
                bar, start + s, b / 2 * 0.7, voicing[(0, 2, 1, 2)[k % 4] % len(voicing)] + 12, 88 if k % 4 == 0 else 70
            )
    elif figure in ("arp8", "arp16", "alberti", "travis"):
        size = b / 2 if figure in ("arp8", "travis") else b / 4
        if figure == "alberti":
            size = b / 2
        orders = {"alberti": (0, 2, 1, 2), "travis": (0, 2, 1, 3)}
        ladder = [*voicing, voicing[0] + 12]
        order = orders.get(figure) or play.stage.rng(f"arp {play.part.role}").choice(
            ((0, 1, 2, 3), (0, 2, 1, 3), (0, 1, 2, 3, 2, 1), (3, 2, 1, 0), (0, 3, 1, 3, 2, 3))
        )
        for k, s in enumerate(_every(length, size)):
            pitch = ladder[order[k % len(order)] % len(ladder)]
            play.hit(bar, start + s, size * (1.8 if figure != "arp16" else 1.1), pitch, 82 if s % b == 0 else 68)
        if figure == "travis":
            for k, s in enumerate(_every(length, b)):
                play.hit(bar, start + s, b, _near(chord.root if k % 2 == 0 else (chord.root + 7) % 12, 45, 40, 52), 84)
    elif figure == "strum":
        shape = (
            ((0, 1, 92), (4, 1, 80), (6, -1, 64), (8, 1, 74), (10, -1, 70), (12, 1, 82), (14, -1, 66))
            if b == 4
            else ((0, 1, 92), (4, 1, 66), (6, 1, 82), (10, -1, 66))
        )
        for s, way, v in shape:
            if s < length:
                strings = voicing if way > 0 else voicing[::-1][:4]
                for k, pitch in enumerate(strings):
                    play.hit(bar, start + s, min(3.5, length - s), pitch, v - 2 * k, 0.009 * k)
    elif figure == "boomchuck":
        for k, s in enumerate(_every(length, b)):
            if k % 2 == 0:
                play.hit(
                    bar, start + s, b * 0.9, _near(chord.root if k % 4 == 0 else (chord.root + 7) % 12, 43, 40, 51), 92
                )
            else:
                for j, pitch in enumerate(voicing[2:]):
                    play.hit(bar, start + s, b * 0.6, pitch, 80, 0.008 * j)
    elif figure == "oompah":
        for k, s in enumerate(_every(length, b)):
            offbeat = k % 3 if stage.meter in (3, 6) else k % 2
            if offbeat:
                chords(((s, b * 0.6, 74),))
    elif figure == "shuffle":
        root = _near(chord.root, 45, 40, 51)
        for k, s in enumerate(_every(length, b / 2)):
            for pitch in (root, root + (7 if (k // 2) % 2 == 0 else 9)):
                play.hit(bar, start + s, b / 2 * 0.8, pitch, 88 if k % 2 == 0 else 70)
    elif figure in ("power8", "power16", "power4", "chug"):
        root = _near(chord.root, 43, 38, 49)
        power = (root, root + 7, root + 12)
        size = {"power8": b / 2, "power16": b / 4, "power4": b * 2, "chug": b / 4}[figure]
        gallop = play.stage.rng("chug").choice(("X.xxX.xx", "XxxxXxxx", "X..xX.x.", "XxXxXxXx"))
        for k, s in enumerate(_every(length, size)):
            if figure == "chug" and gallop[k % 8] == ".":
                continue
            for pitch in power if figure != "chug" or gallop[k % 8] == "X" else (root,):
                play.hit(bar, start + s, size * 0.88, pitch, 100 if s % b == 0 else 82)
    else:
        raise ValueError(f"unknown accompaniment figure {figure!r}")


def _pad(stage: _Stage, role: str, program: int) -> PartPlan:
    """Long chords; neighbours that share a note tie it."""
    part = PartPlan(role, program, track_of(program))
    play = _Player(stage, part, 8.0)
    voicer = _Voicer(55, 76, 4 if role == "pad" else 3)
    for bar in stage.bars:
        if stage.on(role, bar):
            for start, length, chord in stage.spans(bar):
                for pitch in voicer(chord):
                    play.hit(bar, start, length * 1.01, pitch, 72)
    return part


# --- Tunes ----------------------------------------------------------------------------------------------------------

_TRANSPOSE = {
    42: -12,
    57: -12,
    60: -12,
    66: -12,
    70: -24,
    30: -12,
    29: -12,
    26: -12,
    24: -12,
    65: 0,
    73: 12,
    79: 12,
    9: 12,
    10: 12,
    8: 12,
    74: 12,
    58: -24,
}
"""Octave at which an instrument plays the written tune."""


def _lead(stage: _Stage) -> PartPlan:
    """The melody where nobody sings; in loud sections now and then in octaves."""
    score, program = stage.score, stage.band.lead
    part = PartPlan("lead", program, track_of(program))
    rng = stage.rng("lead")
    shift = _TRANSPOSE.get(program, 0)
    held = program in SUSTAINED
    octaves = rng.random() < 0.25
    for note in score.melody:
        if note.syllable is not None:
            continue
        section = score.sections[score.section_at(note.start)]
        start = max(0.0, score.seconds(note.start) + rng.gauss(0, 0.006))
        end = score.seconds(note.start + note.length)
        legato = rng.uniform(0.92, 1.02) if held else rng.uniform(0.85, 1.1)
        strong = note.start % score.meter == 0
        velocity = int(max(30, min(124, (98 if strong else 88) * (0.72 + 0.28 * section.energy) + rng.gauss(0, 5))))
        length = max(0.06, (end - start) * legato)
        part.events.append(Event(start, length, note.pitch + shift, velocity))
        if octaves and section.energy > 0.85:
            part.events.append(
                Event(start, length, note.pitch + shift + (12 if note.pitch + shift < 72 else -12), velocity - 14)
            )
    return part


def _counter(stage: _Stage) -> PartPlan:
    """A second voice: long guide tones, or short hits between the phrases for horns."""
    program = stage.band.counter
    assert program is not None
    part = PartPlan("counter", program, track_of(program))
    play = _Player(stage, part, 6.0)
    rng = stage.rng("counter")
    hits = program in (56, 57, 61) and stage.score.style in ("funk", "soul", "disco", "latin", "reggae")
    at = 67
    s: float
    for bar in stage.bars:
        if not stage.on("counter", bar) or (not hits and bar.last_of_song):
            continue
        for start, length, chord in stage.spans(bar):
            guide = [t for k, t in enumerate(chord.tones) if k in (1, 3, 4)] or list(chord.tones)
            at = min((p for p in range(60, 80) if p % 12 in guide), key=lambda p: abs(p - at))
            if hits:
                shape = stage.rng(f"horns {bar.section.tag} {bar.place % 4}").choice(
                    (((12, 1), (14, 2)), ((0, 2), (3, 1)), ((6, 1), (8, 3)), ((10, 1), (11, 1), (14, 1.5)))
                )
                for s, n in shape:
                    if s < length:
                        for pitch in {
                            at,
                            min(
                                (p for p in range(at - 9, at - 2) if p % 12 in chord.tones),
                                key=lambda p: -p,
                                default=at,
                            ),
                        }:
                            play.hit(bar, start + s, n, pitch, 98)
            elif program in SUSTAINED:
                play.hit(bar, start, length * 0.98, at + _TRANSPOSE.get(program, 0), 78)
            else:
                for k, s in enumerate(_every(length, stage.per_beat * 2)):
                    play.hit(
                        bar,
                        start + s,
                        stage.per_beat * 1.5,
                        at + (0, 12)[k % 2] * (rng.random() < 0.5) + _TRANSPOSE.get(program, 0),
                        76,
                    )
    return part


# --- Effects --------------------------------------------------------------------------------------------------------


def _fx(stage: _Stage) -> PartPlan:
    """Noise that rises into loud sections, booms at their heads, and the crackle of a record under it all."""
    part = PartPlan("fx", -1, "fx")
    score, names = stage.score, stage.band.fx
    if "vinyl" in names:
        part.events.append(Event(0.0, score.duration_s, FX["vinyl"], 100))
    for start, section in zip(score.section_starts, score.sections, strict=True):
        if section.tag not in ("chorus", "drop") or start == 0:
            continue
        at = score.seconds(float(start))
        if "riser" in names:
            length = min(at, score.bar_s * (2 if score.bar_s < 2.2 else 1))
            part.events.append(Event(at - length, length, FX["riser"], 90))
        if "impact" in names:
            part.events.append(Event(at, 2.5, FX["impact"], 100))
    return part
