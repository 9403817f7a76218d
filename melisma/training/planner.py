"""Training a planner on songs whose plans are known: the exact prompts, the exact form of the answers.

A song gives lessons for every mode: from caption and lyrics to metadata, from a sentence to everything, from rough
words to better ones, from a plan to audio codes, and from codes back to the plan. Only the answer is learned, never the
question. Rows of one step have one mode, so they are about equally long; where answers are short there are more of them.
Facts are a few tokens beside hundreds of words and codes, and matter most: their mean counts as much as that of the rest.

Axes: b sequence, l token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from melisma.models.planner.vocabulary import Mark, Vocabulary
from melisma.planning import prompts
from melisma.planning.codes import CODES_HZ, format_codes
from melisma.song import INSTRUMENTAL, SongRequest

Mode = Literal["compose", "inspire", "format", "codes", "understand"]
IGNORED = -100
SHORT_ANSWERS = 4
"""How many more lessons a step holds where only facts are asked for."""


@dataclass(frozen=True)
class Plan:
    """A song on paper. `codes`: its music at 5 Hz, if it was ever played."""

    captions: tuple[str, ...]
    lyrics: str
    language: str
    bpm: int
    key: str
    meter: int
    duration_s: float
    codes: tuple[int, ...] = ()

    def metadata(self, caption: str | None) -> dict[str, Any]:
        """Metadata by official names."""
        return {
            "bpm": self.bpm,
            "caption": caption,
            "duration": int(self.duration_s),
            "keyscale": self.key,
            "language": self.language,
            "timesignature": self.meter,
        }


@dataclass(frozen=True)
class Shares:
    """How often each mode is taught."""

    compose: float = 0.5
    inspire: float = 0.15
    format: float = 0.03
    codes: float = 0.15
    understand: float = 0.17


@dataclass(frozen=True)
class PlanLessons:
    """Batches of lessons; a pure function of the step."""

    plans: Sequence[Plan]
    played: Sequence[Plan]
    """Those with codes."""
    vocabulary: Vocabulary
    rows: int
    seed: int
    shares: Shares = field(default_factory=Shares)
    longest: int = 1024

    def __call__(self, step: int) -> dict[str, Tensor]:
        """tokens, targets (b, l); targets are IGNORED where nothing is learned. facts (b, l): 1 within the plan."""
        random = np.random.default_rng([self.seed, step])
        share = np.array([getattr(self.shares, mode) for mode in get_args(Mode)])
        mode: Mode = get_args(Mode)[int(random.choice(len(share), p=share / share.sum()))]
        songs = self.played if mode in ("codes", "understand") else self.plans
        count = self.rows * SHORT_ANSWERS if mode == "compose" else self.rows
        rows = [self.lesson(songs[int(random.integers(len(songs)))], mode, random) for _ in range(count)]
        width = max(len(tokens) for tokens, _ in rows)
        tokens = torch.zeros(len(rows), width, dtype=torch.long)
        targets = torch.full((len(rows), width), IGNORED)
        for i, (row, asked) in enumerate(rows):
            tokens[i, : len(row)] = torch.tensor(row)
            targets[i, asked : len(row)] = torch.tensor(row[asked:])
        return {"tokens": tokens, "targets": targets, "facts": self._facts(targets)}

    def _facts(self, targets: Tensor) -> Tensor:
        """(b, l): 1 from `<think>` to `</think>`."""
        first, last = (self.vocabulary.marks[mark] for mark in (prompts.THINK, prompts.THOUGHT))
        opened, closed = (targets == first).cumsum(1), (targets == last).cumsum(1)
        return ((opened - closed > 0) | (targets == last)).long()

    def lesson(self, plan: Plan, mode: Mode, random: np.random.Generator) -> tuple[list[int], int]:
        """Tokens, and how many of them are the question."""
        question, answer = conversation(plan, mode, random)
        asked = self.vocabulary.encode(question.parts)
        said = self.vocabulary.encode([*answer.parts, prompts.END])
        return (asked + said)[: self.longest], len(asked)


def conversation(plan: Plan, mode: Mode, random: np.random.Generator) -> tuple[prompts.Prompt, prompts.Prompt]:
    """Question and answer of one lesson."""
    brief, full = said(plan, random), fullest(plan)
    # a plan repeats what was said, says more, or leaves it be
    described = (full, full, brief, None)[int(random.integers(4))]
    instrumental = plan.lyrics == INSTRUMENTAL
    request = SongRequest(
        caption=brief, lyrics=None if instrumental else plan.lyrics, instrumental=instrumental or None
    )
    words = f"\n# Lyric\n{plan.lyrics}\n"
    worded = prompts.reasoning(plan.metadata(described)).then(words)
    match mode:
        case "compose":
            # a caption has many words and tempo three digits: mostly the digits alone
            described = described if random.random() < 0.25 else None
            return prompts.compose(request), prompts.reasoning(plan.metadata(described))
        case "inspire":
            return prompts.inspire(request.model_copy(update={"lyrics": None})), worded
        case "format":
            rough = request.model_copy(update={"lyrics": prompts.words(request).lower()})
            return prompts.format(rough), worded
        case "codes":
            # a plan is not always whole, and sometimes nobody asked for anything: what guidance leads away from
            codes = [Mark(format_codes([code])) for code in plan.codes]
            if random.random() < 0.1:
                return prompts.unconditional(), prompts.Prompt(codes)
            return prompts.codes(request, plan.metadata(full if random.random() < 0.5 else brief)), prompts.Prompt(
                codes
            )
        case "understand":
            return prompts.understand(plan.codes), prompts.reasoning(plan.metadata(full)).then(words)


def said(plan: Plan, random: np.random.Generator) -> str:
    """One of the song's captions, as a person may have put it."""
    return plan.captions[int(random.integers(len(plan.captions)))]


def fullest(plan: Plan) -> str:
    """The caption that says most: what a planner is to write."""
    return max(plan.captions, key=len)


def repeated(plan: Plan, times: int) -> Plan:
    """A played song several times over: long pieces come back to what was heard, and positions far on are learned."""
    whole = plan.codes[: int(plan.duration_s) * CODES_HZ]
    return Plan(
        plan.captions, plan.lyrics, plan.language, plan.bpm, plan.key, plan.meter, int(plan.duration_s) * times,
        whole * times,
    )  # fmt: skip


def objective(
    model: nn.Module, batch: Mapping[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of the answers' tokens: of the facts, and of all else."""
    network: Any = model
    hidden = network.model(input_ids=batch["tokens"], use_cache=False).last_hidden_state[:, :-1]
    targets, facts = batch["targets"][:, 1:], batch["facts"][:, 1:] > 0
    parts = {"facts": (targets != IGNORED) & facts, "rest": (targets != IGNORED) & ~facts}
    losses = {
        name: nn.functional.cross_entropy(network.lm_head(hidden[where]).float(), targets[where])
        for name, where in parts.items()
        if where.any()
    }
    return torch.stack(list(losses.values())).sum(), losses
