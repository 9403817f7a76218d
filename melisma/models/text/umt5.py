"""The text encoder of ACE-Step v1: UMT5-base, last hidden states of a prompt taken as it is.

It can also read a text without grasping it: queries of two middle layers are all but silenced, so the words are there
and their relations are not. Guidance leans away from such a reading (ERG, entropy rectifying guidance).

Axes: b text, l token, e width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.files import fingerprint, read_config, read_weights
from melisma.models.fill import fill
from melisma.models.text.encoder import read_tokenizer

WEAK = 0.01
WEAK_BLOCKS = (8, 9)
MAX_TOKENS = 256


@dataclass(frozen=True)
class Pieces:
    """Token numbers of one text."""

    ids: list[int]


class SentencePieces:
    """The SentencePiece model that some single files carry instead of a tokenizer.json; the numbers are the same."""

    def __init__(self, model: bytes, source: Path | str) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ModuleNotFoundError as error:
            raise MissingModel(
                f"to read the tokenizer inside {source}, sentencepiece is needed, which is not installed: "
                "pip install 'melisma[v1]'"
            ) from error
        try:
            self._model: Any = SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise BadCheckpoint(
                f"the tokenizer inside {source} cannot be read ({error}): fetch the file again"
            ) from error

    def encode(self, text: str) -> Pieces:
        """As the tokenizers library does."""
        return Pieces(self._model.encode(text))


class UMT5:
    """A tokenizer and a network. `module` may be moved between calls; tensors are given where it then lies."""

    def __init__(self, module: nn.Module, tokenizer: Tokenizer | SentencePieces, fingerprint: str) -> None:
        self.module = module
        self.fingerprint = fingerprint
        self._tokenizer = tokenizer
        self._pad = int(self.module.config.pad_token_id)  # type: ignore[union-attr, arg-type]
        self._end = int(self.module.config.eos_token_id)  # type: ignore[union-attr, arg-type]

    @classmethod
    def from_pretrained(
        cls, folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> "UMT5":
        """Read network and tokenizer from a folder; nothing is fetched and no code of the checkpoint is run."""
        network = network_of(read_config(folder), read_weights(folder), folder, dtype).to(device)
        return cls(network, read_tokenizer(folder), fingerprint(folder))

    def tokens(self, text: str, max_tokens: int = MAX_TOKENS) -> list[int]:
        """Token numbers of one text, the last one the end token; at most `max_tokens`."""
        numbers: list[int] = self._tokenizer.encode(text).ids
        if numbers[-1:] != [self._end]:
            numbers.append(self._end)
        return numbers if len(numbers) <= max_tokens else [*numbers[: max_tokens - 1], self._end]

    @torch.no_grad()
    def hidden(self, texts: Sequence[str], max_tokens: int = MAX_TOKENS, weak: bool = False) -> tuple[Tensor, Tensor]:
        """Last hidden states (b, l, e) and mask (b, l), 1 where a token is. `weak` reads without grasping."""
        rows = [self.tokens(text, max_tokens) for text in texts]
        device = next(self.module.parameters()).device
        numbers = torch.full((len(rows), max(map(len, rows))), self._pad)
        mask = torch.zeros_like(numbers)
        for i, row in enumerate(rows):
            numbers[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        return self.read(numbers.to(device), mask.to(device), weak), mask.to(device)

    @torch.no_grad()
    def read(self, numbers: Tensor, mask: Tensor, weak: bool = False) -> Tensor:
        """Token numbers (b, l) and mask → hidden states (b, l, e)."""
        with weakened(self.module) if weak else nullcontext():
            return self.module(input_ids=numbers, attention_mask=mask).last_hidden_state


@contextmanager
def weakened(network: Any) -> Iterator[None]:
    """Queries of the middle layers multiplied by 0.01 for the length of a `with` block."""
    hooks = [
        network.encoder.block[i].layer[0].SelfAttention.q.register_forward_hook(lambda _, __, q: q * WEAK)
        for i in WEAK_BLOCKS
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def network_of(config: dict[str, Any], weights: dict[str, Tensor], source: Path | str, dtype: torch.dtype) -> nn.Module:
    """A UMT5 encoder with its weights; a decoder stored beside it is left out, one copy of the embedding is enough."""
    from transformers import UMT5Config, UMT5EncoderModel

    if config.get("model_type") != "umt5":
        raise BadCheckpoint(f"{source} holds {config.get('model_type')!r}, expected a text encoder of type 'umt5'")
    with torch.device("meta"):
        network: Any = UMT5EncoderModel(UMT5Config(**config))
    encoder = {name: tensor for name, tensor in weights.items() if not name.startswith(("decoder.", "lm_head."))}
    table = encoder.pop("encoder.embed_tokens.weight", None)
    shared = encoder.get("shared.weight", table)
    if shared is None:
        raise BadCheckpoint(f"{source} has no embedding table (shared.weight): fetch it again")
    fill(network, encoder | {"shared.weight": shared, "encoder.embed_tokens.weight": shared}, source)
    network.tie_weights()
    module: nn.Module = network.to(dtype).eval().requires_grad_(False)
    return module
