"""Steering, granularity and the double-shifted grid against recorded tensors and flows with a known answer."""

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from melisma.errors import BadRequest
from melisma.sampling import Guidance, Plan, solve
from melisma.sampling.granularity import factor_of, grained
from melisma.sampling.guidance import Momentum, apg, cfg
from melisma.sampling.schedules import picked, twice_shifted
from melisma.sampling.solvers import Euler, Heun, PingPong
from melisma.sampling.steering import Steered, Steering, between, cfg_star

DATA = Path(__file__).parents[1] / "data/v1"
SCHEDULES = load_file(DATA / "schedulers.safetensors")
NAME = re.compile(r"(\w+)\.shift([\d.]+)\.N(\d+)\.smax([\d.]+)\.omega(-?[\d.]+)\.(\w+)")
SOLVERS = {"euler": Euler(), "heun": Heun(), "pingpong": PingPong()}


def sequence(image: Tensor) -> Tensor:
    """(b, 8, 16, t) → (b, t, c)"""
    return image.permute(0, 3, 1, 2).flatten(2)


def close(out: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    torch.testing.assert_close(out, expected, atol=atol, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name.endswith("sigmas") and NAME.match(name)])
def test_grids(name: str) -> None:
    solver, shift, steps, start, _, _ = NAME.match(name).groups()  # type: ignore[union-attr]
    times = twice_shifted(int(steps), float(shift), float(start))
    # The official Heun lists every time but the first twice.
    times = [times[0], *(t for t in times[1:-1] for _ in (0, 1)), 0.0] if solver == "heun" else times
    close(torch.tensor(times), SCHEDULES[name], atol=1e-6)


def test_chosen_steps() -> None:
    places = SCHEDULES["oss.steps"].tolist()
    close(torch.tensor(picked(places, 3.0)), SCHEDULES["oss.sigmas"], atol=1e-6)
    close(1000 * torch.tensor(picked(places, 3.0)[:-1]), SCHEDULES["oss.timesteps"], atol=1e-3)
    before = twice_shifted(max(places), 3.0)
    close(1000 * torch.tensor([before[place - 1] for place in places]), SCHEDULES["oss.first_timesteps"], atol=1e-3)
    with pytest.raises(BadRequest, match="start above 0"):
        twice_shifted(4, 3.0, 0.0)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name.endswith("traj")])
def test_walks(name: str) -> None:
    solver, shift, steps, start, granularity, _ = NAME.match(name).groups()  # type: ignore[union-attr]
    bias, (a, b, c) = sequence(SCHEDULES["in.B"]), SCHEDULES["in.coeffs"].tolist()

    def flow(x: Tensor, t: float) -> Tensor:
        return a * x + b * t * bias + c + bias

    drawn = iter(SCHEDULES["pingpong.noise"])
    plan = Plan(tuple(twice_shifted(int(steps), float(shift), float(start))), SOLVERS[solver], Guidance())
    velocity = flow if solver == "pingpong" else grained(flow, float(granularity), together=True)
    out = solve(velocity, sequence(SCHEDULES["in.x0"]), plan, fresh=lambda: sequence(next(drawn)))
    close(out, sequence(SCHEDULES[name][-1]), atol=2e-5)


@pytest.mark.parametrize("step", range(4))
def test_rules(step: int) -> None:
    t = load_file(DATA / "guidance.safetensors")
    momentum = Momentum()
    for i in range(step):
        momentum.advance(sequence(t[f"in.cond.{i}"] - t[f"in.uncond.{i}"]))
    c, u, p = (sequence(t[f"in.{name}.{step}"]) for name in ("cond", "uncond", "text"))
    expected = {
        name: sequence(t[f"out.{name}.{step}"])
        for name in ("apg_momentum", "apg_nomomentum", "cfg", "double", "cfg_star_noinit")
    }
    close(apg(c, momentum.ahead(c - u), 15, rows=16), expected["apg_momentum"])
    close(apg(c, c - u, 7, rows=16), expected["apg_nomomentum"])
    close(apg(c, c - u, 7, 0.3, None, rows=16), sequence(t[f"out.apg_eta0.3_thr0.{step}"]))
    close(cfg(c, u, 5), expected["cfg"])
    close(cfg_star(c, u, 6), expected["cfg_star_noinit"])
    close(between(c, p, u, 5, 1.5), expected["double"])
    star = Steered(lambda *_: c, lambda *_: u, Steering(6, "cfg_star"), twice_shifted(8, 3.0))
    times = twice_shifted(8, 3.0)
    close(star(c, times[step]), sequence(t[f"out.cfg_star.{step}"]))


def test_guidance_acts_in_the_middle_and_fades() -> None:
    steering = Steering(5.0, "cfg", share=0.5, decay=1.0, floor=3.0)
    times, asked = twice_shifted(8, 3.0), []
    zero, one = torch.zeros(1, 2, 1), torch.ones(1, 2, 1)
    steered = Steered(lambda *_: one, lambda x, t: asked.append(t) or zero, steering, times)
    found = [float(steered(one, t)[0, 0, 0]) for t in times[:-1]]
    assert asked == times[2:6]
    assert found == pytest.approx([1, 1, 5, 5 - 2 / 3, 5 - 4 / 3, 3, 1, 1])
    assert Steering(5.0, share=0.1).window(10) == range(4, 5)
    assert Steering(5.0, "cfg", share=0.1, decay=1.0).scale_at(4, 10) == 5.0
    assert len(Steering(1.0).window(10)) == 0


def test_a_step_is_corrected_with_the_momentum_it_began_with() -> None:
    generator = torch.Generator().manual_seed(0)
    c, u, later = (torch.randn(1, 5, 4, generator=generator) for _ in range(3))
    times = twice_shifted(4, 3.0)
    steered = Steered(lambda x, t: c if t > times[1] else later, lambda *_: u, Steering(7.0), times)
    assert torch.equal(steered(c, times[0]), apg(c, c - u, 7.0))
    assert torch.equal(steered.correction(c, times[1]), apg(later, later - u, 7.0))
    after = steered(c, times[1])
    assert torch.equal(after, apg(later, later - u - 0.75 * (c - u), 7.0))


def test_two_scales_ask_for_a_third_velocity() -> None:
    values = [torch.full((1, 2, 1), float(v)) for v in (4, 2, 1)]
    c, p, u = (lambda *_, v=v: v for v in values)
    steered = Steered(c, u, Steering(15.0, text=5.0, lyrics=1.5), (1.0, 0.5, 0.0), described=p)
    assert float(steered(values[0], 1.0)[0, 0, 0]) == pytest.approx(-4 * 1 + 3.5 * 2 + 1.5 * 4)


@given(st.floats(-1000, 1000))
def test_granularity_is_squeezed(granularity: float) -> None:
    assert 0.9 <= factor_of(granularity) <= 1.1 + 1e-12
    assert factor_of(0) == 1.0


def test_takes_keep_their_own_mean() -> None:
    v = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0)) + torch.tensor([1.0, -3.0]).view(2, 1, 1)
    both, alone = grained(lambda *_: v, 20)(v, 0.5), grained(lambda *_: v[1:], 20)(v, 0.5)
    torch.testing.assert_close(both[1:], alone, atol=1e-6, rtol=0)
    official = grained(lambda *_: v, 20, together=True)(v, 0.5)
    assert float((official[1:] - alone).abs().max()) > 1e-3
    torch.testing.assert_close(official.mean(), v.mean(), atol=1e-6, rtol=0)
