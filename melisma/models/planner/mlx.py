"""The planner's network in MLX: Apple silicon through mlx-lm, with weights as they are or as 8 or 4 bits.

mlx-lm defines the network and reads the checkpoint. Sequences are read one after the other with a cache each, which is
faster there than a batch; a prompt is read once and its cache copied to all takes. Logits leave as PyTorch tensors, so
that tokens are chosen by the same code as everywhere. Runs on Linux too, slowly, for tests.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import torch
from mlx_lm import utils
from mlx_lm.models.cache import KVCache
from torch import Tensor

from melisma.models.planner.language import Candidates, check_room
from melisma.models.planner.vocabulary import Vocabulary


class MlxQwen:
    """A planner's network in MLX."""

    def __init__(self, network: Any, vocabulary: Vocabulary, context: int) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.context = context

    def open(self, prompts: Sequence[Sequence[int]], copies: int, room: int) -> "MlxReader":
        """See `LanguageModel.open`."""
        check_room(max(len(prompt) for prompt in prompts), room, self.context)
        caches, hidden = [], []
        for prompt in prompts:
            cache = [KVCache() for _ in self.network.layers]
            last = self.walk(list(prompt), cache)[-1:]
            mx.eval(last, [part.state for part in cache])
            caches += [cache if i == 0 else copied(cache) for i in range(copies)]
            hidden += [last] * copies
        return MlxReader(self, caches, hidden)

    def surprise(self, prompt: Sequence[int], target: Sequence[int]) -> Tensor:
        """See `LanguageModel.surprise`."""
        ids = [*prompt, *target]
        check_room(len(ids), 0, self.context)
        hidden = self.walk(ids, [KVCache() for _ in self.network.layers])
        return self.score(hidden[len(prompt) - 1 : -1], slice(0, None))

    def walk(self, tokens: list[int], cache: list[Any]) -> Any:
        """Read tokens into a cache; hidden (n, e)."""
        return self.network.model(mx.array([tokens]), cache=cache)[0]

    def score(self, hidden: Any, candidates: Candidates) -> Tensor:
        """Logits (r, v) of some candidates from hidden (r, e), on the processor."""
        model = self.network.model
        head = model.embed_tokens if self.network.args.tie_word_embeddings else self.network.lm_head
        rows = mx.array(candidates) if isinstance(candidates, list) else candidates
        if hasattr(head, "scales"):
            logits = mx.quantized_matmul(
                hidden,
                head.weight[rows],
                scales=head.scales[rows],
                biases=head.biases[rows],
                transpose=True,
                group_size=head.group_size,
                bits=head.bits,
            )
        else:
            logits = hidden @ head.weight[rows].T
        return torch.from_numpy(np.array(logits.astype(mx.float32)))


class MlxReader:
    """Sequences being read in MLX; see `Reader`."""

    def __init__(self, language: MlxQwen, caches: list[list[Any]], hidden: list[Any]) -> None:
        self.sequences = len(caches)
        self._language = language
        self._caches = caches
        self._hidden = hidden

    def read(self, tokens: Tensor) -> None:
        """See `Reader.read`."""
        rows = zip(tokens.tolist(), self._caches, strict=True)
        self._hidden = [self._language.walk(row, cache)[-1:] for row, cache in rows]

    def logits(self, candidates: Candidates) -> Tensor:
        """See `Reader.logits`."""
        return self._language.score(mx.concatenate(self._hidden), candidates)


def load_mlx(folder: Path, vocabulary: Vocabulary, context: int, bits: int | None = None) -> MlxQwen:
    """The network of a checkpoint folder in the official layout; bits: 8 or 4 for weights as integers."""
    network, config = utils.load_model(folder)
    if bits:
        network, _ = utils.quantize_model(network, config, group_size=64, bits=bits)
    return MlxQwen(network, vocabulary, context)


def copied(cache: list[Any]) -> list[Any]:
    """A cache of its own with the same contents."""
    twins = [copy.copy(part) for part in cache]
    for twin in twins:
        twin.keys, twin.values = mx.array(twin.keys), mx.array(twin.values)
    return twins
