"""Granularity: how far the velocity of each place departs from its mean over the whole song.

The original control runs over −100 … 100 and is squeezed to a factor between 0.9 and 1.1. Steps of Euler and Heun are
straight in the velocity, so changing it is the same as changing the step, as the official schedulers do.

Axes: b take, t latent frame, c channel.
"""

import math
from dataclasses import dataclass

from torch import Tensor

from melisma.sampling.guidance import Velocity, correction


def factor_of(granularity: float) -> float:
    """0.9 … 1.1; 1 at granularity 0."""
    return 0.9 + 0.2 / (1 + math.exp(-0.1 * granularity))


@dataclass(frozen=True)
class Grained:
    """A velocity with its departures from the mean multiplied. Where `together` the mean is that of all takes, as the
    official loop has it; takes then depend on which others are made beside them."""

    velocity: Velocity
    factor: float
    together: bool = False

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Velocity (b, t, c)."""
        return self._spread(self.velocity(x, t))

    def correction(self, x: Tensor, t: float) -> Tensor:
        """Velocity at the trial end of a step."""
        return self._spread(correction(self.velocity)(x, t))

    def _spread(self, v: Tensor) -> Tensor:
        mean = v.mean() if self.together else v.mean(dim=(1, 2), keepdim=True)
        return (v - mean) * self.factor + mean


def grained(velocity: Velocity, granularity: float, together: bool = False) -> Grained:
    """The velocity at a granularity of −100 … 100; 0 changes nothing."""
    return Grained(velocity, factor_of(granularity), together)
