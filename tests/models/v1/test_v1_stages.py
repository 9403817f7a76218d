"""Each stage of the first generation's network against recorded tensors, and full-size names and shapes."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from melisma.errors import BadCheckpoint
from melisma.models.adapters import merge, read_adapter
from melisma.models.rotary import rotary
from melisma.models.v1 import AceStep1, AceStep1Config
from melisma.models.v1.config import LyricEncoderConfig
from melisma.models.v1.layers import Block, rotate
from melisma.models.v1.lyric_encoder import LyricEncoder, distances
from melisma.models.v1.objective import Dropped, encode_for_training, features_of, losses, training_times

DATA = Path(__file__).parents[2] / "data/v1"
# The transformer's config.json, as published.
FULL = {
    "num_layers": 24,
    "attention_head_dim": 128,
    "num_attention_heads": 20,
    "mlp_ratio": 2.5,
    "rope_theta": 1000000.0,
    "speaker_embedding_dim": 512,
    "text_embedding_dim": 768,
    "lyric_encoder_vocab_size": 6693,
    "lyric_hidden_size": 1024,
    "ssl_encoder_depths": [8, 8],
    "ssl_names": ["mert", "m-hubert"],
    "ssl_latent_dims": [1024, 768],
    "patch_size": [16, 1],
    "in_channels": 8,
    "out_channels": 8,
}


def close(out: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-5)


@pytest.fixture(scope="module")
def io() -> dict[str, Tensor]:
    return load_file(DATA / "transformer_io.safetensors")


def words_of(tensors: dict[str, Tensor]) -> list[Tensor]:
    names = ("encoder_text_hidden_states", "text_attention_mask", "speaker_embeds", "lyric_token_idx", "lyric_mask")
    return [tensors[f"in.{name}"] for name in names]


def test_conditions(net: AceStep1, io: dict[str, Tensor]) -> None:
    condition = net.encode(*words_of(io))
    close(condition.hidden, io["out.encoder_hidden_states"])
    assert torch.equal(condition.mask.float(), io["out.encoder_hidden_mask"])
    close(net.encode(*words_of(io), weak_lyrics=True).hidden, io["out.encoder_hidden_states_erg"])


def test_times_patches_and_positions(net: AceStep1, io: dict[str, Tensor]) -> None:
    close(net.timestep_embedder(io["in.timestep"]), io["mid.time_embed"])
    close(net.t_block(net.timestep_embedder(io["in.timestep"])), io["mid.t_block"])
    close(net.proj_in(io["in.hidden_states"]), io["mid.proj_in"])
    cos, sin = rotary(19, 12, 1e6, torch.zeros(1))
    close(cos, io["mid.rope_cos"])
    close(sin, io["mid.rope_sin"])


def heard_inside(net: AceStep1, io: dict[str, Tensor], *names: str) -> dict[str, Tensor]:
    """What modules give while the recorded velocity is computed, by name; `.in` for what they are given."""
    found: dict[str, Tensor] = {}

    def listener(name: str) -> Callable[..., None]:
        def listen(_: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
            found[name] = given[0] if name.endswith(".in") else out

        return listen

    hooks = [net.get_submodule(name.removesuffix(".in")).register_forward_hook(listener(name)) for name in names]
    try:
        condition = net.encode(*words_of(io))
        net.velocity(io["in.hidden_states"], io["in.timestep"], condition.hidden, condition.mask)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def test_every_stage_inside(net: AceStep1, io: dict[str, Tensor]) -> None:
    stages = {
        "timestep_embedder.linear_1.in": "mid.time_proj",
        "lyric_encoder.encoders.0.in": "mid.lyric_embed",
        "lyric_encoder.encoders.0": "mid.lyric_layer0",
        "lyric_encoder": "out.lyric_encoder_raw",
        "lyric_proj": "out.lyric_encoder",
        **{f"transformer_blocks.0.{part}": f"mid.block0.{part}" for part in ("attn", "cross_attn", "ff")},
        "transformer_blocks.0": "mid.block0",
        "transformer_blocks.1": "mid.block1",
        "transformer_blocks.23": "mid.last_block",
    }
    found = heard_inside(net, io, *stages)
    for stage, recorded in stages.items():
        close(found[stage], io[recorded])


def test_what_the_official_network_takes_beside(net: AceStep1, io: dict[str, Tensor]) -> None:
    """An output length is silence or a cut behind the velocity, and a control is added to the tokens, at their own mean
    and spread, as strong as its scale (here 0.7). Both are done from outside, as no released checkpoint wants either."""
    condition = net.encode(*words_of(io))

    def played() -> Tensor:
        return net.velocity(io["in.hidden_states"], io["in.timestep"], condition.hidden, condition.mask)

    close(torch.nn.functional.pad(played(), (0, 3)), io["out.sample_len_plus3"])
    close(played()[..., :-2], io["out.sample_len_minus2"])

    def controlled(_: nn.Module, __: object, tokens: Tensor) -> Tensor:
        wide, mean = torch.std_mean(tokens, dim=(1, 2), keepdim=True)
        own, centre = torch.std_mean(io["in.controlnet"], dim=(1, 2), keepdim=True)
        return tokens + 0.7 * ((io["in.controlnet"] - centre) / (own + 1e-12) * wide + mean)

    hook = net.proj_in.register_forward_hook(controlled)
    try:
        close(played(), io["out.sample_controlnet"])
    finally:
        hook.remove()


@pytest.mark.parametrize(
    ("mask", "out"), [(None, "sample"), ("attention_mask", "sample"), ("attention_mask_padded", "sample_padded")]
)
def test_velocity(net: AceStep1, io: dict[str, Tensor], mask: str | None, out: str) -> None:
    condition = net.encode(*words_of(io))
    x, t = io["in.hidden_states"], io["in.timestep"]
    seen = None if mask is None else io[f"in.{mask}"]
    close(net.velocity(x, t, condition.hidden, condition.mask, seen), io[f"out.{out}"])


def test_one_song_at_a_time_without_its_padding(net: AceStep1, io: dict[str, Tensor]) -> None:
    condition = net.encode(*words_of(io))
    assert bool((condition.mask[1] == 0).any())
    for i, t in enumerate(io["in.timestep"].tolist()):
        alone = type(condition)(condition.hidden[i : i + 1], condition.mask[i : i + 1])
        prepared = net.prepare(alone, 19)
        assert prepared.valid is None
        close(net.step(io["in.hidden_states"][i : i + 1], t / 1000, prepared), io["out.sample"][i : i + 1])


def test_weak_blocks(net: AceStep1, io: dict[str, Tensor]) -> None:
    # Recorded with two times in one batch, which a step has not.
    condition = net.encode(*words_of(io))
    for i, t in enumerate(io["in.timestep"].tolist()):
        alone = type(condition)(condition.hidden[i : i + 1], condition.mask[i : i + 1])
        x = io["in.hidden_states"][i : i + 1]
        close(net.step(x, t / 1000, net.prepare(alone, 19), weak=True), io["out.sample_erg"][i : i + 1])


def test_half_precision_stays_as_near_as_recorded(cases: dict[str, Any], io: dict[str, Tensor]) -> None:
    sizes = cases["transformer"]
    half = AceStep1(AceStep1Config.from_dict(sizes["config"], sizes["lyric_encoder"]))
    half.load_official(load_file(DATA / "transformer_weights.safetensors"))
    half = half.bfloat16().requires_grad_(False)
    words = [part.bfloat16() if part.is_floating_point() else part for part in words_of(io)]
    condition = half.encode(*words)
    v = half.velocity(io["in.hidden_states"].bfloat16(), io["in.timestep"], condition.hidden, condition.mask)
    expected = io["out.sample_bf16"].float()
    assert float((v.float() - expected).norm() / expected.norm()) < 5e-2


@pytest.fixture(scope="module")
def block(cases: dict[str, Any]) -> tuple[Block, dict[str, Tensor]]:
    tensors, sizes = load_file(DATA / "block.safetensors"), cases["block"]
    block = Block(sizes["dim"], sizes["heads"], sizes["mlp_ratio"])
    weights = {
        name.removeprefix("w."): t for name, t in tensors.items() if name.startswith("w.") and "add_" not in name
    }
    weights = {name: t for name, t in weights.items() if "to_add_out" not in name}
    block.load_state_dict(weights)
    return block.requires_grad_(False), tensors


def test_parts_of_a_block(block: tuple[Block, dict[str, Tensor]]) -> None:
    module, t = block
    turn, theirs = rotary(11, 8, 1e6, t["in.x"]), rotary(9, 8, 1e6, t["in.x"])
    close(rotate(t["in.rope_q"], turn), t["out.rope_q"])
    close(module.attn(t["in.x"], turn), t["out.linear_attn_fullmask"])
    close(module.attn(t["in.x"], turn, t["in.mask_padded"]), t["out.linear_attn_padmask"])
    close(module.attn(t["in.x"], None), t["out.linear_attn_nomask_norope"])
    memory, seen = module.cross_attn.remember(t["in.enc"], theirs), t["in.enc_mask"].bool()[:, None, None]
    close(module.cross_attn(t["in.x"], memory, turn, seen), t["out.cross_attn"])
    close(module.ff(t["in.x"]), t["out.ff"])
    close(module(t["in.x"], t["in.temb"].unflatten(-1, (6, -1)), memory, turn, None, seen), t["out.block"])


def test_lyric_encoder(cases: dict[str, Any]) -> None:
    t = load_file(DATA / "lyric_encoder.safetensors")
    sizes = {name: size for name, size in cases["lyric_encoder"].items() if name != "static_chunk_size"}
    encoder = LyricEncoder(LyricEncoderConfig(**sizes))
    encoder.load_state_dict({name.removeprefix("w."): w for name, w in t.items() if name.startswith("w.")})
    encoder.requires_grad_(False)
    close(distances(12, 24, torch.zeros(1)), t["mid.pos_emb"][0])
    close(encoder.embed(t["in.xs"]) * 24**0.5, t["mid.embed"])
    close(encoder(t["in.xs"], t["in.mask"]), t["out.xs"])
    close(encoder(t["in.xs"][:1, :3], torch.zeros(1, 3)), t["out.allmasked_row"])


@pytest.mark.parametrize("weight", [1.0, 0.7, -0.5])
def test_adapters_at_the_weight_asked_for(cases: dict[str, Any], weight: float) -> None:
    t, sizes = load_file(DATA / "lora_io.safetensors"), cases["transformer"]
    net = AceStep1(AceStep1Config.from_dict(sizes["config"], sizes["lyric_encoder"]))
    net.load_official(load_file(DATA / "transformer_weights.safetensors"))
    net.requires_grad_(False)
    close(played(net, t), t["out.base"])
    merge(net, read_adapter(DATA / "lora_adapter.safetensors"), weight)
    close(played(net, t), t[f"out.loaded_weight{weight}"])


def test_adapters_at_the_strength_of_their_training(cases: dict[str, Any]) -> None:
    t, sizes = load_file(DATA / "lora_io.safetensors"), cases["transformer"]
    net = AceStep1(AceStep1Config.from_dict(sizes["config"], sizes["lyric_encoder"]))
    net.load_official(load_file(DATA / "transformer_weights.safetensors"))
    merge(net.requires_grad_(False), read_adapter(DATA / "lora_adapter.safetensors"), 8 / 4**0.5)
    # Four times as strong, the rounding of merged weights shows four times as much.
    torch.testing.assert_close(played(net, t), t["out.training_scale"], atol=4e-4, rtol=1e-5)


def played(net: AceStep1, t: dict[str, Tensor]) -> Tensor:
    condition = net.encode(*words_of(t))
    return net.velocity(t["in.hidden_states"], t["in.timestep"], condition.hidden, condition.mask)


def test_training_step(net: AceStep1) -> None:
    t = load_file(DATA / "training.safetensors")
    teachers = {
        "mert": [t["in.ssl.mert.0"], t["in.ssl.mert.1"]],
        "m-hubert": [t["in.ssl.mhubert.0"], t["in.ssl.mhubert.1"]],
    }
    condition, mask = net.encode(*words_of(t)), torch.ones(2, 15)
    found = losses(net, t["in.latents"], t["in.noise"], t["in.timesteps"] / 1000, condition, mask, teachers)
    close(found["denoising"], t["out.train/denoising_loss"])
    close(found["mert"], t["out.train/mert_loss"])
    close(found["m-hubert"], t["out.train/m-hubert_loss"])
    close(found["denoising"] + (found["mert"] + found["m-hubert"]) / 2, t["out.loss"])
    close(t["out.train/loss"], t["out.loss"])
    close(training_times(t["in.normals"]), t["out.sigma_from_normals"].view(-1))
    close(1000 * training_times(t["in.normals"]), t["out.t_from_normals"])
    grid = training_times(((torch.arange(1000) + 0.5) / 1000).logit())
    recorded = load_file(DATA / "schedulers.safetensors")
    close(grid, recorded["train.sigmas"][:1000])
    close(1000 * grid, recorded["train.timesteps"])


def test_teachers_hear_a_song_piece_by_piece(resampled: Callable[[Tensor, int, int], Tensor]) -> None:
    """The recorded teacher is one convolution; its two songs are sums of tones."""
    t = load_file(DATA / "training.safetensors")
    lengths = t["ssl.lengths"].tolist()
    time_s = torch.arange(max(lengths), dtype=torch.float64) * 2 * math.pi / 48000
    one = [0.4 * torch.sin((110 + 70 * j) * time_s + j) + 0.2 * torch.sin((1000 + 37 * j) * time_s) for j in (0, 1)]
    two = [0.3 * torch.cos((90 + 50 * j) * time_s) + 0.1 for j in (0, 1)]
    songs = [torch.stack(channels).float().mean(0)[:n] for channels, n in zip((one, two), lengths, strict=True)]

    def teacher(wave: Tensor) -> Tensor:
        heard = torch.nn.functional.conv1d(wave[:, None], t["ssl.conv.weight"], t["ssl.conv.bias"], stride=320)
        return heard.transpose(1, 2)

    for name, rate, chunk_s in (("mert", 24000, 5), ("mhubert", 16000, 30)):
        for i, song in enumerate(songs):
            wave = resampled(song[None], 48000, rate)[0]
            close(features_of(teacher, wave, chunk_s * rate), t[f"ssl.{name}.{i}"])


def test_projectors_hear_what_was_recorded(net: AceStep1, io: dict[str, Tensor]) -> None:
    condition = net.encode(*words_of(io))
    teachers = {
        name: [io[f"in.ssl.{key}.{i}"] for i in (0, 1)] for name, key in (("mert", "mert"), ("m-hubert", "mhubert"))
    }
    x, t = io["in.hidden_states"], io["in.timestep"] / 1000
    # A music equal to the noise makes x the recorded input at any time.
    found = losses(net, x, x, t, condition, torch.ones(2, 19), teachers)
    for name in teachers:
        close(found[name], io[f"out.proj_loss.{name}"])


def test_conditions_are_left_out_in_training(net: AceStep1, io: dict[str, Tensor]) -> None:
    words = words_of(io)
    everything = encode_for_training(net, *words, torch.Generator().manual_seed(0), Dropped(1.0, 1.0, 1.0))
    zeros = [words[0] * 0, words[1], words[2] * 0, words[3] * 0, words[4] * 0]
    close(everything.hidden, net.encode(*zeros).hidden)
    assert not bool(everything.mask[:, 8:].any())
    nothing = encode_for_training(net, *words, torch.Generator().manual_seed(0), Dropped(0.0, 0.0, 0.0))
    close(nothing.hidden, net.encode(*words).hidden)


@pytest.mark.parametrize("projectors", [False, True])
def test_the_published_checkpoint_fits(projectors: bool) -> None:
    manifest = json.loads((DATA / "manifests/transformer.json").read_text())
    with torch.device("meta"):
        net = AceStep1(AceStep1Config.from_dict(FULL), projectors)
        net.load_official({name: torch.empty(shape) for name, shape in manifest.items()})
    total = sum(torch.Size(shape).numel() for shape in manifest.values())
    dead = sum(torch.Size(s).numel() for name, s in manifest.items() if "add_" in name)
    heads = 0 if projectors else 87_840_512
    assert total == 3_305_659_264
    assert sum(p.numel() for p in net.parameters()) == total - dead - heads


def test_what_does_not_fit_is_named(cases: dict[str, Any]) -> None:
    sizes = cases["transformer"]
    config = AceStep1Config.from_dict(sizes["config"], sizes["lyric_encoder"])
    weights = load_file(DATA / "transformer_weights.safetensors")
    weights.pop("t_block.1.bias")
    with torch.device("meta"):
        net = AceStep1(config)
    with pytest.raises(BadCheckpoint, match="1 missing \\(t_block.1.bias\\)"):
        net.load_official(weights)
    with pytest.raises(BadCheckpoint, match="patch_size"):
        AceStep1Config.from_dict(FULL | {"patch_size": [8, 2]})
    with pytest.raises(BadCheckpoint, match="lacks num_layers"):
        AceStep1Config.from_dict({name: value for name, value in FULL.items() if name != "num_layers"})
    with pytest.raises(BadCheckpoint, match="lyric_encoder="):
        AceStep1Config.from_dict(FULL | {"lyric_hidden_size": 512})


def test_cost_grows_with_length_and_not_with_its_square(net: AceStep1, io: dict[str, Tensor]) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    condition = net.encode(*words_of(io))
    spent = []
    for frames in (64, 128, 256):
        prepared, x = net.prepare(condition, frames), torch.randn(2, 8, 16, frames)
        with FlopCounterMode(display=False) as counter:
            net.step(x, 0.5, prepared)
        spent.append(counter.get_total_flops())
    assert spent[2] - spent[1] == 2 * (spent[1] - spent[0])
