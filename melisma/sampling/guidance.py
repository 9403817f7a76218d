"""Guidance: lean away from what the network would play without words.

Three rules make one velocity of two: classifier-free guidance, adaptive projected guidance (APG, arXiv 2410.02416: only
the part orthogonal to the conditional velocity, with momentum and a norm limit) and angle domain guidance (ADG, turns
the clean estimate instead of stretching it). Projections run in float64, as the official code does.

Axes: b take, t latent frame, c channel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]

APG_MOMENTUM = -0.75
APG_NORM_LIMIT = 2.5
ADG_ANGLE_LIMIT = 3.14 / 6
ADG_ANGLE_LIMIT_RESCALED = 3.14 / 3


def cfg(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """u + scale · (c − u)"""
    return unconditional + scale * (conditional - unconditional)


@dataclass
class Momentum:
    """Running difference of APG over the guided steps of one take."""

    value: Tensor | float = 0.0

    def ahead(self, difference: Tensor) -> Tensor:
        """What the difference becomes, without remembering it."""
        return difference + APG_MOMENTUM * self.value

    def advance(self, difference: Tensor) -> Tensor:
        """The same, remembered for the next step."""
        self.value = self.ahead(difference)
        return self.value


def apg(
    conditional: Tensor,
    difference: Tensor,
    scale: float,
    parallel: float = 0.0,
    norm_limit: float | None = APG_NORM_LIMIT,
) -> Tensor:
    """c + (scale − 1) · the part of `difference` orthogonal to c over time, and `parallel` of the rest."""
    if norm_limit is not None:
        norm = difference.norm(dim=1, keepdim=True)
        difference = difference * (norm_limit / norm).clamp(max=1.0)
    d, c = difference.double(), conditional.double()
    c = torch.nn.functional.normalize(c, dim=1)
    along = (d * c).sum(dim=1, keepdim=True) * c
    push = (d - along) + parallel * along
    return conditional + (scale - 1) * push.to(conditional)


def adg(
    x: Tensor,
    conditional: Tensor,
    unconditional: Tensor,
    t: float,
    scale: float,
    clip: bool = True,
    rescale: bool = False,
) -> Tensor:
    """Turn the clean estimate of each frame away from the unconditional one by a multiple of their angle."""
    weight = max(scale - 1, 0.0) + 1e-3
    toward, away = (x - t * conditional).double(), (x - t * unconditional).double()
    cosine = torch.nn.functional.cosine_similarity(toward, away, dim=-1).clamp(-1 + 1e-6, 1 - 1e-6)[..., None]
    angle = torch.arccos(cosine)
    wide = weight * angle
    if clip:
        limit = ADG_ANGLE_LIMIT_RESCALED if rescale else ADG_ANGLE_LIMIT
        wide = wide.clamp(-limit, limit)
    difference = toward - away
    perpendicular = (
        difference - (difference * away).sum(-1, keepdim=True) / (away.square().sum(-1, keepdim=True) + 1e-8) * away
    )
    sine = torch.sin(angle)
    ratio = torch.where(sine > 1e-3, torch.sin(wide) / sine, torch.full_like(sine, weight))
    turned = torch.cos(wide) * toward + perpendicular * ratio
    if rescale:
        turned = turned * toward.norm(dim=1, keepdim=True) / turned.norm(dim=1, keepdim=True)
    return ((x.double() - turned) / t).to(conditional)


@dataclass(frozen=True)
class Guidance:
    """How strongly, by which rule, and between which flow times guidance acts. Scale 1 is off."""

    scale: float = 1.0
    method: str = "apg"
    interval: tuple[float, float] = (0.0, 1.0)

    def acts(self, t: float) -> bool:
        """Whether the unconditional velocity is needed at time t."""
        return self.scale > 1 and self.interval[0] <= t <= self.interval[1]


def guided(conditional: Velocity, unconditional: Velocity, guidance: Guidance) -> Velocity:
    """One velocity of two, with a momentum of its own. Where guidance does not act, only the conditional is asked."""
    momentum = Momentum()

    def velocity(x: Tensor, t: float) -> Tensor:
        c = conditional(x, t)
        if not guidance.acts(t):
            return c
        u = unconditional(x, t)
        match guidance.method:
            case "apg":
                return apg(c, momentum.advance(c - u), guidance.scale)
            case "adg" if t > 0:
                return adg(x, c, u, t, guidance.scale)
            case _:  # at time 0 there is no angle between the estimates
                return cfg(c, u, guidance.scale)

    return velocity


def correcting(conditional: Velocity, unconditional: Velocity, guidance: Guidance) -> Velocity:
    """The velocity Heun corrects with: the momentum of APG belongs to whole steps, so plain guidance stands in for it."""
    method = "adg" if guidance.method == "adg" else "cfg"
    plain = Guidance(guidance.scale, method, guidance.interval)
    return guided(conditional, unconditional, plain)


def handed_over(first: Velocity, second: Velocity, at: float) -> Velocity:
    """The first velocity above time `at`, the second from there on."""
    return lambda x, t: (first if t > at else second)(x, t)


def clamped(v: Tensor, x: Tensor, limit: float) -> Tensor:
    """Limit ‖v‖ to `limit` · ‖x‖ per take; 0 is no limit."""
    if limit <= 0:
        return v
    size_x, size_v = (y.norm(dim=(1, 2), keepdim=True) + 1e-10 for y in (x, v))
    return v * (limit * size_x / size_v).clamp(max=1.0)
