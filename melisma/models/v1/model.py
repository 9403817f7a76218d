"""ACE-Step v1 as one network: words in, condition out; noisy latents in, velocity out.

It only computes. Module and parameter names are the official ones, so an official state dict loads as it is, without
the 629 million parameters of it that nothing uses, and without the projectors unless training asks for them.

What does not depend on time is prepared once per song: keys and values of every cross-attention, and positions. The
time enters once per step, through one table that all blocks share.

Axes: b batch, t latent frame, l condition token, w width. Latents are (b, 8, 16, t): channels, rows, frames.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.models.fill import fill
from melisma.models.rotary import Rotary, rotary
from melisma.models.v1.config import CHANNELS, ROWS, AceStep1Config
from melisma.models.v1.layers import Block, Memory, modulated
from melisma.models.v1.lyric_encoder import LyricEncoder

TIME_CHANNELS = 256
PATCH_CHANNELS = 2048
GROUPS = 32
# Where a weakened null condition is weakened, and by how much (ERG): layers of the lyric encoder, and blocks.
WEAK = 0.01
WEAK_LYRIC_LAYERS = (4, 5)
WEAK_BLOCKS = range(15, 20)
# Stored by every checkpoint and used by none.
DEAD = (".cross_attn.add_", ".cross_attn.to_add_out.")


@dataclass(frozen=True)
class Condition:
    """hidden: (b, l, w); mask: (b, l), 1 where a position is valid. Speaker, then text, then lyrics."""

    hidden: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Prepared:
    """What does not depend on time: keys and values per block, positions of the frames, and which condition tokens are
    valid (b, l), None where all are."""

    memory: tuple[Memory, ...]
    turn: Rotary
    valid: Tensor | None


class TimeEmbedding(nn.Module):
    """Sinusoids of a time on the 0 … 1000 scale (cosines first), then two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(TIME_CHANNELS, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, t: Tensor) -> Tensor:
        """(b,) → (b, w)"""
        half = TIME_CHANNELS // 2
        rates = torch.exp(torch.arange(half, device=t.device, dtype=torch.float32) * (-math.log(10000.0) / half))
        angles = t.float()[:, None] * rates
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(self.linear_1.weight.dtype)
        return self.linear_2(F.silu(self.linear_1(waves)))


class PatchEmbedding(nn.Module):
    """One token per frame. The group norm runs over the whole song: every frame hears how loud all are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.early_conv_layers = nn.Sequential(
            nn.Conv2d(CHANNELS, PATCH_CHANNELS, (ROWS, 1), (ROWS, 1)),
            nn.GroupNorm(GROUPS, PATCH_CHANNELS, eps=1e-6),
            nn.Conv2d(PATCH_CHANNELS, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, 8, 16, t) → (b, t, w); both convolutions as matrix products."""
        first, norm, second = cast(tuple[nn.Conv2d, nn.GroupNorm, nn.Conv2d], tuple(self.early_conv_layers))
        x = F.linear(x.flatten(1, 2).transpose(1, 2), first.weight.flatten(1), first.bias)
        return F.linear(norm(x.transpose(1, 2)).transpose(1, 2), second.weight.flatten(1), second.bias)


class FinalLayer(nn.Module):
    """Tokens → latents; within a token the rows lie apart and the channels together."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, ROWS * CHANNELS)
        self.scale_shift_table = nn.Parameter(torch.randn(2, width) / width**0.5)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(b, t, w), time (b, w) → (b, 8, 16, t)"""
        shift, scale = (self.scale_shift_table + time[:, None]).chunk(2, dim=1)
        return self.linear(modulated(x, shift, scale)).unflatten(-1, (ROWS, CHANNELS)).permute(0, 3, 2, 1)


