"""The planner's view of a take: recorded arithmetic, recorded questions, and the toy."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from recorded import golden

from melisma.planning import Planner
from melisma.planning.scores import information_score, mean_log_probability, recall, reward, view

CASES = golden("scoring")


@pytest.mark.parametrize("case", CASES["pmi"], ids=str)
def test_information(case: dict) -> None:
    assert information_score(case["cond"], case["uncond"], case["scale"]) == pytest.approx(case["score"], abs=1e-5)


@pytest.mark.parametrize("case", CASES["reward"], ids=str)
def test_reward(case: dict) -> None:
    weights = {"weights": case["weights"]} if "weights" in case else {}
    assert reward(case["scores"], **weights) == pytest.approx(case["expected"], abs=1e-6)


@pytest.mark.parametrize("case", CASES["recall"], ids=lambda case: str(case["target_ids"]))
def test_recall(case: dict) -> None:
    logits, targets = torch.tensor(case["logits"]), torch.tensor(case["target_ids"])
    assert recall(logits, targets, case["topk"]) == pytest.approx(case["mean_recall"], abs=1e-5)
    assert mean_log_probability(logits, targets) == pytest.approx(case["mean_log_prob"], abs=1e-5)


def test_questions_as_recorded(toy: Planner) -> None:
    """The same pairs of texts, in the same order, are put to the network."""
    language, pairs = toy.language, []

    class Overheard:
        vocabulary, context = language.vocabulary, language.context

        def surprise(self, prompt: Sequence[int], target: Sequence[int]) -> torch.Tensor:
            pairs.append({"prompt": self.vocabulary.decode(prompt), "target": self.vocabulary.decode(target)})
            return language.surprise(prompt, target)

    asked = CASES["scored_example"]["request"]
    scores = view([1, 2], asked["meta"], asked["lyrics"], replace(toy, language=Overheard()))
    assert pairs == CASES["scored_pairs"]
    assert list(scores) == list(CASES["scored_example"]["scores"])
    assert all(0 <= score <= 1 for score in scores.values())
    assert 0 < reward(scores) < 1
