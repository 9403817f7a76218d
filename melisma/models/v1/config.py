"""Sizes of an ACE-Step v1 checkpoint, as its config.json states them.

The file says nothing of the lyric encoder, whose sizes the official code fixes; they can be given beside it. What the
file states and no checkpoint varies (latents of 8 channels in 16 rows, one token per frame) is checked, not used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from melisma.errors import BadCheckpoint

CHANNELS, ROWS = 8, 16
# The lyric encoder of every published checkpoint.
LYRIC_ENCODER: dict[str, int] = {"output_size": 1024, "attention_heads": 16, "linear_units": 4096, "num_blocks": 6}
GRANTED: dict[str, Any] = {"in_channels": CHANNELS, "out_channels": CHANNELS, "patch_size": [ROWS, 1]}


@dataclass(frozen=True)
class LyricEncoderConfig:
    """Sizes of the lyric encoder; names are the official ones."""

    input_size: int
    output_size: int
    attention_heads: int
    linear_units: int
    num_blocks: int

    def __post_init__(self) -> None:
        if self.output_size % self.attention_heads or self.output_size % 2:
            raise BadCheckpoint(
                f"a lyric encoder {self.output_size} wide cannot have {self.attention_heads} heads: "
                "the width must be even and a multiple of the heads"
            )


@dataclass(frozen=True)
class AceStep1Config:
    """One field per entry of config.json that shapes the network; names are the official ones."""

    num_layers: int
    attention_head_dim: int
    num_attention_heads: int
    mlp_ratio: float
    rope_theta: float
    speaker_embedding_dim: int
    text_embedding_dim: int
    lyric_encoder_vocab_size: int
    lyric_hidden_size: int
    ssl_encoder_depths: tuple[int, ...]
    ssl_names: tuple[str, ...]
    ssl_latent_dims: tuple[int, ...]
    lyric_encoder: LyricEncoderConfig

    def __post_init__(self) -> None:
        if self.attention_head_dim % 4:
            raise BadCheckpoint(
                f"attention_head_dim in config.json is {self.attention_head_dim}: expected a multiple of 4 (rotary pairs)"
            )
        if self.lyric_encoder.output_size != self.lyric_hidden_size:
            raise BadCheckpoint(
                f"lyric_hidden_size in config.json is {self.lyric_hidden_size}, but the lyric encoder is "
                f"{self.lyric_encoder.output_size} wide: give its sizes beside the config (`lyric_encoder=`)"
            )
        if not len(self.ssl_encoder_depths) == len(self.ssl_names) == len(self.ssl_latent_dims):
            raise BadCheckpoint(
                f"config.json lists {len(self.ssl_encoder_depths)} depths, {len(self.ssl_names)} names and "
                f"{len(self.ssl_latent_dims)} widths of projectors: expected as many of each"
            )

    @property
    def inner_dim(self) -> int:
        """Width of the transformer."""
        return self.num_attention_heads * self.attention_head_dim

    @classmethod
    def from_dict(cls, official: Mapping[str, Any], lyric_encoder: Mapping[str, int] | None = None) -> "AceStep1Config":
        """Read an official config.json; `lyric_encoder` overrides the sizes that its class fixes."""
        for name, granted in GRANTED.items():
            stated = official.get(name, granted)
            if (list(stated) if isinstance(granted, list) else stated) != granted:
                raise BadCheckpoint(
                    f"config.json asks for {name} = {stated!r}; ACE-Step v1 checkpoints have {granted!r}, and no other "
                    "value is implemented"
                )
        plain = ("num_layers", "attention_head_dim", "num_attention_heads", "mlp_ratio", "rope_theta")
        widths = ("speaker_embedding_dim", "text_embedding_dim", "lyric_encoder_vocab_size", "lyric_hidden_size")
        lists = ("ssl_encoder_depths", "ssl_names", "ssl_latent_dims")
        if absent := [name for name in (*plain, *widths, *lists) if official.get(name) is None]:
            raise BadCheckpoint(f"config.json lacks {', '.join(absent)}: it is not that of an ACE-Step v1 transformer")
        sizes = LYRIC_ENCODER | dict(lyric_encoder or {})
        sizes["input_size"] = official["lyric_hidden_size"]
        lyrics = LyricEncoderConfig(**{name: sizes[name] for name in ("input_size", *LYRIC_ENCODER)})
        known: dict[str, Any] = {name: official[name] for name in (*plain, *widths)}
        known |= {name: tuple(official[name]) for name in lists}
        return cls(**known, lyric_encoder=lyrics)
