"""ACE-Step 1.5 and XL: prompts, and the generator around the network."""

from melisma.generators.v15.generator import V15
from melisma.generators.v15.loading import load_v15
from melisma.models.habits import FROM_WORDS, GUIDED, STEMS, TURBO

__all__ = ["FROM_WORDS", "GUIDED", "STEMS", "TURBO", "V15", "load_v15"]
