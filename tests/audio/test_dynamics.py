"""Stretches of a song brought to their loudness against each other."""

import numpy as np
import pytest

from melisma.audio import Stretch, Waveform, shaped
from melisma.audio.dynamics import MOST_DB, MOVE_S

RATE = 16_000


def song(*levels_db: float, seconds: float = 2.0) -> Waveform:
    """Noise, so many seconds at each level."""
    noise = np.random.default_rng(0).normal(0, 0.05, (2, round(seconds * RATE * len(levels_db))))
    gains = 10 ** (np.repeat(levels_db, round(seconds * RATE)) / 20)
    return Waveform((noise * gains).astype(np.float32), RATE)


def stretches(*levels_db: float, seconds: float = 2.0) -> tuple[Stretch, ...]:
    return tuple(Stretch(i * seconds, (i + 1) * seconds, level) for i, level in enumerate(levels_db))


def levels(waveform: Waveform, seconds: float = 2.0) -> list[float]:
    """In dB, of the inner part of each stretch."""
    width, edge = round(seconds * RATE), round(MOVE_S * RATE)
    parts = (waveform.samples[:, i + edge : i + width - edge] for i in range(0, waveform.count, width))
    return [10 * float(np.log10(np.mean(np.square(part)))) for part in parts]


def test_levels_are_as_far_apart_as_asked() -> None:
    quiet, loud, middle = levels(shaped(song(0, -2, 1), stretches(0, 3, 1)))
    assert loud - quiet == pytest.approx(3, abs=0.4)
    assert middle - quiet == pytest.approx(1, abs=0.4)


def test_the_mean_level_stays() -> None:
    before = song(0, -2, 1)
    assert np.mean(levels(shaped(before, stretches(0, 3, 1)))) == pytest.approx(np.mean(levels(before)), abs=0.3)


def test_what_is_right_already_is_left_alone() -> None:
    before = song(0, 3)
    assert np.allclose(levels(shaped(before, stretches(0, 3))), levels(before), atol=0.3)


def test_the_fader_has_an_end() -> None:
    before, after = song(0, -30), shaped(song(0, -30), stretches(0, 0))
    moved = [b - a for a, b in zip(levels(before), levels(after), strict=True)]
    assert moved == pytest.approx([-MOST_DB, MOST_DB], abs=0.1)


def test_it_moves_without_a_jump() -> None:
    before = Waveform(np.full((2, 4 * RATE), 0.1, np.float32) * np.tile([1, -1], 2 * RATE).astype(np.float32), RATE)
    gain = np.abs(shaped(before, stretches(0, 6)).samples[0] / before.samples[0])
    assert np.abs(np.diff(gain)).max() < 1e-3
    assert gain[-1] > 1 > gain[0]


def test_silence_is_not_made_of_anything() -> None:
    silent = Waveform(np.zeros((2, 4 * RATE), np.float32), RATE)
    assert shaped(silent, stretches(0, 6)) is silent
    half = song(0, -200, 0)
    after = shaped(half, stretches(0, 6, 0))
    assert np.abs(after.samples[:, round(2.5 * RATE) : round(3.5 * RATE)]).max() < 1e-6


def test_stretches_may_end_before_or_after_the_song() -> None:
    before = song(0, -3)
    assert shaped(before, stretches(0, 0, 0, seconds=1.5)).count == before.count
    assert shaped(before, stretches(0, 0, 0, 5)).count == before.count
    assert shaped(before, ()) is before
