"""Waveforms to look at: the loudest absolute value of each stretch, as bytes, worked out once when a sound lands."""

import numpy as np

from melisma.audio import Waveform

PER_SECOND = 20
FEWEST, MOST = 800, 6000
SUFFIX = ".peaks"


def peaks(waveform: Waveform) -> bytes:
    """One byte per bucket, 255 is full scale; about twenty buckets a second, 800 to 6000 of them."""
    buckets = int(min(max(FEWEST, waveform.duration_s * PER_SECOND), MOST, waveform.count))
    loudest = np.abs(waveform.samples).max(axis=0)
    starts = np.linspace(0, waveform.count, buckets, endpoint=False).astype(np.int64)
    highest = np.maximum.reduceat(loudest, starts)
    stored: bytes = np.rint(np.clip(highest, 0, 1) * 255).astype(np.uint8).tobytes()
    return stored


def as_numbers(stored: bytes) -> list[float]:
    """Stored peaks as numbers, 0–1."""
    return [round(byte / 255, 3) for byte in stored]
