"""How far off is each solver for the calls it makes? On flows whose answer is known, so that no checkpoint is needed.

    python benchmarks/solvers.py

The flows carry N(0, 1) to one-dimensional mixtures of normals; their velocities are closed formulas. The error is the
root mean square over 4000 paths in float64 against Heun with 4000 steps. Heun asks twice per step, the others once, so
rows are compared at equal calls of the network, not at equal steps. Prints Markdown.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from melisma.sampling import Guidance, Plan, Velocity, draws, schedule, solve
from melisma.sampling.solvers import SOLVERS, Heun, Solver

CALLS = (8, 16, 32, 64, 128)
FLOWS: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    "narrow (σ 0.3)": ((0.0,), (0.3,)),
    "wide (σ 1.5)": ((0.5,), (1.5,)),
    "three peaks": ((-1.5, 0.0, 1.0), (0.1, 0.3, 0.2)),
}


def mixture(means: Sequence[float], widths: Sequence[float]) -> Velocity:
    """Velocity of the flow from noise to an even mixture of normals."""
    mean, width = (torch.tensor(values, dtype=torch.float64) for values in (means, widths))

    def velocity(x: Tensor, t: float) -> Tensor:
        variance = t**2 + ((1 - t) * width) ** 2
        off = x[..., None] - (1 - t) * mean
        share = (-0.5 * off**2 / variance - 0.5 * variance.log()).softmax(-1)
        music, noise = mean + (1 - t) * width**2 / variance * off, t / variance * off
        return (share * (noise - music)).sum(-1)

    return velocity


def walked(velocity: Velocity, x: Tensor, solver: Solver, steps: int, shift: float) -> Tensor:
    """Where x (b, t, c) ends."""
    return solve(velocity, x, Plan(tuple(schedule(steps, shift)), solver, Guidance()), fresh=draws((0,), 1, 1))


def main() -> None:
    x = torch.randn(1, 4000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    print("| flow | shift | solver |", " | ".join(f"{calls} calls" for calls in CALLS), "|")
    print("|---|---|---|" + "---|" * len(CALLS))
    for name, (means, widths) in FLOWS.items():
        velocity = mixture(means, widths)
        exact = walked(velocity, x, Heun(), 4000, 1.0)
        for shift in (1.0, 3.0):
            for solver in ("euler", "heun", "dpm2m"):
                counts = [calls // 2 if solver == "heun" else calls for calls in CALLS]
                ends = [walked(velocity, x, SOLVERS[solver], steps, shift) for steps in counts]
                errors = [f"{float((end - exact).square().mean().sqrt()):.1e}" for end in ends]
                print(f"| {name} | {shift:g} | {solver} |", " | ".join(errors), "|")


if __name__ == "__main__":
    main()
