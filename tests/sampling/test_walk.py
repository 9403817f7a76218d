"""The loop and its solvers on flows with a known answer."""

import doctest
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import melisma.sampling
from melisma.errors import Cancelled, UnsoundResult
from melisma.listen import Listener
from melisma.sampling import (
    Guidance,
    Kept,
    Plan,
    advanced,
    draws,
    flow_edit,
    guided,
    handed_over,
    near,
    schedule,
    seeded_noise,
    solve,
)
from melisma.sampling.keeping import blend_weights
from melisma.sampling.solvers import DPM2M, SOLVERS, Euler, Heun, PingPong, Solver

NOISE = seeded_noise((1, 2), 6, 3)
MUSIC = seeded_noise((3, 4), 6, 3)


def plan(steps: int = 8, solver: Solver | None = None, **fields: object) -> Plan:
    return Plan(tuple(schedule(steps)), solver or Euler(), Guidance(), **fields)  # type: ignore[arg-type]


def straight(x: Tensor, t: float) -> Tensor:
    """The flow whose every path ends in MUSIC."""
    return (x - MUSIC[: len(x)]) / t if t > 0 else NOISE - MUSIC


def gaussian(x: Tensor, t: float, width: float = 0.3) -> Tensor:
    """Velocity of data N(0, width²): noise carries x to x · width at time 0."""
    variance = t**2 + ((1 - t) * width) ** 2
    return x * (t - (1 - t) * width**2) / variance


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_straight_flows_are_walked_exactly(solver: Solver) -> None:
    out = solve(straight, NOISE, plan(5, solver), fresh=draws((1, 2), 6, 3))
    torch.testing.assert_close(out, MUSIC, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("solver", "order"), [(Euler(), 1), (Heun(), 2), (DPM2M(), 1.7)], ids=["euler", "heun", "dpm2m"]
)
def test_error_shrinks_with_the_order_of_the_solver(solver: Solver, order: float) -> None:
    x = NOISE.double()
    # dpm2m steps in log-SNR, which is infinite at both ends: it approaches order 2 only slowly (1.8 at 1280 steps)
    walks = {steps: solve(gaussian, x, plan(steps, solver), fresh=draws((1,), 6, 3)) for steps in (80, 160)}
    errors = {steps: float((out - 0.3 * x).abs().max()) for steps, out in walks.items()}
    assert math.log2(errors[80] / errors[160]) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(("solver", "order"), [(Euler(), 1), (Heun(), 2), (DPM2M(), 2)], ids=["euler", "heun", "dpm2m"])
