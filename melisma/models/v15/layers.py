"""Blocks of ACE-Step 1.5: windowed attention, encoder layer.

All follow Qwen3 (`models/blocks.py`). Every second layer sees a window of `sliding_window` frames to either side; that
attention is computed block by block, so time and memory grow linearly with length and no n × n mask ever exists.

Axes: b batch, n position, l condition token, h head, g key/value head, d head width, w width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.models.blocks import MLP, Heads, RMSNorm, Width, full_attention, rotate
from melisma.models.rotary import Rotary, rotary


def windowed_attention(q: Tensor, k: Tensor, v: Tensor, window: int, band: Tensor | None = None) -> Tensor:
    """Attention to keys at most `window` positions away, on either side; shapes as in `full_attention`.

    Queries are taken in blocks as long as the window; a block sees itself and one block to either side, in which a
    band mask of fixed size keeps the rule. Cost is 3 · window keys per query at any length. `band` saves making it.
    """
    b, h, n, d = q.shape
    if n <= window + 1:
        return full_attention(q, k, v)
    band = window_band(n, window, q) if band is None else band
    blocks = len(band)
    padding = blocks * window - n
    # Blocks take the place of the batch and takes lie among the heads: neighbours overlap as views, without a copy.
    queries = F.pad(q, (0, 0, 0, padding)).reshape(b * h, blocks, window, d).transpose(0, 1)
    out = full_attention(queries, _neighbourhoods(k, window, padding), _neighbourhoods(v, window, padding), band)
    return out.transpose(0, 1).reshape(b, h, blocks * window, d)[:, :, :n]


def _neighbourhoods(x: Tensor, window: int, padding: int) -> Tensor:
    """(b, g, n, d) → (blocks, b · g, 3 · window, d): each block with one block to either side."""
    padded = F.pad(x, (0, 0, window, window + padding)).flatten(0, 1)
    return padded.unfold(1, 3 * window, window).permute(1, 0, 3, 2)


def window_band(n: int, window: int, like: Tensor) -> Tensor:
    """Additive mask (blocks, 1, window, 3 · window) in the type and place of `like`: the keys each query sees."""
    start = torch.arange(0, n, window, device=like.device)[:, None, None]
    query = torch.arange(window, device=like.device)[:, None]
    key = torch.arange(-window, 2 * window, device=like.device)
    place = start + key
    # No row is empty: even the last query that only fills up a block is at most `window` away from a real key.
    seen = ((key - query).abs() <= window) & (place >= 0) & (place < n)
    return torch.zeros(seen.shape, dtype=like.dtype, device=like.device).masked_fill(~seen, -torch.inf)[:, None]


@dataclass(frozen=True)
class Places:
    """What attention knows of positions; made once per length and shared by all layers.

    `band` is the mask of windowed attention. `full` and `sliding` are additive masks (b, 1, n, n) and only exist
    where a batch has padding.
    """

    turn: Rotary
    band: Tensor | None = None
    full: Tensor | None = None
    sliding: Tensor | None = None

    @classmethod
    def of(cls, x: Tensor, head_dim: int, theta: float, window: int, valid: Tensor | None = None) -> "Places":
        """For x (b, n, w). `valid` (b, n) marks padding of a batch with zeros."""
        n = x.shape[1]
        turn = rotary(n, head_dim, theta, x)
        if valid is None or bool(valid.all()):
            return cls(turn, band=window_band(n, window, x) if n > window + 1 else None)
        # Large finite values, not -inf: a padded query that sees nothing then spreads evenly, as the checkpoints' code does.
        lowest = torch.finfo(x.dtype).min
        seen = valid.bool()[:, None, None, :].expand(-1, 1, n, n)
        index = torch.arange(n, device=x.device)
        near = (index[:, None] - index).abs() <= window
        full, sliding = (
            torch.zeros(m.shape, dtype=x.dtype, device=x.device).masked_fill(~m, lowest) for m in (seen, seen & near)
        )
        return cls(turn, full=full, sliding=sliding)


class Attention(Heads):
    """Self- and cross-attention; `window` None sees everything."""

    def __init__(self, width: Width, window: int | None = None) -> None:
        super().__init__(width)
        self.window = window

    def forward(self, x: Tensor, places: Places) -> Tensor:
        """Self-attention over (b, n, w)."""
        k, v = self.keys_values(x)
        q, k = rotate(self.query(x), places.turn), rotate(k, places.turn)
        mask = places.full if self.window is None else places.sliding
        if self.window is None or mask is not None:
            out = full_attention(q, k, v, mask)
        else:
            out = windowed_attention(q, k, v, self.window, places.band)
        return self.o_proj(out.transpose(1, 2).flatten(2))

    def attend(self, x: Tensor, memory: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-attention of (b, n, w) to remembered keys and values; a memory of one item serves any batch."""
        k, v = (m.expand(len(x), -1, -1, -1) for m in memory)
        if k.shape[2] == 1:  # one key: the weights are 1, whatever the query
            out = v.repeat_interleave(self.heads // self.kv_heads, dim=1).transpose(1, 2).flatten(2)
        else:
            out = full_attention(self.query(x), k, v).transpose(1, 2).flatten(2)
        return self.o_proj(out)


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer of the lyric, timbre, pooler and detokenizer stacks; never causal."""

    def __init__(self, width: Width, window: int | None) -> None:
        super().__init__()
        self.self_attn = Attention(width, window)
        self.mlp = MLP(width)
        self.input_layernorm = RMSNorm(width.hidden, width.eps)
        self.post_attention_layernorm = RMSNorm(width.hidden, width.eps)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        """(b, n, w) → (b, n, w)"""
        x = x + self.self_attn(self.input_layernorm(x), places)
        return x + self.mlp(self.post_attention_layernorm(x))
