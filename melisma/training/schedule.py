"""How the learning rate and the memory of the average move over a run.

Both are functions of progress, the share of the run that is done (0..1), because runs are bounded by minutes as often
as by steps: a machine that is slow today still ends its run with a small learning rate.
"""

import math
from typing import Literal

Shape = Literal["cosine", "linear", "constant"]


def learning_rate(shape: Shape, progress: float, step: int, warmup_steps: int, floor: float) -> float:
    """Factor of the peak rate at `progress` 0..1 and `step` (from 0), never below `floor` after the warm-up.

    cosine falls from the start; linear stays at the peak for 30 % of the run and then falls; constant stays.
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    left = 1.0 - min(max(progress, 0.0), 1.0)
    if shape == "cosine":
        fall = (1 - math.cos(math.pi * left)) / 2
    elif shape == "linear":
        fall = min(1.0, left / 0.7)
    else:
        fall = 1.0
    return warmup * (floor + (1 - floor) * fall)


def average_decay(step: int, longest: float) -> float:
    """Share of the average that is kept at `step` (from 0): short at first, so that early weights are forgotten."""
    return min(longest, (1 + step) / (10 + step))
