"""Each stage of the network against tensors recorded from the official code, and full-size names and shapes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from melisma.models.rotary import rotary
from melisma.models.v15 import AceStep15, AceStep15Config, semantic
from melisma.models.v15.layers import Places

DATA = Path(__file__).parents[2] / "data/v15"
SIZES = ["2b", "xl"]
MANIFESTS = sorted(path for path in (DATA / "manifests").glob("dit-*.json"))


def close(out: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_conditions(size: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"conditioning_{size}.safetensors"), recorded[size]
    text = (gold["text_hidden_states"], gold["text_attention_mask"])
    lyrics = (gold["lyric_hidden_states"], gold["lyric_attention_mask"])
    cond = net.encode(*text, *lyrics, gold["refer_latents"], gold["refer_order_mask"])
    close(cond.hidden, gold["encoder_hidden_states"])
    assert torch.equal(cond.mask, gold["encoder_attention_mask"])
    close(net.encoder.text_projector(gold["text_hidden_states"]), gold["text_projected"])
    close(net.encoder.lyric_encoder(*lyrics), gold["lyric_encoded"])


@pytest.mark.parametrize("size", SIZES)
def test_positions_windows_and_times(size: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"conditioning_{size}.safetensors"), recorded[size]
    cos, sin = rotary(12, 16, net.config.rope_theta, torch.zeros(1))
    close(cos, gold["rope_cos"][0])
    close(sin, gold["rope_sin"][0])
    for name in ("time_embed", "time_embed_r"):
        embedding, times = getattr(net.decoder, name)(gold["time_t"])
        close(embedding, gold[f"{name}_temb"])
        close(times, gold[f"{name}_proj"])
    valid = torch.tensor([[1] * 12, [1] * 11 + [0]])
    places = Places.of(torch.zeros(2, 12, 4), 16, 1e6, net.config.sliding_window, valid)
    assert torch.equal(places.sliding[0, 0].eq(0), gold["window_keep_12"].bool())


@pytest.mark.parametrize("size", SIZES)
def test_semantic_codes(size: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"tokenizer_{size}.safetensors"), recorded[size]
    quantised, codes = net.tokenize(gold["latents"], gold["silence_latent"])
    assert torch.equal(codes, gold["indices"][..., 0].long())
    close(quantised, gold["quantized"])
    close(net.detokenize(quantised), gold["detokenized"])
    from_codes = net.codes_to_quantised(gold["codes"][..., 0].long())
    close(from_codes, gold["codes_output"])
    close(net.detokenize(from_codes), gold["codes_detokenized"])
    assert torch.equal(net.codes_to_quantised(codes), quantised)


def test_codes_are_rounded_in_float32_at_any_precision() -> None:
    torch.manual_seed(0)
    exact = semantic.Quantizer(AceStep15Config.from_dict({"hidden_size": 64, "num_hidden_layers": 1}))
    half = semantic.Quantizer(AceStep15Config.from_dict({"hidden_size": 64, "num_hidden_layers": 1})).bfloat16()
    half.load_state_dict(exact.state_dict())
    exact.load_state_dict(half.state_dict())
    vectors = 3 * torch.randn(1, 500, 64).bfloat16()
    assert torch.equal(half(vectors)[1], exact(vectors.float())[1])


def test_long_songs_are_coded_in_parts(recorded: dict[str, AceStep15], monkeypatch: pytest.MonkeyPatch) -> None:
    gold, net = load_file(DATA / "tokenizer_2b.safetensors"), recorded["2b"]
    monkeypatch.setattr(semantic, "TOGETHER", 4)
    quantised, codes = net.tokenize(gold["latents"], gold["silence_latent"])
    assert torch.equal(codes, gold["indices"][..., 0].long())
    close(net.detokenize(quantised), gold["detokenized"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("frames", "name"), [(19, "out_r_equals_t"), (18, "out_even_length"), (1, "out_single_frame")])
def test_velocity(size: str, frames: int, name: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"dit_{size}.safetensors"), recorded[size]
    x, context = gold["hidden_states"][:, :frames], gold["context_latents"][:, :frames]
    close(net.velocity(x, gold["timestep"], gold["encoder_hidden_states"], context), gold[name])


@pytest.mark.parametrize("size", SIZES)
def test_velocity_with_a_second_time(size: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"dit_{size}.safetensors"), recorded[size]
    at = (gold["timestep"], gold["encoder_hidden_states"], gold["context_latents"], gold["timestep_r"])
    close(net.velocity(gold["hidden_states"], *at), gold["out_r_given"])


@pytest.mark.parametrize("size", SIZES)
def test_a_prepared_step_is_the_same_velocity(size: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"dit_{size}.safetensors"), recorded[size]
    x, context, condition = gold["hidden_states"], gold["context_latents"], gold["encoder_hidden_states"]
    prepared = net.prepare(condition, context)
    close(net.step(x, 0.3, prepared), net.velocity(x, torch.full((2,), 0.3), condition, context))


@pytest.mark.parametrize("size", SIZES)
def test_one_null_position_stands_for_any_number(size: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"dit_{size}.safetensors"), recorded[size]
    x, context = gold["hidden_states"], gold["context_latents"]
    expanded = net.null_condition_emb.expand(2, 13, -1)
    close(net.step(x, 0.6, net.prepare_null(context)), net.velocity(x, torch.full((2,), 0.6), expanded, context))
    for (k, v), (null_k, null_v) in zip(net.decoder.remember(expanded), net.null_memory(), strict=True):
        assert null_k.shape[2] == null_v.shape[2] == 1
        close(k, null_k.expand_as(k))
        close(v, null_v.expand_as(v))


@pytest.mark.parametrize("size", SIZES)
def test_half_precision_stays_near(size: str, recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / f"dit_{size}.safetensors"), AceStep15(recorded[size].config)
    net.load_official({key: tensor.bfloat16() for key, tensor in recorded[size].state_dict().items()})
    x, context = gold["hidden_states"].bfloat16(), gold["context_latents"].bfloat16()
    v = net.velocity(x, gold["timestep"], gold["encoder_hidden_states"].bfloat16(), context)
    assert v.dtype == torch.bfloat16
    error = (v.float() - gold["out_r_equals_t"]).norm() / gold["out_r_equals_t"].norm()
    assert error < 0.03


def test_loss_and_gradients_of_training(recorded: dict[str, AceStep15]) -> None:
    gold, net = load_file(DATA / "training_2b.safetensors"), AceStep15(recorded["2b"].config)
    net.load_official({key: tensor.clone() for key, tensor in recorded["2b"].state_dict().items()})
    net.requires_grad_(True)
    with torch.no_grad():
        words = (gold["text_hidden_states"], gold["text_attention_mask"])
        lyrics = (gold["lyric_hidden_states"], gold["lyric_attention_mask"])
        cond = net.encode(*words, *lyrics, gold["refer_latents"], gold["refer_order_mask"]).hidden
        hints = net.detokenize(net.tokenize(gold["src_latents"], gold["silence_latent"][0])[0])[:, :19]
        heard = torch.where(gold["is_covers"].bool()[:, None, None], hints, gold["src_latents"])
    dropped = (gold["u_drop"] < 0.15)[:, None, None]
    cond = torch.where(dropped, net.null_condition_emb.expand_as(cond), cond)
    context = torch.cat([heard, gold["chunk_masks"].to(heard)], dim=-1)
    t = gold["t"][:, None, None]
    x = t * gold["noise"] + (1 - t) * gold["x0"]
    v = net.velocity(x, gold["t"], cond, context, gold["r"])
    loss = (v - (gold["noise"] - gold["x0"])).square().mean()
    loss.backward()
    close(loss.detach(), gold["loss"][0])
    parameters = dict(net.named_parameters())
    for key in (key for key in gold if key.startswith("grad.")):
        close(parameters[key.removeprefix("grad.")].grad, gold[key])


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_full_size_names_and_shapes(manifest: Path) -> None:
    recorded = json.loads(manifest.read_text())
    shapes = {key: tuple(shape) for key, shape in recorded.get("tensors", recorded).items()}
    xl = {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 32, "num_attention_heads": 32}
    xl |= {"encoder_hidden_size": 2048, "encoder_intermediate_size": 6144}
    xl |= {"encoder_num_attention_heads": 16, "encoder_num_key_value_heads": 8}
    with torch.device("meta"):
        net = AceStep15(AceStep15Config.from_dict(xl if "xl" in manifest.stem else {}))
        net.load_official({key: torch.empty(shape) for key, shape in shapes.items()})
    assert {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()} == shapes
    assert sum(p.numel() for p in net.parameters()) == (4_987_310_726 if "xl" in manifest.stem else 2_393_872_518)
