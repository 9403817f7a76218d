"""What every transformer of Qwen3's kind is built of: norm, gated MLP, half-split rotary positions, grouped attention.

RMS norm in float32, no biases, grouped key/value heads. The acoustic model, the text encoder and the planner share them.

Axes: b batch, n position, l key position, h head, g key/value head, d head width, w width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.models.rotary import Rotary


@dataclass(frozen=True)
class Width:
    """Sizes of one transformer stack."""

    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    eps: float


class RMSNorm(nn.Module):
    """x · rsqrt(mean x²) in float32, then the weight."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(…, w) → (…, w)"""
        # under autocast x may be of half precision and the weight not: of two types there is no fused kernel
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


class MLP(nn.Module):
    """down(silu(gate x) · up x)"""

    def __init__(self, width: Width) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width.hidden, width.intermediate, bias=False)
        self.up_proj = nn.Linear(width.hidden, width.intermediate, bias=False)
        self.down_proj = nn.Linear(width.intermediate, width.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…, w) → (…, w)"""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


def rotate(x: Tensor, turn: Rotary) -> Tensor:
    """Turn (b, h, n, d) by its positions; the two halves of a head are one complex number's parts."""
    cos, sin = turn
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-right, left], dim=-1) * sin


def full_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """q (b, h, n, d), k and v (b, g, l, d) → (b, h, n, d). `mask` is additive and broadcasts to (b, h, n, l)."""
    if q.shape[1] != k.shape[1] and not shares_heads(q, k, v, mask):
        k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=q.shape[1] != k.shape[1])


def shares_heads(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> bool:
    """Whether this device's fused kernel reads grouped key/value heads in place.

    On CUDA only flash attention does, which takes neither masks nor float32; for anything else torch would silently
    write out all n × n scores, so the heads are repeated instead.
    """
    if q.device.type == "cuda":
        inputs = torch.backends.cuda.SDPAParams(q, k, v, mask, 0.0, False, True)
        return torch.backends.cuda.can_use_flash_attention(inputs)
    return q.device.type in ("cpu", "mps")


class Heads(nn.Module):
    """Grouped queries, keys and values of attention, and the way back; queries and keys are normed."""

    def __init__(self, width: Width) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = width.heads, width.kv_heads, width.head_dim
        self.q_proj = nn.Linear(width.hidden, width.heads * width.head_dim, bias=False)
        self.k_proj = nn.Linear(width.hidden, width.kv_heads * width.head_dim, bias=False)
        self.v_proj = nn.Linear(width.hidden, width.kv_heads * width.head_dim, bias=False)
        self.o_proj = nn.Linear(width.heads * width.head_dim, width.hidden, bias=False)
        self.q_norm = RMSNorm(width.head_dim, width.eps)
        self.k_norm = RMSNorm(width.head_dim, width.eps)

    def query(self, x: Tensor) -> Tensor:
        """(b, n, w) → (b, h, n, d)"""
        return self.q_norm(self.q_proj(x).unflatten(-1, (self.heads, self.head_dim))).transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(b, l, w) → two of (b, g, l, d)"""
        k = self.k_norm(self.k_proj(x).unflatten(-1, (self.kv_heads, self.head_dim))).transpose(1, 2)
        v = self.v_proj(x).unflatten(-1, (self.kv_heads, self.head_dim)).transpose(1, 2)
        return k, v
