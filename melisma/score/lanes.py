"""A score as numbers per latent frame: where in the beat and bar one is, what sounds, what is sung.

For a small model that is given the plan as extra channels. Axes: t latent frame (25 Hz unless said otherwise), c
channel. A frame is described at its middle. Phases follow the swung beat, so the second half of a swung beat has the
same phase as that of a straight one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melisma.notation import SECTION_TAGS, Score

FRAME_HZ = 25.0
PHONEMES_PER_FRAME = 2

PHONEMES = tuple(" ,.AIOWYTæɑɔəɛɜɪiuʊʌᵊᵻɹɾʃʒʤʧθðŋɡbdfhjklmnpstvwzˈˌː")
"""Alphabet of the singing voice's phonemes; id 0 is none, so the first one here is 1."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Lanes:
    """The channels of a score. Pitch classes count from C."""

    beat: Array
    """(t, 6): cosine and sine of the phase of the pulse, of the bar, and of the half pulse (third in 6/8)."""
    section: NDArray[np.int64]
    """(t,): 0 none, else 1 + index in SECTION_TAGS."""
    energy: Array
    """(t, 1): how intense the section is, 0–1."""
    chord: Array
    """(t, 24): pitch classes that sound, then the root as one-hot."""
    melody: Array
    """(t, 15): pitch class as one-hot, height (octaves from F#4), sounding, begins here."""
    sung: Array
    """(t, 1): whether the melody is sung."""

    def plain(self) -> Array:
        """All channels but the section side by side, (t, 47)."""
        return np.concatenate([self.beat, self.energy, self.chord, self.melody, self.sung], axis=1)

    def full(self) -> Array:
        """All channels, the section as one-hot of 10, (t, 57)."""
        return np.concatenate([self.plain(), np.eye(len(SECTION_TAGS) + 1, dtype=np.float32)[self.section]], axis=1)


def lanes(score: Score, frames: int | None = None, frame_hz: float = FRAME_HZ) -> Lanes:
    """A score's channels for so many frames; None is as many as cover its duration. Frames after its end are empty."""
    t = math.ceil(score.duration_s * frame_hz - 1e-6) if frames is None else frames
    beats = np.array([score.beat_at((k + 0.5) / frame_hz) for k in range(t)])
    inside = beats < score.beats
    pulse = 3 if score.meter == 6 else 1
    beat = np.zeros((t, 6), np.float32)
    for c, period in enumerate((pulse, score.meter, 1.0 if score.meter == 6 else 0.5)):
        beat[:, 2 * c] = np.cos(2 * np.pi * beats / period)
        beat[:, 2 * c + 1] = np.sin(2 * np.pi * beats / period)
    beat[~inside] = 0
    section = np.zeros(t, np.int64)
    energy = np.zeros((t, 1), np.float32)
    for start, part in zip(score.section_starts, score.sections, strict=True):
        here = (beats >= start) & (beats < start + part.bars * score.meter)
        section[here] = 1 + SECTION_TAGS.index(part.tag)
        energy[here] = part.energy
    chord = np.zeros((t, 24), np.float32)
    for sounding in score.chords:
        here = (beats >= sounding.start) & (beats < sounding.start + sounding.length)
        for tone in sounding.tones:
            chord[here, tone] = 1
        chord[here, 12 + sounding.root] = 1
    melody, sung = _melody(score, t, frame_hz)
    return Lanes(beat=beat, section=section, energy=energy, chord=chord, melody=melody, sung=sung)


def _melody(score: Score, t: int, frame_hz: float) -> tuple[Array, Array]:
    """Notes by frame; a note shorter than a frame still gets the one it begins in."""
    melody, sung = np.zeros((t, 15), np.float32), np.zeros((t, 1), np.float32)
    for note in score.melody:
        first = int(score.seconds(note.start) * frame_hz)
        last = max(first + 1, round(score.seconds(note.start + note.length) * frame_hz))
        if first >= t:
            break
        melody[first:last, :12] = 0
        melody[first:last, note.pitch % 12] = 1
        melody[first:last, 12] = (note.pitch - 66) / 12
        melody[first:last, 13] = 1
        melody[first, 14] = 1
        sung[first:last] = note.syllable is not None
    return melody, sung


def phoneme_lane(
    phonemes: Sequence[tuple[str, float, float]], frames: int, frame_hz: float = FRAME_HZ
) -> NDArray[np.int64]:
    """Two phonemes per frame as ids, (t, 2): 0 none, else 1 + index in PHONEMES. Takes (symbol, start_s, end_s)."""
    ids = np.zeros(frames * PHONEMES_PER_FRAME, np.int64)
    rate = frame_hz * PHONEMES_PER_FRAME
    for symbol, start_s, end_s in phonemes:
        if symbol in PHONEMES:
            first = max(0, round(start_s * rate))
            ids[first : max(first + 1, round(end_s * rate))] = 1 + PHONEMES.index(symbol)
    return ids.reshape(frames, PHONEMES_PER_FRAME)
