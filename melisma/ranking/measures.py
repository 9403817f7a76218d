"""What can be heard without a trained ear: tempo, key, repetition, a voice. Plain signal processing on one channel.

Everything starts from one spectrogram at 16 kHz. These are estimates, and known ones: a tempo may be half or double,
a key its relative; those who compare should allow for that. Axes: t frame, f frequency bin, s sample.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from melisma.audio import Waveform

RATE_HZ = 16_000
FRAME, HOP = 1024, 160  # 64 ms, 10 ms: when things happen
FRAMES_HZ = RATE_HZ / HOP
LONG_FRAME, LONG_HOP = 4096, 800  # 256 ms, 50 ms: which notes sound
NOTE_HZ = (100.0, 2000.0)

NOTES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# How much each scale degree is felt to belong, from listening tests (Krumhansl and Kessler 1982).
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])

SLOWEST, FASTEST = 40.0, 240.0
PART_S, APART_S = 4.0, 12.0
VOICE_HZ = (90.0, 900.0)


@dataclass(frozen=True)
class Sound:
    """One channel at 16 kHz, and its spectrogram, computed once."""

    samples: np.ndarray  # (s,) float32

    @staticmethod
    def of(waveform: Waveform) -> "Sound":
        """The middle of a waveform; what is not finite counts as silence."""
        clean = Waveform(np.nan_to_num(waveform.samples, nan=0, posinf=0, neginf=0), waveform.rate_hz)
        return Sound(clean.mono().resampled(RATE_HZ).samples[0])

    @cached_property
    def magnitudes(self) -> np.ndarray:
        """(t, f) magnitudes of short frames."""
        return _magnitudes(self.samples, FRAME, HOP)

    @cached_property
    def chroma(self) -> np.ndarray:
        """(t, 12) how much each note sounds in long frames, C first. Only peaks count, so that noise has no key."""
        from scipy.ndimage import median_filter  # see _magnitudes

        hz = np.fft.rfftfreq(LONG_FRAME, 1 / RATE_HZ)
        inside = (hz > NOTE_HZ[0]) & (hz < NOTE_HZ[1])
        tall = _magnitudes(self.samples, LONG_FRAME, LONG_HOP)[:, inside]
        peaks = tall * (tall > 2 * median_filter(tall, (1, 25)))
        pitch = np.round(12 * np.log2(hz[inside] / 440) + 9).astype(int) % 12
        table = np.zeros((inside.sum(), 12), np.float32)
        table[np.arange(inside.sum()), pitch] = (
            1 / hz[inside]
        )  # higher notes span more bins, and are overtones more often
        notes: np.ndarray = peaks @ table
        return notes

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE_HZ


@dataclass(frozen=True)
class Tempo:
    """Beats per minute, and how regular they are, 0–1."""

    bpm: float
    clarity: float

    def agrees(self, bpm: float, meter: int | None = None, tolerance: float = 0.04) -> bool:
        """Whether this is that tempo, or half or double of it; in threes also the dotted pulse."""
        factors = (0.5, 1, 2, 2 / 3, 3 / 2) if meter in (3, 6) else (0.5, 1, 2)
        return any(abs(self.bpm * factor / bpm - 1) <= tolerance for factor in factors)


@dataclass(frozen=True)
class Key:
    """A key as 'F# minor', and how much better it fits than the next unrelated one, 0–1."""

    name: str
    clarity: float


def tempo(sound: Sound) -> Tempo | None:
    """The tempo, from how onsets repeat; None if nothing does."""
    flux = onsets(sound)
    if len(flux) < 4 * FRAMES_HZ or flux.std() < 1e-6:
        return None
    flux = flux - flux.mean()
    size = 2 ** int(np.ceil(np.log2(2 * len(flux))))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(flux, size)) ** 2)[: len(flux)]
    correlation = correlation / correlation[0] * len(flux) / np.arange(len(flux), 0, -1)
    rates = np.arange(SLOWEST, FASTEST, 0.25)
    lags = 60 * FRAMES_HZ / rates
    reach = len(flux) * 2 // 3
    combed = np.zeros(len(rates))
    weights = np.zeros(len(rates))
    for beats in (1, 2, 3, 4, 8):  # far repetitions make the estimate fine, near ones make it sure
        inside = lags * beats < reach
        combed += inside * np.interp(lags * beats, np.arange(len(flux)), correlation)
        weights += inside
    combed = np.divide(combed, weights, out=np.zeros_like(combed), where=weights > 0)
    liked = combed * np.exp(-0.5 * (np.log2(rates / 115) / 0.9) ** 2)  # people tap near two beats a second
    best = int(liked.argmax())
    return Tempo(float(rates[best]), float(np.clip(combed[best], 0, 1))) if liked[best] > 0 else None


def onsets(sound: Sound) -> np.ndarray:
    """(t,) how much louder it gets, over all frequencies, less its local mean."""
    loud = np.log1p(1000 * _bands(sound.magnitudes))
    rise = np.maximum(np.diff(loud, axis=0, prepend=loud[:1]), 0).mean(axis=1)
    width = int(FRAMES_HZ) | 1
    local = np.convolve(np.pad(rise, width // 2, mode="edge"), np.ones(width) / width, mode="valid")
    louder: np.ndarray = np.maximum(rise - local, 0)
    return louder


def key(sound: Sound) -> Key | None:
    """The key, by which notes sound how much; None where there are none."""
    notes = sound.chroma.sum(axis=0)
    if notes.max() <= 0 or notes.std() < 1e-9:
        return None
    fits = {
        f"{NOTES[tonic]} {mode}": float(np.corrcoef(np.roll(profile, tonic), notes)[0, 1])
        for tonic in range(12)
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
    }
    best = max(fits, key=fits.__getitem__)
    other = max(fit for name, fit in fits.items() if kinship(best, name) == 0)
    return Key(best, float(np.clip(fits[best] - other, 0, 1)))


def kinship(asked: str, heard: str) -> float:
    """How near two keys are: 1 the same, 0.5 a fifth apart, 0.3 relative, 0.2 parallel, else 0 (as MIREX scores it)."""
    (one, mode), (two, other) = _degrees(asked), _degrees(heard)
    if mode == other:
        return {0: 1.0, 5: 0.5, 7: 0.5}.get((two - one) % 12, 0.0)
    if one == two:
        return 0.2
    return 0.3 if (two - one) % 12 == (9 if mode == "major" else 3) else 0.0


def repetition(sound: Sound) -> float | None:
    """How much of a song comes again at a distance, 0–1: for each part the likeness of its best match elsewhere.

    None for music too short to return to anything.
    """
    if sound.duration_s < 2 * APART_S:
        return None
    notes = _half_seconds(sound.chroma, RATE_HZ / LONG_HOP)
    colours = _half_seconds(np.log1p(100 * _bands(sound.magnitudes)), FRAMES_HZ)
    count = min(len(notes), len(colours))
    halves = np.hstack([_whitened(notes[:count]), _whitened(colours[:count])])
    part, apart = int(PART_S * 2), int(APART_S * 2)
    parts = np.stack([halves[i : i + part].ravel() for i in range(count - part + 1)])
    parts = parts / (np.linalg.norm(parts, axis=1, keepdims=True) + 1e-9)
    likeness = parts @ parts.T
    near = np.abs(np.subtract.outer(np.arange(len(parts)), np.arange(len(parts)))) < apart
    best = np.where(near, -np.inf, likeness).max(axis=1)
    found = best[np.isfinite(best)]
    return float(np.clip(found.mean(), 0, 1)) if len(found) else None


def voice(sound: Sound) -> float:
    """Share of the time in which something sings: one pitch that wavers and slides as a throat does and strings do not.

    A weak sign in a dense mix, so only its extremes mean anything.
    """
    pitch, sure = pitches(sound)
    voiced = sure > 0.6
    sung = 0
    for start, end in _runs(voiced, least=12):
        cents = 1200 * np.log2(pitch[start:end])
        steps = np.abs(np.diff(cents))
        wavering = (steps > 2) & (steps < 60)
        slow = np.convolve(wavering, np.ones(11) / 11, mode="same")
        sung += int((slow > 0.5).sum())
    return sung / max(len(pitch), 1)


def pitches(sound: Sound) -> tuple[np.ndarray, np.ndarray]:
    """Pitch in Hz and its sureness (0–1) for each frame, by autocorrelation of the range in which people sing."""
    count = max(0, (len(sound.samples) - FRAME) // HOP + 1)
    if count == 0:
        return np.zeros(0), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(sound.samples, FRAME)[::HOP][:count]
    lags = np.arange(int(RATE_HZ / VOICE_HZ[1]), int(RATE_HZ / VOICE_HZ[0]) + 1)
    fade = np.correlate(np.hanning(FRAME), np.hanning(FRAME), "full")[FRAME - 1 :]
    pitch, sure = np.zeros(count), np.zeros(count)
    for start in range(0, count, 2000):  # in pieces: memory stays small for long songs
        spectrum = np.fft.rfft(frames[start : start + 2000] * np.hanning(FRAME), 2 * FRAME, axis=1)
        hz = np.fft.rfftfreq(2 * FRAME, 1 / RATE_HZ)
        spectrum[:, (hz < VOICE_HZ[0] * 0.8) | (hz > 4000)] = 0
        correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : lags[-1] + 2]
        whole = correlation[:, 0] + 1e-12
        inside = correlation[:, lags] / (fade[lags] / fade[0])
        best = inside.argmax(axis=1)
        rows = np.arange(len(best))
        left, mid, right = (correlation[rows, lags[best] + shift] for shift in (-1, 0, 1))
        bend = left - 2 * mid + right
        shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend == 0, 1, bend), 0).clip(-1, 1)
        pitch[start : start + 2000] = RATE_HZ / (lags[best] + shift)
        loud = whole > 1e-4 * np.percentile(whole, 95)
        sure[start : start + 2000] = np.where(loud, inside[rows, best] / whole, 0)
    return pitch, sure.clip(0, 1)


def _degrees(name: str) -> tuple[int, str]:
    """A key's tonic as semitones above C, and its mode."""
    note, mode = name.split()
    return ("C D EF G A B".index(note[0]) + note.count("#") - note.count("b")) % 12, mode


