"""Habits of the first generation's own loop that are mistakes, for whoever must reproduce it exactly.

Everywhere else the right thing is done instead (docs/decisions/083-v1-mistakes.md): a source is noised to the time the
model is told, momentum belongs to a step, and an edit moves. Beside what is here, `Steered.counts_calls` and
`Grained.together` are such habits.
"""

from dataclasses import dataclass

from torch import Tensor

from melisma.sampling.guidance import Momentum
from melisma.sampling.noise import Draw, noised
from melisma.sampling.schedules import shifted, twice_shifted
from melisma.sampling.solvers import PingPong
from melisma.sampling.steering import Steered


@dataclass
class HastyOrigin(Steered):
    """Momentum of an edit's origin that advances with every draw of noise, and not once per step."""

    def ask(self, x: Tensor, t: float) -> tuple[Tensor, None]:
        """Velocity at x; nothing is left to remember."""
        v, difference = super().ask(x, t)
        self.settle([difference])
        return v, None


@dataclass
class ForgetfulTarget(Steered):
    """An edit's target without momentum while both flows are compared; afterwards it has its own."""

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Velocity (b, t, c) at x, and one step of momentum."""
        v, difference = super().ask(x, t)
        self.settle([difference])
        return v

    def ask(self, x: Tensor, t: float) -> tuple[Tensor, None]:
        """Velocity at x; nothing is left to remember."""
        return self._steered(x, t, self._step(t), Momentum())[0], None


class IdlePingPong(PingPong):
    """PingPong as the official code edits with it: while both flows are compared it draws noise and moves nothing."""

    def drifted(self, edit: Tensor, drift: Tensor, now: float, then: float, fresh: Draw) -> Tensor:
        """The edit as it was."""
        fresh()
        return edit


def near_reference(
    reference: Tensor, noise: Tensor, strength: float, steps: int, shift: float
) -> tuple[list[float], Tensor]:
    """Times and first latents (b, t, c) of audio-to-audio: fewer steps, and a start less noisy than the model is told."""
    start = 1 - strength
    return twice_shifted(int(start * steps), shift, start), noised(reference, noise, shifted(start, shift))
