"""Writing a plan slot by slot: what is certain is copied, what is open is chosen among what is allowed.

The planner's answer is a fixed form:

    <think>
    bpm: 96
    caption: A slow waltz …
    duration: 120
    keyscale: F# minor
    language: en
    timesignature: 3
    </think>

Its skeleton and every value that is already decided are copied as the tokenizer would cut them, without asking the
model. An open tempo, length, key, language or metre is a walk down a small tree of allowed spellings; the caption is
free text that ends with its line; lyrics are free text that ends with the turn. So every answer parses, keeps what was
given, and costs one step of the network per real decision. State belongs to one `Pen`, that is, to one sequence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from melisma.listen import Listener, quiet
from melisma.models.planner.language import Reader
from melisma.models.planner.vocabulary import Vocabulary
from melisma.planning.prompts import THINK, THOUGHT
from melisma.sampling.tokens import Taste, choose
from melisma.song import LANGUAGES, METERS

LONGEST_CAPTION = 512
SKELETON = ("bpm", "caption", "duration", "keyscale", "language", "timesignature")
KEYS = tuple(f"{note}{accidental} {mode}" for note in "ABCDEFG" for accidental in ("", "#", "b", "♯", "♭") for mode in ("major", "minor"))  # fmt: skip
SPACE, NEWLINE = "Ġ", "Ċ"  # how byte-level BPE spells them
CONTROLS = frozenset(chr(256 + byte) for byte in range(32)) - {NEWLINE}  # and all other control characters

Tree = dict[int, "Tree"]


@dataclass(frozen=True)
class Form:
    """The spellings of one planner's vocabulary: which tokens may follow where."""

    vocabulary: Vocabulary
    longest_s: int
    longest_caption: int = LONGEST_CAPTION  # tokens

    @cached_property
    def trees(self) -> dict[str, Tree]:
        """Field → tree of the ids of every allowed value and its line's end."""
        allowed: dict[str, Iterable[object]] = {
            "bpm": range(30, 301),
            "duration": range(10, self.longest_s + 1),
            "keyscale": KEYS,
            "language": LANGUAGES,
            "timesignature": METERS,
        }
        return {name: self._tree(name, values) for name, values in allowed.items()}

    def label(self, name: str) -> list[int]:
        """Ids of a field's name and colon."""
        return self.vocabulary.encode(f"{name}:")

    def value(self, name: str, value: object) -> list[int]:
        """Ids of a value and its line's end, as they are cut behind the field's name."""
        return self.vocabulary.encode(f"{name}: {value}\n")[len(self.label(name)) :]

    @cached_property
    def inside(self) -> np.ndarray:
        """(v,) bool: may stand within a caption, or end its line; not a mark, no bare backtick, no control character."""
        return np.array([_inside(piece) for piece in self.vocabulary.pieces])

    @cached_property
    def opening(self) -> np.ndarray:
        """(v,) bool: may begin a caption's line: a space and something after it."""
        return np.array([_inside(piece) and _opens(piece) for piece in self.vocabulary.pieces])

    @cached_property
    def closing(self) -> np.ndarray:
        """(v,) bool: ends the line."""
        return np.array([piece is not None and piece.endswith(NEWLINE) for piece in self.vocabulary.pieces])

    @cached_property
    def free(self) -> np.ndarray:
        """(v,) bool: may stand within lyrics, or end the turn."""
        free = np.array([piece is not None for piece in self.vocabulary.pieces])
        free[self.vocabulary.end] = True
        return free

    def _tree(self, name: str, values: Iterable[object]) -> Tree:
        root: Tree = {}
        for value in values:
            branch = root
            for token in self.value(name, value):
                branch = branch.setdefault(token, {})
        return root


