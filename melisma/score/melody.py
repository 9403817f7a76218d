"""Tunes: rhythm cells on a metric grid, and a walk over the scale that follows a contour and leans on the chords.

A phrase remembers. Rhythm and contour are drawn once per kind of section and part of the period (a, a', b), so verses
resemble each other and a chorus comes back as itself; the chords beneath decide which notes are leant on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from melisma.notation import Chord

MAJOR_FIVE, MINOR_FIVE = (0, 1, 2, 4, 5), (0, 2, 3, 4, 6)
"""Degrees of the scale that the five-note scales keep."""

CONTOURS: tuple[tuple[float, ...], ...] = (
    (0.2, 0.7, 1.0, 0.6, 0.1),
    (0.8, 0.6, 0.7, 0.4, 0.1),
    (0.1, 0.3, 0.5, 0.8, 0.7),
    (0.5, 0.9, 0.4, 0.7, 0.2),
    (0.4, 0.4, 0.7, 0.5, 0.3),
    (0.9, 0.5, 0.2, 0.4, 0.3),
)
"""Height over a phrase at equal distances, 0 low, 1 high."""


@dataclass(frozen=True)
class Span:
    """One placed note before it has a pitch: first beat and length in beats."""

    start: float
    length: float


def weight_of(step: int, meter: int, per_beat: int) -> float:
    """Metric weight 0–1 of a step within its bar, `per_beat` steps to the beat."""
    beat, part = divmod(step, per_beat)
    if part:
        halves = per_beat // 2
        return 0.45 if halves and part % halves == 0 else 0.18
    if beat == 0:
        return 1.0
    if meter == 6:
        return 0.85 if beat == 3 else 0.5
    return 0.85 if meter == 4 and beat == 2 else 0.7


def tune_rhythm(bars: int, meter: int, density: float, rng: Random) -> list[Span]:
    """An instrument's rhythm over some bars: onsets drawn by metric weight, lengths to the next onset, some rests."""
    per_beat = 2 if meter != 6 else 1
    fine = 4 if meter != 6 else 2
    steps = bars * meter * fine
    unit = fine // per_beat
    syncopation = rng.uniform(0.0, 0.35)
    onsets = []
    for step in range(0, steps):
        weight = weight_of(step % (meter * fine), meter, fine)
        if step % unit:
            chance = 0.08 * density
        else:
            chance = min(
                0.97, density * (0.35 + weight * (1.15 - syncopation)) + (syncopation * 0.4 if weight < 0.5 else 0)
            )
        if rng.random() < chance:
            onsets.append(step)
    if not onsets or (onsets[0] > meter * fine // 2 and rng.random() < 0.7):
        onsets.insert(0, 0)
    ends = [*onsets[1:], steps]
    spans = []
    for onset, end in zip(onsets, ends, strict=True):
        length = end - onset
        longest = fine * (3 if rng.random() < 0.4 else 2)
        if length > longest:
            length = longest
        elif length >= fine and rng.random() < 0.18:
            length -= unit
        spans.append(Span(onset / fine, max(1, length) / fine))
    return spans


def word_rhythm(stresses: Sequence[bool], beats: float, meter: int, rng: Random) -> list[Span]:
    """Place one note per syllable on a line of `beats`: heavy syllables on strong beats, breath and a long note at the end.

    The noise in the choice is drawn per place, not per line, so that lines of one section share their rhythm when the
    same generator state is given.
    """
    n = len(stresses)
    fine = 2.0 if meter != 6 else 1.0
    while beats * fine * 0.8 < n + 1:
        fine *= 2
    places = max(n, int(beats * fine))
    noise = [rng.random() for _ in range(max(places, 128))]
    tail = max(1, round(places * 0.18)) if places > n + 2 else 0
    usable = max(n, places - tail)
    weights = [
        weight_of(
            int(p * 4 / fine) % (meter * 4) if meter != 6 else int(p * 2 / fine) % 12, meter, 4 if meter != 6 else 2
        )
        for p in range(usable)
    ]
    gain = [
        [(weights[p] if heavy else 0.45 - 0.25 * weights[p]) + 0.5 * noise[p] for p in range(usable)]
        for heavy in stresses
    ]
    chosen = _best_places(gain, stresses, fine)
    scale = beats / places
    spans = []
    for k, place in enumerate(chosen):
        end = chosen[k + 1] if k + 1 < n else places
        length = (end - place) * scale
        if k + 1 == n:
            length = min(length, max(scale, length - 0.5 * meter / 4)) if length > meter / 2 else length
        spans.append(Span(place * scale, min(length, 2.0 * (3 if meter == 6 else 2))))
    return spans


def _best_places(gain: Sequence[Sequence[float]], stresses: Sequence[bool], fine: float) -> list[int]:
    """A place for each syllable, in order, by dynamic programming.

    gain: what each syllable earns at each place; uneven steps and long light syllables cost. fine: places to the beat.
    """
    n, usable = len(gain), len(gain[0])
    pace = min(max(1.0, 0.55 * fine), usable / n)
    best = [[float("-inf")] * usable for _ in range(n)]
    back = [[-1] * usable for _ in range(n)]
    for p in range(usable - n + 1):
        best[0][p] = gain[0][p] - 0.5 * p / fine
    for k in range(1, n):
        for p in range(k, usable - (n - 1 - k)):
            for q in range(max(k - 1, p - int(4 * fine)), p):
                score = best[k - 1][q] + gain[k][p] - 0.12 * abs((p - q) - pace) / max(1.0, fine / 2)
                if not stresses[k - 1] and p - q > 0.75 * fine:
                    score -= 0.5 * ((p - q) / fine - 0.5)
                if score > best[k][p]:
                    best[k][p], back[k][p] = score, q
    at = max(range(n - 1, usable), key=lambda p: best[n - 1][p])
    chosen = [at]
    for k in range(n - 1, 0, -1):
        at = back[k][at]
        chosen.append(at)
    return chosen[::-1]


@dataclass(frozen=True)
class Ground:
    """What a tune stands on: its chords, its key, and the range of who plays it.

    scale: the seven pitch classes of the key, tonic first; degrees: which of them the tune may use. low, high: MIDI
    pitches, both included.
    """

    chord_at: Callable[[float], Chord]
    meter: int
    scale: Sequence[int]
    degrees: Sequence[int]
    low: int
    high: int

    @property
    def ladder(self) -> list[int]:
        """The pitches that the tune may walk on, upwards."""
        usable = {self.scale[d] for d in self.degrees}
        return [p for p in range(self.low, self.high + 1) if p % 12 in usable]

    def leans(self, beat: float, span: Span) -> bool:
        """Whether a note at a beat is one that is leant on: on a strong beat, or long."""
        return abs(beat % (self.meter / 2 if self.meter in (4, 6) else self.meter)) < 1e-6 or span.length >= 1.5

    def nearest(self, pitch: int, classes: set[int]) -> int:
        """The pitch in range nearest to `pitch` whose class is in `classes`; the lower one of two."""
        return min((p for p in range(self.low, self.high + 1) if p % 12 in classes), key=lambda p: (abs(p - pitch), p))

    def agree(self, pitch: int, tones: set[int]) -> int:
        """A passing note, altered where the chord alters the scale: over E7 in A minor, G becomes G#."""
        if pitch % 12 in tones:
            return pitch
        for near in (pitch + 1, pitch - 1):
            if self.low <= near <= self.high and near % 12 in tones and near % 12 not in self.scale:
                return near
        return pitch


def pitches(
    spans: Sequence[Span], start_beat: float, ground: Ground, rng: Random, *, close: bool, lift: float = 0.0
) -> list[int]:
    """MIDI pitches for the notes of one phrase that starts at a beat of the song.

    close: end on the tonic chord's root or third. lift: raises the contour, 0–1.
    """
    ladder = ground.ladder
    contour = rng.choice(CONTOURS)
    leap = rng.uniform(0.05, 0.25)
    total = max(span.start + span.length for span in spans)
    here = round((len(ladder) - 1) * (0.25 + 0.5 * contour[0]))
    out: list[int] = []
    last_move = 0
    for k, span in enumerate(spans):
        target = (len(ladder) - 1) * min(1.0, 0.12 + 0.62 * _height(contour, span.start / total) + 0.26 * lift)
        last_move = _move(last_move, leap, target - here, len(ground.degrees) > 5, rng)
        here = max(0, min(len(ladder) - 1, here + last_move))
        pitch = ladder[here]
        beat = start_beat + span.start
        tones = set(ground.chord_at(beat).tones)
        final = k == len(spans) - 1
        if final and close:
            pitch = ground.nearest(pitch, {ground.scale[0], ground.scale[2]} & tones or tones)
        elif final or ground.leans(beat, span):
            pitch = ground.nearest(pitch, tones)
        else:
            pitch = ground.agree(pitch, tones)
        if pitch in ladder:
            here = ladder.index(pitch)
        out.append(pitch)
    return out


def _height(contour: Sequence[float], share: float) -> float:
    """Height of a contour after a share of the phrase, 0–1."""
    x = min(3.999, share * 4)
    i = int(x)
    return contour[i] + (contour[i + 1] - contour[i]) * (x - i)


def _move(last: int, leap: float, pull: float, seven: bool, rng: Random) -> int:
    """Steps on the ladder to the next note: mostly small, back after a leap, and towards the contour where it is far.

    leap: chance of a larger one; pull: steps to the contour; seven: the ladder has all seven degrees.
    """
    draw, turn = rng.random(), rng.random()
    if abs(last) > 2:
        move = -1 if last > 0 else 1
    elif draw < leap:
        far = (3, 4, -3) if seven else (2, 3, -2)
        move = rng.choice(far) if turn < 0.5 else rng.choice((2, -2))
    else:
        move = rng.choice((-1, 1, 1, -1, 0, 2, -2))
    if abs(pull) > 2.0 and move * pull <= 0:
        move = 1 if pull > 0 else -1
    return move
