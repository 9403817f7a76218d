"""Schedules: the flow times at which the network is asked, from noise (1) to music (0).

Lists of plain floats in descending order that end in 0. Time is shifted by t' = s·t / (1 + (s − 1)·t): a higher shift
spends more steps near noise, where structure is decided.
"""

from collections.abc import Sequence
from itertools import pairwise

from melisma.errors import BadRequest

# The only times a turbo checkpoint of ACE-Step 1.5 was distilled at: eight steps each at shifts 1, 2 and 3, and what
# its code adds. The official loop moves custom times to the nearest of these.
TURBO_TIMES = (
    *(1.0, 0.9545454545454546, 0.9333333333333333, 0.9, 0.875, 0.8571428571428571, 0.8333333333333334),
    *(0.7692307692307693, 0.75, 0.6666666666666666, 0.6428571428571429, 0.625, 0.5454545454545454, 0.5),
    *(0.4, 0.375, 0.3, 0.25, 0.2222222222222222, 0.125),
)


def shifted(t: float, shift: float) -> float:
    """One time, shifted."""
    return shift * t / (1 - t + shift * t)


def schedule(steps: int, shift: float = 1.0) -> list[float]:
    """`steps` + 1 descending times, shifted, from 1 to 0."""
    if steps < 1 or shift <= 0:
        raise BadRequest(f"a schedule of {steps} steps with shift {shift:g}: give at least 1 step and a shift above 0")
    return [shifted(1 - i / steps, shift) for i in range(steps)] + [0.0]


def twice_shifted(steps: int, shift: float, start: float = 1.0) -> list[float]:
    """The grid of ACE-Step v1: both ends of a shifted grid of thousand, and what lies between them shifted once more.

    `start` below 1 begins at its image under both shifts. The last step, to 0, is longer than those before it.
    """
    if steps < 1 or shift <= 0 or not 0 < start <= 1:
        raise BadRequest(
            f"a schedule of {steps} steps from {start:g} with shift {shift:g}: give at least 1 step, a shift above 0 and "
            "a start above 0 and up to 1"
        )
    first, last = shifted(start, shift), shifted(0.001, shift)
    return [shifted(first + (last - first) * i / max(steps - 1, 1), shift) for i in range(steps)] + [0.0]


def picked(places: Sequence[int], shift: float) -> list[float]:
    """Chosen times of a longer `twice_shifted` grid, by places from 1 on, shifted a third time ("optimal steps")."""
    grid = twice_shifted(max(places), shift)
    return [shifted(grid[place - 1], shift) for place in places] + [0.0]


def custom(times: Sequence[float]) -> list[float]:
    """A person's own times: must descend inside [0, 1]; the final 0 is added where it is missing."""
    walk = [*times] if times[-1] == 0 else [*times, 0.0]
    falls = all(a > b for a, b in pairwise(walk))
    if len(walk) < 2 or not falls or walk[0] > 1 or walk[-1] < 0:
        raise BadRequest(f"timesteps {list(times)} do not descend inside 1 … 0: write them as in 1, 0.7, 0.4, 0")
    return walk


def snapped(times: Sequence[float]) -> list[float]:
    """Custom times moved to the nearest time a turbo checkpoint knows, as the official loop does."""
    return [min(TURBO_TIMES, key=lambda known: abs(known - t)) for t in times if t > 0] + [0.0]


def from_near(times: Sequence[float], closeness: float) -> list[float]:
    """The rest of a schedule that starts `closeness` (0–1) of the way to the music: from the time nearest to it."""
    start = min(range(len(times) - 1), key=lambda i: abs(times[i] - (1 - closeness)))
    return list(times[start:])
