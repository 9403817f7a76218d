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
    scores: Mapping[str, float] | None = None,
    mixture: Mapping[str, float] = MIXTURE,
) -> Standing:
    """One take's standing. scores: parts of the mixture that no judge gives, such as `words` and `planner`, 0–1."""
    merits = {name: verdict.merit for name, verdict in verdicts.items() if verdict.merit is not None}
    parts = {name: value for name, value in {**merits, **(scores or {})}.items() if name in mixture}
    weight = sum(mixture[name] for name in parts)
    score = sum(mixture[name] * value for name, value in parts.items()) / weight if weight else 0.0
    failed = tuple(name for name, verdict in verdicts.items() if not verdict.passed and verdict.merit is None)
    spoken = [f"{name}: {verdict.reason}" for name, verdict in verdicts.items() if name in failed or name in parts]
    spoken += [f"{name}: {value:.2f}" for name, value in (scores or {}).items()]
    return Standing(index, failed, score, tuple(spoken))


def order(
    verdicts: Sequence[Mapping[str, Verdict]],
    scores: Sequence[Mapping[str, float]] | None = None,
    mixture: Mapping[str, float] = MIXTURE,
) -> list[Standing]:
    """Takes from best to worst: fewest failed gates, then highest score, then as they came."""
    extra = scores or [{}] * len(verdicts)
    standings = [standing(i, own, more, mixture) for i, (own, more) in enumerate(zip(verdicts, extra, strict=True))]
    return sorted(standings, key=lambda one: (len(one.failed), -one.score, one.index))
