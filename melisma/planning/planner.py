"""The planner: a language model with its vocabulary, ready to write plans."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Planner:
    """A language model that writes blueprints. `fingerprint` identifies its weights."""

    name: str
    fingerprint: str
