"""A deeper or wider network goes on from a shallower one's weights as if nothing had happened."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models
from torch import Tensor

from melisma.training.dit import Learner
from starter import train_dit
from starter.bundle import NAME


def learner(monkeypatch: pytest.MonkeyPatch, layers: int, seed: int, wide: int = 96) -> Learner:
    small = {
        "hidden_size": 64,
        "intermediate_size": wide,
        "encoder_intermediate_size": 96,
        "num_attention_heads": 2,
        "head_dim": 32,
        "text_hidden_dim": 32,
    }
    depth = {"num_hidden_layers": layers, "layer_types": ["sliding_attention"] * layers}
    monkeypatch.setattr(train_dit, "CONFIG", train_dit.CONFIG | small | depth)
    torch.manual_seed(seed)
    return Learner(train_dit.new_net(), train_dit.new_words(Tokenizer(models.BPE())), torch.zeros(8, 64))


def velocity(model: Learner) -> Tensor:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 40, 64, generator=random)
    context = torch.randn(2, 40, 128, generator=random)
    words = torch.randn(2, 5, model.net.config.encoder_hidden_size, generator=random)
    with torch.no_grad():
        return model.net.velocity(x, torch.tensor([0.3, 0.8]), words, context)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Learner:
    """A finished run of two layers whose last layers have something to say, in `tmp_path`."""
    taught = learner(monkeypatch, 2, seed=1)
    for name, weights in taught.net.named_parameters():
        if name.endswith(("o_proj.weight", "down_proj.weight", "proj_out.1.weight")):
            torch.nn.init.normal_(weights, std=0.1)
    codes = {k: v for k, v in taught.net.state_dict().items() if k.startswith(("tokenizer.", "detokenizer."))}
    save_file(codes, tmp_path / "codes.safetensors")
    train_dit.save(taught, Tokenizer(models.BPE()), tmp_path)
    return taught


def test_new_layers_change_next_to_nothing(run: Learner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deeper = learner(monkeypatch, 3, seed=2)
    unlike = (velocity(deeper) - velocity(run)).norm() / velocity(run).norm()
    train_dit.begin(deeper, tmp_path / "codes.safetensors", tmp_path)
    changed = (velocity(deeper) - velocity(run)).norm() / velocity(run).norm()
    assert changed < 0.05 < 0.5 < unlike


def test_the_same_depth_goes_on_exactly(run: Learner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    again = learner(monkeypatch, 2, seed=2)
    train_dit.begin(again, tmp_path / "codes.safetensors", tmp_path)
    for name, weights in again.net.named_parameters():
        torch.testing.assert_close(weights, run.net.get_parameter(name), atol=1e-3, rtol=1e-3)  # kept as halves


def test_what_makes_layers_wider_changes_nothing(run: Learner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wider = learner(monkeypatch, 2, seed=2, wide=128)
    train_dit.begin(wider, tmp_path / "codes.safetensors", tmp_path)
    torch.testing.assert_close(velocity(wider), velocity(run), atol=2e-3, rtol=2e-3)
    assert wider.net.decoder.layers[0].mlp.gate_proj.weight[96:].abs().max() > 0  # and can learn


def test_a_bundle_is_gone_on_from_like_a_run(run: Learner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dit").rename(tmp_path / NAME)
    again = learner(monkeypatch, 2, seed=2)
    train_dit.begin(again, None, tmp_path)
    torch.testing.assert_close(velocity(again), velocity(run), atol=2e-3, rtol=2e-3)
    for name in ("tokenizer.audio_acoustic_proj.weight", "detokenizer.proj_out.weight"):
        torch.testing.assert_close(again.net.get_parameter(name), run.net.get_parameter(name), atol=1e-3, rtol=1e-3)
