"""The measures themselves: functions of arrays, without a model, a file or a judge.

Axes: c channel, s sample, t frame, m mel band, n clip, e width of an embedding.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.signal import stft
from transformers.audio_utils import mel_filter_bank

from melisma.audio import Waveform
from melisma.notation import Score
from melisma.ranking.measures import Sound, onsets
from melisma.score.lanes import lanes

Floats = NDArray[np.floating]

MELS, WINDOW, HOP = 96, 2048, 1024
RATE_HZ = 48_000
FLOOR = 1e-4
"""Of full scale: −80 dB, below which nothing counts."""
CHROMA_HZ = 20.0
PIECE_S = 2.0
PULSE_FRAMES = 256
PULSE_EDGES = (2, 4, 6, 9, 12, 16, 22, 30, 40, 56, 80)
HARMONICS = 16
CHECKER = 16
"""Half seconds to either side of a boundary that are compared."""
EDGE_S, APART_S = 3, 6
CONVERGENCE_WINDOWS = (512, 1024, 2048, 4096)
AUDIBLE_DB = -60.0


@cache
def _bank() -> Floats:
    """(f, m): each band is the mean of what lies in it."""
    bank = mel_filter_bank(WINDOW // 2 + 1, MELS, 30.0, 18_000.0, RATE_HZ, mel_scale="slaney")
    return np.asarray(bank / np.maximum(bank.sum(axis=0), 1e-9), np.float32)


def log_mel(song: Waveform) -> Floats:
    """(t, m) levels in dB, 47 frames per second, of the middle of a song at 48 kHz."""
    mono = np.nan_to_num(song.samples).mean(axis=0)
    padded = np.pad(mono, (0, max(0, WINDOW - len(mono))))
    spectrum = np.abs(stft(padded, nperseg=WINDOW, noverlap=WINDOW - HOP)[2]).T.astype(np.float32)
    return 20 * np.log10(spectrum @ _bank() + FLOOR)


# --- One sound against another --------------------------------------------------------------------------------------


def mel_distance(made: Waveform, true: Waveform) -> float:
    """Mean absolute difference of mel levels in dB: timbre, balance and time; deaf to phase."""
    a, b = log_mel(made), log_mel(true)
    t = min(len(a), len(b))
    return float(np.abs(a[:t] - b[:t]).mean())


def spectral_convergence(made: Waveform, true: Waveform) -> float:
    """Multi-resolution spectral convergence: error of magnitudes as a share of them, mean over four windows; 0 is equal."""
    s = min(made.count, true.count)
    found = []
    for window in CONVERGENCE_WINDOWS:
        a, b = (np.abs(stft(one.samples[:, :s], nperseg=window, noverlap=window * 3 // 4)[2]) for one in (made, true))
        found.append(np.linalg.norm(a - b) / (np.linalg.norm(b) + 1e-9))
    return float(np.mean(found))


def bandwidth(song: Waveform) -> float:
    """The highest frequency, in kHz, whose mean power is within 60 dB of the strongest; 0 for silence."""
    power = np.square(np.abs(stft(song.samples, nperseg=WINDOW, boundary=None)[2])).mean(axis=(0, 2))
    heard = np.flatnonzero(power > max(float(power.max()) * 10 ** (AUDIBLE_DB / 10), 1e-12))
    return float(heard[-1] * song.rate_hz / WINDOW / 1000) if heard.size else 0.0


def si_sdr(made: Waveform, true: Waveform) -> float:
    """Scale-invariant signal-to-distortion ratio in dB; −inf for silence. Deaf to loudness, and strict about phase."""
    s = min(made.count, true.count)
    a, b = (one.samples[:, :s].ravel().astype(np.float64) for one in (made, true))
    target = (a @ b) / (b @ b + 1e-12) * b
    wrong = a - target
    if not target.any():
        return float("-inf")
    return float(10 * np.log10(target @ target / (wrong @ wrong + 1e-12)))


def chroma_likeness(one: Waveform, other: Waveform) -> float:
    """How alike the notes of two songs are, moment by moment: mean correlation of pitch classes in half seconds, −1..1.

    Loudness and timbre hardly count. A transposed or shifted copy is unlike.
    """
    a, b = (_halves(_compressed(Sound.of(song).chroma)) for song in (one, other))
    t = min(len(a), len(b))
    return _row_correlation(a[:t], b[:t])


def onset_likeness(one: Waveform, other: Waveform) -> float:
    """Correlation of how onsets follow each other, 50 ms steps, the best within ±50 ms."""
    a, b = (_smooth(onsets(Sound.of(song))) for song in (one, other))
    t = min(len(a), len(b))
    if t < 8:
        return 0.0
    return max(_correlation(a[1 : t - 1], b[1 + lag : t - 1 + lag]) for lag in (-1, 0, 1))


def _smooth(flux: Floats) -> Floats:
    steps = len(flux) // 5
    return np.log1p(flux[: steps * 5].reshape(steps, 5).sum(axis=1))


def _compressed(chroma: Floats) -> Floats:
    return np.sqrt(chroma)


def _halves(chroma: Floats) -> Floats:
    """(n, 12) means over half seconds of (t, 12)."""
    width = round(CHROMA_HZ / 2)
    n = len(chroma) // width
    return chroma[: n * width].reshape(n, width, 12).mean(axis=1)


def _row_correlation(a: Floats, b: Floats) -> float:
    """Mean correlation of the rows in which both have something."""
    heard = (a.std(axis=1) > 1e-9) & (b.std(axis=1) > 1e-9)
    if not heard.any():
        return 0.0
    return float(np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a[heard], b[heard], strict=True)]))


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < 2 or a.std() < 1e-9 or b.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


# --- A sound against its score --------------------------------------------------------------------------------------


def chord_likeness(song: Waveform, score: Score) -> float:
    """Mean correlation, half second by half second, of what sounds with the pitch classes of the planned chord."""
    heard = _compressed(Sound.of(song).chroma)
    planned = lanes(score, len(heard), CHROMA_HZ).chord[:, :12]
    return _row_correlation(_halves(heard), _halves(planned))


def section_likeness(song: Waveform, score: Score) -> float | None:
    """Correlation of each section's loudness and busyness with its planned energy; None for fewer than three kinds."""
    starts = [score.seconds(float(beat)) for beat in score.section_starts]
    energies = np.array([section.energy for section in score.sections])
    if len(set(energies)) < 3:
        return None
    ends = [*starts[1:], score.seconds(score.beats)]
    mono, flux = song.samples.mean(axis=0), onsets(Sound.of(song))
    loud = [_level(mono[round(a * song.rate_hz) : round(b * song.rate_hz)]) for a, b in zip(starts, ends, strict=True)]
    busy = [float(flux[round(a * 100) : round(b * 100)].mean()) for a, b in zip(starts, ends, strict=True)]
    return (_correlation(np.array(loud), energies) + _correlation(np.array(busy), energies)) / 2


