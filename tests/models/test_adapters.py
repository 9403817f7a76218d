"""Adapters against outputs of the official adapter code, and what does not fit."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.adapters import bare, merge, read_adapter
from melisma.models.v15 import AceStep15, AceStep15Config

DATA = Path(__file__).parents[1] / "data/v15"
IO = load_file(DATA / "adapters_io.safetensors")


def net() -> AceStep15:
    network = AceStep15(AceStep15Config.from_dict(json.loads((DATA / "config_2b.json").read_text())))
    network.load_official(load_file(DATA / "weights_2b.safetensors"))
    return network.eval().requires_grad_(False)


def played(network: AceStep15) -> torch.Tensor:
    gold = load_file(DATA / "dit_2b.safetensors")
    inputs = (gold["timestep"], gold["encoder_hidden_states"], gold["context_latents"])
    return network.velocity(gold["hidden_states"], *inputs)


CASES = [
    ("lora_peft", 1.0, "lora_peft_out"),
    ("lora_peft", 0.5, "lora_peft_half_out"),
    ("lora_single_file.safetensors", 1.0, "lora_peft_out"),
    ("lokr_weights.safetensors", 1.0, "lokr_out"),
    ("lokr_decompose_weights.safetensors", 1.0, "lokr_decompose_out"),
]


@pytest.mark.parametrize(("file", "weight", "expected"), CASES)
def test_merged_adapters_play_what_running_ones_do(file: str, weight: float, expected: str) -> None:
    network = net()
    merge(network.decoder, read_adapter(DATA / file), weight)
    torch.testing.assert_close(played(network), IO[expected], atol=1e-4, rtol=0)


def test_merging_leaves_the_tensors_it_came_from_alone() -> None:
    network, other = net(), net()
    other.load_state_dict(network.state_dict(), assign=True)
    before = played(other)
    merge(network.decoder, read_adapter(DATA / "lora_peft"))
    assert torch.equal(played(other), before)
    merge(network.decoder, read_adapter(DATA / "lora_peft"), -1.0)
    torch.testing.assert_close(played(network), before, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "spelling",
    ["layers.0.mlp", "decoder.layers.0.mlp", "diffusion_model.layers.0.mlp", "base_model.model.decoder.layers.0.mlp"],
)
def test_spellings_are_resolved(spelling: str) -> None:
    assert bare(spelling) == "layers.0.mlp"


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    def written(tensors: dict[str, torch.Tensor]) -> Path:
        save_file(tensors, tmp_path / "a.safetensors")
        return tmp_path / "a.safetensors"

    thin = {"lora_A.weight": torch.zeros(2, 64), "lora_B.weight": torch.zeros(64, 2)}
    q = "layers.0.self_attn.q_proj"
    with pytest.raises(MissingModel, match="no adapter at"):
        read_adapter(tmp_path / "none")
    with pytest.raises(BadCheckpoint, match="not an adapter"):
        read_adapter(written({"layers.0.weight": torch.zeros(1)}))
    with pytest.raises(BadCheckpoint, match="DoRA"):
        read_adapter(written({f"{q}.dora_scale": torch.zeros(1)}))
    with pytest.raises(BadCheckpoint, match=r"1 layers this checkpoint does not have \(layers.99"):
        merge(net().decoder, read_adapter(written({f"layers.99.x.{k}": v for k, v in thin.items()})))
    narrow = {f"{q}.lora_A.weight": torch.zeros(2, 8), f"{q}.lora_B.weight": torch.zeros(64, 2)}
    with pytest.raises(BadCheckpoint, match="another size"):
        merge(net().decoder, read_adapter(written(narrow)))
    with pytest.raises(BadCheckpoint, match="incomplete"):
        merge(net().decoder, read_adapter(written({f"{q}.lora_A.weight": torch.zeros(2, 64)})))
