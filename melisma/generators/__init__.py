"""Generators: each adapts one checkpoint family to the journey. They know prompts; models and tasks do not."""

from melisma.generators.base import (
    Conditioning,
    Flow,
    Generator,
    Hosting,
    Looks,
    refuse_unknown_codes,
    refuse_unless_able,
)

__all__ = ["Conditioning", "Flow", "Generator", "Hosting", "Looks", "refuse_unknown_codes", "refuse_unless_able"]
