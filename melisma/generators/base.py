"""What the engine knows of a checkpoint family: how to prepare a canvas, and what comes back.

A generator turns a `Canvas` into velocity functions; prompts, masks, null conditions and devices stay inside. The
engine never asks which family it holds.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from melisma.errors import BadRequest, MissingModel
from melisma.sampling import Draw, Plan, Velocity
from melisma.sampling.editing import Compared
from melisma.song import SamplingOptions, TaskName
from melisma.tasks.canvas import Canvas

# Brings a module to the compute device for the length of a `with` block (see `models.store`).
Hosting = Callable[[nn.Module], AbstractContextManager[object]]


def at_home(_: nn.Module) -> AbstractContextManager[object]:
    """The hosting of a machine on which everything stays where it is."""
    return nullcontext()


# Which side of an edit a flow is.
Side = Literal["origin", "target"]


@dataclass(frozen=True)
class Flow:
    """The velocity towards one description, and towards none (for guidance; only called when guidance acts)."""

    conditional: Velocity
    unconditional: Velocity


@dataclass(frozen=True)
class Looks:
    """Where a network looked among the lyrics while it played finished music.

    attention: (h, i, t) float32, heads that look at the word being sung × tokens of the lyric prompt × steps of the
    network's own time. tokens: (i,) their ids; words begin behind `header` and stop before `end`. spell: ids → text.
    """

    attention: np.ndarray
    tokens: tuple[int, ...]
    header: tuple[int, ...]
    end: int
    spell: Callable[[Sequence[int]], str]


@dataclass(frozen=True)
class Conditioning:
    """What a prepared canvas sounds like to the sampler.

    `song` is the flow asked for. `deaf` no longer hears the source: a cover switches to it after its share of steps.
    `origin` describes the source in words: an edit starts from it. `look` tells from finished latents (1, t, c), nearly
    free of noise at the flow time given, where the words are; None where there are none, or nobody knows the heads.
    """

    song: Flow
    deaf: Flow | None = None
    origin: Flow | None = None
    look: Callable[[Tensor, float], Looks] | None = None


class Generator(Protocol):
    """A checkpoint family at work. `channels` are those of its latents; `can` names the tasks it was trained for.

    One that follows a score hears its guide track when it composes. `codebook` is how many semantic codes it knows, 0 for
    none. `notice` is what people should know of it.
    """

    name: str
    fingerprint: str
    preferred: SamplingOptions
    can: frozenset[TaskName]
    follows_score: bool
    notice: str | None
    device: torch.device

    @property
    def channels(self) -> int:
        """Latent channels."""

    @property
    def codebook(self) -> int:
        """How many semantic codes it knows; 0 is none."""

    def plan(self, options: SamplingOptions) -> Plan:
        """A plan from options without blanks. Raises BadRequest for what this family does not know."""

    def suited(self, canvas: Canvas, plan: Plan) -> Canvas:
        """The canvas as this family can follow it. Raises BadRequest for what it cannot."""

    def draws(self, seed: int, frames: int, plan: Plan) -> Draw:
        """The noise of a take: (1, t, c) in float32 on the CPU, other at every call."""

    def start(self, canvas: Canvas, plan: Plan, noise: Tensor) -> tuple[Plan, Tensor]:
        """The plan of a run and its first latents (b, t, c): the noise, or a point between it and the source."""

    def guide(self, flow: Flow, plan: Plan) -> Velocity:
        """One velocity of a flow's two, for one run."""

    def compare(self, flow: Flow, plan: Plan, side: Side) -> Compared:
        """The same for one side of an edit."""

    def prepare(self, canvas: Canvas) -> Conditioning:
        """Read the words, hear the source, and stand ready to give velocities; once for all takes."""

    def widen(self) -> bool:
        """Go on in float32 after half precision failed; False if there is nothing wider."""


def refuse_unless_able(generator: Generator, task: TaskName) -> None:
    """Raise MissingModel where the checkpoint was not trained for the task."""
    if task not in generator.can:
        raise MissingModel(
            f"{generator.name} cannot {task}: it was trained for {', '.join(sorted(generator.can))}. "
            f"Choose a checkpoint that can, for example --model base (`melisma models list` shows what each one can do)"
        )


def refuse_unknown_codes(generator: Generator, codes: Sequence[int] | None) -> None:
    """Raise BadRequest where a song has audio codes that the checkpoint does not know."""
    if not codes or max(codes) < generator.codebook:
        return
    known = f"knows codes 0–{generator.codebook - 1}" if generator.codebook else "knows no audio codes"
    raise BadRequest(
        f"the blueprint has audio code {max(codes)}, but {generator.name} {known}: the codes were written for another "
        "checkpoint. Leave them out of the blueprint, or sing it with that one (--model)"
    )
