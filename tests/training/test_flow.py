"""The flow-matching objective: its draws, its maths, and the official loss on recorded draws."""

import pytest
import torch

from melisma.training.flow import draw_dropped, draw_times, flow_loss, without


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_true_direction_costs_nothing_and_standing_still_costs_its_square():
    music, noise = torch.randn(2, 3, 7, 5, generator=seeded())
    times = torch.tensor([0.1, 0.5, 0.9])
    assert flow_loss(lambda x, t: noise - music, music, noise, times) == 0
    still = flow_loss(lambda x, t: torch.zeros_like(x), music, noise, times)
    assert torch.isclose(still, (noise - music).square().mean())


def test_the_network_sees_the_point_on_the_line_and_its_time():
    music, noise = torch.randn(2, 2, 4, 3, generator=seeded())
    times = torch.tensor([0.0, 1.0])
    seen = {}

    def velocity(x, t):
        seen.update(x=x, t=t)
        return x

    flow_loss(velocity, music, noise, times)
    assert torch.equal(seen["x"][0], music[0])
    assert torch.equal(seen["x"][1], noise[1])
    assert seen["t"] is times


def test_padding_counts_only_without_a_mask():
    music, noise = torch.randn(2, 2, 6, 3, generator=seeded())
    times, mask = torch.full((2,), 0.5), torch.ones(2, 6)
    mask[1, 3:] = 0

    def wrong_on_padding(x, t):
        return noise - music + (1 - mask)[..., None]

    assert flow_loss(wrong_on_padding, music, noise, times, mask) == 0
    assert flow_loss(wrong_on_padding, music, noise, times) == pytest.approx(3 / 12)


def test_times_are_the_larger_of_two_draws():
    times = draw_times(20_000, seeded())
    assert times.min() > 0
    assert times.max() < 1
    # the median of the larger of two is the 1/√2 quantile of one: sigmoid(−0.4 + 0.5450)
    assert float(times.median()) == pytest.approx(0.5362, abs=0.01)


def test_dropout_replaces_whole_conditions():
    dropped = draw_dropped(10_000, seeded())
    assert float(dropped.float().mean()) == pytest.approx(0.15, abs=0.02)
    condition, null = torch.randn(3, 4, 2), torch.full((1, 1, 2), 9.0)
    out = without(condition, null, torch.tensor([False, True, False]))
    assert torch.equal(out[[0, 2]], condition[[0, 2]])
    assert torch.equal(out[1], torch.full((4, 2), 9.0))
