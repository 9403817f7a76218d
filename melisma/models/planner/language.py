"""What planning asks of a language model, whichever library runs it.

A model opens a `Reader` on some prompts; the reader goes on reading tokens and says how likely each candidate is next.
Candidates are always named: scoring 64,000 codes or four metres instead of the whole vocabulary is most of the speed.
Axes: r sequence, n token, v candidate.
"""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from melisma.models.planner.vocabulary import Vocabulary

# Candidates: a run of ids, or listed ones.
Candidates = slice | list[int]


class Reader(Protocol):
    """Sequences being read side by side, each at its own length, and what they expect next."""

    sequences: int

    def read(self, tokens: Tensor) -> None:
        """Go on reading. tokens: (r, n) int64. Returns when the tokens before these have been read."""

    def logits(self, candidates: Candidates) -> Tensor:
        """How likely each candidate is next: (r, v) float32, where `choose` may run."""


class LanguageModel(Protocol):
    """A planner's network."""

    vocabulary: Vocabulary
    context: int

    def open(self, prompts: Sequence[Sequence[int]], copies: int, room: int) -> Reader:
        """Read each prompt once, and stand ready to go on from it `copies` times for at most `room` more tokens.

        Sequences are ordered by prompt, then by copy. Raises BadRequest if that is more than the context holds.
        """

    def surprise(self, prompt: Sequence[int], target: Sequence[int]) -> Tensor:
        """Logits (n, v) over the whole vocabulary before each of n target tokens that follow a prompt; float32, CPU."""


def check_room(longest: int, room: int, context: int) -> None:
    """Raise BadRequest if a prompt of `longest` tokens and `room` more exceed the context."""
    from melisma.errors import BadRequest

    if longest + room > context:
        raise BadRequest(
            f"{longest} tokens of words and {room} to be written are more than the planner's {context}: "
            "shorten lyrics or length, or switch codes off"
        )
