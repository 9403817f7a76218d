"""Keeping part of the music while the rest is made: injection during sampling, a blend at its end.

Masks are (t,) or (b, t), True where music is made. Axes: b take, t latent frame, c channel.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from melisma.sampling.noise import noised


def blend_weights(made: Tensor, frames: int) -> Tensor:
    """(b, t) weight of what was made: 1 inside, a straight ramp over up to `frames` outside, 0 beyond. On the CPU.

    A mask that makes everything, or nothing, has no edge and keeps weight 1.
    """
    weights = made.float()
    for row, mask in zip(weights, made, strict=True):
        if bool(mask.all()) or not bool(mask.any()):
            row.fill_(1.0)
            continue
        edges = torch.diff(mask.int(), prepend=torch.zeros(1), append=torch.zeros(1))
        for start in edges.eq(1).nonzero().flatten().tolist():
            _ramp(row[:start].flip(0), frames, row, range(start - 1, -1, -1))
        for end in edges.eq(-1).nonzero().flatten().tolist():
            _ramp(row[end:], frames, row, range(end, len(row)))
    return weights


def _ramp(room: Tensor, frames: int, row: Tensor, places: range) -> None:
    """Fall from the edge outwards over the frames there are; where two ramps meet the higher one counts."""
    available = min(frames, len(room))
    for distance, place in zip(range(available), places, strict=False):
        row[place] = max(float(row[place]), (available - distance) / (available + 1))


@dataclass(frozen=True)
class Kept:
    """Hold `source` (b or 1, t, c) outside `made`: put it back after the first `inject` share of the steps, partly
    noised with the run's own first noise, and blend over `crossfade_frames` at the end."""

    made: Tensor
    source: Tensor
    inject: float
    crossfade_frames: int

    def injected(self, x: Tensor, noise: Tensor, then: float) -> Tensor:
        """x with the outside put back, as noisy as time `then`."""
        outside = noised(self.source.to(x), noise, then)
        return torch.where(self._rows(x)[..., None], x, outside)

    def blended(self, x: Tensor) -> Tensor:
        """The finished x, faded into the source outside."""
        if self.crossfade_frames <= 0:
            return x
        weights = blend_weights(self._rows(x).cpu(), self.crossfade_frames)[..., None].to(x)
        return weights * x + (1 - weights) * self.source.to(x)

    def _rows(self, x: Tensor) -> Tensor:
        """(b, t); a row without an edge counts as made throughout."""
        rows = self.made.to(x.device).bool().reshape(-1, x.shape[1]).expand(len(x), -1)
        return rows | ~rows.any(dim=1, keepdim=True)