class AceStep1(nn.Module):
    """The acoustic half of ACE-Step v1."""

    def __init__(self, config: AceStep1Config, projectors: bool = False) -> None:
        """`projectors`: with the heads that align hidden states to speech features, for training only."""
        super().__init__()
        self.config = config
        width = config.inner_dim
        self.proj_in = PatchEmbedding(width)
        self.timestep_embedder = TimeEmbedding(width)
        self.t_block = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.speaker_embedder = nn.Linear(config.speaker_embedding_dim, width)
        self.genre_embedder = nn.Linear(config.text_embedding_dim, width)
        self.lyric_embs = nn.Embedding(config.lyric_encoder_vocab_size, config.lyric_hidden_size)
        self.lyric_encoder = LyricEncoder(config.lyric_encoder)
        self.lyric_proj = nn.Linear(config.lyric_hidden_size, width)
        self.transformer_blocks = nn.ModuleList(
            Block(width, config.num_attention_heads, config.mlp_ratio) for _ in range(config.num_layers)
        )
        self.final_layer = FinalLayer(width)
        self.projectors = nn.ModuleList(projector(width, out) for out in config.ssl_latent_dims) if projectors else None

    def load_official(self, state: Mapping[str, Tensor], source: str = "this state dict") -> None:
        """Take an official state dict; the given tensors become the weights, without a copy.

        Raises BadCheckpoint listing what is missing, unexpected or of another shape.
        """
        unwanted = () if self.projectors is not None else ("projectors.",)
        used = {
            name: tensor
            for name, tensor in state.items()
            if not name.startswith(unwanted) and not any(dead in name for dead in DEAD)
        }
        fill(self, used, source)

    def encode(
        self,
        text_hidden: Tensor,
        text_mask: Tensor,
        speaker: Tensor,
        lyric_ids: Tensor,
        lyric_mask: Tensor,
        weak_lyrics: bool = False,
    ) -> Condition:
        """Speaker (b, s), text (b, n, e) and lyric ids (b, m), one behind the other: b, l = 1 + n + m.

        `weak_lyrics` hears the lyrics without grasping their order, for a null condition (ERG).
        """
        lyrics = self.lyric_encoder(
            self.lyric_embs(lyric_ids), lyric_mask, WEAK_LYRIC_LAYERS if weak_lyrics else (), WEAK
        )
        parts = (self.speaker_embedder(speaker)[:, None], self.genre_embedder(text_hidden), self.lyric_proj(lyrics))
        masks = (torch.ones_like(text_mask[:, :1]), text_mask, lyric_mask.to(text_mask))
        return Condition(torch.cat(parts, dim=1), torch.cat(masks, dim=1))

    def prepare(self, condition: Condition, frames: int) -> Prepared:
        """What does not depend on time, for songs of `frames` frames.

        Where one condition stands alone its padding is left out; keys keep the positions they had.
        """
        hidden, valid = condition.hidden, condition.mask > 0
        head_dim, theta = self.config.attention_head_dim, self.config.rope_theta
        turn = rotary(frames, head_dim, theta, hidden)
        cos, sin = rotary(hidden.shape[1], head_dim, theta, hidden)
        if len(hidden) == 1 and not bool(valid.all()):
            kept = valid[0]
            hidden, cos, sin, valid = hidden[:, kept], cos[kept], sin[kept], valid[:, kept]
        memory = tuple(block.cross_attn.remember(hidden, (cos, sin)) for block in self.transformer_blocks)  # type: ignore[union-attr, operator]
        return Prepared(memory, turn, None if bool(valid.all()) else valid)

    def step(self, x: Tensor, t: float, prepared: Prepared, weak: bool = False) -> Tensor:
        """Velocity (b, 8, 16, t) of x at one flow time (1 is noise) for the whole batch.

        `weak` grasps the condition less in some blocks, for a null velocity (ERG).
        """
        time = torch.full((1,), 1000 * t, device=x.device, dtype=torch.float32)
        return self._velocity(x, time, prepared, None, weak)[0]

    def velocity(
        self, x: Tensor, t: Tensor, cond_hidden: Tensor, cond_mask: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Velocity (b, 8, 16, t) of x at times t (b,) on the 0 … 1000 scale. `mask` (b, t), 0 at padding.

        Gradients flow.
        """
        prepared = self.prepare(Condition(cond_hidden, cond_mask), x.shape[-1])
        return self._velocity(x, t, prepared, mask)[0]

    def velocity_and_features(
        self, x: Tensor, t: Tensor, condition: Condition, mask: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As `velocity`, and what the projectors make of the hidden states (b, t, out) by the names of their teachers."""
        velocity, hidden = self._velocity(x, t, self.prepare(condition, x.shape[-1]), mask)
        assert self.projectors is not None, "this network was built without projectors"
        depths = zip(self.config.ssl_names, self.config.ssl_encoder_depths, self.projectors, strict=True)
        return velocity, {name: project(hidden[depth]) for name, depth, project in depths}

    def _velocity(
        self, x: Tensor, t: Tensor, prepared: Prepared, mask: Tensor | None, weak: bool = False
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """The velocity, and the hidden states (b, t, w) after the blocks that projectors listen to."""
        time = self.timestep_embedder(t)
        times = self.t_block(time).unflatten(-1, (6, -1))
        seen = _seen(prepared.valid, mask)
        heard: dict[int, Tensor] = {}
        listening = self.config.ssl_encoder_depths if self.projectors is not None else ()
        hidden = self.proj_in(x)
        for i, (block, memory) in enumerate(zip(self.transformer_blocks, prepared.memory, strict=True)):
            strength = WEAK if weak and i in WEAK_BLOCKS else 1.0
            hidden = block(hidden, times, memory, prepared.turn, mask, seen, strength)
            if i in listening:
                heard[i] = hidden
        return self.final_layer(hidden, time), heard


def _seen(valid: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Which frame sees which condition token, broadcast to (b, h, t, l); None: every one sees all."""
    tokens = None if valid is None else valid[:, None, None, :]
    frames = None if mask is None else (mask > 0)[:, None, :, None]
    return tokens if frames is None else frames if tokens is None else frames & tokens


def projector(width: int, out: int) -> nn.Sequential:
    """Hidden states → features of a speech model, twice as wide in between."""
    inner = 2 * width
    return nn.Sequential(nn.Linear(width, inner), nn.SiLU(), nn.Linear(inner, inner), nn.SiLU(), nn.Linear(inner, out))
