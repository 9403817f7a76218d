"""Mastering: bring a song to a loudness, keep every true peak below a ceiling, fade its ends.

The limiter turns peaks down rather than cutting them. How far each moment must be turned down is known beforehand, so
gain begins to fall just before a peak, is low enough where it stands, and recovers over a tenth of a second, the same
in all channels so that nothing moves sideways. Gain is worked out in steps of a third of a millisecond, in decibels,
where a hold that falls exponentially is a running maximum of a tilted line: no step waits for the one before it.

Limiting takes some loudness away, more the harder it works. The gain before it is found by halving an interval on
the power of those steps, so that the song itself is touched once.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from melisma.audio.edges import fade
from melisma.audio.loudness import Power, gated_loudness, peaks_of, weighted_power
from melisma.audio.waveform import Samples, Waveform
from melisma.errors import UnsoundResult
from melisma.song import FinishOptions

TARGET_LUFS = -14.0
CEILING_DBTP = -1.0
MOST_LOST_LU = 2.0  # a limiter that takes more is heard at work; the song stays quieter instead
STEP = 16  # samples per step of gain
ATTACK_S = 0.003
RELEASE_S = 0.1
HALVINGS = 9

Decibels = NDArray[np.float64]


def master(waveform: Waveform, finish: FinishOptions) -> Waveform:
    """Bring to the target loudness (None: −14 LUFS) under the true-peak ceiling (None: −1 dBTP), then fade.

    The ceiling always holds. Loudness is within 0.5 LU of the target before the fades, unless the limiter would take
    more than 2 LU to get there, or the sound is too short or quiet to measure; it then stays quieter, or as it was.
    `finish.master` False leaves every sample as it is, up to the fades. Raises UnsoundResult if any is not finite.
    """
    if not np.isfinite(waveform.samples).all():
        raise UnsoundResult("the sound holds samples that are not finite: it cannot be mastered")
    if finish.master is not False and waveform.count:
        target = TARGET_LUFS if finish.lufs is None else finish.lufs
        ceiling = CEILING_DBTP if finish.true_peak_dbtp is None else finish.true_peak_dbtp
        waveform = at_level(waveform, target, ceiling)
    return fade(waveform, finish.fade_in_s or 0.0, finish.fade_out_s or 0.0)


def at_level(waveform: Waveform, lufs: float, ceiling_dbtp: float) -> Waveform:
    """The sound at a loudness, as far as limiting lets it."""
    power = by_steps(weighted_power(waveform)).mean(axis=1)
    measured = gated_loudness(power, waveform.rate_hz / STEP)
    if measured is None:
        return limited(waveform, ceiling_dbtp)
    over_db = peaks_in_db(waveform) - ceiling_dbtp
    gain_db = lufs - measured
    if gain_db + over_db.max() > 0:
        gain_db = gain_with_limiting(power, over_db, lufs - measured, waveform.rate_hz)
    return raised(waveform, over_db, gain_db, ceiling_dbtp)


def gain_with_limiting(power: Power, over_db: Decibels, wanted_db: float, rate_hz: int) -> float:
    """The gain in dB that, limited, makes a song louder by `wanted_db`, or by as much as limiting may cost.

    power, over_db: weighted power and peaks above the ceiling, per step.
    """
    before = gated_loudness(power, rate_hz / STEP) or 0.0
    low, high = min(wanted_db, -float(over_db.max())), wanted_db + MOST_LOST_LU
    for _ in range(HALVINGS):
        gain_db = (low + high) / 2
        down_db = limiting(over_db + gain_db, rate_hz)
        louder_by = (gated_loudness(power * 10 ** ((gain_db - down_db) / 10), rate_hz / STEP) or 0.0) - before
        if louder_by <= wanted_db and gain_db - louder_by <= MOST_LOST_LU:
            low = gain_db
        else:
            high = gain_db
    return low


def limited(waveform: Waveform, ceiling_dbtp: float = CEILING_DBTP) -> Waveform:
    """The sound with its true peaks at or below the ceiling; the very same object where they already are."""
    over_db = peaks_in_db(waveform) - ceiling_dbtp
    return raised(waveform, over_db, 0.0, ceiling_dbtp) if over_db.max(initial=0.0) > 0 else waveform


def raised(waveform: Waveform, over_db: Decibels, gain_db: float, ceiling_dbtp: float) -> Waveform:
    """The sound with a gain, limited where that lifts a step's peak above the ceiling."""
    if gain_db + over_db.max(initial=-np.inf) <= 0:
        return waveform.louder(gain_db)
    gain = 10 ** ((gain_db - limiting(over_db + gain_db, waveform.rate_hz)) / 20)
    centres = np.arange(len(gain)) * STEP + (STEP - 1) / 2
    curve = np.interp(np.arange(waveform.count), centres, gain).astype(np.float32)
    result = Waveform(waveform.samples * curve, waveform.rate_hz)
    # Bending gain moves peaks between samples by hundredths of a dB; the whole song makes up for the worst of them.
    left_db = ceiling_dbtp - 20 * np.log10(float(peaks_of(result).max()))
    return result.louder(left_db) if left_db < 0 else result


def limiting(over_db: Decibels, rate_hz: int) -> Decibels:
    """How far to turn down each step, in dB: enough at every peak that is over, quick before it and slow after it."""
    # Averaged twice over `reach` steps to either side, what was held over twice that and one more covers its peak still.
    reach = max(1, round(ATTACK_S / 2 * rate_hz / STEP))
    down_db: Decibels = around(np.maximum(over_db, 0.0), 2 * reach + 1).max(axis=0)
    fall = np.arange(len(down_db)) / (RELEASE_S * rate_hz / STEP)
    with np.errstate(divide="ignore"):
        down_db = np.exp(np.maximum.accumulate(np.log(down_db) + fall) - fall)
    for _ in range(2):  # twice, so that the slope of gain has no corners either
        down_db = around(down_db, reach).mean(axis=0)
    return down_db


def around(values: Decibels, reach: int) -> Decibels:
    """(steps,) → (2 reach + 1, steps): each step's neighbours to either side; the ends go on as they are."""
    return sliding_window_view(np.pad(values, reach, mode="edge"), len(values))


def peaks_in_db(waveform: Waveform) -> Decibels:
    """(steps,) the highest true peak of each step of gain, dBTP."""
    highest = by_steps(peaks_of(waveform)).max(axis=1, initial=0.0)
    peaks_db: Decibels = 20 * np.log10(np.maximum(highest.astype(np.float64), 1e-9))
    return peaks_db


def by_steps(values: Samples | Power) -> NDArray[Any]:
    """(s,) → (steps, STEP); the last step is filled with zeros."""
    return np.pad(values, (0, -len(values) % STEP)).reshape(-1, STEP)
