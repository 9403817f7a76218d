"""What the engine knows of a checkpoint family: how to prepare a canvas, and what comes back.

A generator turns a `Canvas` into velocity functions; prompts, masks, null conditions and devices stay inside. The
engine never asks which family it holds.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from melisma.errors import MissingModel
from melisma.sampling import Plan, Velocity
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
class Conditioning:
    """What a prepared canvas sounds like to the sampler.

    `song` is the flow asked for. `deaf` no longer hears the source: a cover switches to it after its share of steps.
    `origin` describes the source in words: an edit starts from it.
    """

    song: Flow
    deaf: Flow | None = None
    origin: Flow | None = None


class Generator(Protocol):
    """A checkpoint family at work. `channels` are those of its latents; `can` names the tasks it was trained for.

    One that follows a score hears its guide track when it composes. `notice` is what people should know of it.
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

    def plan(self, options: SamplingOptions) -> Plan:
        """A plan from options without blanks. Raises BadRequest for what this family does not know."""

    def suited(self, canvas: Canvas) -> Canvas:
        """The canvas as this family can follow it. Raises BadRequest for what it cannot."""

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
