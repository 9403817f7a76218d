"""How loud a sound is, as broadcasters measure it.

Integrated loudness follows ITU-R BS.1770-4. The gates are our own: they run on power alone, from which mastering
foretells the loudness of a song whose gain it is still choosing. True peak is read between the samples, from a signal
oversampled four times, as annex 2 of the same standard asks.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

from melisma.audio.waveform import Samples, Waveform
from melisma.audio.weighting import weighted

Power = NDArray[np.float64]

HOP_S, HOPS = 0.1, 4  # a gating block is 0.4 s long, and one begins every 0.1 s
ABSOLUTE_LUFS, RELATIVE_LU = -70.0, -10.0
OFFSET = -0.691  # dB; makes a 997 Hz sine at full scale in one channel -3.01 LUFS
OVERSAMPLING = 4
CHUNK, MARGIN = 1 << 19, 512  # samples oversampled at once, and what the filter must see around them


def loudness(waveform: Waveform) -> float | None:
    """Integrated loudness in LUFS; None where the sound is too short (below 0.4 s) or too quiet to say."""
    return gated_loudness(weighted_power(waveform), waveform.rate_hz)


def weighted_power(waveform: Waveform) -> Power:
    """(s,) K-weighted power, summed over channels; more than two channels are folded down first."""
    sound = waveform.stereo() if waveform.channels > 2 else waveform
    if not sound.count:
        return np.zeros(0)
    return np.concatenate([np.square(piece).sum(0) for piece in weighted(sound)])


def gated_loudness(power: Power, rate_hz: float) -> float | None:
    """LUFS from weighted power (s,) at any rate: the mean of all blocks but the silent and the quiet ones."""
    hops = int(len(power) / (HOP_S * rate_hz) + 1e-6)
    if hops < HOPS:
        return None
    edges = np.round(np.arange(hops + 1) * HOP_S * rate_hz).astype(int)
    sums = np.add.reduceat(power[: edges[-1]], edges[:-1]) / (HOP_S * rate_hz)
    blocks = np.lib.stride_tricks.sliding_window_view(sums, HOPS).mean(axis=1)
    heard = blocks[blocks > 10 ** ((ABSOLUTE_LUFS - OFFSET) / 10)]
    if not heard.size:
        return None
    loud = heard[heard > heard.mean() * 10 ** (RELATIVE_LU / 10)]
    return OFFSET + 10 * float(np.log10(loud.mean()))


def true_peak(waveform: Waveform) -> float:
    """Highest level between the samples, in dBTP; −inf for silence."""
    highest = float(peaks_of(waveform).max(initial=0.0))
    return 20 * float(np.log10(highest)) if highest > 0 else -np.inf


def peaks_of(waveform: Waveform) -> Samples:
    """(s,) the highest absolute level from each sample up to the next, over all channels."""
    peaks: Samples = np.abs(waveform.samples).max(axis=0)
    for start in range(0, waveform.count, CHUNK):
        end = min(waveform.count, start + CHUNK)
        first, last = max(0, start - MARGIN), min(waveform.count, end + MARGIN)
        for channel in waveform.samples[:, first:last]:
            dense = np.abs(soxr.resample(channel, waveform.rate_hz, OVERSAMPLING * waveform.rate_hz, quality="HQ"))
            dense.resize(OVERSAMPLING * len(channel), refcheck=False)
            # a column at a time: numpy's maximum along so short an axis takes several times as long
            for i in range(OVERSAMPLING):
                between = dense[i::OVERSAMPLING][start - first : end - first]
                np.maximum(peaks[start:end], between, out=peaks[start:end])
    return peaks
