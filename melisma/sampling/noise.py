"""Noise, one generator per take, drawn on the CPU: a take's noise depends on its seed and on nothing else.

Axes: b take, t latent frame, c channel.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Gives fresh noise (b, t, c) at every call.
Draw = Callable[[], Tensor]


def draws(seeds: Sequence[int], frames: int, channels: int) -> Draw:
    """A source of noise (b, t, c), float32 on the CPU; take i always gets the numbers of seed i.

    Its first draw is `seeded_noise`. A run that draws fresh noise on the way takes its first noise from the same source,
    or it would meet that noise again.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return lambda: torch.stack([torch.randn(frames, channels, generator=generator) for generator in generators])


def seeded_noise(seeds: Sequence[int], frames: int, channels: int) -> Tensor:
    """The first noise (b, t, c) of each seed."""
    return draws(seeds, frames, channels)()


def near(noise: Tensor, other: Tensor, variance: float) -> Tensor:
    """Noise turned towards other noise by an angle: 0 is the same, 1 entirely the other; unit variance is kept."""
    angle = variance * math.pi / 2
    return math.cos(angle) * noise + math.sin(angle) * other


def noised(music: Tensor, noise: Tensor, t: float) -> Tensor:
    """The point at time t on the straight line from music (0) to noise (1)."""
    return t * noise + (1 - t) * music
