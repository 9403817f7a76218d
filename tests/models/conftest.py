"""What several tests of recorded models share."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="session")
def resampled() -> Callable[[Tensor, int, int], Tensor]:
    """Band-limited sinc interpolation with a Hann window, as the recordings were resampled: (c, s), from, to a rate."""

    def at(wave: Tensor, old: int, new: int) -> Tensor:
        length, factor = wave.shape[-1], math.gcd(old, new)
        old, new = old // factor, new // factor
        base = min(old, new) * 0.99
        width = math.ceil(6 * old / base)
        t = torch.arange(0, -new, -1, dtype=torch.float64)[:, None] / new
        t = ((t + torch.arange(-width, width + old, dtype=torch.float64) / old) * base).clamp(-6, 6)
        kernel = torch.sinc(t) * torch.cos(t * math.pi / 12).square() * base / old
        padded = torch.nn.functional.pad(wave.double()[:, None], (width, width + old))
        heard = torch.nn.functional.conv1d(padded, kernel[:, None], stride=old)
        return heard.transpose(1, 2).flatten(1).float()[:, : math.ceil(length * new / old)]

    return at
