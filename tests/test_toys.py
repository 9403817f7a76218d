"""Toys are complete, small, and sound like something."""

import json
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from melisma.errors import BadRequest
from melisma.models.autoencoders import load
from melisma.models.files import read_config, read_tensor, read_weights
from melisma.models.text import TextEncoder
from melisma.models.v15 import AceStep15, AceStep15Config
from melisma.toys import CHANNELS, DIT, LEVEL, TEXT_WIDTH, write_toy


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("toys") / "turbo")


def test_a_bundle_is_laid_out_as_officially(bundle: Path) -> None:
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert files == {
        "acestep-v15-turbo/config.json",
        "acestep-v15-turbo/model.safetensors",
        "acestep-v15-turbo/silence_latent.pt",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "Qwen3-Embedding-0.6B/config.json",
        "Qwen3-Embedding-0.6B/model.safetensors",
        "Qwen3-Embedding-0.6B/tokenizer.json",
    }
    assert sum(path.stat().st_size for path in bundle.rglob("*")) < 2_000_000


@pytest.mark.parametrize("kind", ["base", "xl-turbo"])
def test_every_kind_loads_into_the_real_network(kind: str, tmp_path: Path) -> None:
    folder = write_toy(tmp_path, kind=kind) / f"acestep-v15-{kind}"
    config = AceStep15Config.from_dict(read_config(folder))
    assert config.is_turbo == ("turbo" in kind)
    assert config.timbre_prepends_token == kind.startswith("xl")
    net = AceStep15(config)
    net.load_official(read_weights(folder))
    assert all(tensor.abs().max() > 0 for tensor in net.state_dict().values())


def test_parts_fit_each_other(bundle: Path) -> None:
    assert load(bundle / "vae").channels == CHANNELS == DIT["audio_acoustic_hidden_dim"]
    assert load(bundle / "vae").hop == 1920
    hidden, _ = TextEncoder.from_pretrained(bundle / "Qwen3-Embedding-0.6B").hidden(["la"], 9)
    assert hidden.shape[-1] == TEXT_WIDTH == DIT["text_hidden_dim"]
    silence = read_tensor(bundle / "acestep-v15-turbo" / "silence_latent.pt")
    assert silence.shape == (1, CHANNELS, 1500)


def test_a_toy_is_heard_and_quick(bundle: Path) -> None:
    codec = load(bundle / "vae")
    latents = torch.randn(1, 250, CHANNELS, generator=torch.Generator().manual_seed(3))
    start = time.perf_counter()
    wave = codec.decode(latents)
    seconds = time.perf_counter() - start
    assert wave.shape == (1, 2, 480_000)
    assert 0.5 * LEVEL < wave.square().mean().sqrt() < 2 * LEVEL
    assert wave.diff().abs().mean() > 1e-3
    assert seconds < 5, f"ten seconds of toy music took {seconds:.1f} s"


def test_silence_is_what_the_autoencoder_makes_of_silence(bundle: Path) -> None:
    silence = read_tensor(bundle / "acestep-v15-turbo" / "silence_latent.pt")[0].T
    heard = load(bundle / "vae").encode(torch.zeros(1, 2, 60 * 1920))[0]
    assert torch.allclose(heard[20:40], silence[20:40], atol=1e-5)


def test_a_seed_makes_the_same_toy(bundle: Path, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    same, other = write_toy(tmp_path / "same"), write_toy(tmp_path / "other", seed=1)
    assert torch.equal(state, torch.get_rng_state())
    for part in ("acestep-v15-turbo/model", "vae/diffusion_pytorch_model", "Qwen3-Embedding-0.6B/model"):
        first, second, third = (load_file(folder / f"{part}.safetensors") for folder in (bundle, same, other))
        assert all(torch.equal(first[key], second[key]) for key in first)
        assert not all(torch.equal(first[key], third[key]) for key in first)


def test_a_planner_comes_on_request(tmp_path: Path) -> None:
    folder = write_toy(tmp_path, planner=True) / "acestep-5Hz-lm-0.6B"
    assert json.loads((folder / "config.json").read_text())["architectures"] == ["Qwen3ForCausalLM"]


def test_unknown_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="'giant'.*turbo"):
        write_toy(tmp_path, kind="giant")  # type: ignore[arg-type]
