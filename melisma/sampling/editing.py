"""FlowEdit (arXiv 2412.08629): carry music from one description to another without inverting it.

Inside a window of the walk the same noise is laid over the source and over the edit so far; the difference of the two
velocities moves the edit. After the window the rest is walked towards the target alone.

Axes: b take, t latent frame, c channel.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from melisma.listen import Listener, quiet
from melisma.sampling.noise import Draw, noised
from melisma.sampling.solvers import Euler, Solver
from melisma.sampling.walk import Plan, refuse_unless_finite


class Compared(Protocol):
    """A velocity of one side. Both sides are asked before either remembers the answers (see `Guided`)."""

    def __call__(self, x: Tensor, t: float, /) -> Tensor:
        """Velocity (b, t, c) at x."""

    def ask(self, x: Tensor, t: float, /) -> tuple[Tensor, Tensor | None]:
        """Velocity at x, and what is yet to be remembered of the answer."""

    def settle(self, differences: Sequence[Tensor | None], /) -> None:
        """Remember the answers of one step."""


@runtime_checkable
class EditSolver(Solver, Protocol):
    """A solver that also says how an edit moves while both flows are compared."""

    def drifted(self, edit: Tensor, drift: Tensor, now: float, then: float, fresh: Draw) -> Tensor:
        """The edit (b, t, c) after a step along the difference of both velocities."""


class Straight(Euler):
    """How edits move unless a plan's solver has a way of its own."""

    def drifted(self, edit: Tensor, drift: Tensor, now: float, then: float, fresh: Draw) -> Tensor:
        """Euler's step."""
        return edit + (then - now) * drift


def flow_edit(
    origin: Compared,
    target: Compared,
    music: Tensor,
    plan: Plan,
    *,
    fresh: Draw,
    window: tuple[float, float] = (0.0, 1.0),
    draws: int = 1,
    listen: Listener = quiet,
) -> Tensor:
    """Edit music (b, t, c) from the origin's description to the target's.

    `window` is a share of the steps; steps before it are skipped, so a later start keeps more. An edit walks with Euler
    and without corrections, and says so where the plan asks for them. Raises UnsoundResult at the first step whose
    latents are not finite.
    """
    if unheeded := _unheeded(plan):
        listen.note(f"An edit walks with the euler solver alone: {', '.join(unheeded)} left out.")
    solver = plan.solver if isinstance(plan.solver, EditSolver) else Straight()
    step = solver.start(lambda x, t, _: target(x, t), fresh)
    first, last = (int(plan.steps * share) for share in window)
    edit, walking = music, False
    for i, (now, then) in enumerate(pairwise(plan.times)):
        if i < first:
            pass
        elif i < last:
            edit = solver.drifted(edit, _drift(origin, target, music, edit, now, fresh, draws), now, then, fresh)
        else:
            if not walking:
                edit, walking = edit + noised(music, fresh().to(music), now) - music, True
            edit, _ = step(edit, target(edit, now), now, then)
        refuse_unless_finite(edit, f"step {i + 1} of {plan.steps} (time {now:.3f})")
        listen.step()
    return edit * plan.latent_rescale + plan.latent_shift


def _unheeded(plan: Plan) -> list[str]:
    """What the plan asks for and an edit does not do, in words."""
    asked = {
        f"solver {type(plan.solver).__name__.lower()}": not isinstance(plan.solver, Euler | EditSolver),
        "wavelet correction": plan.dcw is not None,
        "velocity clamp": plan.velocity_clamp > 0,
        "velocity momentum": plan.velocity_momentum > 0,
    }
    return [name for name, wanted in asked.items() if wanted]


def _drift(
    origin: Compared, target: Compared, music: Tensor, edit: Tensor, t: float, fresh: Draw, draws: int
) -> Tensor:
    """Mean difference of both velocities at time t over noise draws. Each draw starts from the same momentum, which
    advances once, by the draws' mean."""
    asked = []
    for _ in range(draws):
        noisy = noised(music, fresh().to(music), t)
        asked.append((origin.ask(noisy, t), target.ask(edit + noisy - music, t)))
    origin.settle([difference for (_, difference), _ in asked])
    target.settle([difference for _, (_, difference) in asked])
    return torch.stack([towards - away for (away, _), (towards, _) in asked]).mean(0)
