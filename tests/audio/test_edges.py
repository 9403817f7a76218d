"""Fades, crossfades and splices: what is kept is kept to the bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from melisma.audio import Waveform, crossfade, fade, patch, splice
from melisma.errors import BadRequest

RATE = 48000


def noise(seconds: float, seed: int = 0, rate: int = RATE) -> Waveform:
    return Waveform(0.1 * np.random.default_rng(seed).standard_normal((2, round(seconds * rate))), rate)


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


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.5, 2.5), st.floats(0, 1.5), st.floats(0, 0.3), st.integers(900, 1100), st.integers(900, 1100))
def test_everything_outside_span_and_ramps_is_the_original(
    start_s: float, length_s: float, crossfade_s: float, old: int, new: int
) -> None:
    rate = 1000
    original, fresh = noise(old / rate, 1, rate), noise(new / rate, 2, rate)
    spliced = splice(original, fresh, start_s, start_s + length_s, crossfade_s)
    assert spliced.count == max(old, new)
    start, end = (min(max(round(s * rate), 0), min(old, new)) for s in (start_s, start_s + length_s))
    ramp = round(crossfade_s * rate)
    shared = min(old, new)
    for kept in (slice(0, max(0, start - ramp)), slice(min(shared, end + ramp), old)):
        assert np.array_equal(spliced.samples[:, kept], original.samples[:, kept])
    assert np.array_equal(spliced.samples[:, start:end], fresh.samples[:, start:end])
    low, high = (f(original.samples[:, :shared], fresh.samples[:, :shared]) for f in (np.minimum, np.maximum))
    assert (spliced.samples[:, :shared] >= low - 1e-6).all()
    assert (spliced.samples[:, :shared] <= high + 1e-6).all()


def test_several_spans_are_patched_at_once() -> None:
    original, new = noise(3, 1), noise(3, 2)
    patched = patch(original, new, ((0.5, 1.0), (2.0, 2.5)), 0.0)
    for start_s, end_s, source in (
        (0, 0.5, original),
        (0.5, 1, new),
        (1, 2, original),
        (2, 2.5, new),
        (2.5, 3, original),
    ):
        assert patched.between(start_s, end_s) == source.between(start_s, end_s)


def test_sounds_that_differ_in_kind_are_not_joined() -> None:
    with pytest.raises(BadRequest, match="2 channels at 48000 Hz with 1 at 48000 Hz"):
        splice(noise(1), noise(1).mono(), 0, 1, 0)


def test_two_versions_of_the_same_music_meet_level() -> None:
    sound = noise(1)
    joined = crossfade(sound.between(0, 0.6), sound.between(0.4), 0.2, equal_power=False)
    np.testing.assert_allclose(joined.samples, sound.samples, atol=1e-6)
