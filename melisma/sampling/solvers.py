"""Solvers: one step from time to time along the flow.

A solver starts as a function of its own (so state lives for one run) and answers (x, v, now, then) with the next x and
the velocity it used in the end. The flow is x_t = t·noise + (1 − t)·music with v = noise − music, so the clean estimate
at any time is x − t·v.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from melisma.sampling.noise import Draw, noised

Step = Callable[[Tensor, Tensor, float, float], tuple[Tensor, Tensor]]
# Velocity at a trial point: (x, t, velocity so far) → velocity, limited and smoothed like the step's own.
Correct = Callable[[Tensor, float, Tensor], Tensor]


class Solver(Protocol):
    """Anything that can start a run."""

    def start(self, correct: Correct, fresh: Draw) -> Step:
        """Begin; `correct` asks for a second velocity, `fresh` for new noise."""


@dataclass(frozen=True)
class Euler:
    """Straight on. Exact where the flow is straight, as few-step checkpoints are trained to make it."""

    def start(self, correct: Correct, fresh: Draw) -> Step:
        return lambda x, v, now, then: (x - v * (now - then), v)


@dataclass(frozen=True)
class Heun:
    """Try an Euler step, ask again at its end, go with the mean of both velocities. Second order, twice the calls.

    The last step may stay Euler: at time 0 there is no noise left to judge by. The official loop for undistilled
    checkpoints corrects there too.
    """

    corrects_at_zero: bool = False

    def start(self, correct: Correct, fresh: Draw) -> Step:
        def step(x: Tensor, v: Tensor, now: float, then: float) -> tuple[Tensor, Tensor]:
            if then > 0 or self.corrects_at_zero:
                v = (v + correct(x - v * (now - then), then, v)) / 2
            return x - v * (now - then), v

        return step


@dataclass(frozen=True)
class PingPong:
    """Jump to the clean estimate, then back out with fresh noise (SDE).

    The official loop for undistilled checkpoints noises to 1 − (i + 1)/n, not to the shifted time: `unshifted` does so.
    """

    unshifted: int | None = None  # number of steps of the run, where its quirk is wanted

    def start(self, correct: Correct, fresh: Draw) -> Step:
        walked = 0

        def step(x: Tensor, v: Tensor, now: float, then: float) -> tuple[Tensor, Tensor]:
            nonlocal walked
            walked += 1
            target = then if self.unshifted is None else 1 - walked / self.unshifted
            clean = x - v * now
            return (noised(clean, fresh().to(x), target) if target > 0 else clean), v

        return step


@dataclass(frozen=True)
class DPM2M:
    """DPM-Solver++ (2M, arXiv 2211.01095) on this flow: the clean estimate, extrapolated from the last two steps.

    Second order at one call per step. Log-SNR is infinite at both ends, so the step from 1 and the step to 0 stay first
    order, and the whole walk nears order 2 only slowly (docs/decisions/023-solvers.md).
    """

    def start(self, correct: Correct, fresh: Draw) -> Step:
        last: tuple[Tensor, float] | None = None  # clean estimate, and the step's length in half log-SNR

        def step(x: Tensor, v: Tensor, now: float, then: float) -> tuple[Tensor, Tensor]:
            nonlocal last
            clean = estimate = x - v * now
            finite = then > 0 and now < 1
            length = log_snr(then) - log_snr(now) if finite else 0.0
            if last is not None and finite and last[1] > 0:
                estimate = clean + (clean - last[0]) * length / (2 * last[1])
            last = (clean, length)
            # x' = σ'/σ · x + (1 − t' − (1 − t)·σ'/σ) · estimate, with σ = t
            ratio = then / now
            return ratio * x + ((1 - then) - (1 - now) * ratio) * estimate, v

        return step


def log_snr(t: float) -> float:
    """Half the logarithm of the signal-to-noise ratio (as a power) at a time inside (0, 1)."""
    return math.log((1 - t) / t)


SOLVERS: dict[str, Solver] = {"euler": Euler(), "heun": Heun(), "dpm2m": DPM2M(), "pingpong": PingPong()}
