"""Sizes of an ACE-Step 1.5 checkpoint, as its config.json states them.

Sizes belong to a checkpoint, not to code: the dataclass has no defaults, `from_dict` fills what older files leave out
with the values of the 2B model they were written for. The encoder side (lyrics, timbre, tokenizer, detokenizer) has
widths of its own since XL; where they are absent it shares the decoder's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from melisma.errors import BadCheckpoint

SLIDING, FULL = "sliding_attention", "full_attention"

# What a config.json of the 2B generation means when it is silent.
SILENT_2B: dict[str, Any] = {
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "in_channels": 192,
    "patch_size": 2,
    "audio_acoustic_hidden_dim": 64,
    "text_hidden_dim": 1024,
    "timbre_hidden_dim": 64,
    "timbre_fix_frame": 750,
    "num_lyric_encoder_hidden_layers": 8,
    "num_timbre_encoder_hidden_layers": 4,
    "num_attention_pooler_hidden_layers": 2,
    "pool_window_size": 5,
    "fsq_input_levels": (8, 8, 8, 5, 5, 5),
    "sliding_window": 128,
    "rope_theta": 1_000_000.0,
    "rms_norm_eps": 1e-6,
    "timestep_mu": -0.4,
    "timestep_sigma": 1.0,
    "is_turbo": False,
    "model_version": None,
    "is_lego_sft": False,
    "lyric_alignment_layers_config": None,
}

# Heads of the 2B network that look at the word being sung, by layer; larger ones name theirs in config.json.
HEADS_2B: Mapping[int, tuple[int, ...]] = {2: (6,), 3: (10, 11), 4: (3,), 5: (8, 9), 6: (8,)}

# What every checkpoint of the family says, and the network takes for granted.
GRANTED: dict[str, Any] = {
    "hidden_act": "silu",
    "attention_bias": False,
    "use_sliding_window": True,
    "rope_scaling": None,
    "fsq_input_num_quantizers": 1,
}


@dataclass(frozen=True)
class AceStep15Config:
    """One field per entry of config.json that shapes the network; names are the official ones."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    encoder_hidden_size: int
    encoder_intermediate_size: int
    encoder_num_attention_heads: int
    encoder_num_key_value_heads: int
    timbre_prepends_token: bool  # XL reads the timbre from a special token, 2B from the first latent frame
    layer_types: tuple[str, ...]
    in_channels: int
    patch_size: int
    audio_acoustic_hidden_dim: int
    text_hidden_dim: int
    timbre_hidden_dim: int
    timbre_fix_frame: int
    num_lyric_encoder_hidden_layers: int
    num_timbre_encoder_hidden_layers: int
    num_attention_pooler_hidden_layers: int
    pool_window_size: int
    fsq_input_levels: tuple[int, ...]
    sliding_window: int
    rope_theta: float
    rms_norm_eps: float
    timestep_mu: float
    timestep_sigma: float
    is_turbo: bool
    model_version: str | None
    is_lego_sft: bool
    lyric_alignment_layers_config: Mapping[str, list[int]] | None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (not isinstance(value, int) or value < 1):
                raise BadCheckpoint(f"{field.name} in config.json is {value!r}, expected a whole number from 1 on")
        for side in ("", "encoder_"):
            heads, groups = getattr(self, f"{side}num_attention_heads"), getattr(self, f"{side}num_key_value_heads")
            if heads % groups:
                raise BadCheckpoint(
                    f"config.json gives {heads} {side}attention heads for {groups} key/value heads: not a multiple"
                )
        for layer, heads in self.lyric_heads.items():
            if not 0 <= layer < self.num_hidden_layers or not set(heads) <= set(range(self.num_attention_heads)):
                raise BadCheckpoint(
                    f"lyric_alignment_layers_config in config.json names heads {list(heads)} of layer {layer}; there are "
                    f"{self.num_hidden_layers} layers of {self.num_attention_heads} heads"
                )
        if self.head_dim % 2:
            raise BadCheckpoint(
                f"head_dim in config.json is {self.head_dim}, expected an even number (rotary positions)"
            )
        if self.in_channels <= self.audio_acoustic_hidden_dim:
            raise BadCheckpoint(
                f"in_channels is {self.in_channels}, but the latents alone have {self.audio_acoustic_hidden_dim} channels: "
                "config.json does not belong to an ACE-Step 1.5 checkpoint"
            )
        if len(self.layer_types) < self.num_hidden_layers or not set(self.layer_types) <= {SLIDING, FULL}:
            raise BadCheckpoint(
                f"layer_types lists {len(self.layer_types)} layers of kinds {sorted(set(self.layer_types))}; expected at least "
                f"{self.num_hidden_layers}, each '{SLIDING}' or '{FULL}'"
            )

    @classmethod
    def from_dict(cls, official: Mapping[str, Any]) -> "AceStep15Config":
        """Read an official config.json; unknown keys are ignored, what would be computed wrongly is refused."""
        for name, granted in GRANTED.items():
            if official.get(name) not in (None, granted):
                raise BadCheckpoint(
                    f"config.json asks for {name} = {official[name]!r}; ACE-Step 1.5 checkpoints have {granted!r}, "
                    "and no other value is implemented"
                )
        known = {**SILENT_2B, **{k: v for k, v in official.items() if v is not None}}
        sizes = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
        known |= {f"encoder_{name}": known.get(f"encoder_{name}", known[name]) for name in sizes}
        known["timbre_prepends_token"] = official.get("encoder_hidden_size") is not None
        alternating = [SLIDING, FULL] * known["num_hidden_layers"]
        known["layer_types"] = tuple(known.get("layer_types", alternating[: known["num_hidden_layers"]]))
        known["fsq_input_levels"] = tuple(known["fsq_input_levels"])
        return cls(**{field.name: known[field.name] for field in fields(cls)})

    def kinds(self, layers: int) -> tuple[str, ...]:
        """Attention of the first layers of any stack; each starts anew, and goes on alternating past the list."""
        alternating = tuple((SLIDING, FULL)[i % 2] for i in range(layers))
        return self.layer_types[:layers] + alternating[len(self.layer_types) :]

    @property
    def lyric_heads(self) -> Mapping[int, tuple[int, ...]]:
        """Layer → heads that look at the word being sung; empty where nobody knows them."""
        stated = self.lyric_alignment_layers_config
        if stated is None:
            shape = (self.num_hidden_layers, self.num_attention_heads)
            return HEADS_2B if shape == (SILENT_2B["num_hidden_layers"], SILENT_2B["num_attention_heads"]) else {}
        return {int(layer): tuple(heads) for layer, heads in stated.items() if heads}

    @property
    def codebook(self) -> int:
        """How many semantic codes there are."""
        return math.prod(self.fsq_input_levels)

    @property
    def context_channels(self) -> int:
        """Channels beside the noise: what is heard, and the mask."""
        return self.in_channels - self.audio_acoustic_hidden_dim
