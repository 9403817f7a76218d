"""Loudness, limiting and mastering, on signals with known levels."""

import subprocess
import sys

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from melisma.audio import Waveform, level_dbfs, limited, loudness, master, true_peak, weighting
from melisma.errors import UnsoundResult
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
    assert loudness(sine(1.0, channels=1)) == pytest.approx(-3.01, abs=0.01)
    assert loudness(sine(1.0)) == pytest.approx(0.0, abs=0.01)
    assert loudness(sine(0.1)) == pytest.approx(-20.0, abs=0.01)
    assert loudness(sine(0.1).resampled(44100)) == pytest.approx(-20.0, abs=0.02)


@pytest.mark.parametrize(
    ("levels_db", "expected"),
    [([(-23, 20)], -23), ([(-33, 20)], -33), ([(-36, 10), (-23, 60), (-36, 10)], -23), ([(-72, 10), (-23, 60)], -23)],
)
def test_the_gates_are_those_of_ebu_tech_3341(levels_db: list[tuple[float, float]], expected: float) -> None:
    # its minimum requirements 1 to 4, at a low rate to be quick: a 1 kHz sine in both channels, within 0.1 LU
    parts = [10 ** (db / 20) * np.sin(2 * np.pi * 1000 * np.arange(seconds * 8000) / 8000) for db, seconds in levels_db]
    sound = Waveform(np.stack([np.concatenate(parts)] * 2), 8000)
    assert loudness(sound) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_loudness_agrees_with_pyloudnorm(rate: int) -> None:
    draw = np.random.default_rng(rate)
    sound = Waveform(draw.normal(0, 0.1, (2, 4 * rate)) * np.repeat(draw.uniform(0, 1, 8), rate // 2), rate)
    reference = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(sound.samples.T.astype(np.float64))
    assert loudness(sound) == pytest.approx(reference, abs=0.01)


def test_the_weighting_is_the_standards_at_its_own_rate() -> None:
    # ITU-R BS.1770-4, tables 1 and 2
    assert weighting.head(48000) == pytest.approx(
        (1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585), abs=1e-8
    )
    assert weighting.ear(48000) == pytest.approx((1, -2, 1, 1, -1.99004745483398, 0.99007225036621), abs=1e-8)


@pytest.mark.parametrize("channels", [1, 2])
def test_weighted_pieces_are_one_sound(channels: int) -> None:
    sound = Waveform(np.random.default_rng(1).normal(0, 0.1, (channels, 2 * weighting.CHUNK + 77)), RATE)
    expected = sound.samples.astype(np.float64)
    for b0, b1, b2, a0, a1, a2 in (weighting.head(RATE), weighting.ear(RATE)):
        expected = lfilter((b0, b1, b2), (a0, a1, a2), expected)
    np.testing.assert_allclose(np.concatenate(list(weighting.weighted(sound)), -1), expected, atol=1e-10)


def test_what_cannot_be_measured_has_no_loudness() -> None:
    assert loudness(sine(0.5, seconds=0.3)) is None
    assert loudness(Waveform.silence(1, RATE)) is None
    assert loudness(sine(1e-5)) is None


def test_peaks_between_samples_are_found() -> None:
    # a quarter of the sampling rate, sampled at 45°: samples reach 0.707, the wave 1.0
    wave = np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4).astype(np.float32)
    sound = Waveform(np.stack([wave, wave]), RATE)
    assert np.abs(wave).max() == pytest.approx(0.707, abs=1e-3)
    assert true_peak(sound.between(0.1, 0.9)) == pytest.approx(0.0, abs=0.15)
    assert true_peak(Waveform(np.concatenate([wave] * 12)[None], RATE)) == pytest.approx(true_peak(sound), abs=1e-3)
    assert true_peak(Waveform(np.zeros((2, 10), np.float32), RATE)) == -np.inf


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1000), st.floats(0.05, 3.0), st.floats(-6, 0), st.sampled_from([8000, 44100, 48000]), st.booleans()
)
def test_the_ceiling_always_holds(seed: int, level: float, ceiling: float, rate: int, sparse: bool) -> None:
    draw = np.random.default_rng(seed)
    samples = level * draw.standard_normal((2, rate // 2))
    if sparse:  # lonely spikes on a quiet ground
        samples *= np.where(draw.random(rate // 2) < 0.001, 5, 0.01)
    sound = limited(Waveform(samples, rate), ceiling)
    assert true_peak(sound) <= ceiling + 0.01
    assert np.all(np.abs(sound.samples) <= np.abs(samples) * (1 + 1e-6))


def test_quiet_sound_passes_the_limiter_untouched() -> None:
    quiet = sine(0.1)
    assert limited(quiet) is quiet
    assert limited(Waveform(np.zeros((2, 0)), RATE)).count == 0


def gain_of(result: Waveform, samples: np.ndarray) -> np.ndarray:
    """(c, s) what the limiter multiplied by, NaN where that cannot be told."""
    return result.samples / np.where(np.abs(samples) > 0.05, samples, np.nan)


def test_the_limiter_bends_gain_without_clicks_or_pumping() -> None:
    samples = sine(0.3, hz=220).samples.copy()
    samples[0, RATE : RATE + 400] *= 5
    left, right = gain_of(limited(Waveform(samples, RATE)), samples)
    assert np.nanmax(np.abs(np.diff(left))) < 0.02
    assert np.nanmin(left) < 0.65
    early, late = slice(0, RATE - 240), slice(RATE + RATE // 2, None)  # 5 ms before, half a second after
    for untouched in (left[early], left[late]):
        assert np.nanmin(untouched) > 0.99
    both = ~np.isnan(left + right)
    np.testing.assert_allclose(right[both], left[both], atol=1e-4)  # nothing moves sideways


def test_limiting_a_steady_tone_leaves_a_tone() -> None:
    # gain that followed each wave of a bass would add overtones
    limited_bass = limited(sine(1.4, hz=55)).samples[0, RATE : 2 * RATE]
    spectrum = np.abs(np.fft.rfft(limited_bass * np.hanning(RATE)))
    assert spectrum[70:].max() < 0.001 * spectrum[55]


@pytest.mark.parametrize("level", [0.001, 0.05, 1.5])
@pytest.mark.parametrize("lufs", [-14, -16, -23])
def test_mastering_reaches_the_target(level: float, lufs: float) -> None:
    mastered = master(noise(4, level=level / 4), FinishOptions(lufs=lufs))
    assert loudness(mastered) == pytest.approx(lufs, abs=0.2)
    assert true_peak(mastered) <= -0.99


def test_lonely_peaks_do_not_hold_a_song_back() -> None:
    samples = noise(4, level=0.02).samples.copy()
    samples[:, RATE :: RATE // 2] = 0.9
    mastered = master(Waveform(samples, RATE), FinishOptions())
    assert loudness(mastered) == pytest.approx(-14, abs=0.2)
    assert true_peak(mastered) <= -0.99


def test_a_song_is_not_squashed_for_loudness() -> None:
    mastered = master(noise(4), FinishOptions(lufs=-5))
    lufs = loudness(mastered)
    assert lufs is not None
    assert -12 < lufs < -6
    assert true_peak(mastered) <= -0.99
    assert level_dbfs(mastered) - level_dbfs(noise(4)) < 15


def test_what_cannot_be_measured_is_only_kept_below_the_ceiling() -> None:
    short = sine(0.1, seconds=0.2)
    assert master(short, FinishOptions()) == short
    assert true_peak(master(sine(2.0, seconds=0.2), FinishOptions())) <= -0.99
    silence = Waveform.silence(1, RATE)
    assert master(silence, FinishOptions()) == silence
    assert master(Waveform(np.zeros((2, 0)), RATE), FinishOptions()).count == 0


def test_options_of_the_finish_are_followed() -> None:
    mastered = master(noise(4), FinishOptions(lufs=-10, true_peak_dbtp=-3, fade_in_s=0.5, fade_out_s=1))
    assert true_peak(mastered) == pytest.approx(-3, abs=0.01)
    assert (mastered.samples[:, 0] == 0).all()
    assert (mastered.samples[:, -1] == 0).all()


def test_without_mastering_the_samples_are_the_same() -> None:
    sound = noise(1, level=1)
    assert master(sound, FinishOptions(master=False)) is sound
    with pytest.raises(UnsoundResult):
        master(Waveform(np.full((2, 9), np.nan, np.float32), RATE), FinishOptions(master=False))


def test_a_voice_is_laid_over_the_band_at_its_level() -> None:
    from melisma.audio import overlaid

    band, voice = noise(3, 1, 0.02), noise(2, 2, 0.3)
    sung = Waveform(overlaid(band, voice, 6.0).samples - band.samples, RATE)
    assert loudness(sung.between(0, 2)) == pytest.approx(loudness(band) + 6, abs=0.1)
    assert not sung.between(2, 3).samples.any()
    assert overlaid(band, Waveform(np.zeros((2, RATE), np.float32), RATE), 0.0) is band


def test_a_song_is_mastered_without_a_library_that_takes_a_second_to_import() -> None:
    told = """
import sys
import numpy as np
from melisma import audio
from melisma.song import FinishOptions
loud = audio.Waveform(np.random.default_rng(0).normal(0, 0.5, (2, 48000)), 48000)
mastered = audio.master(loud, FinishOptions())
print(round(audio.loudness(mastered)), sorted({"scipy.signal", "scipy.ndimage", "pyloudnorm"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "-14 []"
