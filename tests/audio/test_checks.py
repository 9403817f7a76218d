"""Ears without a model: each fault is found, told in words, and told alone."""

import numpy as np
import pytest

from melisma.audio import Waveform, level_dbfs, listen_for_faults

HALF = np.random.default_rng(0).normal(0, 0.1, (2, 2500))
GOOD = np.concatenate([HALF, -HALF], axis=1)  # its mean is zero


@pytest.mark.parametrize(
    ("samples", "kind", "told"),
    [
        (np.zeros((2, 0)), "empty", "0 samples"),
        (np.where(np.arange(5000) == 7, np.nan, GOOD), "not finite", "0.02%"),
        (np.zeros((2, 5000)), "silent", "-inf dBFS"),
        (GOOD * 0.001, "silent", "-80 dBFS"),
        (np.clip(GOOD * 20, -1, 1), "clipped", "at full scale"),
        (GOOD + np.array([[0.0], [0.1]]), "offset", "10."),
    ],
)
def test_each_fault_is_told(samples: np.ndarray, kind: str, told: str) -> None:
    (finding,) = listen_for_faults(Waveform(samples, 48000))
    assert finding.kind == kind
    assert told in finding.reason


def test_sound_music_passes() -> None:
    assert listen_for_faults(Waveform(GOOD, 48000)) == ()


def test_several_faults_are_told_together() -> None:
    samples = np.clip(GOOD * 20 + 0.5, -1, 1)
    assert [finding.kind for finding in listen_for_faults(Waveform(samples, 48000))] == ["clipped", "offset"]


def test_level_is_root_mean_square() -> None:
    assert level_dbfs(Waveform(np.full((1, 10), 0.1), 8)) == pytest.approx(-20, abs=1e-4)
    assert level_dbfs(Waveform(np.zeros((1, 0)), 8)) == -np.inf
