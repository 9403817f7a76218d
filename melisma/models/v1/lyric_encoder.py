"""The lyric encoder of ACE-Step v1: six pre-norm transformer layers with relative positions (Transformer-XL, as in ESPnet).

Its official class is a conformer with the convolutions switched off. Every query meets a key twice: by content, and by
distance, each with a learned bias of its own. A row of which nothing is valid attends to nothing and gives zeros.

Axes: b batch, l lyric token, h head, d head width, e width.
"""

import math
from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.models.v1.config import LyricEncoderConfig

EPS = 1e-5


def distances(length: int, width: int, like: Tensor) -> Tensor:
    """(2l − 1, e) sinusoids of the distances l − 1 … −(l − 1) from query to key; computed in float32."""
    place = torch.arange(length - 1, -length, -1, device=like.device, dtype=torch.float32)[:, None]
    rates = torch.exp(torch.arange(0, width, 2, device=like.device, dtype=torch.float32) * (-math.log(10000.0) / width))
    return torch.stack([torch.sin(place * rates), torch.cos(place * rates)], dim=-1).flatten(1).to(like.dtype)


def by_key(scores: Tensor) -> Tensor:
    """Scores (b, h, l, 2l − 1) by distance → (b, h, l, l) by key: row i is read from entry l − 1 − i on."""
    b, h, length, _ = scores.shape
    shifted = F.pad(scores, (1, 0)).view(b, h, 2 * length, length)[:, :, 1:].reshape(b, h, length, 2 * length - 1)
    return shifted[..., :length]


class RelativeAttention(nn.Module):
    """Self-attention by content and distance."""

    def __init__(self, config: LyricEncoderConfig) -> None:
        super().__init__()
        width = config.output_size
        self.heads = config.attention_heads
        self.linear_q = nn.Linear(width, width)
        self.linear_k = nn.Linear(width, width)
        self.linear_v = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(self.heads, width // self.heads))
        self.pos_bias_v = nn.Parameter(torch.zeros(self.heads, width // self.heads))

    def forward(self, x: Tensor, places: Tensor, valid: Tensor, strength: float) -> Tensor:
        """(b, l, e) → (b, l, e). `places`: see `distances`; `valid` (b, l) bool; `strength` multiplies the queries."""
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.linear_q, self.linear_k, self.linear_v)
        )
        q = q * strength
        p = self.linear_pos(places).unflatten(-1, (self.heads, -1)).transpose(0, 1)  # (h, 2l − 1, d)
        far = by_key((q + self.pos_bias_v[:, None]) @ p.transpose(1, 2)) / math.sqrt(q.shape[-1])
        # The lowest finite number, not −inf: a row without keys must not become NaN before it is set to zero.
        bias = far.masked_fill(~valid[:, None, None], torch.finfo(far.dtype).min)
        out = F.scaled_dot_product_attention(q + self.pos_bias_u[:, None], k, v, attn_mask=bias)
        out = out.masked_fill(~valid.any(1)[:, None, None, None], 0.0)
        return self.linear_out(out.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """w_2(silu(w_1 x))"""

    def __init__(self, config: LyricEncoderConfig) -> None:
        super().__init__()
        self.w_1 = nn.Linear(config.output_size, config.linear_units)
        self.w_2 = nn.Linear(config.linear_units, config.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """(b, l, e) → (b, l, e)"""
        return self.w_2(F.silu(self.w_1(x)))


class LyricLayer(nn.Module):
    """Attention, then feed-forward, each behind a norm and added."""

    def __init__(self, config: LyricEncoderConfig) -> None:
        super().__init__()
        self.self_attn = RelativeAttention(config)
        self.feed_forward = FeedForward(config)
        self.norm_mha = nn.LayerNorm(config.output_size, EPS)
        self.norm_ff = nn.LayerNorm(config.output_size, EPS)

    def forward(self, x: Tensor, places: Tensor, valid: Tensor, strength: float) -> Tensor:
        """(b, l, e) → (b, l, e)"""
        x = x + self.self_attn(self.norm_mha(x), places, valid, strength)
        return x + self.feed_forward(self.norm_ff(x))


class Embed(nn.Module):
    """Linear and norm before the layers; the official module counts them inside `out`."""

    def __init__(self, config: LyricEncoderConfig) -> None:
        super().__init__()
        self.out = nn.Sequential(
            nn.Linear(config.input_size, config.output_size), nn.LayerNorm(config.output_size, EPS)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, l, input) → (b, l, e)"""
        return self.out(x)


class LyricEncoder(nn.Module):
    """Embedded lyric tokens → hidden states. Padding gets hidden states too; nothing valid hears it."""

    def __init__(self, config: LyricEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = Embed(config)
        self.encoders = nn.ModuleList(LyricLayer(config) for _ in range(config.num_blocks))
        self.after_norm = nn.LayerNorm(config.output_size, EPS)

    def forward(self, x: Tensor, mask: Tensor, weak: Collection[int] = (), strength: float = 1.0) -> Tensor:
        """(b, l, input), mask (b, l) with 1 where a token is → (b, l, e).

        `strength` multiplies the queries of the layers in `weak`, for a condition that is heard but not grasped.
        """
        x = self.embed(x) * math.sqrt(self.config.output_size)
        places, valid = distances(x.shape[1], self.config.output_size, x), mask > 0
        for i, layer in enumerate(self.encoders):
            x = layer(x, places, valid, strength if i in weak else 1.0)
        return self.after_norm(x)