def _bands(magnitudes: np.ndarray, count: int = 24) -> np.ndarray:
    """(t, count) mean magnitudes in bands that widen with frequency."""
    edges = np.unique(np.geomspace(2, magnitudes.shape[1], count + 1).astype(int))
    return np.stack([magnitudes[:, low:high].mean(axis=1) for low, high in pairwise(edges)], axis=1)


def _magnitudes(samples: np.ndarray, frame: int, hop: int) -> np.ndarray:
    """(t, f) magnitudes."""
    from scipy.signal import stft  # half a second that songs which nobody compares need not wait for

    padded = np.pad(samples, (0, max(0, frame - len(samples))))
    spectrum = stft(padded, RATE_HZ, nperseg=frame, noverlap=frame - hop)[2]
    magnitudes: np.ndarray = np.abs(spectrum).T.astype(np.float32)
    return magnitudes


def _half_seconds(features: np.ndarray, frames_hz: float) -> np.ndarray:
    """(n, …) means over half seconds of (t, …)."""
    frames = round(frames_hz / 2)
    count = len(features) // frames
    means: np.ndarray = features[: count * frames].reshape(count, frames, -1).mean(axis=1)
    return means


def _whitened(features: np.ndarray) -> np.ndarray:
    """Each column with mean 0 and deviation 1; one that never changes says nothing."""
    deviation = features.std(axis=0)
    white: np.ndarray = (features - features.mean(axis=0)) / np.where(deviation > 1e-9, deviation, np.inf)
    return white


def _runs(flags: np.ndarray, least: int) -> list[tuple[int, int]]:
    """Start and end of each run of True that lasts `least` frames or more."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start >= least]
