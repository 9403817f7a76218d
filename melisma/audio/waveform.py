"""A waveform: samples and their rate, and nothing else.

Axes: c channel, s sample. Samples are float32 and full scale is ±1; nothing here clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from melisma.errors import BadRequest

Samples = NDArray[np.float32]

# Where channels stand when a file does not say: the order of WAV (and of FFmpeg).
PLACES = {
    1: ("FC",),
    2: ("FL", "FR"),
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


@dataclass(frozen=True, eq=False)
class Waveform:
    """samples: (c, s) float32; rate_hz: samples per second. Equal if every sample and the rate are."""

    samples: Samples
    rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.shape[0] < 1 or self.rate_hz < 1:
            raise BadRequest(
                f"samples of shape {self.samples.shape} at {self.rate_hz} Hz are no waveform: "
                "give an array (channels, samples) and a rate above 0"
            )
        object.__setattr__(self, "samples", np.ascontiguousarray(self.samples, dtype=np.float32))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Waveform):
            return NotImplemented
        return self.rate_hz == other.rate_hz and np.array_equal(self.samples, other.samples)

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def __repr__(self) -> str:
        return f"Waveform({self.channels} channels, {self.duration_s:.3f} s at {self.rate_hz} Hz)"

    @classmethod
    def silence(cls, duration_s: float, rate_hz: int, channels: int = 2) -> "Waveform":
        """Zeros."""
        return cls(np.zeros((channels, round(duration_s * rate_hz)), np.float32), rate_hz)

    @property
    def channels(self) -> int:
        """How many channels."""
        return int(self.samples.shape[0])

    @property
    def count(self) -> int:
        """How many samples each channel has."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.count / self.rate_hz

    @property
    def peak(self) -> float:
        """Highest absolute sample; 0 where there is none."""
        return float(max(self.samples.max(initial=0.0), -self.samples.min(initial=0.0)))

    def resampled(self, rate_hz: int) -> "Waveform":
        """The same sound at another rate (soxr, very high quality)."""
        if rate_hz == self.rate_hz:
            return self
        samples = soxr.resample(self.samples.T, self.rate_hz, rate_hz, quality="VHQ")
        return Waveform(samples.T, rate_hz)

    def stereo(self) -> "Waveform":
        """Two channels: mono on both; more are folded down (`fold_down`)."""
        if self.channels == 2:
            return self
        if self.channels == 1:
            return Waveform(np.repeat(self.samples, 2, axis=0), self.rate_hz)
        return within_full_scale(Waveform(fold_down(self.samples, PLACES.get(self.channels)), self.rate_hz))

    def mono(self) -> "Waveform":
        """One channel: the mean of left and right."""
        if self.channels == 1:
            return self
        return Waveform(self.stereo().samples.mean(axis=0, keepdims=True), self.rate_hz)

    def between(self, start_s: float, end_s: float | None = None) -> "Waveform":
        """The part from start_s to end_s (None: the end), to the nearest sample; never more than there is."""
        start = max(0, round(start_s * self.rate_hz))
        end = self.count if end_s is None else max(start, round(end_s * self.rate_hz))
        return Waveform(self.samples[:, start:end], self.rate_hz)

    def louder(self, gain_db: float) -> "Waveform":
        """Every sample times a gain in dB; negative is quieter."""
        return Waveform(self.samples * np.float32(10 ** (gain_db / 20)), self.rate_hz)


def fold_down(samples: Samples, places: Sequence[str] | None) -> Samples:
    """Surround (c, s) to stereo (2, s) by ITU-R BS.775. The sum may exceed full scale (`within_full_scale`).

    `places` names each channel as FFmpeg does (FL, FR, FC, LFE, BL, …): sides go to their side and the middle to both,
    all but the front pair at −3 dB; low-frequency effects are left out. None: nobody knows, all go to both sides.
    """
    if places is None:
        return np.repeat(samples.mean(axis=0, keepdims=True), 2, axis=0)
    weights = np.array([place_gains(place) for place in places], np.float32).T
    folded: Samples = weights @ samples
    return folded


def place_gains(place: str) -> tuple[float, float]:
    """How much of a channel goes left and right."""
    if place.startswith("LFE"):
        return 0.0, 0.0
    if place in ("FL", "FR"):
        return float(place == "FL"), float(place == "FR")
    left, right = "L" in place, "R" in place
    both = left == right
    return 0.5**0.5 * (left or both), 0.5**0.5 * (right or both)


def within_full_scale(waveform: Waveform) -> Waveform:
    """The whole sound turned down where its highest sample exceeds full scale."""
    if waveform.peak <= 1.0:
        return waveform
    return Waveform(waveform.samples / np.float32(waveform.peak), waveform.rate_hz)
