"""A toy of ACE-Step v1: every real class in the official folder layout, a few hundred thousand random weights.

It sings noise, but it sings: whole journeys run on it in moments and without a download. Rates and the number of latent
channels are real; only widths are small. Its lyric vocabulary has the real one's special tokens and single letters.
"""

import json
import math
import string
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn

from melisma.models.autoencoders.dcae import MusicDCAE, network_of
from melisma.models.autoencoders.vocoder import Vocoder, VocoderConfig
from melisma.models.v1.checkpoint import DCAE, PUBLISHED_DCAE, TEXT, TRANSFORMER, VOCABULARY, VOCODER
from melisma.models.v1.config import AceStep1Config
from melisma.models.v1.lyrics import BREAK, START, TAGS
from melisma.models.v1.model import PATCH_CHANNELS, AceStep1
from melisma.models.v1.spelling import LANGUAGES

TEXT_WIDTH = 16
LYRIC_ENCODER = {"output_size": 16, "attention_heads": 2, "linear_units": 24, "num_blocks": 6}
# Root mean square of a toy's song: about -20 dBFS.
LEVEL = 0.1

AUTOENCODER = PUBLISHED_DCAE | {
    "_class_name": "AutoencoderDC",
    "attention_head_dim": 8,
    "encoder_block_out_channels": [8, 8, 8, 16],
    "decoder_block_out_channels": [8, 8, 8, 16],
    "encoder_layers_per_block": [1, 1, 1, 1],
    "decoder_layers_per_block": [1, 1, 1, 1],
    "scaling_factor": 0.41407,
}
SINGER: dict[str, Any] = {
    "_class_name": "ADaMoSHiFiGANV1",
    "depths": [1, 1, 1, 1],
    "dims": [8, 8, 8, 16],
    "upsample_rates": [8, 8, 4, 2],
    "upsample_kernel_sizes": [16, 16, 8, 4],
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]],
    "num_mels": 16,
    "upsample_initial_channel": 16,
}
READER: dict[str, Any] = {
    "model_type": "umt5",
    "d_model": TEXT_WIDTH,
    "d_kv": 8,
    "d_ff": 24,
    "num_layers": 10,  # two of which guidance weakens, as in the real one
    "num_heads": 2,
    "feed_forward_proj": "gated-gelu",
    "pad_token_id": 0,
    "eos_token_id": 1,
}
PLAYER: dict[str, Any] = {
    "_class_name": "Transformer2DModel",
    "in_channels": 8,
    "out_channels": 8,
    "num_layers": 17,  # some of which guidance weakens, as in the real one
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "mlp_ratio": 2.5,
    "patch_size": [16, 1],
    "rope_theta": 1000000.0,
    "speaker_embedding_dim": 512,
    "text_embedding_dim": TEXT_WIDTH,
    "lyric_hidden_size": LYRIC_ENCODER["output_size"],
    "ssl_encoder_depths": [8, 8],
    "ssl_names": ["mert", "m-hubert"],
    "ssl_latent_dims": [6, 5],
}


