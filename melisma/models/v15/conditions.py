"""The condition encoder: what is said and sung, and in which voice, as one sequence for cross-attention.

Text comes as hidden states of the text encoder, lyrics as rows of its embedding table, timbre as latents of a
reference. Each is brought to the encoder's width; the pack puts lyrics, timbre and text behind one another, valid
positions first.

Axes: b batch, l condition token, e encoder width, r reference, t latent frame, c channel.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from melisma.models.blocks import RMSNorm, Width
from melisma.models.v15.config import SLIDING, AceStep15Config
from melisma.models.v15.layers import EncoderLayer, Places


@dataclass(frozen=True)
class Condition:
    """hidden: (b, l, e); mask: (b, l), 1 where a position is valid (a prefix of each row)."""

    hidden: Tensor
    mask: Tensor


def encoder_width(config: AceStep15Config) -> Width:
    """Sizes shared by all encoder-side stacks."""
    return Width(
        config.encoder_hidden_size,
        config.encoder_intermediate_size,
        config.encoder_num_attention_heads,
        config.encoder_num_key_value_heads,
        config.head_dim,
        config.rms_norm_eps,
    )


class Stack(nn.Module):
    """Linear into the encoder's width, layers that alternate window and full attention, final norm.

    Subclasses add the tokens they read from. The module names are the official ones.
    """

    def __init__(self, config: AceStep15Config, inputs: int, layers: int) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Linear(inputs, config.encoder_hidden_size)
        self.layers = nn.ModuleList(
            EncoderLayer(encoder_width(config), config.sliding_window if kind == SLIDING else None)
            for kind in config.kinds(layers)
        )
        self.norm = RMSNorm(config.encoder_hidden_size, config.rms_norm_eps)

    def run(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """(b, n, e) → (b, n, e)"""
        places = Places.of(x, self.config.head_dim, self.config.rope_theta, self.config.sliding_window, valid)
        for layer in self.layers:
            x = layer(x, places)
        return self.norm(x)


class LyricEncoder(Stack):
    """Lyrics (b, l, text width) → (b, l, e)."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__(config, config.text_hidden_dim, config.num_lyric_encoder_hidden_layers)

    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """`mask` (b, l): padding is hidden from the keys."""
        return self.run(self.embed_tokens(embeddings), mask)


class TimbreEncoder(Stack):
    """References (r, t, c) → (r, e), read from the first position.

    In XL a special token stands there; 2B stores one but never uses it and reads the first latent frame.
    """

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__(config, config.timbre_hidden_dim, config.num_timbre_encoder_hidden_layers)
        self.special_token = nn.Parameter(torch.zeros(1, 1, config.encoder_hidden_size))

    def forward(self, latents: Tensor) -> Tensor:
        x = self.embed_tokens(latents)
        if self.config.timbre_prepends_token:
            x = torch.cat([self.special_token.expand(len(x), -1, -1).to(x), x], dim=1)
        return self.run(x)[:, 0]


class ConditionEncoder(nn.Module):
    """Text, lyrics and timbre → one packed `Condition`."""

    def __init__(self, config: AceStep15Config) -> None:
        super().__init__()
        self.text_projector = nn.Linear(config.text_hidden_dim, config.encoder_hidden_size, bias=False)
        self.lyric_encoder = LyricEncoder(config)
        self.timbre_encoder = TimbreEncoder(config)

    def forward(
        self,
        text_hidden: Tensor,
        text_mask: Tensor,
        lyric_hidden: Tensor,
        lyric_mask: Tensor,
        refer_latents: Tensor,
        refer_order: Tensor,
    ) -> Condition:
        """Text and lyrics (b, l, text width) with masks (b, l); references (r, t, c) with their batch index (r,)."""
        lyrics = Condition(self.lyric_encoder(lyric_hidden, lyric_mask), lyric_mask)
        timbre = unpack_references(self.timbre_encoder(refer_latents), refer_order, len(text_hidden))
        text = Condition(self.text_projector(text_hidden), text_mask)
        return pack(pack(lyrics, timbre), text)


def pack(first: Condition, second: Condition) -> Condition:
    """Both behind one another; in each row valid positions come first, order is kept."""
    hidden = torch.cat([first.hidden, second.hidden], dim=1)
    mask = torch.cat([first.mask, second.mask.to(first.mask)], dim=1)
    order = mask.argsort(dim=1, descending=True, stable=True)
    hidden = hidden.gather(1, order[..., None].expand_as(hidden))
    positions = torch.arange(mask.shape[1], device=mask.device)
    return Condition(hidden, (positions < mask.sum(dim=1, keepdim=True)).to(mask))


def unpack_references(embeddings: Tensor, order: Tensor, batch: int) -> Condition:
    """(r, e) with batch index (r,) → (b, most references of an item, e); unused places are zero and masked."""
    counts = torch.bincount(order, minlength=batch)
    most = int(counts.max())
    by_item = order.argsort(stable=True)
    rank = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[order[by_item]]
    hidden = embeddings.new_zeros(batch, most, embeddings.shape[-1])
    hidden = hidden.index_put((order[by_item], rank), embeddings[by_item])
    mask = torch.arange(most, device=order.device) < counts[:, None]
    return Condition(hidden, mask.long())