def boundary_likeness(song: Waveform, score: Score, within_s: float = 1.0) -> float | None:
    """How well the places where music changes are those where sections begin: F-measure, 0..1; None for one section."""
    planned = [score.seconds(float(beat)) for beat in score.section_starts]
    planned = [start for start in planned if EDGE_S < start < song.duration_s - EDGE_S]
    if not planned:
        return None
    found = boundaries(song)
    right = sum(any(abs(one - start) <= within_s for start in planned) for one in found)
    met = sum(any(abs(one - start) <= within_s for one in found) for start in planned)
    return (right + met) / (len(found) + len(planned)) if found else 0.0


def boundaries(song: Waveform) -> list[float]:
    """Seconds at which the music changes most, at least `APART_S` apart.

    The novelty of Foote ("Automatic audio segmentation using a measure of audio novelty", ICME 2000): a checkerboard
    along the diagonal of a matrix of likeness, here of mel levels, their movement and pitch classes in half seconds.
    """
    mel, width = log_mel(song), round(RATE_HZ / HOP / 2)
    count = len(mel) // width
    levels = mel[: count * width].reshape(count, width, -1)
    notes = _halves(_compressed(Sound.of(song).chroma))
    count = min(count, len(notes))
    views = (levels.mean(axis=1), np.abs(np.diff(levels, axis=1)).mean(axis=1), notes)
    weights = (0.7, 0.7, 0.5)
    seen = np.concatenate([weight * _even(view[:count]) for weight, view in zip(weights, views, strict=True)], axis=1)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    likeness = np.pad(np.exp(-apart / max(float(apart.mean()), 1e-9)), CHECKER, mode="reflect")
    sides = np.arange(-CHECKER, CHECKER) + 0.5
    taper = np.exp(-2 * (sides / CHECKER) ** 2) * np.sign(sides)
    novelty = np.array([taper @ likeness[i : i + 2 * CHECKER, i : i + 2 * CHECKER] @ taper for i in range(count)])
    chosen: list[int] = []
    for i in np.argsort(-novelty):
        inside = 2 * EDGE_S < i < count - 2 * EDGE_S
        if novelty[i] >= novelty.mean() and inside and all(abs(i - j) >= 2 * APART_S for j in chosen):
            chosen.append(int(i))
    return sorted(i / 2 for i in chosen)


def _even(view: Floats) -> Floats:
    """Columns (n, e) of unit spread whose rows are about one long."""
    return (view - view.mean(axis=0)) / (view.std(axis=0) + 1e-6) / np.sqrt(view.shape[1])


def _level(samples: Floats) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-10)) if len(samples) else -100.0


# --- Many sounds ----------------------------------------------------------------------------------------------------


def statistics(mel: Floats) -> Floats:
    """(4m,) of log-mel levels (t, m): mean, spread, movement, and how peaked the loud moments are.

    The loudness of the whole is taken out, so that mastering is not what is recognised.
    """
    mel = mel - mel.mean()
    step = np.abs(np.diff(mel, axis=0)).mean(axis=0) if len(mel) > 1 else np.zeros(mel.shape[1])
    return np.concatenate([mel.mean(axis=0), mel.std(axis=0), step, np.percentile(mel, 95, axis=0)])


