"""What a planner reads and writes: words, a few marks, and audio codes.

Words are cut by the checkpoint's own byte-level BPE. Marks are strings that are one token each, such as `<|im_end|>`:
they count as marks only where melisma writes them, never inside a person's text, so nobody can end a turn or open
one by typing a mark into a caption. Audio codes are one unbroken run of ids at the end of the vocabulary, so code and
id differ by a constant.
"""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from melisma.errors import BadCheckpoint

END = "<|im_end|>"
FIRST_CODE = "<|audio_code_0|>"
# The checkpoints carry 65,535 code tokens; the tokenizer they speak of knows 64,000.
MOST_CODES = 64_000


class Mark(str):
    """A string that is one token of the vocabulary."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Text ↔ ids. `words` is the BPE without any added token, `marks` the added tokens that are no audio codes."""

    words: Tokenizer
    marks: Mapping[str, int]
    first_code: int
    codes: int
    end: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", self.marks[END])

    @cached_property
    def names(self) -> dict[int, str]:
        """Id → mark."""
        return {number: mark for mark, number in self.marks.items()}

    @cached_property
    def pieces(self) -> list[str | None]:
        """The byte-level spelling of every id below the codes; None for marks and gaps."""
        table: list[str | None] = [self.words.id_to_token(number) for number in range(self.first_code)]
        for number in self.marks.values():
            if number < self.first_code:
                table[number] = None
        return table

    def encode(self, parts: str | Iterable[str]) -> list[int]:
        """Ids of a text, or of texts and `Mark`s joined. Marks spelled out inside a text are words."""
        if isinstance(parts, Mark):
            return [self._id(parts)]
        if isinstance(parts, str):
            return list(self.words.encode(parts, add_special_tokens=False).ids)
        runs = itertools.groupby(parts, key=lambda part: isinstance(part, Mark))
        return [number for marked, run in runs for number in self._encode_run(list(run), marked)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, marks and codes spelled out; bytes that are no UTF-8 become U+FFFD."""
        runs = itertools.groupby(ids, key=self._is_word)
        return "".join(self._decode_run(list(run), wordy) for wordy, run in runs)

    def _encode_run(self, parts: list[str], marked: bool) -> list[int]:
        return [self._id(mark) for mark in parts] if marked else self.encode("".join(parts))

    def _decode_run(self, ids: list[int], wordy: bool) -> str:
        return str(self.words.decode(ids)) if wordy else "".join(map(self._spelled, ids))

    def _is_word(self, number: int) -> bool:
        return number < self.first_code and number not in self.names

    def _spelled(self, number: int) -> str:
        if number < self.first_code:
            return self.names[number]
        return FIRST_CODE.replace("0", str(number - self.first_code))

    def _id(self, mark: str) -> int:
        if mark in self.marks:
            return self.marks[mark]
        code = mark.removeprefix("<|audio_code_").removesuffix("|>")
        if code.isdigit() and int(code) < self.codes:
            return self.first_code + int(code)
        raise BadCheckpoint(
            f"this planner's vocabulary has no token {mark}: it is no ACE-Step planner, "
            "or it was trained for another set of audio codes"
        )


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a checkpoint folder. Raises BadCheckpoint where it is no planner's."""
    path = folder / "tokenizer.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadCheckpoint(
            f"{folder} holds no tokenizer.json: the checkpoint is incomplete. Fetch it again"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadCheckpoint(f"cannot read {path}: {error}. Fetch the checkpoint again") from error
    return vocabulary_of(description)


def vocabulary_of(description: dict[str, Any]) -> Vocabulary:
    """A vocabulary from the contents of a `tokenizer.json`."""
    added = {token["content"]: int(token["id"]) for token in description.get("added_tokens", ())}
    if FIRST_CODE not in added or END not in added:
        raise BadCheckpoint(
            f"a planner's vocabulary holds {END} and {FIRST_CODE}, this one does not: "
            "it is a plain language model or text encoder, not an ACE-Step planner"
        )
    first = added[FIRST_CODE]
    codes = {number: text for text, number in added.items() if text.startswith("<|audio_code_")}
    unbroken = all(codes.get(first + i) == f"<|audio_code_{i}|>" for i in range(len(codes)))
    if not unbroken:
        raise BadCheckpoint(
            f"the audio codes of this planner are no unbroken run of ids from {first}: {len(codes)} codes"
        )
    words = Tokenizer.from_str(json.dumps({**description, "added_tokens": [], "post_processor": None}))
    marks = {text: number for text, number in added.items() if number not in codes}
    return Vocabulary(words, marks, first, min(len(codes), MOST_CODES))
