"""5 Hz audio codes as text and as numbers.

One code stands for 0.2 s of music. Checkpoints write them without a separator: `<|audio_code_123|><|audio_code_7|>`.
"""

import re
from collections.abc import Iterable

from melisma.models.planner.vocabulary import MOST_CODES

CODES_HZ = 5
_CODE = re.compile(r"<\|audio_code_(\d+)\|>")


def parse_codes(text: str) -> list[int]:
    """All codes in a text, in order. The few tokens above the codebook stand for its last entry, as officially."""
    return [min(int(number), MOST_CODES - 1) for number in _CODE.findall(text)]


def format_codes(codes: Iterable[int]) -> str:
    """Codes as checkpoints write them."""
    return "".join(f"<|audio_code_{code}|>" for code in codes)


def codes_in(duration_s: float) -> int:
    """How many whole codes a duration holds. Rounded first: 0.2 s is one code, whatever floats say."""
    return int(round(duration_s * CODES_HZ, 6))
