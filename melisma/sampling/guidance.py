"""Guidance: lean away from what the network would play without words.

Three rules make one velocity of two: classifier-free guidance, adaptive projected guidance (APG, arXiv 2410.02416: only
the part orthogonal to the conditional velocity, with momentum and a norm limit) and angle domain guidance (ADG, turns
the clean estimate instead of stretching it). Projections run in float64 where the device has it, as the official code
does; float32 agrees to about 1e-5.

Axes: b take, t latent frame, c channel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]
Method = Literal["apg", "cfg", "adg"]

APG_MOMENTUM = -0.75
APG_NORM_LIMIT = 2.5
ADG_ANGLE_LIMIT = 3.14 / 6
ADG_ANGLE_LIMIT_RESCALED = 3.14 / 3


def precise(x: Tensor) -> Tensor:
    """x in the widest floats of its device: Apple's GPUs have no float64."""
    return x.float() if x.device.type == "mps" else x.double()


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
    rows: int = 1,
) -> Tensor:
    """c + (scale − 1) · the part of `difference` orthogonal to c over time, and `parallel` of the rest.

    Where `rows` neighbouring channels are one picture they are judged together.
    """
    d, c = (x.unflatten(-1, (-1, rows)) for x in (difference, precise(conditional)))
    if norm_limit is not None:
        norm = d.norm(dim=(1, 3), keepdim=True)
        d = d * (norm_limit / norm).clamp(max=1.0)
    d = precise(d)
    c = c / c.norm(dim=(1, 3), keepdim=True).clamp(min=1e-12)
    along = (d * c).sum(dim=(1, 3), keepdim=True) * c
    push = ((d - along) + parallel * along).flatten(2)
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
    toward, away = precise(x - t * conditional), precise(x - t * unconditional)
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
    return ((precise(x) - turned) / t).to(conditional)


@dataclass(frozen=True)
class Guidance:
    """How strongly, by which rule, and between which flow times guidance acts. Scale 1 is off."""

    scale: float = 1.0
    method: Method = "apg"
    interval: tuple[float, float] = (0.0, 1.0)

    def acts(self, t: float) -> bool:
        """Whether the unconditional velocity is needed at time t."""
        return self.scale > 1 and self.interval[0] <= t <= self.interval[1]


@dataclass
class Guided:
    """One velocity of two, for one run: it remembers its momentum. Where guidance does not act, only the conditional
    velocity is asked."""

    conditional: Velocity
    unconditional: Velocity
    guidance: Guidance
    momentum: Momentum = field(default_factory=Momentum)

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Velocity (b, t, c) at x, and one step of momentum."""
        v, difference = self.ask(x, t)
        self.settle([difference])
        return v

    def ask(self, x: Tensor, t: float) -> tuple[Tensor, Tensor | None]:
        """Velocity at x, and the difference that momentum has yet to remember (see `settle`)."""
        c = self.conditional(x, t)
        if not self.guidance.acts(t):
            return c, None
        u = self.unconditional(x, t)
        if self.guidance.method == "apg":
            return apg(c, self.momentum.ahead(c - u), self.guidance.scale), c - u
        return self._plain(x, c, u, t), None

    def settle(self, differences: Sequence[Tensor | None]) -> None:
        """Advance the momentum once, by the mean of what a step's questions differed by."""
        seen = [difference for difference in differences if difference is not None]
        if seen:
            self.momentum.advance(torch.stack(seen).mean(0))

    def correction(self, x: Tensor, t: float) -> Tensor:
        """Velocity at the trial end of a step. Momentum belongs to whole steps, so plain guidance stands in for APG."""
        c = correction(self.conditional)(x, t)
        if not self.guidance.acts(t):
            return c
        return self._plain(x, c, correction(self.unconditional)(x, t), t)

    def _plain(self, x: Tensor, c: Tensor, u: Tensor, t: float) -> Tensor:
        if self.guidance.method == "adg" and t > 0:  # at time 0 there is no angle between the estimates
            return adg(x, c, u, t, self.guidance.scale)
        return cfg(c, u, self.guidance.scale)


def guided(conditional: Velocity, unconditional: Velocity, guidance: Guidance) -> Guided:
    """One velocity of two, at the start of a run."""
    return Guided(conditional, unconditional, guidance)


@dataclass(frozen=True)
class HandedOver:
    """The first velocity for steps that start above time `at`, the second for those that start there or below."""

    first: Velocity
    second: Velocity
    at: float

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Velocity (b, t, c) at the start of a step."""
        return (self.first if t > self.at else self.second)(x, t)

    def correction(self, x: Tensor, t: float) -> Tensor:
        """Velocity at the trial end of a step: the step that ends at `at` still belongs to the first."""
        return correction(self.first if t >= self.at else self.second)(x, t)


def handed_over(first: Velocity, second: Velocity, at: float) -> HandedOver:
    """The first velocity above time `at`, the second from there on (see `hand_over_time`)."""
    return HandedOver(first, second, at)


def correction(velocity: Velocity) -> Velocity:
    """The velocity to judge the trial end of a step by: its own correction where it has one, otherwise itself."""
    own: Velocity = getattr(velocity, "correction", velocity)
    return own


def clamped(v: Tensor, x: Tensor, limit: float) -> Tensor:
    """Limit ‖v‖ to `limit` · ‖x‖ per take; 0 is no limit."""
    if limit <= 0:
        return v
    size_x, size_v = (y.norm(dim=(1, 2), keepdim=True) + 1e-10 for y in (x, v))
    return v * (limit * size_x / size_v).clamp(max=1.0)
