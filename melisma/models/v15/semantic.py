"""Semantic codes: 25 Hz latents ↔ 5 Hz tokens of one of 64,000 values, by finite scalar quantisation.

Five latent frames are pooled by attention into one vector, squeezed to six numbers, and each number is rounded to one
of its levels (FSQ, arXiv 2309.15505). The detokenizer spreads a code over five frames again. Quantisation runs in
float32: in bfloat16 the roundings land on other codes.

Axes: b batch, t latent frame (25 Hz), n code (5 Hz), c channel, e encoder width, d quantised dimension.
"""

import math

import torch
from torch import Tensor, nn

from melisma.models.v15.conditions import Stack
from melisma.models.v15.config import AceStep15Config

# Windows that go through a stack together: enough to fill a device, few enough that ten minutes (3,000 windows) need no
# more memory than the transformer does.
TOGETHER = 512


class Quantizer(nn.Module):
    """Finite scalar quantisation between two linear maps."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__()
        self.levels = config.fsq_input_levels
        self.project_in = nn.Linear(config.encoder_hidden_size, len(self.levels))
        self.project_out = nn.Linear(len(self.levels), config.encoder_hidden_size)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(b, n, e) → quantised (b, n, e), codes (b, n)."""
        steps, basis = self._grid(x.device)
        squeezed = nn.functional.linear(x.float(), self.project_in.weight.float(), self.project_in.bias.float())
        span = 1 + 1 / steps
        bounded = (span * torch.tanh(squeezed / span)).clamp(-1, 1)
        index = torch.floor(steps * (bounded + 1) / 2 + 0.5).long()
        # The straight-through estimate: the value is rounded, the gradient is that of the bounded number.
        value = bounded + (2 * index / steps - 1 - bounded).detach()
        return self.project_out(value.to(x.dtype)), (index * basis).sum(-1)

    def values(self, codes: Tensor) -> Tensor:
        """Codes (b, n) → quantised (b, n, e)."""
        steps, basis = self._grid(codes.device)
        index = codes.clamp(0, math.prod(self.levels) - 1)[..., None] // basis % (steps.long() + 1)
        value = 2 * index / steps - 1
        return self.project_out(value.to(self.project_out.weight.dtype))

    def _grid(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Steps per dimension (levels − 1) and the value of one step of each in a code."""
        steps = torch.tensor(self.levels, device=device, dtype=torch.float32) - 1
        basis = [math.prod(self.levels[:i]) for i in range(len(self.levels))]
        return steps, torch.tensor(basis, device=device)


class Pooler(Stack):
    """Windows (b·n, 5, e) → (b·n, e), read from a special token before each window."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__(config, config.encoder_hidden_size, config.num_attention_pooler_hidden_layers)
        self.special_token = nn.Parameter(torch.zeros(1, 1, config.encoder_hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed_tokens(x)
        x = torch.cat([self.special_token.expand(len(x), -1, -1).to(x), x], dim=1)
        return torch.cat([self.run(part)[:, 0] for part in x.split(TOGETHER)])


class Tokenizer(nn.Module):
    """Latents to codes."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__()
        self.window = config.pool_window_size
        self.audio_acoustic_proj = nn.Linear(config.audio_acoustic_hidden_dim, config.encoder_hidden_size)
        self.attention_pooler = Pooler(config)
        self.quantizer = Quantizer(config)

    def forward(self, latents: Tensor, silence: Tensor) -> tuple[Tensor, Tensor]:
        """(b, t, c), filled up to whole windows by the first frames of silence (t', c) → (b, n, e), (b, n)."""
        b, t, _ = latents.shape
        missing = -t % self.window
        filling = silence.reshape(-1, silence.shape[-1])[:missing]
        latents = torch.cat([latents, filling.to(latents).expand(b, -1, -1)], dim=1)
        windows = self.audio_acoustic_proj(latents).unflatten(1, (-1, self.window)).flatten(0, 1)
        return self.quantizer(self.attention_pooler(windows).unflatten(0, (b, -1)))


class Detokenizer(Stack):
    """Quantised vectors (b, n, e) → latents (b, 5n, c)."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__(config, config.encoder_hidden_size, config.num_attention_pooler_hidden_layers)
        self.special_tokens = nn.Parameter(torch.zeros(1, config.pool_window_size, config.encoder_hidden_size))
        self.proj_out = nn.Linear(config.encoder_hidden_size, config.audio_acoustic_hidden_dim)

    def forward(self, quantised: Tensor) -> Tensor:
        x = self.embed_tokens(quantised).flatten(0, 1)[:, None] + self.special_tokens
        frames = torch.cat([self.proj_out(self.run(part)) for part in x.split(TOGETHER)])
        return frames.unflatten(0, (len(quantised), -1)).flatten(1, 2)
