"""Choosing tokens: recorded filters, and draws that follow the probabilities."""

import json
from pathlib import Path

import pytest
import torch

from melisma.sampling.tokens import Taste, choose, guide, keep_top_k, keep_top_p

CASES = json.loads((Path(__file__).parents[1] / "data" / "planner" / "sampling.json").read_text())["cases"]


def tensor(values: list[float | str]) -> torch.Tensor:
    return torch.tensor([[float(value) for value in values]])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"k={case['top_k']},p={case['top_p']}")
def test_filters_and_guidance_as_recorded(case: dict) -> None:
    logits = tensor(case["logits"])
    k = case["top_k"] or None
    assert torch.allclose(keep_top_k(logits, k), tensor(case["after_top_k"]), atol=1e-5)
    assert torch.allclose(keep_top_p(logits, case["top_p"]), tensor(case["after_top_p"]), atol=1e-5)
    both = keep_top_p(keep_top_k(logits, k), case["top_p"])
    assert torch.allclose(both, tensor(case["after_both"]), atol=1e-5)
    assert torch.allclose(
        guide(logits, tensor(case["uncond"]), case["cfg_scale"]), tensor(case["after_cfg"]), atol=1e-5
    )
    assert choose(logits, torch.zeros(1), Taste(0.0)).item() == case["greedy"]


def test_draws_follow_the_probabilities() -> None:
    probabilities = torch.tensor([0.5, 0.2, 0.2, 0.1])
    logits = (probabilities.log() * 0.5).expand(10_000, -1)
    draws = (torch.arange(10_000) + 0.5) / 10_000
    picked = choose(logits, draws, Taste(temperature=0.5)).bincount(minlength=4) / 10_000
    assert torch.allclose(picked, probabilities, atol=1e-3)


def test_nothing_outside_the_limits_is_drawn() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0, -1.0]])
    for draw in (0.0, 0.5, 1.0 - 2**-54):
        assert choose(logits, torch.tensor([draw], dtype=torch.float64), Taste(1.0, top_k=2)).item() in (0, 2)
        assert choose(logits, torch.tensor([draw], dtype=torch.float64), Taste(1.0, top_p=0.3)).item() == 0


def test_a_glance_finds_the_same_limit_as_sorting() -> None:
    generator = torch.Generator().manual_seed(0)
    for spread in (0.1, 8.0):  # flat: the glance does not suffice; steep: it does
        logits = torch.randn(2, 5000, generator=generator) * spread
        sharp = logits.softmax(-1)
        order = sharp.sort(descending=True)
        kept = (order.values.cumsum(-1) - order.values <= 0.9).sum(-1)
        assert keep_top_p(logits, 0.9).isfinite().sum(-1).tolist() == kept.tolist()
