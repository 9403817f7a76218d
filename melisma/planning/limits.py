"""How long a plan may be: the context the checkpoints were run with, and what fits in it."""

from typing import Literal

from melisma.planning.codes import codes_in

# Officially 4,096 tokens; a community port runs 8,192 with the same weights, which ten minutes with long words need.
CONTEXT = 8192
MARGIN = 64
LONGEST_FREE = 3500
SHORTEST_S, LONGEST_S = 10.0, 600.0


def budget(
    phase: Literal["reasoning", "codes"],
    duration_s: float | None = None,
    context: int = CONTEXT,
    longest_s: float = LONGEST_S,
    fallback: int | None = None,
) -> int:
    """Tokens the model may write in a phase: what the length asks for and some slack, or what the context leaves.

    Codes are written by count, so this bounds free text only; the rule is the official one.
    """
    if duration_s is None or duration_s <= 0:
        return min(fallback or context - MARGIN, LONGEST_FREE, context - MARGIN)
    codes = codes_in(min(max(duration_s, SHORTEST_S), longest_s, LONGEST_S))
    return min(codes + (10 if phase == "codes" else 500), context - MARGIN)
