"""Choosing tokens: temperature, then top-k, then top-p, then one number between 0 and 1.

The order is that of the server most planners are run with. A choice is a function of logits and of one uniform number,
so randomness stays with the caller: a sequence that brings its own numbers is written the same way in any company and
on any device. Axes: b sequence, v candidate.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

# Candidates looked at before all of them are sorted; 90 % of the probability nearly always lies within.
GLANCE = 1024


@dataclass(frozen=True)
class Taste:
    """How tokens are chosen. Temperature 0 always takes the likeliest; None switches a limit off."""

    temperature: float
    top_k: int | None = None
    top_p: float | None = None


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Lead away from what would be written anyway. Logits (b, v), returns the same shape."""
    return unconditional + scale * (conditional - unconditional)


def keep_top_k(logits: Tensor, k: int | None) -> Tensor:
    """Logits (b, v) with all below the k-th set to -inf."""
    if k is None or k >= logits.shape[-1]:
        return logits
    least = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < least, -torch.inf)


def keep_top_p(logits: Tensor, p: float | None) -> Tensor:
    """Logits (b, v) with all but the smallest set of likeliest ones whose probability exceeds p set to -inf."""
    if p is None or p >= 1:
        return logits
    least = _least_within(logits, p)
    return logits.masked_fill(logits < least, -torch.inf)


def choose(logits: Tensor, draws: Tensor, taste: Taste) -> Tensor:
    """One candidate per sequence. logits: (b, v); draws: (b,) uniform in [0, 1); returns (b,) int64."""
    if taste.temperature == 0:
        return logits.argmax(dim=-1)
    scaled = keep_top_p(keep_top_k(logits.float() / taste.temperature, taste.top_k), taste.top_p)
    rising = scaled.softmax(dim=-1).cumsum(dim=-1)
    goal = draws.to(rising)[:, None] * rising[:, -1:]
    picked = torch.searchsorted(rising, goal, right=True)[:, 0]
    # A draw that rounds up to the whole mass must not fall off the end, onto a candidate that is excluded.
    last = scaled.shape[-1] - 1 - scaled.isfinite().flip(-1).int().argmax(dim=-1)
    return picked.minimum(last)


def _least_within(logits: Tensor, p: float) -> Tensor:
    """The smallest logit (b, 1) that still belongs to the top-p set.

    Sorting a whole vocabulary costs more than all the rest; on a processor a glance at the top usually settles it. On
    an accelerator the question whether it does would cost more than sorting.
    """
    total = logits.logsumexp(dim=-1, keepdim=True)
    if not logits.is_cuda and logits.shape[-1] > GLANCE:
        top = logits.topk(GLANCE, dim=-1).values
        if bool(((top - total).exp().sum(dim=-1) > p).all()):
            return _cut(top, total, p)
    return _cut(logits.sort(dim=-1, descending=True).values, total, p)


def _cut(falling: Tensor, total: Tensor, p: float) -> Tensor:
    """The last of falling logits (b, n) before which less than or just p has been collected, as (b, 1)."""
    shares = (falling - total).exp()
    kept = (shares.cumsum(dim=-1) - shares <= p).sum(dim=-1, keepdim=True).clamp(min=1)
    return falling.gather(-1, kept - 1)
