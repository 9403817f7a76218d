"""Toy checkpoints: every real class, the official layout, a few thousand random weights.

A toy sings noise, but it sings: tests of whole journeys, front-end work and benchmarks of everything around the networks
run on it in moments and without a download. Rates are real (48 kHz stereo, 1920 samples per latent frame);
only widths are small, and the codebook has 64 codes.
"""

import json
import math
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from melisma.errors import BadRequest
from melisma.models.autoencoders.oobleck import Oobleck
from melisma.models.planner.toy import toy_tokenizer, write_toy_planner
from melisma.models.v15 import AceStep15, AceStep15Config

Kind = Literal["turbo", "base", "sft", "xl-turbo", "xl-base", "xl-sft"]

CHANNELS = 8
TEXT_WIDTH = 16
# Root mean square of a toy's song: about -20 dBFS.
LEVEL = 0.1

VAE: dict[str, Any] = {
    "_class_name": "AutoencoderOobleck",
    "sampling_rate": 48000,
    "audio_channels": 2,
    "encoder_hidden_size": 2 * CHANNELS,
    "downsampling_ratios": [2, 4, 4, 6, 10],
    "channel_multiples": [1, 1, 1, 1, 1],
    "decoder_channels": 4,
    "decoder_input_channels": CHANNELS,
}
DIT: dict[str, Any] = {
    "architectures": ["AceStepConditionGenerationModel"],
    "model_type": "acestep",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "in_channels": 3 * CHANNELS,
    "audio_acoustic_hidden_dim": CHANNELS,
    "timbre_hidden_dim": CHANNELS,
    "text_hidden_dim": TEXT_WIDTH,
    "timbre_fix_frame": 50,
    "num_lyric_encoder_hidden_layers": 1,
    "num_timbre_encoder_hidden_layers": 1,
    "num_attention_pooler_hidden_layers": 1,
    "fsq_input_levels": [2, 2, 2, 2, 2, 2],
    "lyric_alignment_layers_config": {"0": [0], "1": [1, 2]},
}
XL: dict[str, Any] = {
    "num_hidden_layers": 3,
    "num_attention_heads": 6,  # 6 · 8 ≠ 32, as in the real one
    "encoder_hidden_size": 24,
    "encoder_intermediate_size": 32,
    "encoder_num_attention_heads": 4,
    "encoder_num_key_value_heads": 2,
}


def write_toy(folder: Path, seed: int = 0, kind: Kind = "turbo", planner: bool = False) -> Path:
    """Write a complete bundle in the layout of `ACE-Step/Ace-Step1.5` and return its folder.

    With `planner` a toy language model is added that speaks of the same codes.
    """
    if kind not in get_args(Kind):
        raise BadRequest(f"no toy of kind {kind!r}: choose one of {', '.join(get_args(Kind))}")
    codec = write_toy_autoencoder(folder / "vae", seed)
    write_toy_text_encoder(folder / "Qwen3-Embedding-0.6B", seed)
    write_toy_dit(folder / f"acestep-v15-{kind}", codec, seed, kind)
    if planner:
        write_toy_planner(folder / "acestep-5Hz-lm-0.6B", seed=seed)
    return folder


def write_toy_autoencoder(folder: Path, seed: int = 0) -> Oobleck:
    """A narrow Oobleck whose music for random latents is as loud as a quiet song."""
    network = Oobleck.network_of(VAE).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        # Directions and lengths of about 1 carry noise through all layers; Snake's shape and biases stay mild.
        draw = torch.randn(parameter.shape, generator=generator)
        parameter.data = 1 + 0.1 * draw if name.endswith("weight_g") else draw * (1 if "weight" in name else 0.1)
    latents = torch.randn(1, 25, CHANNELS, generator=generator)
    last: Any = network.decoder.conv2  # type: ignore[union-attr]
    state = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    with torch.no_grad():
        level = network.decode(latents.transpose(1, 2)).sample.square().mean().sqrt()  # type: ignore[operator]
    last.weight_g.data = state["decoder.conv2.weight_g"] = state["decoder.conv2.weight_g"] * (LEVEL / level)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "diffusion_pytorch_model.safetensors")
    write_json(folder / "config.json", VAE)
    return Oobleck(network).eval()


def write_toy_text_encoder(folder: Path, seed: int = 0) -> None:
    """A Qwen3 of two layers, and a tokenizer that appends the end token as the real one does."""
    from tokenizers import processors
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = toy_tokenizer(codes=0)
    end = "<|endoftext|>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A $B {end}", special_tokens=[(end, tokenizer.token_to_id(end))]
    )
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=TEXT_WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        architectures=["Qwen3ForCausalLM"],  # what the published embedding model says of itself
    )
    with torch.device("meta"):
        network = Qwen3Model(config)
    config.save_pretrained(folder)
    save_file(drawn(network, seed), folder / "model.safetensors", {"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))


def write_toy_dit(folder: Path, codec: Oobleck, seed: int = 0, kind: Kind = "turbo") -> None:
    """An acoustic model of the kind asked for, with its own silence: what the autoencoder makes of silence."""
    official = DIT | (XL if kind.startswith("xl") else {})
    official |= {"model_version": kind.removeprefix("xl-"), "is_turbo": "turbo" in kind}
    with torch.device("meta"):
        network = AceStep15(AceStep15Config.from_dict(official))
    folder.mkdir(parents=True, exist_ok=True)
    save_file(drawn(network, seed), folder / "model.safetensors")
    write_json(folder / "config.json", official)
    second = codec.encode(torch.zeros(1, 2, codec.sample_rate))[:, 12:13]
    silence = second.expand(-1, 1500, -1).transpose(1, 2).contiguous()  # (1, c, t), a minute
    torch.save(silence, folder / "silence_latent.pt")


def drawn(module: nn.Module, seed: int) -> dict[str, Tensor]:
    """A state dict in which nothing is zero: wherever an input is lost, an output changes."""
    generator = torch.Generator().manual_seed(seed)

    def draw(key: str, tensor: Tensor) -> Tensor:
        noise: Tensor = torch.randn(tensor.shape, generator=generator)
        if "norm" in key:
            return 1 + 0.1 * noise
        if tensor.ndim < 2 or "special" in key or "null" in key or "table" in key:
            return 0.3 * noise
        return noise / math.sqrt(tensor[0].numel())

    return {key: draw(key, tensor) for key, tensor in module.state_dict().items()}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """A JSON file that people can read."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
