"""The waveform: shapes, slices and equality."""

import numpy as np
import pytest

from melisma.audio import Waveform
from melisma.errors import BadRequest


def test_a_waveform_tells_its_measures() -> None:
    sound = Waveform(np.array([[0.5, -0.75, 0.0, 0.25]]), 8)
    assert (sound.channels, sound.count, sound.duration_s, sound.peak) == (1, 4, 0.5, 0.75)
    assert sound.samples.dtype == np.float32
    assert repr(sound) == "Waveform(1 channels, 0.500 s at 8 Hz)"


def test_equality_is_that_of_samples_and_rate() -> None:
    sound = Waveform(np.ones((2, 3)), 8)
    assert sound == Waveform(np.ones((2, 3)), 8)
    assert sound != Waveform(np.ones((2, 3)), 9)
    assert sound != Waveform(np.zeros((2, 3)), 8)
    assert sound != "sound"


@pytest.mark.parametrize(("shape", "rate"), [((3,), 8), ((0, 3), 8), ((1, 2, 3), 8), ((2, 3), 0)])
def test_other_shapes_are_no_waveforms(shape: tuple[int, ...], rate: int) -> None:
    with pytest.raises(BadRequest, match=r"\(channels, samples\)"):
        Waveform(np.zeros(shape), rate)


def test_slices_keep_to_what_is_there() -> None:
    sound = Waveform(np.arange(10.0)[None], 10)
    assert sound.between(0.2, 0.5).samples.tolist() == [[2, 3, 4]]
    assert sound.between(-1, 0.2).samples.tolist() == [[0, 1]]
    assert sound.between(0.8).samples.tolist() == [[8, 9]]
    assert sound.between(0.8, 0.2).count == 0
    assert sound.between(5, 9).count == 0


@pytest.mark.parametrize(("source", "target"), [(44100, 48000), (48000, 44100), (96000, 48000), (8000, 48000)])
def test_resampling_keeps_a_sine_in_place_and_level(source: int, target: int) -> None:
    def sine(rate: int) -> np.ndarray:
        return 0.5 * np.sin(2 * np.pi * 997 * np.arange(rate) / rate)

    result = Waveform(sine(source)[None], source).resampled(target)
    assert result.count == target
    middle = slice(target // 4, -target // 4)
    np.testing.assert_allclose(result.samples[0, middle], sine(target)[middle], atol=1e-5)


def test_silence_and_gain() -> None:
    silence = Waveform.silence(0.5, 1000)
    assert (silence.channels, silence.count, silence.peak) == (2, 500, 0)
    assert Waveform(np.ones((1, 3)), 8).louder(-20).peak == pytest.approx(0.1)


def test_mono_and_stereo_are_each_other() -> None:
    mono = Waveform(np.array([[1.0, -0.5]]), 8)
    assert mono.stereo().samples.tolist() == [[1, -0.5], [1, -0.5]]
    assert mono.stereo().mono() == mono
    assert mono.mono() is mono
    assert Waveform(np.array([[1.0], [0.0]]), 8).mono().samples.tolist() == [[0.5]]
