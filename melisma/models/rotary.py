"""Rotary tables: cosines and sines of positions, laid out for both halves of a head.

Both generations have the same table; what each does with it, its own layers say.
"""

import torch
from torch import Tensor

Rotary = tuple[Tensor, Tensor]


def rotary(positions: int, head_dim: int, theta: float, like: Tensor) -> Rotary:
    """Cosines and sines (n, d) for positions 0 … n − 1, computed in float32, in the type and place of `like`."""
    return rotary_at(torch.arange(positions, device=like.device), head_dim, theta, like)


def rotary_at(positions: Tensor, head_dim: int, theta: float, like: Tensor) -> Rotary:
    """Cosines and sines (…, n, d) for positions (…, n); see `rotary`."""
    powers = torch.arange(0, head_dim, 2, device=like.device, dtype=torch.float32) / head_dim
    angles = positions[..., None].float() * theta**-powers
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)
