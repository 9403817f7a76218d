"""Blocks of ACE-Step v1: rotary positions, linear self-attention, cross-attention, gated convolutional feed-forward.

Self-attention is linear: no score between two frames is ever made, so time and memory grow linearly with the song.
What looks odd here is as the checkpoints were trained: the rotary table is laid out for halves but applied to
neighbours, so the two channels of a pair turn at different speeds; positions enter before the ReLU; cross-attention has
neither norm nor gate; the feed-forward hears one frame to either side. In half precision values are rounded where the
official code rounds them.

Axes: b batch, t latent frame, l condition token, h head, d head width, w width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.models.rotary import Rotary

Memory = tuple[Tensor, Tensor]

EPS = 1e-6
NO_KEYS = 1e-15  # keeps a query that meets no key from dividing by zero


def norm(x: Tensor) -> Tensor:
    """x · rsqrt(mean x²), without a weight. (b, t, w) → (b, t, w)"""
    return F.rms_norm(x, x.shape[-1:], None, EPS)


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """norm(x) · (1 + scale) + shift; shift and scale (b, 1, w)."""
    return norm(x) * (1 + scale) + shift


def rotate(x: Tensor, turn: Rotary) -> Tensor:
    """Turn neighbours (2m, 2m + 1) of (b, h, t, d), in float32. Not a rotation: each of both has its own angle."""
    cos, sin = turn
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack([-odd, even], dim=-1).flatten(-2)
    return (x.float() * cos + turned * sin).to(x.dtype)


class Projections(nn.Module):
    """The four projections that both kinds of attention share."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def split(self, x: Tensor) -> Tensor:
        """(b, t, w) → (b, h, t, d)"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def joined(self, x: Tensor) -> Tensor:
        """(b, h, t, d) → (b, t, w), through the output projection."""
        return self.to_out[0](x.transpose(1, 2).flatten(2))


class LinearAttention(Projections):
    """relu(q) · Σ relu(k) vᵀ / (relu(q) · Σ relu(k)); sums in float32."""

    def forward(self, x: Tensor, turn: Rotary | None, mask: Tensor | None = None) -> Tensor:
        """(b, t, w) → (b, t, w). `mask` (b, t), 0 at padding, which neither hears nor is heard."""
        q, k, v = self.split(self.to_q(x)), self.split(self.to_k(x)), self.split(self.to_v(x))
        if turn is not None:
            q, k = rotate(q, turn), rotate(k, turn)
        if mask is not None:
            q, k, v = (part * mask[:, None, :, None].to(part) for part in (q, k, v))
        q, k, v = q.relu().float(), k.relu().float(), v.float()
        heard = (q @ (k.transpose(2, 3) @ v)) / (q @ k.sum(2)[..., None] + NO_KEYS)
        return self.joined(heard.to(x.dtype))


class CrossAttention(Projections):
    """Softmax attention to the condition. Checkpoints store four more projections that nothing uses."""

    def remember(self, condition: Tensor, turn: Rotary | None) -> Memory:
        """Keys, already turned, and values of a condition (b, l, w): two of (b, h, l, d)."""
        k = self.split(self.to_k(condition))
        return (k if turn is None else rotate(k, turn)), self.split(self.to_v(condition))

    def forward(
        self, x: Tensor, memory: Memory, turn: Rotary | None, seen: Tensor | None = None, strength: float = 1.0
    ) -> Tensor:
        """(b, t, w) → (b, t, w). `seen` bool, broadcast to (b, h, t, l). `strength` multiplies the queries."""
        q = self.split(self.to_q(x))
        q = q if turn is None else rotate(q, turn)
        k, v = (part.expand(len(x), -1, -1, -1) for part in memory)
        q = q if strength == 1.0 else q * strength
        return self.joined(F.scaled_dot_product_attention(q, k, v, attn_mask=seen))


class Convolution(nn.Module):
    """A convolution under the name `conv`, as the checkpoints call it."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, groups: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)

    def across(self, x: Tensor) -> Tensor:
        """A convolution one frame long, as a matrix product: (b, t, in) → (b, t, out)."""
        return F.linear(x, self.conv.weight[..., 0], self.conv.bias)

    def along(self, x: Tensor) -> Tensor:
        """Over time, channel by channel: (b, t, w) → (b, t, w)."""
        x = x.transpose(1, 2)
        if x.device.type != "cpu":
            return self.conv(x).transpose(1, 2)
        # As a picture one row high, whose channels lie together as they are: nothing is copied to and fro.
        weight, padding = self.conv.weight.unsqueeze(2), (0, *self.conv.padding)
        heard = F.conv2d(x.unsqueeze(2), weight, self.conv.bias, padding=padding, groups=self.conv.groups)
        return heard.squeeze(2).transpose(1, 2)


class FeedForward(nn.Module):
    """GLUMBConv: widen, let each channel hear its neighbours in time, gate, narrow."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.inverted_conv = Convolution(width, 2 * inner)
        self.depth_conv = Convolution(2 * inner, 2 * inner, kernel=3, groups=2 * inner)
        self.point_conv = Convolution(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, w) → (b, t, w)"""
        value, gate = self.depth_conv.along(F.silu(self.inverted_conv.across(x))).chunk(2, dim=-1)
        return self.point_conv.across(value * F.silu(gate))


class Block(nn.Module):
    """One layer: linear self-attention and feed-forward, modulated by time, with cross-attention between them."""

    def __init__(self, width: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.attn = LinearAttention(width, heads)
        self.cross_attn = CrossAttention(width, heads)
        self.ff = FeedForward(width, int(width * mlp_ratio))
        self.scale_shift_table = nn.Parameter(torch.randn(6, width) / width**0.5)

    def forward(
        self,
        x: Tensor,
        times: Tensor,
        memory: Memory,
        turn: Rotary,
        mask: Tensor | None = None,
        seen: Tensor | None = None,
        strength: float = 1.0,
    ) -> Tensor:
        """(b, t, w) → (b, t, w). `times` (b, 6, w) is what all blocks share of the time; the rest as in the attentions."""
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = (self.scale_shift_table + times).chunk(6, dim=1)
        x = x + gate_a * self.attn(modulated(x, shift_a, scale_a), turn, mask)
        x = x + self.cross_attn(x, memory, turn, seen, strength)
        return x + gate_f * self.ff(modulated(x, shift_f, scale_f))
