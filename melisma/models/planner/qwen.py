"""The planner's network in PyTorch: Qwen3, read with a cache of fixed size.

Writing music is thousands of one-token steps, and the walk through the layers is what they cost:

- Every prompt is read once; its keys and values are copied to all takes, and to both sides of guidance.
- Keys and values lie in one buffer, allocated once. Sequences end at the same column, so that all write into the same
  one; shorter prompts begin later, and what lies before them is hidden.
- The head is applied to named candidates only (`language.py`).
- On CUDA a one-token step is captured as a graph and replayed. The graph looks at a window of the buffer that grows in
  large strides, so that a graph serves many steps and early steps do not pay for the whole length.

Axes: r sequence, n token, h head, k key/value head, d head width, w column of the cache, e hidden width, v candidate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from melisma.errors import MissingModel
from melisma.models.blocks import Heads, rotate
from melisma.models.planner.language import Candidates, check_room
from melisma.models.planner.vocabulary import Vocabulary
from melisma.models.qwen3 import Layer, Qwen3LM, read_qwen3_lm
from melisma.models.rotary import Rotary, rotary_at

STRIDE = 1024


@dataclass
class Cache:
    """Keys and values of all layers, each (r, k, w, d), and the column (r,) at which each sequence begins."""

    keys: list[Tensor]
    values: list[Tensor]
    begins: Tensor


class Qwen:
    """A planner's network. Sequences longer than `context` are refused."""

    def __init__(self, network: Qwen3LM, vocabulary: Vocabulary, context: int) -> None:
        self.network = network.eval().requires_grad_(False)
        self.vocabulary = vocabulary
        self.context = context

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return torch.device(self.network.model.embed_tokens.weight.device)

    @torch.inference_mode()
    def open(self, prompts: Sequence[Sequence[int]], copies: int, room: int) -> "QwenReader":
        """See `LanguageModel.open`."""
        longest = max(len(prompt) for prompt in prompts)
        check_room(longest, room, self.context)
        columns = longest + room
        if self.device.type == "cuda":
            columns = STRIDE * math.ceil(columns / STRIDE)
        cache = self._allocate(len(prompts) * copies, columns, clear=columns if self.device.type == "cuda" else longest)
        hidden = []
        for i, prompt in enumerate(prompts):
            alone = self._allocate(1, len(prompt))
            columns_read = torch.arange(len(prompt), device=self.device)
            tokens = torch.tensor([list(prompt)], device=self.device)
            hidden.append(self.walk(tokens, alone, columns_read, len(prompt))[:, -1:].expand(copies, -1, -1))
            rows = slice(i * copies, (i + 1) * copies)
            for whole, part in zip(cache.keys + cache.values, alone.keys + alone.values, strict=True):
                whole[rows, :, longest - len(prompt) : longest] = part
            cache.begins[rows] = longest - len(prompt)
        return QwenReader(self, cache, longest, torch.cat(hidden))

    @torch.inference_mode()
    def surprise(self, prompt: Sequence[int], target: Sequence[int]) -> Tensor:
        """See `LanguageModel.surprise`."""
        ids = [*prompt, *target]
        check_room(len(ids), 0, self.context)
        tokens = torch.tensor([ids], device=self.device)
        columns = torch.arange(len(ids), device=self.device)
        hidden = self.walk(tokens, self._allocate(1, len(ids)), columns, len(ids))
        logits: Tensor = self.network.lm_head(hidden[0, len(prompt) - 1 : -1])
        return logits.float().cpu()

    def walk(self, tokens: Tensor, cache: Cache, columns: Tensor, window: int) -> Tensor:
        """Read tokens (r, n) into `columns` (n,) of the cache, seeing its first `window` columns; hidden (r, n, e)."""
        model, config = self.network.model, self.network.config
        positions = columns[None] - cache.begins[:, None]
        seen = torch.arange(window, device=tokens.device)
        visible = (seen <= columns[:, None]) & (seen >= cache.begins[:, None, None])
        x = model.embed_tokens(tokens)
        cos, sin = rotary_at(positions, config.head_dim, config.rope_theta, x)
        turn = cos[:, None], sin[:, None]
        for layer, keys, values in zip(model.layers, cache.keys, cache.values, strict=True):
            assert isinstance(layer, Layer)
            x = x + _attend(layer.self_attn, layer.input_layernorm(x), turn, keys, values, columns, visible)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return model.norm(x)

    def score(self, hidden: Tensor, candidates: Candidates) -> Tensor:
        """Logits (r, v) of some candidates from hidden (r, e)."""
        head = self.network.lm_head
        if isinstance(candidates, list):
            return F.linear(hidden, head.weight[torch.tensor(candidates, device=hidden.device)]).float()
        return F.linear(hidden, head.weight[candidates]).float()

    def _allocate(self, sequences: int, columns: int, clear: int = 0) -> Cache:
        """An empty cache. The first `clear` columns are zero: those that are hidden, but multiplied, before they are written."""
        config, weight = self.network.config, self.network.model.embed_tokens.weight
        shape = (sequences, config.num_key_value_heads, columns, config.head_dim)
        layers = range(config.num_hidden_layers)
        buffers = [weight.new_empty(shape) for _ in range(2 * len(layers))]
        for buffer in buffers:
            buffer[:, :, :clear] = 0
        return Cache(
            buffers[: len(layers)],
            buffers[len(layers) :],
            torch.zeros(sequences, dtype=torch.int64, device=weight.device),
        )


