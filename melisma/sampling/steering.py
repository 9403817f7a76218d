"""Steering: guidance that counts steps, as the first ACE-Step was played.

Guidance acts in the middle of the walk, for a share of its steps; its scale may fall while it acts. Beside plain and
adaptive projected guidance there are two rules: cfg* scales the null velocity to fit before leaning away from it, and
silences the first two steps; and with two scales of its own, a third velocity that knows the description but not the
words stands between both.

Axes: b take, t latent frame, c channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from melisma.sampling.guidance import Momentum, Velocity, adg, apg, cfg

Rule = Literal["apg", "cfg", "adg", "cfg_star"]
SILENT_STEPS = 2  # of cfg*


def cfg_star(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Guidance away from the multiple of the null velocity nearest to the conditional one (CFG-Zero*, 2503.18886)."""
    inner = (conditional * unconditional).sum(dim=(1, 2), keepdim=True)
    nearest = inner / (unconditional.square().sum(dim=(1, 2), keepdim=True) + 1e-8) * unconditional
    return cfg(conditional, nearest, scale)


def between(conditional: Tensor, described: Tensor, unconditional: Tensor, text: float, lyrics: float) -> Tensor:
    """Two guidances in one: from nothing to the description, and from there to the words."""
    return (1 - text) * unconditional + (text - lyrics) * described + lyrics * conditional


@dataclass(frozen=True)
class Steering:
    """How strongly, by which rule and in which steps guidance acts. Scale 1 (or 0) is off.

    `share` is the part of the steps, in the middle, that are guided. With `decay` the scale falls towards `floor` while
    it acts. `text` and `lyrics` both above 1 take the place of scale and rule. `interval` are the flow times between
    which guidance may act at all. `rows`: see `apg`.
    """

    scale: float
    rule: Rule = "apg"
    share: float = 1.0
    decay: float = 0.0
    floor: float = 1.0
    text: float = 0.0
    lyrics: float = 0.0
    interval: tuple[float, float] = (0.0, 1.0)
    rows: int = 1

    @property
    def double(self) -> bool:
        """Whether description and words have scales of their own."""
        return self.text > 1 and self.lyrics > 1

    def window(self, steps: int) -> range:
        """The steps in which guidance acts."""
        if self.scale in (0, 1):
            return range(0)
        return range(int(steps * (1 - self.share) / 2), int(steps * (self.share / 2 + 0.5)))

    def scale_at(self, step: int, steps: int) -> float:
        """The scale in one of the guided steps."""
        window = self.window(steps)
        progress = (step - window.start) / max(len(window) - 1, 1)
        return self.scale - (self.scale - self.floor) * progress * self.decay


@dataclass
class Steered:
    """One velocity of two or three, for one run along `times`: it remembers its momentum.

    `described` is asked only where the steering is double. Where guidance does not act, only the conditional velocity is
    asked. `counts_calls`: every question counts as a step, with momentum of its own, as in the official loop; with Heun
    it then guides only the first part of the walk.
    """

    conditional: Velocity
    unconditional: Velocity
    steering: Steering
    times: Sequence[float]
    described: Velocity | None = None
    counts_calls: bool = False
    momentum: Momentum = field(default_factory=Momentum)
    calls: int = 0
    before: Tensor | float = 0.0

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Velocity (b, t, c) at x, and one step of momentum."""
        v, difference = self.ask(x, t)
        self.settle([difference])
        return v

    def ask(self, x: Tensor, t: float) -> tuple[Tensor, Tensor | None]:
        """Velocity at x, and the difference that momentum has yet to remember (see `settle`)."""
        step = self.calls if self.counts_calls else self._step(t)
        self.calls += 1
        return self._steered(x, t, step, self.momentum)

    def settle(self, differences: Sequence[Tensor | None]) -> None:
        """Advance the momentum once, by the mean of what a step's questions differed by."""
        seen = [difference for difference in differences if difference is not None]
        if seen:
            self.before = self.momentum.value
            self.momentum.advance(torch.stack(seen).mean(0))

    def correction(self, x: Tensor, t: float) -> Tensor:
        """Velocity at the trial end of a step, guided as the step is: with the momentum that it began with."""
        if self.counts_calls:
            return self(x, t)
        ends = [i for i, time in enumerate(self.times) if abs(time - t) < 1e-9]
        return self._steered(x, t, max(ends[0] - 1, 0) if ends else self._step(t), Momentum(self.before))[0]

    def _step(self, t: float) -> int:
        """The step that starts at, or nearest to, a time."""
        return min(range(len(self.times) - 1), key=lambda i: abs(self.times[i] - t))

    def _steered(self, x: Tensor, t: float, step: int, momentum: Momentum) -> tuple[Tensor, Tensor | None]:
        steering, steps = self.steering, len(self.times) - 1
        if step not in steering.window(steps) or not steering.interval[0] <= t <= steering.interval[1]:
            return self.conditional(x, t), None
        c, u = self.conditional(x, t), self.unconditional(x, t)
        if steering.double:
            assert self.described is not None
            return between(c, self.described(x, t), u, steering.text, steering.lyrics), None
        scale = steering.scale_at(step, steps)
        if steering.rule == "apg":
            return apg(c, momentum.ahead(c - u), scale, rows=steering.rows), c - u
        if steering.rule == "cfg":
            return cfg(c, u, scale), None
        if steering.rule == "adg":
            return adg(x, c, u, t, scale) if t > 0 else cfg(c, u, scale), None
        return (torch.zeros_like(c) if step < SILENT_STEPS else cfg_star(c, u, scale)), None
