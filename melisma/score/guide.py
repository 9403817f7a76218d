"""The guide track: a score in plain tones, for ears that know nothing yet.

A small model cannot invent time, and a large one hears a melody better than it reads about one. So the plan is played
by the simplest possible band - clicks, the style's drum pattern in bursts, chords, a bass, one voice - and given to the
model as source audio. It goes through the same autoencoder as any music, so checkpoints need no extra channels to
follow it. Tune and chords have the timbre of the instruments that shall play them, as measured (`timbres`): a struck
string dies away, a clarinet has odd overtones. So style and instruments are heard, too, and not only read about.

Tones come from wavetables read with integer phases: fast, and the same to the bit everywhere. Nothing is normalised
over the whole song, so an edit in one bar changes that bar and no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from melisma.audio import Waveform
from melisma.notation import Note, Score
from melisma.score.genres import STYLES, grooves
from melisma.score.timbres import BASS, Timbre, timbre_of

Samples = NDArray[np.float32]

_TABLE_BITS = 12
_RELEASE_S = 0.03
_RMS = 0.5
"""Of a tone at its loudest, before its level."""

VOWELS: dict[str, tuple[tuple[float, float], ...]] = {
    "a": ((800, 1.0), (1150, 0.5), (2900, 0.1)),
    "e": ((450, 1.0), (2000, 0.35), (2800, 0.15)),
    "i": ((300, 1.0), (2300, 0.3), (3000, 0.2)),
    "o": ((450, 1.0), (800, 0.45), (2830, 0.06)),
    "u": ((325, 1.0), (700, 0.25), (2700, 0.04)),
}
"""Formants of sung vowels: frequency in hertz and level."""


DRUMMED = frozenset({"verse", "pre-chorus", "chorus", "drop", "solo", "outro"})
"""Sections in which the drums play."""


@dataclass(frozen=True)
class GuideOptions:
    """How loud each voice of the guide is, 0–1; 0 leaves it out."""

    clicks: float = 0.24
    drums: float = 0.36
    chords: float = 0.065
    bass: float = 0.15
    melody: float = 0.18
    vowels: bool = True
    """Sing the vowels of the lyrics instead of a plain tone."""


def render_guide(score: Score, rate_hz: int = 48_000, options: GuideOptions | None = None) -> Waveform:
    """Play a score on the guide band. Returns stereo sound (2, s), both channels alike, as long as the score."""
    levels = options or GuideOptions()
    sound = np.zeros(round(score.duration_s * rate_hz), np.float32)
    if levels.clicks:
        _add_clicks(sound, score, rate_hz, levels.clicks)
    if levels.drums:
        _add_drums(sound, score, rate_hz, levels.drums)
    tune, backing = (_player(score, place) for place in (0, 1))
    for chord in score.chords:
        start, end = score.seconds(chord.start), score.seconds(chord.start + chord.length)
        energy = _energy(score, chord.start)
        if levels.chords:
            for struck, until in _strikes(score, chord.start, chord.start + chord.length, timbre_of(backing, 60)):
                for tone in dict.fromkeys(chord.tones):
                    _add(
                        sound, timbre_of(backing, 60 + tone), 60 + tone, struck, until, rate_hz, levels.chords * energy
                    )
        if levels.bass:
            low = 36 + (chord.bass - 36) % 12
            _add(sound, BASS, low, start, end, rate_hz, levels.bass * energy)
    if levels.melody:
        for note, timbre, syllable_starts in _tune(score, levels.vowels, tune):
            start, end = score.seconds(note.start), score.seconds(note.start + note.length)
            _add(sound, timbre, note.pitch, start, end, rate_hz, levels.melody)
            if syllable_starts:
                _burst(sound, _breath(rate_hz), start, rate_hz, levels.melody * 0.5)
    return Waveform(np.stack([sound, sound]), rate_hz)


def _energy(score: Score, beat: float) -> float:
    """Level of the band in a section: quiet sections at half."""
    return 0.4 + 0.6 * score.sections[score.section_at(beat)].energy


def _player(score: Score, place: int) -> str | None:
    """The instrument at a place of the band, in words."""
    return score.band[place] if place < len(score.band) else None


def _strikes(score: Score, first: float, last: float, timbre: Timbre) -> Iterator[tuple[float, float]]:
    """Seconds from which to which a chord sounds: once if it lasts, every two beats if it dies away."""
    every = 2.0 if timbre.dies_away else last - first
    beat = first
    while beat < last - 1e-6:
        yield score.seconds(beat), score.seconds(min(last, beat + every))
        beat += every


def _tune(score: Score, vowels: bool, instrument: str | None) -> Iterator[tuple[Note, Timbre, bool]]:
    """Each melody note with the tone that plays it, and whether a syllable begins on it."""
    vowel = "a"
    for note in score.melody:
        if note.syllable:
            vowel = next((c for c in reversed(_letters(note.syllable)) if c in VOWELS), vowel)
        if note.syllable is None or not vowels:
            yield note, timbre_of(instrument, note.pitch), False
        else:
            yield note, _vowel(vowel, note.pitch), bool(note.syllable)


def _letters(syllable: str) -> str:
    """The letters of a syllable without a silent final e, y read as i."""
    plain = "".join(c for c in syllable.lower() if c.isalpha()).replace("y", "i")
    return plain[:-1] if len(plain) > 2 and plain.endswith("e") and any(c in VOWELS for c in plain[:-1]) else plain


def _add_clicks(sound: Samples, score: Score, rate_hz: int, level: float) -> None:
    """A click per beat, a higher one with a thump on each bar, faint ticks between; in 6/8 the pulses are the beats."""
    pulse = 3 if score.meter == 6 else 1
    step = 1.0 if score.meter == 6 else 0.5
    for k in range(round(score.beats / step)):
        beat = k * step
        if beat % score.meter == 0:
            click, strength = _click(rate_hz, 1600.0), 1.0
            _burst(sound, _click(rate_hz, 70.0, 0.06), score.seconds(beat), rate_hz, level)
        elif beat % pulse == 0:
            click, strength = _click(rate_hz, 1100.0), 0.7
        else:
            click, strength = _click(rate_hz, 3500.0, 0.008), 0.25
        _burst(sound, click, score.seconds(beat), rate_hz, level * strength * _energy(score, beat))


def _add_drums(sound: Samples, score: Score, rate_hz: int, level: float) -> None:
    """The style's first groove, bar by bar, where drums play; nothing for a style without drums or one unknown."""
    style = STYLES.get(score.style)
    pattern = grooves(style.grooves[0], score.meter)[0] if style else {}
    for start, part in zip(score.section_starts, score.sections, strict=True):
        if part.tag not in DRUMMED:
            continue
        for bar in range(part.bars):
            for letter, hits in pattern.items():
                for step, mark in enumerate(hits):
                    if mark != ".":
                        beat = start + (bar + step / len(hits)) * score.meter
                        loud = level * (1.0 if mark == "X" else 0.6) * part.energy
                        _burst(sound, _drum(rate_hz, letter), score.seconds(beat), rate_hz, loud)