def test_order_between_the_ends(solver: Solver, order: int) -> None:
    x, (start, end) = NOISE.double(), (0.9, 0.1)
    spread = lambda t: math.hypot(t, (1 - t) * 0.3)  # noqa: E731
    errors = []
    for steps in (80, 160):
        times = tuple(start + (end - start) * i / steps for i in range(steps + 1))
        out = solve(gaussian, x, replace(plan(solver=solver), times=times), fresh=draws((1,), 6, 3))
        errors.append(float((out - x * spread(end) / spread(start)).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_pingpong_forgets_the_first_noise() -> None:
    noise = seeded_noise(range(64), 40, 8)
    walks = [solve(gaussian, noise, plan(10, PingPong()), fresh=draws(range(k, k + 64), 40, 8)) for k in (100, 200)]
    assert abs(float((walks[0] * noise).mean())) < 0.01
    assert abs(float((walks[0] * walks[1]).mean())) < 0.01
    assert float(walks[0].std()) > 0.1


def test_heun_asks_twice_but_not_at_the_end() -> None:
    asked: list[float] = []

    def listening(x: Tensor, t: float) -> Tensor:
        asked.append(t)
        return straight(x, t)

    solve(listening, NOISE, plan(3, Heun()), fresh=draws((1, 2), 6, 3))
    assert len(asked) == 5
    assert min(asked) > 0


@pytest.mark.parametrize(("method", "corrected_by"), [("apg", "cfg"), ("cfg", "cfg"), ("adg", "adg")])
def test_heun_corrects_without_momentum(method: str, corrected_by: str) -> None:
    guided_by = {name: guided(straight, gaussian, Guidance(3.0, name)) for name in (method, corrected_by)}  # type: ignore[arg-type]
    walked = guided_by[method]
    walked(NOISE, 0.9)
    remembered = walked.momentum.value
    corrected = walked.correction(NOISE, 0.5)
    assert walked.momentum.value is remembered
    torch.testing.assert_close(corrected, guided(straight, gaussian, Guidance(3.0, corrected_by))(NOISE, 0.5))  # type: ignore[arg-type]


def test_a_step_that_ends_at_the_hand_over_is_corrected_by_the_flow_it_began_with() -> None:
    ones, threes = (lambda x, t, value=value: torch.full_like(x, value) for value in (1.0, 3.0))
    switched = handed_over(ones, threes, 0.5)
    for velocity in (switched, guided(switched, switched, Guidance(2.0, "cfg"))):
        out = solve(velocity, NOISE, plan(4, Heun(corrects_at_zero=True)), fresh=draws((1, 2), 6, 3))
        torch.testing.assert_close(out, NOISE - 0.5 * 1 - 0.5 * 3)


def test_guidance_only_asks_where_it_acts() -> None:
    asked: list[float] = []

    def without_words(x: Tensor, t: float) -> Tensor:
        asked.append(t)
        return straight(x, t)

    guidance = Guidance(5.0, "apg", (0.3, 0.8))
    solve(guided(straight, without_words, guidance), NOISE, plan(10), fresh=draws((1,), 6, 3))
    assert asked == pytest.approx([0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    asked.clear()
    solve(guided(straight, without_words, Guidance(1.0)), NOISE, plan(10), fresh=draws((1,), 6, 3))
    assert asked == []


def test_velocity_limits_and_momentum_change_the_walk() -> None:
    free = solve(gaussian, NOISE, plan(), fresh=draws((1,), 6, 3))
    limited = solve(gaussian, NOISE, plan(velocity_clamp=0.3), fresh=draws((1,), 6, 3))
    heavy = solve(gaussian, NOISE, plan(velocity_momentum=0.3), fresh=draws((1,), 6, 3))
    assert limited.norm() > free.norm()  # it got less far from the noise
    assert not torch.allclose(heavy, free)


def test_latents_are_rescaled_then_shifted() -> None:
    out = solve(straight, NOISE, plan(latent_rescale=2.0, latent_shift=0.5), fresh=draws((1,), 6, 3))
    torch.testing.assert_close(out, 2 * MUSIC + 0.5, atol=1e-5, rtol=0)


def test_a_near_start_keeps_the_source() -> None:
    shorter, x = advanced(plan(), NOISE, MUSIC, 0.75)
    assert shorter.times == pytest.approx((0.25, 0.125, 0.0))
    torch.testing.assert_close(x, 0.25 * NOISE + 0.75 * MUSIC)
    same, start = advanced(plan(), NOISE, MUSIC, 0.0)
    assert (same, start is NOISE) == (plan(), True)


def test_what_is_kept_is_the_source_beyond_the_crossfade() -> None:
    made = torch.tensor([False, False, True, True, False, False])
    kept = Kept(made, MUSIC, inject=1.0, crossfade_frames=1)
    out = solve(lambda x, t: torch.ones_like(x), NOISE, plan(4), fresh=draws((1,), 6, 3), kept=kept)
    assert torch.equal(out[:, [0, 5]], MUSIC[:, [0, 5]])
    assert not torch.isclose(out[:, 2:4], MUSIC[:, 2:4]).any()


def test_a_take_that_keeps_nothing_or_everything_has_no_edge() -> None:
    free = solve(gaussian, NOISE, plan(4), fresh=draws((1, 2), 6, 3))
    made = torch.tensor([[True] * 6, [False] * 6])
    held = solve(gaussian, NOISE, plan(4), fresh=draws((1, 2), 6, 3), kept=Kept(made, MUSIC, 1.0, 2))
    assert torch.equal(held, free)


def test_blend_weights_ramp_outside_every_region() -> None:
    made = torch.tensor([[0, 0, 0, 1, 1, 0, 0, 0, 0, 1], [0] * 10, [1] * 10], dtype=torch.bool)
    weights = blend_weights(made, 2)
    third = 1 / 3
    assert weights[0].tolist() == pytest.approx([0, third, 2 * third, 1, 1, 2 * third, third, third, 2 * third, 1])
    assert weights[1:].eq(1).all()


def test_retake_noise_keeps_its_variance() -> None:
    a, b = seeded_noise((1,), 4000, 4), seeded_noise((2,), 4000, 4)
    assert torch.equal(near(a, b, 0.0), a)
    torch.testing.assert_close(near(a, b, 1.0), b, atol=1e-6, rtol=0)
    assert float(near(a, b, 0.4).std()) == pytest.approx(1.0, abs=0.02)


def test_an_edit_towards_the_same_words_changes_nothing() -> None:
    side = [guided(straight, straight, Guidance()) for _ in range(2)]
    out = flow_edit(*side, MUSIC, plan(), fresh=draws((1, 2), 6, 3), draws=2)
    torch.testing.assert_close(out, MUSIC, atol=1e-5, rtol=0)


def test_an_edit_moves_by_the_difference_of_the_flows() -> None:
    here = guided(lambda x, t: torch.zeros_like(x), straight, Guidance())
    there = guided(lambda x, t: torch.ones_like(x), straight, Guidance())
    out = flow_edit(here, there, MUSIC, plan(), fresh=draws((1, 2), 6, 3), window=(0.5, 1.0))
    torch.testing.assert_close(out, MUSIC - 0.5)


def test_an_edit_says_what_it_leaves_out() -> None:
    heard: list[str] = []

    class Noting(Listener):
        def note(self, message: str) -> None:
            heard.append(message)

    sides = [guided(straight, straight, Guidance()) for _ in range(2)]
    for asked in (plan(), plan(solver=Heun(), velocity_clamp=0.5)):
        flow_edit(*sides, MUSIC, asked, fresh=draws((1, 2), 6, 3), listen=Noting())
    assert heard == ["An edit walks with the euler solver alone: solver heun, velocity clamp left out."]


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_numbers_that_are_lost_are_named_by_their_step(poison: float) -> None:
    def poisoned(x: Tensor, t: float) -> Tensor:
        return x * (poison if t < 0.6 else 1.0)

    with pytest.raises(UnsoundResult, match="step 5 of 8"):
        solve(poisoned, NOISE, plan(8), fresh=draws((1,), 6, 3))


def test_the_listener_hears_every_step_and_can_stop() -> None:
    class Counting(Listener):
        heard = 0

        def step(self) -> None:
            self.heard += 1
            if self.heard == 3:
                raise Cancelled("enough")

    listener = Counting()
    with pytest.raises(Cancelled):
        solve(straight, NOISE, plan(8), fresh=draws((1,), 6, 3), listen=listener)
    assert listener.heard == 3


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_takes_do_not_hear_each_other(solver: Solver) -> None:
    walk: Callable[..., Tensor] = lambda seeds: solve(  # noqa: E731
        gaussian, seeded_noise(seeds, 6, 3), replace(plan(), solver=solver), fresh=draws(seeds, 6, 3)
    )
    assert torch.equal(walk((1, 2, 3))[1:2], walk((2,)))


def test_the_example_of_the_package_runs() -> None:
    ran = doctest.testmod(melisma.sampling)
    assert ran.attempted > 0
    assert ran.failed == 0
