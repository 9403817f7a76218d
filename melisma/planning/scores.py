"""The planner's own view of a take: does what it hears in the codes fit what was asked?

The planner is asked to describe the take's audio codes, and we look how likely it finds the description we hold: the
caption and lyrics against the same question about no music at all (pointwise mutual information), and each fact of the
metadata by its rank. Numbers and weights are the official ones.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from melisma.listen import Listener, quiet
from melisma.planning import prompts
from melisma.planning.planner import Planner

FACTS = ("bpm", "duration", "genres", "keyscale", "language", "timesignature")
WEIGHTS = {"caption": 0.5, "lyrics": 0.3, "metadata": 0.2}
RANKS = 10
SCALE = 0.1


def view(
    codes: Sequence[int], metadata: Mapping[str, Any], lyrics: str, planner: Planner, listen: Listener = quiet
) -> dict[str, float]:
    """How well each part of a description fits audio codes, 0–1 each; `reward` sums them up.

    metadata: under its official names, as `drafting.metadata_of` gives it. Empty parts are left out.
    """
    heard, nothing = prompts.understand(codes), prompts.nobody()
    scores: dict[str, float] = {}
    facts = [name for name in FACTS if metadata.get(name) is not None]
    listen.stage("score by the planner", len(facts) + 2)
    with planner.at_work():
        for name in facts:
            scores[name] = recall(*_read(planner, heard, _fact(name, metadata[name])))
            listen.step()
        wordy = {"caption": _fact("caption", metadata.get("caption")), "lyrics": _sung(lyrics)}
        for name, target in wordy.items():
            if metadata.get("caption") if name == "caption" else lyrics.strip():
                with_music = mean_log_probability(*_read(planner, heard, target))
                without = mean_log_probability(*_read(planner, nothing, target))
                scores[name] = information_score(with_music, without)
            listen.step()
    return scores


def reward(scores: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    """One number, 0–1: a weighted mean of caption, lyrics and the plain mean of all facts; 0 if there is nothing."""
    parts = {name: scores[name] for name in ("caption", "lyrics") if name in scores}
    facts = [score for name, score in scores.items() if name not in parts]
    if facts:
        parts["metadata"] = sum(facts) / len(facts)
    total = sum(weights[name] for name in parts)
    return sum(weights[name] * score for name, score in parts.items()) / total if total else 0.0


def information_score(with_music: float, without: float, scale: float = SCALE) -> float:
    """How much more likely words are with the music than without, squeezed to 0–1; 0.5 is no difference."""
    return 1 / (1 + math.exp(-(with_music - without) / scale))


def recall(logits: Tensor, targets: Tensor, ranks: int = RANKS) -> float:
    """Mean over positions of 1, 0.9, … for a target that is first, second, …; 0 outside the first `ranks`.

    logits: (n, v); targets: (n,).
    """
    best = logits.topk(min(ranks, logits.shape[-1]), dim=-1).indices
    hits = best == targets[:, None]
    worth = 1 - torch.arange(best.shape[-1]) / ranks
    return float((hits * worth).sum(dim=-1).mean())


def mean_log_probability(logits: Tensor, targets: Tensor) -> float:
    """Mean log-probability of targets (n,) under logits (n, v)."""
    return float(logits.log_softmax(dim=-1).gather(-1, targets[:, None]).mean())


def _read(planner: Planner, prompt: prompts.Prompt, target: prompts.Prompt) -> tuple[Tensor, Tensor]:
    """Logits before each target token, and the targets. The prompt is cut alone, the whole text jointly, as officially."""
    vocabulary = planner.language.vocabulary
    before = vocabulary.encode(prompt.parts)
    after = vocabulary.encode(prompt.then(*target.parts).parts)[len(before) :]
    return planner.language.surprise(before, after), torch.tensor(after)


def _fact(name: str, value: Any) -> prompts.Prompt:
    """A thinking block that says one thing."""
    if name == "genres":
        return prompts.Prompt((prompts.THINK, f"\ngenres: {value}\n", prompts.THOUGHT, "\n"))
    if name == "timesignature":  # here, and only here, the original writes the metre as text
        return prompts.Prompt((prompts.THINK, f"\ntimesignature: '{value}'\n", prompts.THOUGHT, "\n"))
    return prompts.reasoning({name: value}).then("\n")


def _sung(lyrics: str) -> prompts.Prompt:
    """An empty thinking block and lyrics."""
    return prompts.Prompt((prompts.THINK, "\n", prompts.THOUGHT, f"\n# Lyric\n{lyrics}\n"))
