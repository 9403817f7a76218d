"""Choosing tokens: temperature, then top-k, then top-p, then one number between 0 and 1.

The order is that of the server most planners are run with. A choice is a function of logits and of one uniform number,
so randomness stays with the caller: a sequence that brings its own numbers is written the same way in any company and
on any device. Axes: b sequence, v candidate.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

# Candidates looked at before all of them are sorted; 90 % of the probability nearly always lies within.
GLANCE = 8192


@dataclass(frozen=True)
class Taste:
    """How tokens are chosen. Temperature 0 always takes the likeliest; None switches a limit off."""

    temperature: float
    top_k: int | None = None
    top_p: float | None = None


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Lead away from what would be written anyway. Logits (b, v), returns the same shape."""
    return unconditional + scale * (conditional - unconditional)


def wearied(logits: Tensor, written: Tensor, penalty: float) -> Tensor:
    """Make what was written already less likely: its logits move towards less by a factor.

    logits: (b, v); written: (b, v) bool; returns (b, v).
    """
    return torch.where(written, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def choose(logits: Tensor, draws: Tensor, taste: Taste) -> Tensor:
    """One candidate per sequence. logits: (b, v); draws: (b,) uniform in [0, 1); returns (b,) int64.

    Top-k keeps the k likeliest; top-p of those the smallest set whose probability exceeds p, at least one.
    """
    if taste.temperature == 0:
        return logits.argmax(dim=-1)
    scaled = logits.float() / taste.temperature
    if taste.top_k is None and (taste.top_p is None or taste.top_p >= 1):
        rising = scaled.softmax(dim=-1).cumsum(dim=-1)
        picked, last = _drawn(rising, draws, rising[:, -1:])
        return picked.minimum(last)
    falling, places, total = _likeliest(scaled, taste)
    shares = (falling - total).exp()
    rising = shares.cumsum(dim=-1)
    within = rising - shares <= (1.0 if taste.top_p is None else taste.top_p)
    last = within.sum(dim=-1, keepdim=True).clamp(min=1) - 1
    picked, _ = _drawn(rising, draws, rising.gather(-1, last))
    return places.gather(-1, picked[:, None].minimum(last))[:, 0]


def _drawn(rising: Tensor, draws: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Where draws fall in rising probability (b, v) up to a mass (b, 1), and the last place that has any: both (b,)."""
    goal = draws.to(rising)[:, None] * mass
    return torch.searchsorted(rising, goal, right=True)[:, 0], (rising < mass).sum(dim=-1)


def _likeliest(scaled: Tensor, taste: Taste) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest logits (b, n) in falling order, their places (b, n), and the log of the whole mass (b, 1).

    Sorting a whole vocabulary costs more than all the rest; on a processor a glance at the top usually settles it. On
    an accelerator the question whether it does would cost more than sorting.
    """
    if taste.top_k is not None and taste.top_k < scaled.shape[-1]:
        falling, places = scaled.topk(taste.top_k, dim=-1)
        return falling, places, falling.logsumexp(dim=-1, keepdim=True)
    total = scaled.logsumexp(dim=-1, keepdim=True)
    if not scaled.is_cuda and scaled.shape[-1] > GLANCE and taste.top_p is not None:
        falling, places = scaled.topk(GLANCE, dim=-1)
        if bool(((falling - total).exp().sum(dim=-1) > taste.top_p).all()):
            return falling, places, total
    falling, places = scaled.sort(dim=-1, descending=True, stable=True)
    return falling, places, total
