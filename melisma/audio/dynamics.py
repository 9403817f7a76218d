"""Dynamics: how loud the stretches of a song are against each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from melisma.audio.loudness import weighted_power
from melisma.audio.waveform import Waveform

MOST_DB = 4.0  # a fader that moves further brings up noise, or hides an arrangement that is thin on purpose
MOVE_S = 0.5  # how long the fader takes from one stretch to the next, around where they meet
QUIETEST_DB = -60.0  # below the loudest stretch, or
SILENCE_DB = -100.0  # at all: nothing is played there


@dataclass(frozen=True)
class Stretch:
    """Part of a song, and how loud it should be against the others, in dB."""

    start_s: float
    end_s: float
    level_db: float


def shaped(waveform: Waveform, stretches: Sequence[Stretch]) -> Waveform:
    """A song whose stretches are as loud against each other as their levels say, as far as a fader of ±4 dB brings them.

    Loudness is K-weighted power. What the song loses in one place it gains in another: its mean level stays about as it
    is. Silent stretches, and songs with fewer than two that are not, stay as they are.
    """
    rate, power = waveform.rate_hz, weighted_power(waveform)
    spans = [(round(one.start_s * rate), min(round(one.end_s * rate), waveform.count)) for one in stretches]
    levels = np.array([10 * np.log10(power[a:b].mean() + 1e-12) if b > a else -np.inf for a, b in spans])
    played = levels > max(levels.max(initial=-np.inf) + QUIETEST_DB, SILENCE_DB)
    if played.sum() < 2:
        return waveform
    apart = np.array([one.level_db for one in stretches])[played] - levels[played]
    lengths = np.array([b - a for a, b in spans])[played]
    gains = np.zeros(len(spans))
    gains[played] = np.clip(apart - np.average(apart, weights=lengths), -MOST_DB, MOST_DB)
    return _faded(waveform, [a for a, _ in spans], gains)


def _faded(waveform: Waveform, starts: Sequence[int], gains_db: np.ndarray) -> Waveform:
    """A gain from each start on; the fader moves evenly from one to the next."""
    reach = round(MOVE_S / 2 * waveform.rate_hz)
    times, levels = [0.0], [gains_db[0]]
    for start, before, after in zip(starts[1:], gains_db[:-1], gains_db[1:], strict=True):
        times += [max(start - reach, times[-1]), start + reach]
        levels += [before, after]
    curve = 10 ** (np.interp(np.arange(waveform.count), times, levels) / 20)
    return Waveform(waveform.samples * curve.astype(np.float32), waveform.rate_hz)
