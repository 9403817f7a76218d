"""Every layout loads the same network, and what does not fit is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.v15 import AceStep15, AceStep15Config, load_checkpoint
from melisma.models.v15.weights import DIFFUSERS_NAMES, config_of, from_diffusers, from_single_file

DATA = Path(__file__).parents[2] / "data/v15"


def config_json(size: str) -> dict:
    return json.loads((DATA / f"config_{size}.json").read_text())


def official_folder(folder: Path, size: str = "2b") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config_json(size)))
    save_file(load_file(DATA / f"weights_{size}.safetensors"), folder / "model.safetensors")
    return folder


def same(net: AceStep15, recorded: AceStep15) -> bool:
    mine, theirs = net.state_dict(), recorded.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.parametrize("size", ["2b", "xl"])
def test_official_folders_with_silence_in_either_format(size: str, tmp_path: Path, recorded: dict) -> None:
    folder = official_folder(tmp_path / "a", size)
    assert load_checkpoint(folder).silence is None
    silence = torch.randn(1, 4, 30)
    torch.save(silence, folder / "silence_latent.pt")
    loaded = load_checkpoint(folder)
    assert same(loaded.net, recorded[size])
    assert torch.equal(loaded.silence, silence[0].T)
    save_file({"silence": 2 * silence}, folder / "silence_latent.safetensors")
    assert torch.equal(load_checkpoint(folder).silence, 2 * silence[0].T)


def test_networks_come_ready_for_inference(tmp_path: Path, recorded: dict) -> None:
    net = AceStep15.from_pretrained(official_folder(tmp_path / "a"), torch.bfloat16, "cpu")
    assert not net.training
    assert {(p.dtype, p.requires_grad) for p in net.parameters()} == {(torch.bfloat16, False)}
    assert same(AceStep15.from_pretrained(tmp_path / "a"), recorded["2b"])


def test_sharded_folders(tmp_path: Path, recorded: dict) -> None:
    folder = official_folder(tmp_path / "a")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    shards = {f"model-{i}-of-3.safetensors": names[i::3] for i in range(3)}
    for shard, keys in shards.items():
        save_file({key: weights[key] for key in keys}, folder / shard)
    index = {"weight_map": {key: shard for shard, keys in shards.items() for key in keys}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert same(load_checkpoint(folder).net, recorded["2b"])
    (folder / "model-1-of-3.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match="lacks 1 of 3 weight files"):
        load_checkpoint(folder)
    index["weight_map"][names[0]] = "../../elsewhere.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(BadCheckpoint, match="outside its folder"):
        load_checkpoint(folder)


@pytest.mark.parametrize("prefix", ["model.diffusion_model.", "diffusion_model.", ""])
@pytest.mark.parametrize("size", ["2b", "xl"])
def test_single_files_tell_their_sizes_by_shapes(prefix: str, size: str, tmp_path: Path, recorded: dict) -> None:
    weights = {f"{prefix}{key}": tensor for key, tensor in load_file(DATA / f"weights_{size}.safetensors").items()}
    weights["vae.decoder.conv1.bias"] = torch.zeros(3)
    path = tmp_path / "ace_step_v1.5_turbo.safetensors"
    save_file(weights, path)
    loaded = load_checkpoint(path)
    assert same(loaded.net, recorded[size])
    assert loaded.net.config.is_turbo
    stated = AceStep15Config.from_dict(config_json(size))
    told = ("hidden_size", "head_dim", "encoder_num_attention_heads", "num_key_value_heads", "timbre_prepends_token")
    assert all(getattr(loaded.net.config, name) == getattr(stated, name) for name in told)
    path.rename(tmp_path / "base.safetensors")
    assert not load_checkpoint(tmp_path / "base.safetensors").net.config.is_turbo


def test_a_part_of_a_network_is_named(tmp_path: Path) -> None:
    weights = load_file(DATA / "weights_2b.safetensors")
    save_file(
        {key: tensor for key, tensor in weights.items() if key.startswith("decoder.")}, tmp_path / "a.safetensors"
    )
    with pytest.raises(BadCheckpoint, match=r"lacks encoder\.lyric_encoder"):
        load_checkpoint(tmp_path / "a.safetensors")


def test_names_of_diffusers_are_a_bijection() -> None:
    tensor = torch.zeros(1)
    parts = {part: {} for part in ("transformer", "condition_encoder", "audio_tokenizer", "audio_token_detokenizer")}
    parts["transformer"] = {
        f"layers.0.self_attn.{name}.weight": tensor for name in DIFFUSERS_NAMES if "conv" not in name
    }
    parts["transformer"]["proj_in_conv.bias"] = tensor
    parts["condition_encoder"] = {
        "null_condition_emb": tensor,
        "silence_latent": tensor,
        "text_projector.weight": tensor,
    }
    official = from_diffusers(parts)
    assert len(official) == len(parts["transformer"]) + 2
    assert {
        "decoder.layers.0.self_attn.o_proj.weight",
        "decoder.proj_in.1.bias",
        "null_condition_emb",
    } <= official.keys()


def test_what_does_not_fit_is_listed(recorded: dict) -> None:
    state = dict(recorded["2b"].state_dict())
    state["decoder.extra"] = state.pop("decoder.norm_out.weight")
    state["null_condition_emb"] = torch.zeros(3)
    with pytest.raises(BadCheckpoint) as caught:
        AceStep15(recorded["2b"].config).load_official(state)
    for told in (
        "1 missing (decoder.norm_out.weight)",
        "1 unexpected (decoder.extra)",
        "1 of another shape (null_cond",
    ):
        assert told in str(caught.value)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="no checkpoint at"):
        load_checkpoint(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(BadCheckpoint, match="'llama'"):
        load_checkpoint(tmp_path)
    with pytest.raises(BadCheckpoint, match="names look like x"):
        from_single_file({"x": torch.zeros(1)})
    with pytest.raises(BadCheckpoint, match="layer_types"):
        AceStep15Config.from_dict({"layer_types": ["full_attention"]})
    with pytest.raises(BadCheckpoint, match="in_channels is 8"):
        AceStep15Config.from_dict({"in_channels": 8})


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu'"),
        ({"use_sliding_window": False}, "use_sliding_window = False"),
        ({"rope_scaling": {"type": "yarn"}}, "rope_scaling"),
        ({"fsq_input_num_quantizers": 2}, "fsq_input_num_quantizers = 2"),
        ({"num_hidden_layers": 0}, "num_hidden_layers in config.json is 0"),
        ({"hidden_size": "2048"}, "hidden_size in config.json is '2048'"),
        ({"num_key_value_heads": 3}, "16 attention heads for 3"),
        ({"encoder_num_attention_heads": 12}, "12 encoder_attention heads for 8"),
        ({"head_dim": 7}, "head_dim in config.json is 7"),
    ],
)
def test_what_would_be_computed_wrongly_is_refused(stated: dict, told: str) -> None:
    with pytest.raises(BadCheckpoint, match=told):
        AceStep15Config.from_dict(stated)


def test_configs_without_a_field_mean_the_2b_model() -> None:
    config = AceStep15Config.from_dict({"unknown": 1, "is_turbo": None})
    assert (config.hidden_size, config.encoder_hidden_size, config.is_turbo) == (2048, 2048, False)
    assert config.layer_types[:2] == ("sliding_attention", "full_attention")
    assert config_of(load_file(DATA / "weights_2b.safetensors"))["num_lyric_encoder_hidden_layers"] == 3
