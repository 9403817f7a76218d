"""Schedules: the tables of the official code, and what is refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import BadRequest
from melisma.sampling import hand_over_time, resolve, schedule
from melisma.sampling.schedules import custom, from_near, snapped
from melisma.song import SamplingOptions, Wavelets

# Eight turbo steps at shifts 1, 2, 3
TABLES = {
    1: [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0],
    2: [1, 0.9333, 0.8571, 0.7692, 0.6667, 0.5455, 0.4, 0.2222, 0],
    3: [1, 0.9545, 0.9, 0.8333, 0.75, 0.6429, 0.5, 0.3, 0],
}
FILLED = SamplingOptions(steps=8, shift=3.0, solver="euler", guidance=1.0)


@pytest.mark.parametrize("shift", TABLES)
def test_turbo_tables(shift: int) -> None:
    assert schedule(8, shift) == pytest.approx(TABLES[shift], abs=5e-5)


@given(st.integers(1, 200), st.floats(0.05, 20))
def test_schedules_descend_from_one_to_zero(steps: int, shift: float) -> None:
    times = schedule(steps, shift)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (1.0, 0.0)
    assert all(a > b for a, b in pairwise(times))


def test_custom_times_gain_a_final_zero() -> None:
    assert custom([1.0, 0.5]) == custom([1.0, 0.5, 0.0]) == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("times", [[0.5, 0.7], [1.0, 1.0, 0.0], [0.0], [1.2, 0.5]])
def test_custom_times_that_do_not_descend_are_refused(times: list[float]) -> None:
    with pytest.raises(BadRequest, match="descend"):
        custom(times)


def test_turbo_times_snap_to_what_was_distilled() -> None:
    assert snapped([1.0, 0.8, 0.55, 0.31, 0.0]) == pytest.approx([1.0, 0.76923, 0.54545, 0.3, 0.0], abs=1e-4)


def test_a_near_start_takes_the_nearest_time() -> None:
    assert from_near(schedule(8, 3), 0.55) == pytest.approx([0.5, 0.3, 0.0])
    assert from_near(schedule(8, 3), 0.0) == schedule(8, 3)
    assert len(from_near(schedule(8, 3), 1.0)) == 2


@pytest.mark.parametrize(("share", "heard"), [(0.0, 0), (0.5, 4), (0.99, 7), (1.0, 8)])
def test_sources_are_heard_for_their_share_of_steps(share: float, heard: int) -> None:
    times = schedule(8, 3)
    at = hand_over_time(times, share)
    assert sum(t > at for t in times[:-1]) == heard


def test_plans_need_filled_options() -> None:
    with pytest.raises(BadRequest, match="blanks"):
        resolve(SamplingOptions(steps=4))
    plan = resolve(FILLED.model_copy(update={"timesteps": (0.9, 0.4)}))
    assert plan.times == (0.9, 0.4, 0.0)


def test_empty_guidance_intervals_are_refused() -> None:
    with pytest.raises(BadRequest, match=r"0\.8 … 0\.2 is empty.*0\.2 0\.8"):
        resolve(FILLED.model_copy(update={"guidance_interval": (0.8, 0.2)}))


def test_unknown_wavelets_are_refused_before_the_first_step() -> None:
    with pytest.raises(BadRequest, match="'hair'.*haar"):
        resolve(FILLED.model_copy(update={"dcw": Wavelets(wavelet="hair")}))
