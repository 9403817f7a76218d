"""FlowEdit (arXiv 2412.08629): carry music from one description to another without inverting it.

Inside a window of the walk the same noise is laid over the source and over the edit so far; the difference of the two
velocities moves the edit. After the window the rest is walked towards the target alone.

Axes: b take, t latent frame, c channel.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from melisma.listen import Listener, quiet
from melisma.sampling.guidance import Guidance, Momentum, Velocity, apg, cfg
from melisma.sampling.noise import Draw, noised
from melisma.sampling.walk import Plan, refuse_unless_finite


@dataclass
class Side:
    """One description's velocities, with the momentum of its guidance.

    Each noise draw of a step starts from the same momentum, which advances once, by the draws' mean difference.
    """

    conditional: Velocity
    unconditional: Velocity
    guidance: Guidance
    momentum: Momentum

    @classmethod
    def of(cls, conditional: Velocity, unconditional: Velocity, guidance: Guidance) -> "Side":
        """A side at the start of a walk."""
        return cls(conditional, unconditional, guidance, Momentum())

    def ask(self, x: Tensor, t: float) -> tuple[Tensor, Tensor | None]:
        """Guided velocity, and the difference it was guided by."""
        c = self.conditional(x, t)
        if not self.guidance.acts(t):
            return c, None
        u = self.unconditional(x, t)
        if self.guidance.method == "cfg":
            return cfg(c, u, self.guidance.scale), None
        return apg(c, self.momentum.ahead(c - u), self.guidance.scale), c - u

    def settle(self, differences: list[Tensor | None]) -> None:
        """Advance the momentum by the mean of a step's differences."""
        seen = [difference for difference in differences if difference is not None]
        if seen:
            self.momentum.advance(torch.stack(seen).mean(0))


def flow_edit(
    origin: Side,
    target: Side,
    music: Tensor,
    plan: Plan,
    *,
    fresh: Draw,
    window: tuple[float, float] = (0.0, 1.0),
    draws: int = 1,
    listen: Listener = quiet,
) -> Tensor:
    """Edit music (b, t, c) from the origin's description to the target's.

    `window` is a share of the steps; steps before it are skipped, so a later start keeps more. Solvers other than Euler
    and wavelet correction do not apply. Raises UnsoundResult at the first step whose latents are not finite.
    """
    first, last = (int(plan.steps * share) for share in window)
    edit, walking = music, False
    for i, (now, then) in enumerate(pairwise(plan.times)):
        if i < first:
            pass
        elif i < last:
            edit = edit + (then - now) * _drift(origin, target, music, edit, now, fresh, draws)
        else:
            if not walking:
                edit, walking = edit + noised(music, fresh().to(music), now) - music, True
            v, difference = target.ask(edit, now)
            target.settle([difference])
            edit = edit + (then - now) * v
        refuse_unless_finite(edit, f"step {i + 1} of {plan.steps} (time {now:.3f})")
        listen.step()
    return edit * plan.latent_rescale + plan.latent_shift


def _drift(origin: Side, target: Side, music: Tensor, edit: Tensor, t: float, fresh: Draw, draws: int) -> Tensor:
    """Mean difference of both velocities at time t over noise draws."""
    asked = []
    for _ in range(draws):
        noisy = noised(music, fresh().to(music), t)
        asked.append((origin.ask(noisy, t), target.ask(edit + noisy - music, t)))
    origin.settle([difference for (_, difference), _ in asked])
    target.settle([difference for _, (_, difference) in asked])
    return torch.stack([towards - away for (away, _), (towards, _) in asked]).mean(0)
