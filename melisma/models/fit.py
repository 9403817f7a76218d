"""What fits on a device, and how: weights from the catalogue, working memory from a formula.

A model is played *whole* where all its parts stay on the device, or *in turns* where one part at a time is there
(`--memory one`). Working memory grows with the length of the song; the figures per minute are the official ones for
half precision, doubled for float32.
"""

from dataclasses import dataclass
from typing import Literal

from melisma.models.catalogue import Checkpoint, named

Way = Literal["whole", "in turns", "no"]

GB = 10**9
# Working memory of the planners: keys and values of a song's worth of codes, both sides of guidance.
READING = 1 * GB
MARGIN = GB // 2
LONGEST_S = 600


@dataclass(frozen=True)
class Fit:
    """How a checkpoint fits a device. Bytes are weights and working memory for the song asked about."""

    checkpoint: Checkpoint
    way: Way
    whole: int
    in_turns: int
    longest_s: int
    """Longest song on this device by the best way, seconds; 0 if none."""


def per_minute(checkpoint: Checkpoint) -> int:
    """Working bytes per minute of music in half precision."""
    large = checkpoint.name.startswith("xl") or checkpoint.family == "v1"
    guided = (checkpoint.sampling.guidance or 1) > 1
    return {(False, False): 300, (False, True): 600, (True, False): 500, (True, True): 1000}[large, guided] * 10**6


def fit(checkpoint: Checkpoint, memory: int, width: int = 2, duration_s: float = 120, turns: bool = True) -> Fit:
    """Whether a checkpoint that makes music fits into `memory` bytes with weights of `width` bytes each.

    `turns`: whether parts can leave the device; on a CPU there is nowhere to go.
    """
    parts = [checkpoint, *map(named, checkpoint.needs)]
    weights = width * sum(part.parameters for part in parts)
    largest = width * max(part.largest or part.parameters for part in parts) if turns else weights
    rate = per_minute(checkpoint) * width / 2 / 60
    working = round(rate * duration_s) + MARGIN
    way: Way = "whole" if weights + working <= memory else "in turns" if largest + working <= memory else "no"
    room = memory - MARGIN - (weights if way == "whole" else largest)
    longest = 0 if way == "no" else min(LONGEST_S, int(room / rate))
    return Fit(checkpoint, way, weights + working, largest + working, longest)


def planner_fits(checkpoint: Checkpoint, memory: int, width: int = 2) -> bool:
    """Whether a planner fits, alone: it has done its work before the music begins."""
    return width * checkpoint.parameters + READING <= memory
