"""What the autoencoder alone does to music: nothing that the model plays can be nearer to real songs."""

from collections.abc import Callable

import numpy as np

from benchmarks.quality import figures
from benchmarks.quality.stage import Stage
from benchmarks.quality.table import Figure, Findings
from melisma.audio import Waveform

SONGS = 16
LOW_HZ = 2000
"""Sampling rate at which only what lies below 1 kHz is left."""


def low(song: Waveform) -> Waveform:
    """What lies below 1 kHz."""
    return song.resampled(LOW_HZ)


MEASURES: tuple[tuple[str, str | None, Callable[[Waveform, Waveform], float]], ...] = (
    ("mel distance, dB", "≤ 2", figures.mel_distance),
    ("multi-resolution spectral convergence", None, figures.spectral_convergence),
    ("SI-SDR, dB", None, figures.si_sdr),
    ("SI-SDR below 1 kHz, dB", None, lambda made, true: figures.si_sdr(low(made), low(true))),
)


def codec_figures(stage: Stage) -> Findings:
    """Reconstruction of instrumentals and of sung songs, and how far up the sound reaches."""
    found = []
    for kind, songs in (("instrumentals", stage.plans[:SONGS]), ("sung songs", stage.sung)):
        real, n = [song.mix for song in songs], len(songs)
        coded = [stage.coded(song) for song in real]  # as decoded: what is kept in files is turned down where it clips
        for measure, aim, judge in MEASURES:
            own = float(np.mean([judge(made, true) for made, true in zip(coded, real, strict=True)]))
            chance = float(np.mean([judge(real[(i + 1) % n], true) for i, true in enumerate(real)]))
            found.append(Figure(f"autoencoder, {kind}: {measure} (chance: another song)", own, n, aim, chance))
    plans = stage.plans
    played, coded = stage.followed("plans", plans), stage.coded_songs("plans", plans)
    takes, through, real_khz = (
        float(np.median([figures.bandwidth(song) for song in songs]))
        for songs in (played, coded, [plan.mix for plan in plans])
    )
    found.append(
        Figure("takes: highest frequency within 60 dB of the strongest, kHz (median)", takes, len(plans), None, None, None, through, real_khz)
    )  # fmt: skip
    return Findings(found)
