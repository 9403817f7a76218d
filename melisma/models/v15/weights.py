"""Weight names of other layouts, translated once to the official ones: pure functions from dict to dict.

Three layouts are known: the official folder (nothing to translate), the diffusers folder (one subfolder per part) and
the single file that ComfyUI uses (a prefix before every name, no config).
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from melisma.errors import BadCheckpoint

Weights = dict[str, Tensor]

# diffusers subfolder → official prefix
PARTS = {
    "transformer": "decoder.",
    "condition_encoder": "encoder.",
    "audio_tokenizer": "tokenizer.",
    "audio_token_detokenizer": "detokenizer.",
}
DIFFUSERS_NAMES = {
    "to_q": "q_proj",
    "to_k": "k_proj",
    "to_v": "v_proj",
    "to_out.0": "o_proj",
    "norm_q": "q_norm",
    "norm_k": "k_norm",
    "proj_in_conv": "proj_in.1",
    "proj_out_conv": "proj_out.1",
}
_DIFFUSERS = re.compile(rf"(?<=\.)({'|'.join(map(re.escape, DIFFUSERS_NAMES))})(?=\.)")
SINGLE_FILE_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.", "")
ELSEWHERE = ("vae.", "text_encoders.", "conditioner.", "first_stage_model.")


def from_diffusers(parts: Mapping[str, Weights]) -> Weights:
    """Weights of the diffusers subfolders, by official names. The silence latent is not a weight and is left out."""
    official: Weights = {}
    for part, prefix in PARTS.items():
        for name, tensor in parts[part].items():
            if name == "null_condition_emb":
                official[name] = tensor
            elif name != "silence_latent":
                official[_DIFFUSERS.sub(lambda found: DIFFUSERS_NAMES[found[1]], f"{prefix}{name}")] = tensor
    return official


def from_single_file(weights: Weights) -> Weights:
    """Weights of a single-file checkpoint, by official names; other models packed into the file are left out."""
    for prefix in SINGLE_FILE_PREFIXES:
        if f"{prefix}null_condition_emb" in weights or f"{prefix}decoder.norm_out.weight" in weights:
            mine = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
            return {name: tensor for name, tensor in mine.items() if not name.startswith(ELSEWHERE)}
    some = ", ".join(sorted(weights)[:3])
    raise BadCheckpoint(f"this file holds no ACE-Step 1.5 network: its names look like {some}")


def config_of(weights: Weights) -> dict[str, Any]:
    """The config.json that official weights came with, as far as shapes tell it. Levels, window and rotary base keep
    the family's values; whether the checkpoint is distilled, shapes do not tell. Raises BadCheckpoint for a part."""
    try:
        return _config_of(weights)
    except KeyError as error:
        raise BadCheckpoint(
            f"this file lacks {error.args[0]}: it holds only part of an ACE-Step 1.5 network, and a whole one is needed"
        ) from error


def _config_of(weights: Weights) -> dict[str, Any]:
    decoder, encoder = sizes(weights, "decoder.layers.0."), sizes(weights, "encoder.lyric_encoder.layers.0.")
    hidden, in_channels, patch = weights["decoder.proj_in.1.weight"].shape
    config: dict[str, Any] = {
        **decoder,
        "hidden_size": hidden,
        "in_channels": in_channels,
        "patch_size": patch,
        "audio_acoustic_hidden_dim": weights["decoder.proj_out.1.bias"].shape[0],
        "timbre_hidden_dim": weights["encoder.timbre_encoder.embed_tokens.weight"].shape[1],
        "text_hidden_dim": weights["encoder.text_projector.weight"].shape[1],
        "pool_window_size": weights["detokenizer.special_tokens"].shape[1],
        "num_hidden_layers": depth(weights, "decoder.layers."),
        "num_lyric_encoder_hidden_layers": depth(weights, "encoder.lyric_encoder.layers."),
        "num_timbre_encoder_hidden_layers": depth(weights, "encoder.timbre_encoder.layers."),
        "num_attention_pooler_hidden_layers": depth(weights, "detokenizer.layers."),
    }
    shared = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
    if any(encoder[name] != config[name] for name in shared):
        config |= {f"encoder_{name}": encoder[name] for name in shared}
    return config


def sizes(weights: Weights, layer: str) -> dict[str, int]:
    """Widths of one transformer layer."""
    head = weights[f"{layer}self_attn.q_norm.weight"].shape[0]
    queries, hidden = weights[f"{layer}self_attn.q_proj.weight"].shape
    return {
        "hidden_size": hidden,
        "intermediate_size": weights[f"{layer}mlp.gate_proj.weight"].shape[0],
        "num_attention_heads": queries // head,
        "num_key_value_heads": weights[f"{layer}self_attn.k_proj.weight"].shape[0] // head,
        "head_dim": head,
    }


def depth(weights: Weights, prefix: str) -> int:
    """How many layers stand behind a prefix."""
    return 1 + max(int(name.removeprefix(prefix).split(".")[0]) for name in weights if name.startswith(prefix))