class Pen:
    """Writes one sequence: copies what is certain, asks the model for the rest.

    `source` gives one number per choice, so a sequence is the same in any company.
    """

    def __init__(
        self,
        reader: Reader,
        vocabulary: Vocabulary,
        taste: Taste,
        source: np.random.Generator,
        listen: Listener = quiet,
    ) -> None:
        self.written: list[int] = []
        self._reader = reader
        self._vocabulary = vocabulary
        self._taste = taste
        self._source = source
        self._listen = listen
        self._unread: list[int] = []

    def copy(self, ids: Iterable[int]) -> None:
        """Write tokens without asking."""
        ids = list(ids)
        self.written += ids
        self._unread += ids

    def pick(self, allowed: np.ndarray | list[int], taste: Taste | None = None) -> int:
        """Write one of the allowed tokens, and say which."""
        token = self.ahead(allowed, taste)
        self.copy([token])
        return token

    def ahead(self, allowed: np.ndarray | list[int], taste: Taste | None = None) -> int:
        """Choose one of the allowed tokens without writing it: a list of ids, or (v,) bool over the ids below the codes."""
        if isinstance(allowed, list) and len(allowed) == 1:
            return allowed[0]
        if self._unread:
            self._reader.read(torch.tensor([self._unread]))
            self._unread = []
        if isinstance(allowed, list):
            token = allowed[self._choose(self._reader.logits(allowed), taste)]
        else:
            logits = self._reader.logits(slice(0, len(allowed)))
            banned = torch.from_numpy(~allowed).to(logits.device)
            token = self._choose(logits.masked_fill(banned, -torch.inf), taste)
        self._listen.step()
        return token

    def walk(self, tree: Tree, taste: Taste | None = None) -> None:
        """Write one of the spellings of a tree."""
        while tree:
            tree = tree[self.pick(sorted(tree), taste)]

    def _choose(self, logits: torch.Tensor, taste: Taste | None) -> int:
        draw = torch.tensor([self._source.random()])
        return int(choose(logits, draw.to(logits.device), taste or self._taste))


def write_reasoning(
    pen: Pen,
    form: Form,
    given: Mapping[str, object],
    skip: Iterable[str] = (),
    close: bool = False,
) -> None:
    """Write the thinking block. given: field → value that is already decided; skip: fields to leave out.

    The language is taken as the likeliest one, as officially. `close` writes `</think>` at the end.
    """
    fields = [name for name in SKELETON if name not in set(skip)]
    pen.copy(form.vocabulary.encode([THINK, "\n"]))
    for name, following in zip(fields, [*fields[1:], None], strict=True):
        pen.copy(form.label(name))
        if name in given:
            pen.copy(form.value(name, given[name]))
        elif name == "caption":
            after = form.label(following)[0] if following else form.vocabulary.encode([THOUGHT])[0]
            write_caption(pen, form, after)
        else:
            pen.walk(form.trees[name], Taste(0.0) if name == "language" else None)
    if close:
        pen.copy(form.vocabulary.encode([THOUGHT]))


def write_caption(pen: Pen, form: Form, after: int) -> None:
    """Write a caption to the end of its last line. `after` begins the next field.

    After each line the model says whether another follows, indented by two spaces, or the next field. The token that
    begins the next field is asked for, not written: the skeleton copies it.
    """
    indent = form.vocabulary.encode(" ")[0]
    token = pen.pick(form.opening)
    for _ in range(form.longest_caption):
        if not form.closing[token]:
            token = pen.pick(form.inside)
        elif pen.ahead([indent, after]) == after:
            return
        else:
            pen.copy([indent])
            token = pen.pick(form.opening)
    if not form.closing[token]:
        pen.copy(form.vocabulary.encode("\n"))


def write_lyrics(pen: Pen, form: Form, most: int) -> None:
    """Write free text to the end of the turn, or `most` tokens."""
    for _ in range(most):
        if pen.pick(form.free) == form.vocabulary.end:
            return


def _inside(piece: str | None) -> bool:
    if piece is None or piece == "`" or NEWLINE in piece[:-1]:
        return False
    return not any(letter in CONTROLS for letter in piece)


def _opens(piece: str | None) -> bool:
    return piece is not None and len(piece) > 1 and piece[0] == SPACE and piece[1] not in (SPACE, NEWLINE)
