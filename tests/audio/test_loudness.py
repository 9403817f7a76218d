"""Loudness, limiting and edges, on signals with known levels."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from melisma.audio import Waveform, crossfade, fade, limited, loudness, master, splice, true_peak
from melisma.errors import BadRequest, UnsoundResult
from melisma.song import FinishOptions

RATE = 48000


def sine(level: float, hz: float = 997.0, seconds: float = 3.0, channels: int = 2) -> Waveform:
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return Waveform(np.stack([wave] * channels).astype(np.float32), RATE)


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> Waveform:
    return Waveform(
        (level * np.random.default_rng(seed).standard_normal((2, round(seconds * RATE)))).astype(np.float32), RATE
    )


def test_a_full_scale_sine_has_its_known_loudness() -> None:
    # BS.1770: a 997 Hz sine at 0 dBFS in one channel is -3.01 LUFS, in two channels 0 LUFS
    assert loudness(sine(1.0, channels=1)) == pytest.approx(-3.01, abs=0.05)
    assert loudness(sine(1.0)) == pytest.approx(0.0, abs=0.05)
    assert loudness(sine(0.1)) == pytest.approx(-20.0, abs=0.05)


def test_what_cannot_be_measured_has_no_loudness() -> None:
    assert loudness(sine(0.5, seconds=0.3)) is None
    assert loudness(Waveform(np.zeros((2, RATE), np.float32), RATE)) is None


def test_peaks_between_samples_are_found() -> None:
    # a quarter of the sampling rate, sampled at 45°: samples reach 0.707, the wave 1.0
    wave = np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4).astype(np.float32)
    sound = Waveform(np.stack([wave, wave]), RATE)
    assert np.abs(wave).max() == pytest.approx(0.707, abs=1e-3)
    assert true_peak(sound) == pytest.approx(0.0, abs=0.15)
    assert true_peak(Waveform(np.zeros((2, 10), np.float32), RATE)) == -np.inf


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 3.0), st.floats(-6, 0))
def test_the_ceiling_always_holds(seed: int, level: float, ceiling: float) -> None:
    sound = limited(noise(0.5, seed, level), ceiling)
    assert true_peak(sound) <= ceiling + 0.01


def test_quiet_sound_passes_the_limiter_untouched() -> None:
    quiet = sine(0.1)
    assert limited(quiet) is quiet


def test_the_limiter_bends_gain_without_clicks() -> None:
    samples = sine(0.3, hz=220).samples.copy()
    samples[:, RATE : RATE + 400] *= 5
    result = limited(Waveform(samples, RATE))
    gain = result.samples[0] / np.where(np.abs(samples[0]) > 0.05, samples[0], np.nan)
    assert np.nanmax(np.abs(np.diff(gain))) < 0.02
    assert np.allclose(gain[: RATE // 2][~np.isnan(gain[: RATE // 2])], 1.0)


@pytest.mark.parametrize("level", [0.001, 0.05, 1.5])
def test_mastering_reaches_the_target(level: float) -> None:
    mastered = master(noise(4, level=level / 4), FinishOptions(lufs=-16))
    assert loudness(mastered) == pytest.approx(-16, abs=0.5)
    assert true_peak(mastered) <= -0.99


def test_without_mastering_the_samples_are_the_same() -> None:
    sound = noise(1)
    assert np.array_equal(master(sound, FinishOptions(master=False)).samples, sound.samples)
    with pytest.raises(UnsoundResult):
        master(Waveform(np.full((2, 9), np.nan, np.float32), RATE), FinishOptions())


def test_fades_start_and_end_in_silence() -> None:
    faded = fade(Waveform(np.ones((2, RATE), np.float32), RATE), 0.25, 0.5).samples[0]
    assert (faded[0], faded[-1]) == (0, 0)
    assert faded[RATE // 8] == pytest.approx(0.5, abs=1e-3)
    assert (faded[RATE // 4 : RATE // 2] == 1).all()


def test_crossfades_keep_power() -> None:
    joined = crossfade(noise(2, 1), noise(2, 2), 0.5)
    assert joined.duration_s == pytest.approx(3.5)
    meeting, before = joined.between(1.5, 2.0).samples.std(), joined.between(0, 1.5).samples.std()
    assert meeting == pytest.approx(before, rel=0.03)
    with pytest.raises(BadRequest, match="one rate"):
        crossfade(noise(1), Waveform(np.zeros((2, 10), np.float32), 8000), 0.1)


GOLD = load_file(Path(__file__).parents[1] / "data/v15/handler.safetensors")


@pytest.mark.parametrize("crossfade_s", [0.0, 0.01, 0.025])
@pytest.mark.parametrize(("item", "start_s", "end_s"), [(0, 0.02, 0.06), (1, 0.0, 0.05)])
def test_splices_are_the_recorded_ones(item: int, start_s: float, end_s: float, crossfade_s: float) -> None:
    original, new = (Waveform(GOLD[name][item], 8000) for name in ("splice_src", "splice_pred"))
    spliced = splice(original, new, start_s, end_s, crossfade_s)
    np.testing.assert_allclose(spliced.samples, GOLD[f"splice_out_{crossfade_s}"][item], atol=1e-6)


def test_splices_keep_the_very_samples_outside() -> None:
    original, new = noise(2, 1), noise(2, 2)
    spliced = splice(original, new, 0.5, 1.0, 0.01).samples
    outside = np.r_[0 : round(0.49 * RATE), round(1.01 * RATE) : 2 * RATE]
    assert np.array_equal(spliced[:, outside], original.samples[:, outside])
    assert np.array_equal(spliced[:, RATE // 2 : RATE], new.samples[:, RATE // 2 : RATE])
