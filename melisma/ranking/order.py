"""The order of takes: gates first, then one stated mixture, and the reasons in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from melisma.ranking.judges import Verdict

# What counts how much among takes that pass the same gates; parts that are missing leave their share to the others.
# Words first, since nothing spoils a song like a lost line; then what the planner hears; then what was planned.
MIXTURE: Mapping[str, float] = {
    "words": 0.30,
    "planner": 0.20,
    "tempo": 0.20,
    "key": 0.15,
    "repetition": 0.10,
    "loudness": 0.05,
}


@dataclass(frozen=True)
class Standing:
    """Where a take stands. index: its place in what was given; failed: gates it did not pass; score: 0–1."""

    index: int
    failed: tuple[str, ...]
    score: float
    reasons: tuple[str, ...]


def standing(
    index: int,
    verdicts: Mapping[str, Verdict],
    mixture: Mapping[str, float] = MIXTURE,
) -> Standing:
    """One take's standing; reasons in the order of the verdicts."""
    parts = {name: one.merit for name, one in verdicts.items() if one.merit is not None and name in mixture}
    weight = sum(mixture[name] for name in parts)
    score = sum(mixture[name] * value for name, value in parts.items()) / weight if weight else 0.0
    failed = tuple(name for name, verdict in verdicts.items() if not verdict.passed and verdict.merit is None)
    spoken = [f"{name}: {verdict.reason}" for name, verdict in verdicts.items() if name in failed or name in parts]
    return Standing(index, failed, score, tuple(spoken))


def order(
    verdicts: Sequence[Mapping[str, Verdict]],
    mixture: Mapping[str, float] = MIXTURE,
) -> list[Standing]:
    """Takes from best to worst: fewest failed gates, then highest score, then as they came."""
    standings = [standing(i, own, mixture) for i, own in enumerate(verdicts)]
    return sorted(standings, key=lambda one: (len(one.failed), -one.score, one.index))
