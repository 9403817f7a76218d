"""What one process knows and another wants to show, as rows: the database is the only thing they share.

The worker alone imports torch, so it alone can say which device is here and what is held in memory. It says so in
`facts`, whole values under a name, and the server reads them; what was said last survives both.

- `machine`: the report of `melisma.models.machine.examine`, and `auto`, the model that is taken where none is named.
- `worker`: `state` (starting, ready, down), `resident` (names of models in memory), `accelerator_bytes`,
  `accelerator_free_bytes`, `memory_bytes` (of the process).
- `work`: how long things took (`Timings`).
"""

import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy.orm import Session

from melisma.studio.tables import Fact, now

Name = Literal["machine", "worker", "work"]
# Upper bounds of a timing's buckets, seconds.
BUCKETS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)


def say(session: Session, name: Name, value: dict[str, Any]) -> None:
    """Put a value in place of what was said before."""
    fact = session.get(Fact, name)
    if fact is None:
        session.add(Fact(name=name, value=value))
    else:
        fact.value, fact.at = value, now()


def said(session: Session, name: Name) -> dict[str, Any]:
    """What was said last; empty if nothing was."""
    fact = session.get(Fact, name)
    return dict(fact.value) if fact else {}


class Timings:
    """How long stages and jobs took, counted by length, since this process started.

    The worker adds to it and says it with each job that ends: `say(session, "work", timings.as_fact())`.
    """

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}

    def stage(self, name: str, seconds: float) -> None:
        """A stage ended. "denoise take 2" counts as "denoise", "fetch turbo, 4.8 GB" as "fetch"."""
        found = re.match(r"\w+", name)
        add(self.stages, found[0] if found else "other", seconds)

    def job(self, kind: str, state: str, seconds: float) -> None:
        """A job ended as `state`."""
        add(self.jobs, f"{kind} {state}", seconds)

    def as_fact(self) -> dict[str, Any]:
        """As plain data."""
        return {"stages": self.stages, "jobs": self.jobs}


def add(counts: dict[str, dict[str, Any]], label: str, seconds: float) -> None:
    """Count one duration."""
    row = counts.setdefault(label, {"buckets": [0] * (len(BUCKETS_S) + 1), "sum": 0.0})
    row["buckets"][bisect_left(BUCKETS_S, seconds)] += 1
    row["sum"] += seconds


def cumulative(row: Mapping[str, Any]) -> list[tuple[str, float]]:
    """A row of counts as Prometheus wants it: how many took at most so long."""
    total, found = 0, []
    for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), row["buckets"], strict=True):
        total += count
        found.append((bound, float(total)))
    return found
