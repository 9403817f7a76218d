"""The walk from noise to music: one loop for every solver, guidance and hook.

Order within a step: velocity (already guided), norm limit, momentum, solver, wavelet correction, injection. This is the
official order; moving any of them changes the music.

Axes: b take, t latent frame, c channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from melisma.errors import BadRequest, UnsoundResult
from melisma.listen import Listener, quiet
from melisma.sampling.guidance import Guidance, Velocity, clamped, correction
from melisma.sampling.keeping import Kept
from melisma.sampling.noise import Draw, noised
from melisma.sampling.schedules import custom, from_near, schedule
from melisma.sampling.solvers import SOLVERS, Solver
from melisma.sampling.wavelets import corrected, filters
from melisma.song import SamplingOptions, Wavelets

# Options that a plan has no place for; see `generators.v1`.
FIRST_GENERATION = (
    "guidance_share",
    "guidance_decay",
    "guidance_floor",
    "guidance_text",
    "guidance_lyrics",
    "weakened",
    "granularity",
    "compat",
)


@dataclass(frozen=True)
class Plan:
    """Sampling as it was resolved. `times` descend and end in 0."""

    times: tuple[float, ...]
    solver: Solver
    guidance: Guidance
    velocity_clamp: float = 0.0
    velocity_momentum: float = 0.0
    dcw: Wavelets | None = None
    latent_shift: float = 0.0
    latent_rescale: float = 1.0

    @property
    def steps(self) -> int:
        """Steps of the walk."""
        return len(self.times) - 1


def resolve(options: SamplingOptions) -> Plan:
    """A plan from options without blanks. Raises BadRequest for times, intervals or wavelets that make no sense."""
    if options.steps is None or options.shift is None or options.solver is None or options.guidance is None:
        raise BadRequest(
            "sampling options with blanks: fill them with a checkpoint's preferences first (`options.over(…)`)"
        )
    if foreign := [name for name in FIRST_GENERATION if getattr(options, name) is not None]:
        raise BadRequest(f"only the first generation knows {', '.join(foreign)}: leave it out, or use --model v1")
    if options.guidance_method == "cfg_star":
        raise BadRequest("only the first generation knows guidance by cfg_star: use apg, cfg or adg, or --model v1")
    times = custom(options.timesteps) if options.timesteps else schedule(options.steps, options.shift)
    if options.dcw and options.dcw.mode != "pix":
        filters(options.dcw.wavelet)
    low, high = options.guidance_interval or (0.0, 1.0)
    if low > high:
        raise BadRequest(
            f"the guidance interval {low:g} … {high:g} is empty: give the lower flow time first, as in {high:g} {low:g}"
        )
    guidance = Guidance(options.guidance, options.guidance_method or "apg", (low, high))
    return Plan(
        tuple(times),
        SOLVERS[options.solver],
        guidance,
        options.velocity_clamp or 0.0,
        options.velocity_momentum or 0.0,
        options.dcw,
        options.latent_shift or 0.0,
        1.0 if options.latent_rescale is None else options.latent_rescale,
    )


def advanced(plan: Plan, noise: Tensor, source: Tensor, closeness: float) -> tuple[Plan, Tensor]:
    """Start `closeness` (0–1) of the way from noise to the source: a shorter plan and its first latents; 0 is off."""
    if closeness <= 0:
        return plan, noise
    times = from_near(plan.times, closeness)
    shorter = replace(plan, times=tuple(times))
    return shorter, noised(source.to(noise), noise, times[0])


def hand_over_time(times: Sequence[float], share: float) -> float:
    """The time from which a source heard for `share` of the steps is no longer heard (see `handed_over`)."""
    steps = len(times) - 1
    heard = int(steps * share)
    return times[heard] if heard < steps else -1.0


def solve(
    velocity: Velocity,
    x: Tensor,
    plan: Plan,
    *,
    fresh: Draw,
    noise: Tensor | None = None,
    kept: Kept | None = None,
    listen: Listener = quiet,
) -> Tensor:
    """Walk x (b, t, c) along the plan and return the music (b, t, c).

    `fresh` gives noise to solvers that draw; `noise` is the run's first noise where x already holds music. Raises
    UnsoundResult at the first step whose latents are not finite, and whatever the listener raises to stop.
    """
    noise = x if noise is None else noise
    again = correction(velocity)
    previous: Tensor | None = None

    def smooth(v: Tensor, x: Tensor, before: Tensor | None) -> Tensor:
        v = clamped(v, x, plan.velocity_clamp)
        beta = plan.velocity_momentum
        return v if before is None or beta <= 0 else (1 - beta) * v + beta * before

    def trial(x: Tensor, t: float, v: Tensor) -> Tensor:
        return smooth(again(x, t), x, v)

    step = plan.solver.start(trial, fresh)
    for i, (now, then) in enumerate(pairwise(plan.times)):
        v = smooth(velocity(x, now), x, previous)
        clean = x - v * now
        x, previous = step(x, v, now, then)
        if plan.dcw:
            x = corrected(x, clean, now, plan.dcw)
        if kept and i < round(kept.inject * plan.steps) and then > 0:
            x = kept.injected(x, noise, then)
        refuse_unless_finite(x, f"step {i + 1} of {plan.steps} (time {now:.3f})")
        listen.step()
    if kept:
        x = kept.blended(x)
    return x * plan.latent_rescale + plan.latent_shift


def refuse_unless_finite(x: Tensor, where: str) -> None:
    """Raise UnsoundResult naming the place where numbers were lost."""
    if not bool(torch.isfinite(x).all()):
        raise UnsoundResult(f"the latents are no longer finite after {where}.")