def write_toy_v1(folder: Path, seed: int = 0) -> Path:
    """Write a complete checkpoint in the layout of `ACE-Step/ACE-Step-v1-3.5B`, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = toy_vocabulary()
    vocabulary.save(str(folder / VOCABULARY))
    _write_transformer(folder / TRANSFORMER, vocabulary.get_vocab_size(), seed)
    _write_text_encoder(folder / TEXT, seed)
    _write_autoencoder(folder, seed)
    return folder


def toy_vocabulary() -> Tokenizer:
    """Special tokens as in the real vocabulary, and single letters."""
    special = ["[STOP]", "[UNK]", BREAK, START, "[zh-cn]"]
    special += [f"[{name}]" for name in (*LANGUAGES, *TAGS) if name != "zh"]
    letters = string.ascii_lowercase + string.digits + string.punctuation + "áéíóúàèìòùâêîôûäöüñçßãõåøæœ¿¡"
    table = {token: i for i, token in enumerate([*special, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=table, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer


def _write_transformer(folder: Path, words: int, seed: int) -> None:
    config = PLAYER | {"lyric_encoder_vocab_size": words}
    with torch.device("meta"):
        net = AceStep1(AceStep1Config.from_dict(config, LYRIC_ENCODER), projectors=True)
    state = _drawn(net, seed)
    for name in list(state):  # dead weight of every real checkpoint, at a token size
        if ".cross_attn.to_q." in name:
            state[name.replace("to_q", "add_q_proj")] = state[name].clone()
    assert state["proj_in.early_conv_layers.0.bias"].shape == (PATCH_CHANNELS,)
    _write(folder, config, state)


def _write_text_encoder(folder: Path, seed: int) -> None:
    from transformers import UMT5Config, UMT5EncoderModel

    table = {token: i for i, token in enumerate(["<pad>", "</s>", "<unk>", " ", *string.printable.strip()])}
    tokenizer = Tokenizer(models.BPE(vocab=table, merges=[], unk_token="<unk>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    config = READER | {"vocab_size": len(table)}
    with torch.device("meta"):
        network = UMT5EncoderModel(UMT5Config(**config))
    state = _drawn(network, seed)
    state.pop("encoder.embed_tokens.weight", None)
    _write(folder, config, state, name="model")
    tokenizer.save(str(folder / "tokenizer.json"))


def _write_autoencoder(folder: Path, seed: int) -> None:
    """Autoencoder and vocoder, the latter as loud as a quiet song, its weight norm as published."""
    dcae = _drawn(network_of(AUTOENCODER), seed)
    with torch.device("meta"):
        vocoder = Vocoder(VocoderConfig.from_dict(SINGER))
    singer = _drawn(vocoder, seed)
    codec = MusicDCAE.from_weights(AUTOENCODER, dcae, SINGER, singer, "a toy")
    latents = torch.randn(1, 8, codec.channels, generator=torch.Generator().manual_seed(seed))
    level = codec.decode(latents).square().mean().sqrt()
    # tanh comes after this layer; at this level it is nearly straight.
    singer["head.conv_post.weight"] = singer["head.conv_post.weight"] * (LEVEL / level)
    singer["head.conv_post.bias"] = singer["head.conv_post.bias"] * 0
    _write(folder / DCAE, AUTOENCODER, dcae)
    normed: dict[str, Tensor] = {}
    for name, tensor in singer.items():
        if name.startswith("head.") and name.endswith(".weight"):
            layer = name.removesuffix(".weight")
            length = tensor.flatten(1).norm(dim=1).view(-1, *[1] * (tensor.ndim - 1))
            normed |= {f"{layer}.weight_g": length, f"{layer}.weight_v": tensor}
        else:
            normed[name] = tensor
    constants = {f"mel_transform.{name}": tensor for name, tensor in (("mel_scale.fb", codec.mel.bank),)}
    _write(folder / VOCODER, SINGER, normed | {name: tensor.clone() for name, tensor in constants.items()})


def _drawn(module: nn.Module, seed: int) -> dict[str, Tensor]:
    """A state dict in which nothing is zero: wherever an input is lost, an output changes."""
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, tensor: Tensor) -> Tensor:
        noise: Tensor = torch.randn(tensor.shape, generator=generator)
        if tensor.ndim < 2:
            return 1 + 0.1 * noise if name.endswith("weight") else 0.3 * noise
        if "table" in name or "pos_bias" in name:
            return 0.3 * noise
        return noise / math.sqrt(tensor[0].numel())

    return {name: draw(name, tensor) for name, tensor in module.state_dict().items()}


def _write(
    folder: Path, config: dict[str, Any], state: dict[str, Tensor], name: str = "diffusion_pytorch_model"
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save_file(
        {key: tensor.contiguous() for key, tensor in state.items()}, folder / f"{name}.safetensors", {"format": "pt"}
    )
