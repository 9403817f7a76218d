"""The exact words that the planner's checkpoints were trained with, one function per mode.

Every newline here is load-bearing. A prompt is a string that remembers which of its parts are marks (`<|im_end|>` and
the like), so that marks typed by a person stay words when it is tokenised.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import yaml

from melisma.models.planner.vocabulary import Mark
from melisma.planning.codes import format_codes
from melisma.song import INSTRUMENTAL, SongRequest

GENERATE = "Generate audio semantic tokens based on the given conditions:"
INSPIRE = "Expand the user's input into a more detailed and specific musical description:"
FORMAT = "Format the user's input into a more detailed and specific musical description:"
UNDERSTAND = "Understand the given musical conditions and describe the audio semantics accordingly:"
NOTHING = "NO USER INPUT"

START, END = Mark("<|im_start|>"), Mark("<|im_end|>")
THINK, THOUGHT = Mark("<think>"), Mark("</think>")

# Metadata in the order of training: alphabetical, without genres.
FIELDS = ("bpm", "caption", "duration", "keyscale", "language", "timesignature")


class Prompt(str):
    """A prompt as the model reads it. `parts` are its texts and `Mark`s in order."""

    parts: tuple[str, ...]

    def __new__(cls, parts: Iterable[str]) -> Self:
        parts = tuple(parts)
        prompt = super().__new__(cls, "".join(parts))
        prompt.parts = parts
        return prompt

    def then(self, *parts: str) -> "Prompt":
        """The prompt with more at its end."""
        return Prompt((*self.parts, *parts))


def compose(request: SongRequest) -> Prompt:
    """Phase 1 of a song: caption and lyrics are read, metadata is to be written."""
    return _turn(GENERATE, f"# Caption\n{request.caption}\n\n# Lyric\n{words(request)}\n")


def codes(request: SongRequest, metadata: Mapping[str, Any]) -> Prompt:
    """Phase 2 of a song: metadata is known, audio codes are to be written."""
    return compose(request).then(*reasoning(metadata).parts, "\n\n")


def unconditional(negative: str | None = None) -> Prompt:
    """What guidance leads away from in phase 2: a negative description, or nobody's wish."""
    return _turn(GENERATE, negative if negative and meant(negative) else NOTHING).then(THINK, "\n\n", THOUGHT, "\n\n")


def unconditional_reasoning(request: SongRequest) -> Prompt:
    """What guidance would lead away from in phase 1. The checkpoints are run without guidance there."""
    negative = request.planning.negative
    caption = f"# Caption\n{negative}\n\n" if meant(negative) else ""
    return _turn(GENERATE, f"{caption}# Lyric\n{words(request)}\n")


def inspire(request: SongRequest) -> Prompt:
    """A sentence is read; caption, metadata and lyrics are to be written."""
    return _turn(INSPIRE, f"{request.caption}\n\ninstrumental: {'true' if request.instrumental else 'false'}")


def format(request: SongRequest) -> Prompt:
    """Rough caption and lyrics are read; better ones and metadata are to be written."""
    return _turn(FORMAT, f"# Caption\n{request.caption}\n\n# Lyric\n{words(request)}")


def understand(codes: Iterable[int]) -> Prompt:
    """Audio codes are read; caption, metadata and lyrics are to be written."""
    return _turn(UNDERSTAND, *(Mark(format_codes([code])) for code in codes))


def nobody() -> Prompt:
    """Understanding of no music at all: what scores compare with."""
    return _turn(UNDERSTAND, NOTHING)


def reasoning(metadata: Mapping[str, Any]) -> Prompt:
    """The `<think>` block of metadata, as YAML in training order. None means: leave out.

    YAML's quoting and folding are part of what the checkpoints learned, so YAML itself writes it.
    """
    items = {name: _plain(name, metadata[name]) for name in FIELDS if metadata.get(name) is not None}
    text = yaml.dump(items, allow_unicode=True, sort_keys=True).strip() if items else ""
    return Prompt((THINK, f"\n{text}\n", THOUGHT))


def words(request: SongRequest) -> str:
    """The lyrics that the model reads."""
    return INSTRUMENTAL if request.instrumental and not request.lyrics else request.lyrics or ""


def meant(negative: str | None) -> bool:
    """Whether a negative prompt says anything."""
    return bool(negative and negative.strip() and negative.strip() != NOTHING)


def _plain(name: str, value: Any) -> Any:
    """A value as it stood in the training data: 4/4 is 4, and digits are a number."""
    if name == "timesignature" and isinstance(value, str):
        value = value.removesuffix("/4")
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _turn(instruction: str, *user: str) -> Prompt:
    """Qwen3's chat template up to the model's own turn."""
    return Prompt(
        (
            START,
            f"system\n# Instruction\n{instruction}\n\n",
            END,
            "\n",
            START,
            "user\n",
            *user,
            END,
            "\n",
            START,
            "assistant\n",
        )
    )
