"""Sounds on top of each other."""

import numpy as np

from melisma.audio.edges import refuse_unlike
from melisma.audio.loudness import loudness
from melisma.audio.waveform import Waveform


def overlaid(band: Waveform, voice: Waveform, balance_db: float) -> Waveform:
    """A voice over a band, as loud as the band plus `balance_db`; as long as the band. A silent voice changes nothing."""
    refuse_unlike(band, voice)
    levels = loudness(band), loudness(voice)
    if levels[0] is None or levels[1] is None:
        return band
    samples = band.samples.copy()
    sung = voice.louder(levels[0] - levels[1] + balance_db).samples[:, : band.count]
    samples[:, : sung.shape[1]] += sung
    return Waveform(np.asarray(samples, np.float32), band.rate_hz)
