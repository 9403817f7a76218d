"""The text encoder of ACE-Step 1.5: Qwen3-Embedding-0.6B, read in two ways.

Descriptions are read whole (`hidden`: last hidden states after the final norm). Lyrics are only looked up (`embed`: rows
of the embedding table, no layer runs); the generator's own lyric encoder does the rest.

The checkpoint was trained with an end token behind every text, which its tokenizer appends; where a prompt already ends
in one there are two, and both belong there. A text too long loses its last words, never the end token. Padding stands on
the right and the network runs without a mask: it is causal, so nothing valid hears the padding.

Axes: b text, l token, e width.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.files import AGAIN, fingerprint
from melisma.models.qwen3 import read_qwen3

END = "<|endoftext|>"


class TextEncoder:
    """A tokenizer and a network. `module` may be moved between calls; tensors are given where it then lies."""

    def __init__(self, module: nn.Module, tokenizer: Tokenizer, fingerprint: str) -> None:
        end = tokenizer.token_to_id(END)
        if end is None:
            raise BadCheckpoint(f"the tokenizer has no {END}: it does not belong to an ACE-Step text encoder. {AGAIN}")
        self.module = module
        self.fingerprint = fingerprint
        self._tokenizer = tokenizer
        self._end: int = end

    @classmethod
    def from_pretrained(
        cls, folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> "TextEncoder":
        """Read network and tokenizer from a folder; nothing is fetched and no code of the checkpoint is run."""
        network = read_qwen3(folder, dtype).to(device)
        return cls(network, read_tokenizer(folder), fingerprint(folder))

    def tokens(self, text: str, max_tokens: int) -> list[int]:
        """Token numbers of one text, the last one the end token; at most `max_tokens`."""
        numbers: list[int] = self._tokenizer.encode(text).ids
        appended = self._tokenizer.num_special_tokens_to_add(False) > 0
        if not appended or numbers[-1:] != [self._end]:
            numbers.append(self._end)
        return numbers if len(numbers) <= max_tokens else [*numbers[: max_tokens - 1], self._end]

    @property
    def end(self) -> int:
        """The number of the end token."""
        return self._end

    def spell(self, numbers: Sequence[int]) -> str:
        """The text of token numbers; bytes that are no UTF-8 become U+FFFD."""
        return str(self._tokenizer.decode(list(numbers), skip_special_tokens=False))

    @torch.no_grad()
    def hidden(self, texts: Sequence[str], max_tokens: int) -> tuple[Tensor, Tensor]:
        """Last hidden states (b, l, e) and mask (b, l), 1 where a token is."""
        numbers, mask = self._padded(texts, max_tokens)
        return self.module(numbers), mask

    @torch.no_grad()
    def embed(self, texts: Sequence[str], max_tokens: int) -> tuple[Tensor, Tensor]:
        """Embedding rows (b, l, e) and mask (b, l), 1 where a token is."""
        numbers, mask = self._padded(texts, max_tokens)
        table: Any = self.module.embed_tokens
        return table(numbers), mask

    def _padded(self, texts: Sequence[str], max_tokens: int) -> tuple[Tensor, Tensor]:
        rows = [self.tokens(text, max_tokens) for text in texts]
        device = next(self.module.parameters()).device
        numbers = torch.full((len(rows), max(map(len, rows))), self._end)
        mask = torch.zeros_like(numbers)
        for i, row in enumerate(rows):
            numbers[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        return numbers.to(device), mask.to(device)


def tokenizer_at(path: Path) -> Tokenizer:
    """What a file of the tokenizers library holds. Raises BadCheckpoint where it holds something else."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        if type(error) is not Exception:  # the library itself raises nothing narrower
            raise
        raise BadCheckpoint(f"{path} is not a tokenizer or vocabulary ({error}). {AGAIN}") from error


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer.json of a folder (or of `tokenizer/` beside it, as diffusers lays it), as it is: its own rules
    decide what is appended."""
    places = (folder / "tokenizer.json", folder.parent / "tokenizer" / "tokenizer.json")
    path = next((place for place in places if place.is_file()), places[0])
    if not path.is_file():
        raise MissingModel(f"no tokenizer.json in {folder}. {AGAIN}")
    tokenizer = tokenizer_at(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
