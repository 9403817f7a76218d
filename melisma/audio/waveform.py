"""A waveform: samples and their rate, and nothing else.

Axes: c channel, s sample. Samples are float32, full scale is ±1.
"""

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Waveform:
    """samples: (c, s) float32; rate_hz: samples per second."""

    samples: Samples
    rate_hz: int

    @property
    def channels(self) -> int:
        """How many channels."""
        return int(self.samples.shape[0])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1] / self.rate_hz)

    def resampled(self, rate_hz: int) -> "Waveform":
        """The same sound at another rate."""
        if rate_hz == self.rate_hz or not self.samples.size:
            return Waveform(self.samples, rate_hz)
        samples = soxr.resample(self.samples.T, self.rate_hz, rate_hz, quality="VHQ")
        return Waveform(np.ascontiguousarray(samples.T, dtype=np.float32), rate_hz)

    def stereo(self) -> "Waveform":
        """Two channels: mono on both, more folded down with the surround channels at −3 dB."""
        if self.channels == 2:
            return self
        if self.channels == 1:
            return Waveform(np.repeat(self.samples, 2, axis=0), self.rate_hz)
        return Waveform(fold_down(self.samples), self.rate_hz)

    def mono(self) -> "Waveform":
        """The mean of all channels."""
        return Waveform(self.samples.mean(axis=0, keepdims=True, dtype=np.float32), self.rate_hz)

    def between(self, start_s: float, end_s: float) -> "Waveform":
        """The part from start_s to end_s."""
        start, end = (max(0, round(seconds * self.rate_hz)) for seconds in (start_s, end_s))
        return Waveform(self.samples[:, start:end], self.rate_hz)


def fold_down(samples: Samples) -> Samples:
    """Surround to stereo by ITU-R BS.775: centre and surrounds at −3 dB, no low-frequency channel.

    Channel order is that of WAV and FFmpeg: L R C LFE Ls Rs …; without a centre, L R Ls Rs.
    """
    count, half = samples.shape[0], np.float32(0.5**0.5)
    left, right = samples[0].copy(), samples[1].copy()
    if count in (3, 5) or count >= 6:
        left += half * samples[2]
        right += half * samples[2]
    rest = samples[4:] if count >= 6 else samples[3:] if count == 5 else samples[2:] if count == 4 else samples[:0]
    left += half * rest[0::2].sum(axis=0)
    right += half * rest[1::2].sum(axis=0)
    return np.stack([left, right])
