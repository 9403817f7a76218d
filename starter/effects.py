"""Effects that no soundfont has: rising noise, booms, the crackle of a record. All from seeded noise."""

import numpy as np
from scipy import signal

from starter.arrange import FX, Event, PartPlan
from starter.sampler import RATE_HZ, Audio


def render_effects(part: PartPlan, samples: int) -> Audio:
    """Sound of an effects part, (2, s)."""
    out = np.zeros((2, samples), np.float32)
    makers = {FX["riser"]: _riser, FX["impact"]: _impact, FX["vinyl"]: _vinyl}
    for number, event in enumerate(part.events):
        start = round(event.start_s * RATE_HZ)
        sound = makers[event.pitch](event, np.random.default_rng([number, start]))[:, : max(0, samples - start)]
        out[:, start : start + sound.shape[1]] += sound * np.float32(event.velocity / 127)
    return out


def _riser(event: Event, rng: np.random.Generator) -> Audio:
    """Noise that grows and brightens until it is cut off."""
    n = round(event.length_s * RATE_HZ)
    noise = rng.standard_normal((2, n))
    dark, bright = (
        signal.sosfilt(signal.butter(2, band, "bandpass", fs=RATE_HZ, output="sos"), noise)
        for band in ((300, 1500), (2500, 11000))
    )
    rise = np.linspace(0, 1, n)
    return np.asarray(0.25 * (dark * (1 - rise) + bright * rise) * rise**2, np.float32)


def _impact(event: Event, rng: np.random.Generator) -> Audio:
    """A falling boom with a puff of noise."""
    n = round(event.length_s * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    boom = np.sin(2 * np.pi * (38 * t + 4 * (1 - np.exp(-t * 12)))) * np.exp(-t * 1.8)
    puff = signal.sosfilt(signal.butter(1, 900, fs=RATE_HZ, output="sos"), rng.standard_normal((2, n))) * np.exp(-t * 5)
    return np.asarray(0.5 * boom + 0.3 * puff, np.float32)


def _vinyl(event: Event, rng: np.random.Generator) -> Audio:
    """Soft hiss and sparse clicks."""
    n = round(event.length_s * RATE_HZ)
    hiss = (
        signal.sosfilt(signal.butter(1, (800, 7000), "bandpass", fs=RATE_HZ, output="sos"), rng.standard_normal((2, n)))
        * 0.01
    )
    clicks = np.zeros((2, n))
    places = rng.integers(0, max(1, n), int(event.length_s * 9))
    clicks[:, places] = rng.exponential(0.25, len(places)) * rng.choice((-1, 1), len(places))
    clicks = signal.sosfilt(signal.butter(2, (1200, 8000), "bandpass", fs=RATE_HZ, output="sos"), clicks)
    return np.asarray(hiss + clicks, np.float32)
