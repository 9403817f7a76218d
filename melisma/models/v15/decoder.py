"""The diffusion transformer of ACE-Step 1.5: noisy latents, a time and what is heard → velocity.

Notable choices of the architecture: two latent frames make one token; context channels (what is heard, and the mask)
stand beside the noise; one table of six modulation vectors per layer is shifted by the time embedding; every layer
attends to the packed condition without modulation; padding masks are not used at all, as in the official code, which
is why items of different length must not share a batch.

What does not depend on time is computed once per song (`Prepared`): keys and values of every cross-attention, the
context half of the patch projection, positions, and the second time embedding, which sees r − t and so is constant
wherever r = t.

Axes: b batch, t latent frame, n token (two frames), c channel, l condition token, w width.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.models.blocks import MLP, RMSNorm, Width
from melisma.models.v15.config import SLIDING, AceStep15Config
from melisma.models.v15.layers import Attention, Places

FREQUENCIES = 128


class TimeEmbedding(nn.Module):
    """Flow time (b,) → embedding (b, w) and modulation (b, 6, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(2 * FREQUENCIES, width)
        self.linear_2 = nn.Linear(width, width)
        self.time_proj = nn.Linear(width, 6 * width)

    def forward(self, t: Tensor) -> tuple[Tensor, Tensor]:
        powers = torch.arange(FREQUENCIES, device=t.device, dtype=torch.float32) / FREQUENCIES
        angles = 1000 * t.float()[:, None] * torch.exp(-math.log(10_000) * powers)
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(self.linear_1.weight.dtype)
        embedding = self.linear_2(F.silu(self.linear_1(waves)))
        return embedding, self.time_proj(F.silu(embedding)).unflatten(-1, (6, -1))


class DecoderLayer(nn.Module):
    """Modulated self-attention, plain cross-attention, modulated MLP."""

    def __init__(self, width: Width, window: int | None) -> None:
        super().__init__()
        self.self_attn_norm = RMSNorm(width.hidden, width.eps)
        self.self_attn = Attention(width, window)
        self.cross_attn_norm = RMSNorm(width.hidden, width.eps)
        self.cross_attn = Attention(width)
        self.mlp_norm = RMSNorm(width.hidden, width.eps)
        self.mlp = MLP(width)
        self.scale_shift_table = nn.Parameter(torch.zeros(1, 6, width.hidden))

    def forward(self, x: Tensor, times: Tensor, memory: tuple[Tensor, Tensor], places: Places) -> Tensor:
        """(b, n, w) with modulation (b or 1, 6, w) → (b, n, w)"""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = (self.scale_shift_table + times).chunk(6, dim=1)
        x = x + gate_a * self.self_attn(modulated(self.self_attn_norm(x), shift_a, scale_a), places)
        x = x + self.cross_attn.attend(self.cross_attn_norm(x), memory)
        return x + gate_m * self.mlp(modulated(self.mlp_norm(x), shift_m, scale_m))


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """x · (1 + scale) + shift"""
    return torch.addcmul(shift, x, 1 + scale)


Memory = tuple[tuple[Tensor, Tensor], ...]


@dataclass(frozen=True)
class Prepared:
    """What a song needs at every step. One condition and context may serve many takes.

    `memory`: keys and values (b or 1, g, l, d) per layer. `context`: the context's share of the patches (b or 1, n, w).
    `at_rest`: the second time embedding and modulation where r = t, (1, w) and (1, 6, w).
    """

    memory: Memory
    context: Tensor
    at_rest: tuple[Tensor, Tensor]
    places: Places
    frames: int


class Decoder(nn.Module):
    """The network between noise and music; parameter names are the official ones."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__()
        self.config = config
        width = Width(
            config.hidden_size,
            config.intermediate_size,
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
            config.rms_norm_eps,
        )
        patch, c = config.patch_size, config.audio_acoustic_hidden_dim
        # Neighbours without weights keep the official index 1 of both projections.
        self.proj_in = nn.Sequential(nn.Identity(), nn.Conv1d(config.in_channels, width.hidden, patch, patch))
        self.time_embed = TimeEmbedding(width.hidden)
        self.time_embed_r = TimeEmbedding(width.hidden)
        self.condition_embedder = nn.Linear(config.encoder_hidden_size, width.hidden)
        self.layers = nn.ModuleList(
            DecoderLayer(width, config.sliding_window if kind == SLIDING else None)
            for kind in config.kinds(config.num_hidden_layers)
        )
        self.norm_out = RMSNorm(width.hidden, width.eps)
        self.proj_out = nn.Sequential(nn.Identity(), nn.ConvTranspose1d(width.hidden, c, patch, patch))
        self.scale_shift_table = nn.Parameter(torch.zeros(1, 2, width.hidden))

    def remember(self, condition: Tensor) -> Memory:
        """Keys and values of every cross-attention for a condition (b, l, e)."""
        hidden = self.condition_embedder(condition)
        return tuple(layer.cross_attn.keys_values(hidden) for layer in cast(Iterable[DecoderLayer], self.layers))

    def prepare(self, condition: Tensor, context: Tensor) -> Prepared:
        """Everything about a condition (b, l, e) and a context (b, t, 2c) that does not depend on time."""
        frames = context.shape[1]
        patches = self._patches(context, slice(None, self.config.context_channels), self._convolution.bias)
        config = self.config
        places = Places.of(patches, config.head_dim, config.rope_theta, config.sliding_window)
        at_rest = self.time_embed_r(torch.zeros(1, device=context.device))
        return Prepared(self.remember(condition), patches, at_rest, places, frames)

    def forward(self, x: Tensor, t: Tensor, prepared: Prepared, r: Tensor | None = None) -> Tensor:
        """Velocity (b, t, c) of x (b, t, c) at times t (b,) or (1,); `r` None means r = t."""
        embedding, times = self.time_embed(t)
        second, second_times = prepared.at_rest if r is None else self.time_embed_r(t - r)
        embedding, times = (embedding + second)[:, None], times + second_times
        noise = self._patches(x, slice(self.config.context_channels, None), None)
        hidden = prepared.context + noise
        for layer, memory in zip(self.layers, prepared.memory, strict=True):
            hidden = layer(hidden, times, memory, prepared.places)
        shift, scale = (self.scale_shift_table + embedding).chunk(2, dim=1)
        return self._frames(modulated(self.norm_out(hidden), shift, scale), prepared.frames)

    @property
    def _convolution(self) -> nn.Conv1d:
        return cast(nn.Conv1d, self.proj_in[1])

    def _patches(self, x: Tensor, channels: slice, bias: Tensor | None) -> Tensor:
        """(b, t, c') → (b, n, w): the patch convolution's share of some channels, as a matrix product."""
        patch = self.config.patch_size
        x = F.pad(x, (0, 0, 0, -x.shape[1] % patch)).unflatten(1, (-1, patch)).flatten(2)
        weight = self._convolution.weight[:, channels].transpose(1, 2).flatten(1)
        return F.linear(x, weight, bias)

    def _frames(self, hidden: Tensor, frames: int) -> Tensor:
        """(b, n, w) → (b, t, c): the transposed convolution, as a matrix product."""
        convolution = cast(nn.ConvTranspose1d, self.proj_out[1])
        weight = convolution.weight.permute(2, 1, 0).flatten(0, 1)
        out = F.linear(hidden, weight).unflatten(-1, (self.config.patch_size, -1))
        return (out + cast(Tensor, convolution.bias)).flatten(1, 2)[:, :frames]
