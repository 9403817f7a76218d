"""An ACE-Step v1 checkpoint on disk, in its two layouts.

The official folder holds one subfolder per part. ComfyUI packs all parts into one file, a prefix before each, without
configs: sizes are then read from the shapes of the transformer, and those of the other parts are the published ones.
Its text encoder brings its tokenizer along, as bytes. What neither layout holds is the lyric vocabulary, which the
official code brings; it lies beside the parts as `lyric_vocab.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.autoencoders.dcae import MusicDCAE
from melisma.models.files import AGAIN, fingerprint, read_config, read_weights
from melisma.models.text.encoder import read_tokenizer
from melisma.models.text.umt5 import UMT5, SentencePieces, network_of
from melisma.models.v1.config import AceStep1Config
from melisma.models.v1.lyrics import LyricTokenizer
from melisma.models.v1.model import AceStep1

TRANSFORMER, DCAE, VOCODER, TEXT = "ace_step_transformer", "music_dcae_f8c8", "music_vocoder", "umt5-base"
VOCABULARY = "lyric_vocab.json"
DIFFUSION_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.")
HEAD_DIM = 128
TOKENIZER_KEY = "text_encoders.spiece_model"  # bytes of a SentencePiece model
VOCODER_KEY = "vae.vocoder.backbone.channel_layers.0.0.bias"

# The parts of a single file, which brings no configs: those of the published checkpoint.
PUBLISHED_DCAE: dict[str, Any] = {
    "in_channels": 2,
    "latent_channels": 8,
    "attention_head_dim": 32,
    "encoder_block_types": ["ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock"],
    "decoder_block_types": ["ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock"],
    "encoder_block_out_channels": [128, 256, 512, 1024],
    "decoder_block_out_channels": [128, 256, 512, 1024],
    "encoder_layers_per_block": [2, 2, 3, 3],
    "decoder_layers_per_block": [3, 3, 3, 3],
    "encoder_qkv_multiscales": [[], [], [5], [5]],
    "decoder_qkv_multiscales": [[], [], [5], [5]],
    "upsample_block_type": "interpolate",
    "downsample_block_type": "Conv",
    "decoder_norm_types": "rms_norm",
    "decoder_act_fns": "silu",
}
# The vocoder's class holds the published sizes itself.
PUBLISHED_VOCODER: dict[str, Any] = {}
PUBLISHED_TEXT: dict[str, Any] = {
    "model_type": "umt5",
    "vocab_size": 256384,
    "d_model": 768,
    "d_kv": 64,
    "d_ff": 2048,
    "num_layers": 12,
    "num_heads": 12,
    "feed_forward_proj": "gated-gelu",
    "layer_norm_epsilon": 1e-6,
}


@dataclass(frozen=True)
class Checkpoint:
    """Everything that ACE-Step v1 sings with. The text encoder stays on the CPU until it is moved."""

    net: AceStep1
    text: UMT5
    lyrics: LyricTokenizer
    fingerprint: str


def load_checkpoint(path: Path, dtype: torch.dtype | None = None, projectors: bool = False) -> Checkpoint:
    """The network, text encoder and vocabulary at an official folder, or of a ComfyUI file; None keeps the stored type.

    Raises MissingModel where a part is absent, and BadCheckpoint where it does not fit.
    """
    if path.is_file():
        return _from_file(path, dtype, projectors)
    weights = read_weights(path / TRANSFORMER)
    net = network(read_config(path / TRANSFORMER), weights, path / TRANSFORMER, dtype, projectors)
    text = UMT5.from_pretrained(path / TEXT, dtype=dtype or torch.float32)
    marks = "-".join(fingerprint(path / part)[:6] for part in (TRANSFORMER, TEXT, VOCODER))
    return Checkpoint(net, text, LyricTokenizer(path / VOCABULARY), marks)


def network(
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    source: Path | str,
    dtype: torch.dtype | None = None,
    projectors: bool = False,
) -> AceStep1:
    """Built without memory, then given the mapped tensors as they are: nothing is held twice, unused parts not at all.

    Sizes of the lyric encoder are those of its weights.
    """
    with torch.device("meta"):
        net = AceStep1(AceStep1Config.from_dict(config, lyric_sizes(weights)), projectors)
    net.load_official(weights, source=str(source))
    return net.to(dtype=dtype).eval().requires_grad_(False)


def lyric_sizes(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """Sizes of the lyric encoder, which no config states."""
    layer = "lyric_encoder.encoders.0."
    try:
        return {
            "output_size": weights["lyric_encoder.after_norm.weight"].shape[0],
            "attention_heads": weights[f"{layer}self_attn.pos_bias_u"].shape[0],
            "linear_units": weights[f"{layer}feed_forward.w_1.weight"].shape[0],
            "num_blocks": _depth(weights, "lyric_encoder.encoders."),
        }
    except KeyError as error:
        raise BadCheckpoint(
            f"these weights lack {error.args[0]}: they hold no whole ACE-Step v1 network. {AGAIN}"
        ) from error


def _depth(weights: Mapping[str, Tensor], prefix: str) -> int:
    return 1 + max(int(name.removeprefix(prefix).split(".")[0]) for name in weights if name.startswith(prefix))


def config_of(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """The config.json that a transformer's weights came with, as far as shapes tell it; head width and rotary base are
    those of the published checkpoint."""
    try:
        width = weights["genre_embedder.weight"].shape[0]
        vocabulary, lyric_width = weights["lyric_embs.weight"].shape
        return {
            "num_layers": _depth(weights, "transformer_blocks."),
            "attention_head_dim": HEAD_DIM,
            "num_attention_heads": width // HEAD_DIM,
            "mlp_ratio": weights["transformer_blocks.0.ff.point_conv.conv.weight"].shape[1] / width,
            "rope_theta": 1_000_000.0,
            "speaker_embedding_dim": weights["speaker_embedder.weight"].shape[1],
            "text_embedding_dim": weights["genre_embedder.weight"].shape[1],
            "lyric_encoder_vocab_size": vocabulary,
            "lyric_hidden_size": lyric_width,
            "ssl_encoder_depths": [8, 8],
            "ssl_names": ["mert", "m-hubert"],
            "ssl_latent_dims": [1024, 768],
        }
    except KeyError as error:
        raise BadCheckpoint(
            f"this file lacks {error.args[0]}: it holds only part of an ACE-Step v1 network, and a whole one is needed"
        ) from error


@dataclass(frozen=True)
class Packed:
    """The parts of a single file, each by its official names."""

    transformer: dict[str, Tensor]
    dcae: dict[str, Tensor]
    vocoder: dict[str, Tensor]
    text: dict[str, Tensor]
    tokenizer: bytes | None


def unpacked(weights: Mapping[str, Tensor]) -> Packed:
    """The parts of a ComfyUI file. Raises BadCheckpoint where it holds no ACE-Step v1."""
    key = "lyric_embs.weight"
    prefix = next((prefix for prefix in (*DIFFUSION_PREFIXES, "") if f"{prefix}{key}" in weights), None)
    if prefix is None or VOCODER_KEY not in weights:
        some = ", ".join(sorted(weights)[:3])
        raise BadCheckpoint(f"this file holds no whole ACE-Step v1: its names look like {some}")
    others = ("vae.", "text_encoders.")

    def part(mine: str) -> dict[str, Tensor]:
        named = {name: tensor for name, tensor in weights.items() if name.startswith(mine)}
        return {name.removeprefix(mine): t for name, t in named.items() if mine or not name.startswith(others)}

    # As in text_encoders.umt5base.transformer.shared.weight; files saved again may name the encoder otherwise.
    text = next((name for name in weights if name.startswith(others[1]) and name.endswith(".shared.weight")), None)
    return Packed(
        transformer=part(prefix),
        dcae=part("vae.dcae."),
        vocoder=part("vae.vocoder."),
        text=part(text.removesuffix("shared.weight")) if text else {},
        tokenizer=bytes(weights[TOKENIZER_KEY].numpy()) if TOKENIZER_KEY in weights else None,
    )


def is_packed(path: Path) -> bool:
    """Whether a file is a ComfyUI file of this generation, by the names in its header."""
    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(path, framework="pt") as tensors:
            return VOCODER_KEY in tensors.keys()  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError):
        return False  # said better by whoever reads it


def load_autoencoder(path: Path) -> MusicDCAE:
    """The autoencoder of an official folder, or of a ComfyUI file."""
    if not path.is_file():
        return MusicDCAE.from_folder(path / DCAE)
    packed = unpacked(read_weights(path))
    return MusicDCAE.from_weights(PUBLISHED_DCAE, packed.dcae, PUBLISHED_VOCODER, packed.vocoder, path)


def _from_file(path: Path, dtype: torch.dtype | None, projectors: bool) -> Checkpoint:
    packed = unpacked(read_weights(path))
    vocabulary = path.parent / VOCABULARY
    if not vocabulary.is_file():
        raise MissingModel(
            f"{path} brings no lyric vocabulary: put it beside the file as {VOCABULARY}. `melisma models pull v1` "
            "fetches it, and the official code holds it as acestep/models/lyrics_utils/vocab.json"
        )
    if not packed.text:
        raise MissingModel(f"{path} holds no text encoder: use the all-in-one file, or the official folder")
    net = network(config_of(packed.transformer), packed.transformer, path, dtype, projectors)
    encoder = {
        name: tensor for name, tensor in packed.text.items() if name == "shared.weight" or name.startswith("encoder.")
    }
    module = network_of(PUBLISHED_TEXT, encoder, path, dtype or torch.float32)
    mark = fingerprint(path)
    tokenizer = SentencePieces(packed.tokenizer, path) if packed.tokenizer else read_tokenizer(path.parent / TEXT)
    return Checkpoint(net, UMT5(module, tokenizer, mark), LyricTokenizer(vocabulary), mark)
