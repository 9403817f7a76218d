"""The guide track: a score in plain tones, for ears that know nothing yet.

A small model cannot invent time, and a large one hears a melody better than it reads about one. So the plan is played
by the simplest possible band - clicks, a soft organ, a bass, one voice - and given to the model as source audio. It
goes through the same autoencoder as any music, so checkpoints need no extra channels to follow it.

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

Samples = NDArray[np.float32]

_TABLE_BITS = 12
_ATTACK_S, _RELEASE_S = 0.008, 0.03

VOWELS: dict[str, tuple[tuple[float, float], ...]] = {
    "a": ((800, 1.0), (1150, 0.5), (2900, 0.1)),
    "e": ((450, 1.0), (2000, 0.35), (2800, 0.15)),
    "i": ((300, 1.0), (2300, 0.3), (3000, 0.2)),
    "o": ((450, 1.0), (800, 0.45), (2830, 0.06)),
    "u": ((325, 1.0), (700, 0.25), (2700, 0.04)),
}
"""Formants of sung vowels: frequency in hertz and level."""


@dataclass(frozen=True)
class GuideOptions:
    """How loud each voice of the guide is, 0–1; 0 leaves it out."""

    clicks: float = 0.35
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
    for chord in score.chords:
        start, end = score.seconds(chord.start), score.seconds(chord.start + chord.length)
        energy = _energy(score, chord.start)
        if levels.chords:
            for tone in dict.fromkeys(chord.tones):
                _add(sound, _table("organ"), 60 + tone, start, end, rate_hz, levels.chords * energy)
        if levels.bass:
            low = 36 + (chord.bass - 36) % 12
            _add(sound, _table("bass"), low, start, end, rate_hz, levels.bass * energy)
    if levels.melody:
        for note, table, syllable_starts in _tune(score, levels.vowels):
            start, end = score.seconds(note.start), score.seconds(note.start + note.length)
            _add(sound, table, note.pitch, start, end, rate_hz, levels.melody)
            if syllable_starts:
                _burst(sound, _breath(rate_hz), start, rate_hz, levels.melody * 0.5)
    return Waveform(np.stack([sound, sound]), rate_hz)


def _energy(score: Score, beat: float) -> float:
    """Level of the band in a section: quiet sections at half."""
    return 0.4 + 0.6 * score.sections[score.section_at(beat)].energy


def _tune(score: Score, vowels: bool) -> Iterator[tuple[Note, Samples, bool]]:
    """Each melody note with the wave that plays it, and whether a syllable begins on it."""
    vowel = "a"
    for note in score.melody:
        if note.syllable:
            vowel = next((c for c in reversed(_letters(note.syllable)) if c in VOWELS), vowel)
        if note.syllable is None or not vowels:
            yield note, _table("reed"), False
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


def _burst(sound: Samples, shape: Samples, start_s: float, rate_hz: int, level: float) -> None:
    start = round(start_s * rate_hz)
    if start < len(sound):
        piece = sound[start : start + len(shape)]
        piece += shape[: len(piece)] * np.float32(level)


def _add(sound: Samples, table: Samples, pitch: int, start_s: float, end_s: float, rate_hz: int, level: float) -> None:
    """Add a tone that is over, release included, before its end."""
    start, end = round(start_s * rate_hz), min(len(sound), round(end_s * rate_hz))
    n = end - start
    if n <= 1:
        return
    step = np.uint32(round(440.0 * 2 ** ((pitch - 69) / 12) / rate_hz * 2**32))
    phase = np.arange(n, dtype=np.uint32) * step
    tone = table[phase >> np.uint32(32 - _TABLE_BITS)] * np.float32(level)
    attack, release = min(n // 4, int(_ATTACK_S * rate_hz)), min(n // 3, int(_RELEASE_S * rate_hz))
    if attack:
        tone[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    if release:
        tone[n - release :] *= np.linspace(1, 0, release, dtype=np.float32)
    sound[start:end] += tone


@cache
def _table(kind: str) -> Samples:
    """One period of a tone."""
    partials = {
        "organ": (1.0, 0.35, 0.12),
        "bass": (1.0, 0.6, 0.3, 0.15, 0.08),
        "reed": (1.0, 0.55, 0.4, 0.25, 0.15, 0.1, 0.06),
    }[kind]
    return _wave(partials)


@cache
def _vowel(vowel: str, pitch: int) -> Samples:
    """One period of a sung vowel at a pitch: harmonics shaped by its formants."""
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    partials = []
    for k in range(1, max(2, min(40, int(8000 / hz)))):
        shape = sum(level / (1 + ((k * hz - centre) / (80 + 0.06 * centre)) ** 2) for centre, level in VOWELS[vowel])
        partials.append((0.08 + shape) / k**0.5)
    loudest = max(partials)
    return _wave(tuple(p / loudest for p in partials))


def _wave(partials: tuple[float, ...]) -> Samples:
    turn = np.arange(2**_TABLE_BITS) / 2**_TABLE_BITS * 2 * np.pi
    wave = sum(level * np.sin(k * turn) for k, level in enumerate(partials, 1))
    return np.asarray(wave / np.sqrt(np.mean(np.square(wave))) * 0.5, np.float32)


@cache
def _click(rate_hz: int, hz: float, decay_s: float = 0.015) -> Samples:
    t = np.arange(int(decay_s * 5 * rate_hz)) / rate_hz
    return np.asarray(np.sin(2 * np.pi * hz * t) * np.exp(-t / decay_s), np.float32)


@cache
def _breath(rate_hz: int) -> Samples:
    """A short burst of noise: the consonant that a syllable begins with."""
    n = int(0.03 * rate_hz)
    noise = np.random.default_rng(0).standard_normal(n)
    return np.asarray(np.diff(noise, prepend=0.0) * np.hanning(n) * 0.4, np.float32)