class QwenReader:
    """Sequences of one network being read; see `Reader`."""

    def __init__(self, language: Qwen, cache: Cache, length: int, hidden: Tensor) -> None:
        self.sequences = hidden.shape[0]
        self._language = language
        self._cache = cache
        self._length = length
        self._hidden = hidden[:, -1]
        self._step: _Graph | None = None
        self._read = torch.cuda.Event() if hidden.is_cuda else None

    @torch.inference_mode()
    def read(self, tokens: Tensor) -> None:
        """See `Reader.read`. Steps are queued one ahead at most, so that stopping takes effect within a token."""
        tokens = tokens.to(self._hidden.device)
        if self._read is not None and tokens.shape[1] == 1:
            self._read.synchronize()
            self._hidden = self._replay(tokens)
            self._read.record()
        else:
            columns = torch.arange(self._length, self._length + tokens.shape[1], device=tokens.device)
            self._hidden = self._language.walk(tokens, self._cache, columns, self._length + tokens.shape[1])[:, -1]
        self._length += tokens.shape[1]

    @torch.inference_mode()
    def logits(self, candidates: Candidates) -> Tensor:
        """See `Reader.logits`."""
        return self._language.score(self._hidden, candidates)

    def _replay(self, tokens: Tensor) -> Tensor:
        """One step by the graph whose window holds it; a new graph whenever the window grows."""
        window = STRIDE * math.ceil((self._length + 1) / STRIDE)
        if self._step is None or self._step.window != window:
            self._step = _Graph(self._language, self._cache, tokens, self._length, window)
        return self._step.replay(tokens, self._length)


class _Graph:
    """A one-token step over a fixed window, captured for CUDA."""

    def __init__(self, language: Qwen, cache: Cache, tokens: Tensor, column: int, window: int) -> None:
        self.window = window
        self._tokens = tokens.clone()
        self._columns = torch.tensor([column], device=tokens.device)
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # libraries set up their workspaces in a first call, which must not be captured
            language.walk(self._tokens, cache, self._columns, window)
        torch.cuda.current_stream().wait_stream(beside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._hidden = language.walk(self._tokens, cache, self._columns, window)

    def replay(self, tokens: Tensor, column: int) -> Tensor:
        """Hidden (r, e) after tokens (r, 1) at a column."""
        self._tokens.copy_(tokens)
        self._columns.fill_(column)
        self._graph.replay()
        return self._hidden[:, -1].clone()


def load_qwen(
    folder: Path,
    vocabulary: Vocabulary,
    context: int,
    device: torch.device,
    dtype: torch.dtype,
    bits: int | None = None,
) -> Qwen:
    """The network of a checkpoint folder in the official layout; bits: 8 or 4 for weights as integers."""
    network = read_qwen3_lm(folder, dtype)
    network = network.to(device)
    if bits:
        pack(network, bits)
    return Qwen(network, vocabulary, context)


def pack(network: Qwen3LM, bits: int) -> None:
    """Turn the weights of all layers into integers of 8 or 4 bits, in place. The head stays as it is, it is sliced."""
    try:
        from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig, quantize_
    except ImportError as error:
        raise MissingModel(f"{bits}-bit weights need torchao: pip install 'melisma[quantized]'") from error
    quantize_(network.model.layers, Int8WeightOnlyConfig() if bits == 8 else Int4WeightOnlyConfig())


def _attend(
    attention: Heads,
    x: Tensor,
    turn: Rotary,
    keys: Tensor,
    values: Tensor,
    columns: Tensor,
    visible: Tensor,
) -> Tensor:
    """Attention of x (r, n, e) over the cache, into which its own keys and values are written; visible (r, n, w)."""
    r, n, _ = x.shape
    window = visible.shape[-1]
    k, v = attention.keys_values(x)
    q, k = rotate(attention.query(x), turn), rotate(k, turn)
    keys.index_copy_(2, columns, k)
    values.index_copy_(2, columns, v)
    listen = _listen_once if n == 1 else _listen
    heard = listen(q, keys[:, :, :window], values[:, :, :window], visible)
    mixed: Tensor = attention.o_proj(heard.transpose(1, 2).reshape(r, n, -1))
    return mixed


def _listen(q: Tensor, keys: Tensor, values: Tensor, visible: Tensor) -> Tensor:
    """Queries (r, h, n, d) over keys and values (r, k, w, d) where visible (r, n, w); returns (r, h, n, d)."""
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=visible[:, None], enable_gqa=True)


def _listen_once(q: Tensor, keys: Tensor, values: Tensor, visible: Tensor) -> Tensor:
    """As `_listen` for one query a sequence.

    Heads that share keys are queries beside each other, so that keys and values are read once and never repeated: with a
    mask, no kernel of the library does that.
    """
    r, h, _, d = q.shape
    beside = q.reshape(r, keys.shape[1], -1, d)
    scores = (beside @ keys.transpose(2, 3)) * d**-0.5
    weights = scores.masked_fill(~visible[:, None], -torch.inf).softmax(dim=-1, dtype=torch.float32).to(q.dtype)
    return (weights @ values).reshape(r, h, 1, d)