def pieces(song: Waveform, seconds: float = PIECE_S) -> Floats:
    """(n, 4m): the statistics of each stretch of a song."""
    mel = log_mel(song)
    width = round(seconds * RATE_HZ / HOP)
    count = max(1, len(mel) // width)
    return np.stack([statistics(mel[i * width : (i + 1) * width]) for i in range(count)])


def song_statistics(song: Waveform) -> Floats:
    """(e,) of a whole song, for telling its style: colour, spread, attacks, and how fast broad bands pulse."""
    mel = log_mel(song)
    mel = mel - mel.mean()
    own = pieces(song)
    attacks = np.maximum(np.diff(mel, axis=0), 0) if len(mel) > 1 else np.zeros_like(mel)
    return np.concatenate(
        [
            own.mean(axis=0),
            own.std(axis=0),
            np.percentile(mel, (10, 50, 90), axis=0).ravel(),
            attacks.mean(axis=0),
            np.percentile(attacks, 95, axis=0),
            pulse_statistics(mel),
        ]
    ).astype(np.float32)


def pulse_statistics(mel: Floats) -> Floats:
    """(80,): how much each of 8 broad bands pulses at 10 speeds between 0.4 and 15 per second, over 5.5 s at a time."""
    broad = mel.reshape(len(mel), 8, -1).mean(axis=2)
    attacks = np.maximum(np.diff(broad, axis=0), 0)
    attacks = np.pad(attacks, ((0, max(0, PULSE_FRAMES - len(attacks))), (0, 0)))
    found = []
    for start in range(0, len(attacks) - PULSE_FRAMES + 1, PULSE_FRAMES // 2):
        part = attacks[start : start + PULSE_FRAMES]
        levels = np.abs(np.fft.rfft((part - part.mean(axis=0)) * np.hanning(PULSE_FRAMES)[:, None], axis=0))
        found.append(np.log(np.add.reduceat(levels, PULSE_EDGES, axis=0)[:-1] + 1e-3).ravel())
    return np.mean(found, axis=0)


def tune_statistics(song: Waveform, score: Score, start_s: float = 0.0) -> Floats:
    """(e,) of what sounds at the pitches of the planned tune, for telling who plays it; NaN for fewer than 3 notes.

    16 harmonics before, early in, in the middle of and late in each note: colour, attack, decay, and what the note adds
    to what was there. `start_s`: where in the score the song begins.
    """
    mono = np.nan_to_num(song.samples).mean(axis=0)
    window, hop = 4096, 512
    padded = np.pad(mono, (0, max(0, window - len(mono))))
    levels = 20 * np.log10(np.abs(stft(padded, nperseg=window, noverlap=window - hop)[2]).T + 1e-5)
    rows = []
    for note in score.melody:
        first = score.seconds(note.start) - start_s
        last = score.seconds(note.start + note.length) - start_s
        if first < 0 or last > song.duration_s or last - first < 0.12:
            continue
        times = (max(0.0, first - 0.06), *(first + share * (last - first) for share in (0.1, 0.45, 0.8)))
        before, early, middle, late = (
            _harmonics(levels[min(int(t * song.rate_hz / hop), len(levels) - 1)], note.pitch, song.rate_hz / window)
            for t in times
        )
        rows.append(
            np.concatenate(
                [middle - middle.max(), early - middle, late - middle, middle - before, [note.pitch, last - first]]
            )
        )
    if len(rows) < 3:
        return np.full(3 * (4 * HARMONICS + 2), np.nan, np.float32)
    notes = np.array(rows)
    return np.concatenate([np.median(notes, axis=0), notes.mean(axis=0), notes.std(axis=0)]).astype(np.float32)


def _harmonics(levels: Floats, pitch: int, bin_hz: float) -> Floats:
    """(16,) levels at the harmonics of a MIDI pitch in a spectrum (f,); −100 where there is no such frequency."""
    places = np.round(440 * 2 ** ((pitch - 69) / 12) / bin_hz * np.arange(1, HARMONICS + 1)).astype(int)
    return np.array([levels[max(0, k - 2) : k + 3].max() if k < len(levels) - 8 else -100.0 for k in places])


def frechet(one: Floats, other: Floats) -> float:
    """Fréchet distance of two clouds (n, e) as if they were Gaussian; 0 where mean and covariance agree."""
    gap = one.mean(axis=0) - other.mean(axis=0)
    a, b = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    return float(gap @ gap + np.trace(a + b - 2 * np.real(sqrtm(a @ b))))


def spread(points: Floats) -> float:
    """Mean distance between two of the points (n, e)."""
    return float(np.mean([np.linalg.norm(a - b) for a, b in combinations(points, 2)]))


# --- Words ----------------------------------------------------------------------------------------------------------


def plain_words(text: str) -> list[str]:
    """Words in lower case without marks, tags in brackets left out."""
    return re.findall(r"[a-z']+", re.sub(r"\[[^\]]*\]", " ", text.lower().replace("’", "'")))


def word_errors(heard: Sequence[str], sung: Sequence[str]) -> float:
    """Word error rate: fewest substitutions, insertions and deletions over the number of words sung; may exceed 1."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(sung, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / max(1, len(sung))
