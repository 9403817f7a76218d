"""How loud a sound is, as broadcasters measure it.

Integrated loudness follows ITU-R BS.1770-4. pyloudnorm designs the weighting filters, those that equal the standard's
at 48 kHz and follow them at other rates; the gates are our own, for they run five times as fast and on power alone,
from which mastering foretells the loudness of a song whose gain it is still choosing. True peak is read between the
samples, from a signal oversampled four times, as annex 2 of the same standard asks.
"""

from importlib import import_module
from threading import Thread

import numpy as np
import soxr
from numpy.typing import NDArray

from melisma.audio.waveform import Samples, Waveform

Power = NDArray[np.float64]

HOP_S, HOPS = 0.1, 4  # a gating block is 0.4 s long, and one begins every 0.1 s
ABSOLUTE_LUFS, RELATIVE_LU = -70.0, -10.0
OFFSET = -0.691  # dB; makes a 997 Hz sine at full scale in one channel -3.01 LUFS
OVERSAMPLING = 4
CHUNK, MARGIN = 1 << 19, 512  # samples oversampled at once, and what the filter must see around them


def foresee() -> None:
    """Begin to load what measuring and mastering need, while others compute.

    The filters' library takes more than a second to import, a fifth of a short song's time on a laptop.
    """
    Thread(target=_load, name="loudness", daemon=True).start()


def _load() -> None:
    for module in ("pyloudnorm.iirfilter", "scipy.ndimage"):
        import_module(module)


def loudness(waveform: Waveform) -> float | None:
    """Integrated loudness in LUFS; None where the sound is too short (below 0.4 s) or too quiet to say."""
    return gated_loudness(weighted_power(waveform), waveform.rate_hz)


def weighted_power(waveform: Waveform) -> Power:
    """(s,) K-weighted power, summed over channels; more than two channels are folded down first."""
    from pyloudnorm.iirfilter import IIRfilter  # brings scipy.signal, which reading a file's tags need not wait for

    sound = waveform.stereo() if waveform.channels > 2 else waveform
    rate = waveform.rate_hz
    head = IIRfilter(3.99984385397, 0.7071752369554193, 1681.9744509555319, rate, "high_shelf_DeMan")
    ear = IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, rate, "high_pass_DeMan")
    power = np.zeros(sound.count)
    for channel in sound.samples:
        power += np.square(ear.apply_filter(head.apply_filter(channel.astype(np.float64))))
    return power


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
        part = waveform.samples[:, first:last].T
        dense = np.abs(soxr.resample(part, waveform.rate_hz, OVERSAMPLING * waveform.rate_hz, quality="HQ"))
        dense.resize((OVERSAMPLING * len(part), waveform.channels), refcheck=False)
        between = dense.reshape(len(part), -1).max(axis=1)
        np.maximum(peaks[start:end], between[start - first : end - first], out=peaks[start:end])
    return peaks
