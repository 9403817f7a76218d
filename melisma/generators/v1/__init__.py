"""ACE-Step v1: words, and the generator around the network."""

from melisma.generators.v1.generator import V1, V1Plan
from melisma.generators.v1.loading import load_v1

__all__ = ["V1", "V1Plan", "load_v1"]
