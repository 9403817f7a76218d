"""Choosing tokens: recorded filters, and draws that follow the probabilities."""

import json
from pathlib import Path

import pytest
import torch

from melisma.sampling.tokens import GLANCE, Taste, choose, guide, wearied

CASES = json.loads((Path(__file__).parents[1] / "data" / "planner" / "sampling.json").read_text())["cases"]
DRAWS = 20_000


def tensor(values: list[float | str]) -> torch.Tensor:
    return torch.tensor([[float(value) for value in values]])


def drawn(logits: torch.Tensor, taste: Taste) -> torch.Tensor:
    """How often each candidate is chosen by evenly spread draws."""
    draws = (torch.arange(DRAWS) + 0.5) / DRAWS
    return choose(logits.expand(DRAWS, -1), draws, taste).bincount(minlength=logits.shape[-1]) / DRAWS


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"k={case['top_k']},p={case['top_p']}")
def test_limits_and_guidance_as_recorded(case: dict) -> None:
    logits, k, p = tensor(case["logits"]), case["top_k"] or None, case["top_p"]
    for taste, limited in (
        (Taste(1.0, k), case["after_top_k"]),
        (Taste(1.0, None, p), case["after_top_p"]),
        (Taste(1.0, k, p), case["after_both"]),
    ):
        assert torch.allclose(drawn(logits, taste), tensor(limited).softmax(-1)[0], atol=2e-4)
    assert torch.allclose(
        guide(logits, tensor(case["uncond"]), case["cfg_scale"]), tensor(case["after_cfg"]), atol=1e-5
    )
    assert choose(logits, torch.zeros(1), Taste(0.0)).item() == case["greedy"]
    written = torch.zeros_like(logits, dtype=torch.bool)
    written[0, case["penalty_ids"]] = True
    assert torch.allclose(wearied(logits, written, case["penalty"]), tensor(case["after_penalty"]), atol=1e-5)


@pytest.mark.parametrize("taste", [Taste(0.5), Taste(0.5, top_k=4), Taste(0.5, top_p=0.999)], ids=str)
def test_draws_follow_the_probabilities(taste: Taste) -> None:
    probabilities = torch.tensor([0.5, 0.2, 0.2, 0.1])
    assert torch.allclose(drawn(probabilities.log()[None] * 0.5, taste), probabilities, atol=1e-3)


def test_nothing_outside_the_limits_is_drawn() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0, -1.0, -torch.inf]])
    for draw in (0.0, 0.5, 1.0 - 2**-54):
        assert choose(logits, torch.tensor([draw], dtype=torch.float64), Taste(1.0)).item() != 4
        assert choose(logits, torch.tensor([draw], dtype=torch.float64), Taste(1.0, top_k=2)).item() in (0, 2)
        assert choose(logits, torch.tensor([draw], dtype=torch.float64), Taste(1.0, top_p=0.3)).item() == 0


def test_a_glance_and_sorting_choose_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(64, 2 * GLANCE, generator=torch.Generator().manual_seed(0))
    draws = torch.rand(64, generator=torch.Generator().manual_seed(1))
    for spread in (0.1, 8.0):  # flat: the glance does not suffice; steep: it does
        glanced = choose(logits * spread, draws, Taste(1.0, top_p=0.9))
        with monkeypatch.context() as patch:
            patch.setattr("melisma.sampling.tokens.GLANCE", 2 * GLANCE)
            assert choose(logits * spread, draws, Taste(1.0, top_p=0.9)).tolist() == glanced.tolist()