def _burst(sound: Samples, shape: Samples, start_s: float, rate_hz: int, level: float) -> None:
    start = round(start_s * rate_hz)
    if start < len(sound):
        piece = sound[start : start + len(shape)]
        piece += shape[: len(piece)] * np.float32(level)


def _add(sound: Samples, timbre: Timbre, pitch: int, start_s: float, end_s: float, rate_hz: int, level: float) -> None:
    """Add a tone that is over, release included, before its end."""
    start, end = round(start_s * rate_hz), min(len(sound), round(end_s * rate_hz))
    n = end - start
    if n <= 1:
        return
    tone = _sounding(timbre, pitch, n, rate_hz) * np.float32(level)
    release = min(n // 3, int(_RELEASE_S * rate_hz))
    if release:
        tone[n - release :] *= np.linspace(1, 0, release, dtype=np.float32)
    sound[start:end] += tone


def _sounding(timbre: Timbre, pitch: int, n: int, rate_hz: int) -> Samples:
    """n samples of a tone that goes from moment to moment of its timbre."""
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    audible = max(1, int(min(18_000.0, 0.45 * rate_hz) / hz))
    phase = np.arange(n, dtype=np.uint32) * np.uint32(round(hz / rate_hz * 2**32)) >> np.uint32(32 - _TABLE_BITS)
    loudest = max(timbre.levels)
    waves = [_wave(partials[:audible]) * np.float32(_RMS * np.sqrt(2) / loudest) for partials in timbre.moments]
    swell = min(n // 4, round(timbre.moments_s[0] * rate_hz))
    edges = [swell, *(min(n, max(swell, round(at * rate_hz))) for at in timbre.moments_s[1:])]
    tone = np.empty(n, np.float32)
    tone[:swell] = waves[0][phase[:swell]] * np.linspace(0, 1, swell, dtype=np.float32)
    for first, last, now, then in zip(edges, edges[1:], waves, waves[1:], strict=False):
        here = phase[first:last]
        tone[first:last] = now[here] + (then - now)[here] * np.linspace(
            0, 1, len(here), endpoint=False, dtype=np.float32
        )
    rest = waves[-1][phase[edges[-1] :]]
    if timbre.fall_rate and len(rest):
        rest *= np.exp(-timbre.fall_rate / rate_hz * np.arange(len(rest))).astype(np.float32)
    tone[edges[-1] :] = rest
    return tone


@cache
def _vowel(vowel: str, pitch: int) -> Timbre:
    """A sung vowel at a pitch: harmonics shaped by its formants."""
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    partials = []
    for k in range(1, max(2, min(40, int(8000 / hz)))):
        shape = sum(level / (1 + ((k * hz - centre) / (80 + 0.06 * centre)) ** 2) for centre, level in VOWELS[vowel])
        partials.append((0.08 + shape) / k**0.5)
    loudest = max(partials)
    return Timbre((tuple(p / loudest for p in partials),))


@cache
def _wave(partials: tuple[float, ...]) -> Samples:
    """One period of a tone."""
    turn = np.arange(2**_TABLE_BITS) / 2**_TABLE_BITS * 2 * np.pi
    return np.asarray(sum(level * np.sin(k * turn) for k, level in enumerate(partials, 1)), np.float32)


@cache
def _click(rate_hz: int, hz: float, decay_s: float = 0.015) -> Samples:
    t = np.arange(int(decay_s * 5 * rate_hz)) / rate_hz
    return np.asarray(np.sin(2 * np.pi * hz * t) * np.exp(-t / decay_s), np.float32)


@cache
def _drum(rate_hz: int, letter: str) -> Samples:
    """A drum as a burst: K a thump, S and C a crack, toms lower, all else the shorter and higher the lighter it is."""
    if letter == "K":
        return _click(rate_hz, 55.0, 0.06)
    if letter in "123T":
        return _click(rate_hz, 110.0, 0.05)
    decay_s, low = {"S": (0.05, 0.35), "C": (0.04, 0.5), "O": (0.09, 0.9), "R": (0.12, 0.8), "H": (0.015, 0.9)}.get(
        letter, (0.02, 0.7)
    )
    noise = np.random.default_rng(ord(letter)).standard_normal(int(decay_s * 5 * rate_hz))
    bright = noise - low * np.concatenate([[0.0], noise[:-1]])
    return np.asarray(0.3 * bright * np.exp(-np.arange(len(noise)) / (decay_s * rate_hz)), np.float32)


@cache
def _breath(rate_hz: int) -> Samples:
    """A short burst of noise: the consonant that a syllable begins with."""
    n = int(0.03 * rate_hz)
    noise = np.random.default_rng(0).standard_normal(n)
    return np.asarray(np.diff(noise, prepend=0.0) * np.hanning(n) * 0.4, np.float32)
