"""Loudness and mastering: measure as broadcasters do, bring to a level, never exceed a true peak.

Integrated loudness follows ITU-R BS.1770 (pyloudnorm); true peak is read from a fourfold oversampled signal, as its
annex 2 asks. The limiter looks ahead, treats both channels alike, and bends gain smoothly, so peaks are lowered
without a click.
"""

import warnings

import numpy as np
import pyloudnorm
import soxr
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from melisma.audio.edges import fade
from melisma.audio.waveform import Waveform
from melisma.errors import UnsoundResult
from melisma.song import FinishOptions

TARGET_LUFS = -14.0
CEILING_DBTP = -1.0
SHORTEST_S = 0.4  # one gating block of BS.1770
OVERSAMPLING = 4
LOOKAHEAD_S = 0.005
RELEASE_S = 0.05


def loudness(sound: Waveform) -> float | None:
    """Integrated loudness in LUFS; None where the sound is too short or too quiet to say."""
    if sound.duration_s < SHORTEST_S or sound.channels > 5:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # silence is answered with -inf below
        lufs = float(pyloudnorm.Meter(sound.rate_hz).integrated_loudness(sound.samples.T.astype(np.float64)))
    return lufs if np.isfinite(lufs) else None


def true_peak(sound: Waveform) -> float:
    """Highest level between the samples, in dBTP; −inf for silence."""
    peaks = _peaks(sound)
    highest = float(peaks.max(initial=0.0))
    return 20 * float(np.log10(highest)) if highest > 0 else -np.inf


def _peaks(sound: Waveform) -> NDArray[np.float32]:
    """(s,) the highest level in and after each sample, over all channels."""
    count = sound.samples.shape[1]
    if count == 0:
        return np.zeros(0, np.float32)
    dense = soxr.resample(sound.samples.T, sound.rate_hz, OVERSAMPLING * sound.rate_hz, quality="HQ")
    dense = np.abs(np.asarray(dense, np.float32)).max(axis=1)
    dense = np.pad(dense, (0, max(0, OVERSAMPLING * count - len(dense))))[: OVERSAMPLING * count]
    peaks: NDArray[np.float32] = np.maximum(
        dense.reshape(count, OVERSAMPLING).max(axis=1), np.abs(sound.samples).max(axis=0)
    )
    return peaks


def limited(sound: Waveform, ceiling_dbtp: float = CEILING_DBTP) -> Waveform:
    """The sound with its true peaks at or below the ceiling; untouched where it already is."""
    return _limited(sound, _peaks(sound), 10 ** (ceiling_dbtp / 20))


def _limited(sound: Waveform, peaks: NDArray[np.float32], ceiling: float) -> Waveform:
    for _ in range(4):  # bending gain moves peaks a little; what is left over is caught in the next round
        if peaks.max(initial=0.0) <= ceiling:
            return sound
        sound = Waveform(sound.samples * _gain(peaks, ceiling * 0.995, sound.rate_hz), sound.rate_hz)
        peaks = _peaks(sound)
    return Waveform(sound.samples * np.float32(min(1.0, ceiling / peaks.max())), sound.rate_hz)


def _gain(peaks: NDArray[np.float32], ceiling: float, rate_hz: int) -> NDArray[np.float32]:
    """(s,) gain: low enough at every peak, smooth before and after it."""
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9)).astype(np.float64)
    reach = 2 * round(LOOKAHEAD_S * rate_hz) + 1
    held = minimum_filter1d(needed, reach, mode="nearest")
    # Held over `reach` and averaged over the same reach, the gain is still low enough where the peak stands.
    smooth = uniform_filter1d(held, reach, mode="nearest")
    release = 2 * round(RELEASE_S * rate_hz) + 1
    slow = uniform_filter1d(minimum_filter1d(needed, release, mode="nearest"), release, mode="nearest")
    return np.minimum(smooth, slow).astype(np.float32)


def master(sound: Waveform, finish: FinishOptions) -> Waveform:
    """Bring to the target loudness, limit true peaks, fade the ends. `finish.master` False leaves the level alone.

    A sound whose peaks must be limited by much ends somewhat below the target: the ceiling wins.
    """
    if not np.isfinite(sound.samples).all():
        raise UnsoundResult("the sound holds samples that are not finite: it cannot be mastered")
    if finish.master is not False:
        target = TARGET_LUFS if finish.lufs is None else finish.lufs
        ceiling = CEILING_DBTP if finish.true_peak_dbtp is None else finish.true_peak_dbtp
        sound = _at_level(sound, target, ceiling)
    return fade(sound, finish.fade_in_s or 0.0, finish.fade_out_s or 0.0)


def _at_level(sound: Waveform, lufs: float, ceiling_dbtp: float) -> Waveform:
    """Limiting lowers loudness a little, so the gain is chosen twice; a third time would press the music for nothing."""
    result, gain, peaks = sound, 1.0, _peaks(sound)
    ceiling = 10 ** (ceiling_dbtp / 20)
    for _ in range(2):
        measured = loudness(result)
        gain *= 1.0 if measured is None else 10 ** ((lufs - measured) / 20)
        result = _limited(Waveform(sound.samples * np.float32(gain), sound.rate_hz), peaks * np.float32(gain), ceiling)
        if measured is None or peaks.max(initial=0.0) * gain <= ceiling:
            break
    return result
