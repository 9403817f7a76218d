"""Ears without a model: is this waveform fit to be heard?

Cheap gates on a finished waveform, each with a reason in plain words. They find what is broken, not what is dull.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from melisma.audio.waveform import Waveform

SILENT_DBFS = -60.0
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.001
OFFSET = 0.02


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `value` is what was measured, in the unit that the reason names."""

    kind: Literal["empty", "not finite", "silent", "clipped", "offset"]
    reason: str
    value: float


def listen_for_faults(waveform: Waveform) -> tuple[Finding, ...]:
    """Everything that is wrong with a sound; empty if nothing is."""
    samples = waveform.samples
    if not samples.size:
        return (Finding("empty", "There is no sound at all: 0 samples.", 0.0),)
    broken = float(np.mean(~np.isfinite(samples)))
    if broken:
        return (Finding("not finite", f"{broken:.2%} of the samples are no numbers: the model diverged.", broken),)
    level = level_dbfs(waveform)
    if level < SILENT_DBFS:
        return (Finding("silent", f"Nothing can be heard: the level is {level:.0f} dBFS.", level),)
    findings = []
    clipped = float(np.mean(np.abs(samples) >= FULL_SCALE))
    if clipped > CLIPPED_SHARE:
        findings.append(Finding("clipped", f"It distorts: {clipped:.1%} of the samples are at full scale.", clipped))
    offset = float(np.abs(samples.mean(axis=1, dtype=np.float64)).max())
    if offset > OFFSET:
        findings.append(Finding("offset", f"The wave stands off centre by {offset:.1%} of full scale.", offset))
    return tuple(findings)


def level_dbfs(waveform: Waveform) -> float:
    """Root mean square over time and channels, in dB below full scale; −inf for silence."""
    power = float(np.mean(np.square(waveform.samples, dtype=np.float64))) if waveform.samples.size else 0.0
    return 10 * float(np.log10(power)) if power > 0 else -np.inf
