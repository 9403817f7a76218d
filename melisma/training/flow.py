"""The flow-matching objective of ACE-Step 1.5, as pure functions over a velocity.

Noise and music are joined by a straight line, x = t·noise + (1 − t)·music, and the network learns its direction,
noise − music. Times come from the larger of two logit-normal draws, so training dwells on noisy times. In a share of
the takes the whole condition is replaced by the null embedding, which is what guidance needs at sampling.

The official recipe means over everything, padding included. `mask` is our addition: with it, padded frames count for
nothing. Axes: b take, t latent frame, c channel.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x (b, t, c), times (b)) → velocity (b, t, c)."""

DROPOUT = 0.15
"""Share of takes trained without their condition, as in the official recipe."""


def draw_times(takes: int, generator: torch.Generator, mean: float = -0.4, deviation: float = 1.0) -> Tensor:
    """Flow times (b) in 0..1: the larger of two logit-normal draws."""
    normal = torch.randn((2, takes), generator=generator, device=generator.device)
    return torch.sigmoid(mean + deviation * normal).amax(0)


def draw_dropped(takes: int, generator: torch.Generator, share: float = DROPOUT) -> Tensor:
    """Which takes (b) lose their condition."""
    return torch.rand(takes, generator=generator, device=generator.device) < share


def without(condition: Tensor, null: Tensor, dropped: Tensor) -> Tensor:
    """Condition (b, l, e) with the dropped takes replaced by the null embedding (1, 1, e)."""
    return torch.where(dropped[:, None, None], null.to(condition).expand_as(condition), condition)


def flow_loss(velocity: Velocity, music: Tensor, noise: Tensor, times: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean squared error of the velocity of (b, t, c) `music` on its way from `noise` at `times` (b).

    `mask` (b, t): 1 where the music is real; None counts every frame, as the official recipe does.
    """
    t = times[:, None, None]
    error = (velocity(t * noise + (1 - t) * music, times) - (noise - music)).square().mean(-1)
    if mask is None:
        return error.mean()
    weight = mask.to(error)
    return (error * weight).sum() / weight.sum().clamp_min(1)
