"""Oobleck against recorded official results: whole, in tiles, and by its official key list."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models.autoencoders import load
from melisma.models.autoencoders.oobleck import Oobleck, decode_reach, encode_reach, tiles

DATA = Path(__file__).parents[1] / "data" / "v15"
OFFICIAL = {
    "sampling_rate": 48000,
    "audio_channels": 2,
    "encoder_hidden_size": 128,
    "downsampling_ratios": [2, 4, 4, 6, 10],
    "channel_multiples": [1, 2, 4, 8, 16],
    "decoder_channels": 128,
    "decoder_input_channels": 64,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vae")
    (path / "config.json").write_bytes((DATA / "vae_config.json").read_bytes())
    (path / "diffusion_pytorch_model.safetensors").write_bytes((DATA / "vae_weights.safetensors").read_bytes())
    return path


@pytest.fixture
def oobleck(folder: Path) -> Oobleck:
    return load(folder).module


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    return load_file(DATA / "vae_io.safetensors")


def near(a: Tensor, b: Tensor, limit: float = 1e-4) -> bool:
    assert a.shape == b.shape
    return (a - b).abs().max().item() <= limit


@pytest.mark.parametrize("tile", [None, 24, 1])
def test_decodes_as_officially(tile: int | None, oobleck: Oobleck, golden: dict[str, Tensor]) -> None:
    oobleck.tile = tile
    decoded = oobleck.decode(golden["latents"].transpose(1, 2))
    assert near(decoded, golden["decoded"])


@pytest.mark.parametrize(
    ("case", "tile", "overlap"),
    [("tiled_decode_chunk24_overlap6", 24, 6), ("tiled_decode_chunk16_overlap64", 16, 4)],
)
def test_tiles_are_laid_as_officially(
    case: str, tile: int, overlap: int, oobleck: Oobleck, golden: dict[str, Tensor]
) -> None:
    """With the official overlaps, too short for these sizes, our tiles make the official tiles' errors."""
    oobleck.tile, oobleck.reach = tile, (overlap, 4)
    decoded = oobleck.decode(golden["latents"].transpose(1, 2))
    assert near(decoded, golden[case])
    assert not near(decoded, golden["decoded"])


def test_encoding_tiles_are_laid_as_officially(oobleck: Oobleck, golden: dict[str, Tensor]) -> None:
    oobleck.tile, oobleck.reach = 20, (9, 4)
    assert near(oobleck.encode(golden["audio"]).transpose(1, 2), golden["tiled_encode_mean"])


@pytest.mark.parametrize("tile", [None, 20, 1])
def test_encodes_the_mean_as_officially(tile: int | None, oobleck: Oobleck, golden: dict[str, Tensor]) -> None:
    oobleck.tile = tile
    mean, scale = oobleck.posterior(golden["audio"])
    assert near(mean.transpose(1, 2), golden["posterior_mean"])
    assert near(scale.transpose(1, 2), golden["posterior_scale"])
    assert near(oobleck.encode(golden["audio_odd"]).transpose(1, 2), golden["encode_mean_odd"])


def test_a_seed_means_the_same_in_any_tile(oobleck: Oobleck, golden: dict[str, Tensor]) -> None:
    noise = torch.randn(golden["posterior_mean"].shape, generator=torch.Generator().manual_seed(5))
    expected = golden["posterior_mean"] + golden["posterior_std"] * noise
    for tile in (None, 17):
        oobleck.tile = tile
        sampled = oobleck.encode(golden["audio"], torch.Generator().manual_seed(5))
        assert near(sampled.transpose(1, 2), expected)


def test_official_sizes_reach_nine_frames_and_seven_hops() -> None:
    assert decode_reach([2, 4, 4, 6, 10]) == 9
    assert encode_reach([2, 4, 4, 6, 10]) == 7


@pytest.mark.parametrize("ratios", [[2, 4, 4, 6, 10], [2, 4, 6], [4, 8]])
def test_reach_covers_all_that_is_heard(ratios: list[int]) -> None:
    """Perturb far ends: what lies beyond the reach changes nothing, what lies inside does."""
    config = OFFICIAL | {
        "encoder_hidden_size": 4,
        "decoder_channels": 4,
        "decoder_input_channels": 2,
        "downsampling_ratios": ratios,
        "channel_multiples": [1] * len(ratios),
    }
    torch.manual_seed(0)
    network = Oobleck.network_of(config).to_empty(device="cpu")
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.3, 0.6)  # all signs alike: nothing cancels on the way
    codec = Oobleck(network).double()
    middle = 20
    latents = torch.zeros(1, 41, 2, dtype=torch.float64)
    nudged = latents.index_fill(1, torch.tensor([middle]), 1e-3)
    decoder = codec.decoder
    changed = (decoder(nudged.transpose(1, 2)) - decoder(latents.transpose(1, 2))).abs().amax(1)[0].nonzero()[:, 0]
    frames = (changed // codec.hop - middle).abs()
    assert codec.reach[0] - 1 <= frames.max() <= codec.reach[0]

    wave = torch.zeros(1, 2, 41 * codec.hop, dtype=torch.float64)
    nudged = wave.index_fill(2, torch.arange(codec.hop) + middle * codec.hop, 1e-3)
    changed = (codec.encoder(nudged) - codec.encoder(wave)).abs().amax(1)[0].nonzero()[:, 0]
    assert codec.reach[1] - 1 <= (changed - middle).abs().max() <= codec.reach[1]


def test_tiles_cover_every_frame_once() -> None:
    for total, length, reach in [(1, 48, 9), (48, 48, 9), (49, 48, 9), (500, 19, 9), (7, 3, 2)]:
        cores = [(w.start + c.start, w.start + c.stop) for w, c in tiles(total, length, reach)]
        assert cores[0][0] == 0
        assert cores[-1][1] == total
        assert all(a[1] == b[0] for a, b in pairwise(cores))
        assert all(w.stop - w.start <= max(length, 2 * reach + 1) for w, _ in tiles(total, length, reach))


def test_official_keys_all_fit() -> None:
    official = json.loads((DATA / "manifests" / "vae.json").read_text())
    mine = {key: list(tensor.shape) for key, tensor in Oobleck.network_of(OFFICIAL).state_dict().items()}
    assert mine == official


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_comes_near_and_returns_float32(
    dtype: torch.dtype, folder: Path, golden: dict[str, Tensor]
) -> None:
    decoded = load(folder, dtype=dtype).decode(golden["latents"].transpose(1, 2))
    assert decoded.dtype == torch.float32
    assert not near(decoded, golden["decoded"], 1e-6)
    assert near(decoded, golden["decoded"], 0.05 * golden["decoded"].abs().max().item())


def test_a_batch_is_its_takes(oobleck: Oobleck, golden: dict[str, Tensor]) -> None:
    latents = golden["latents"].transpose(1, 2)
    assert torch.equal(oobleck.decode(latents)[1:], oobleck.decode(latents[1:]))


def test_loaded_tells_rates_and_names_its_weights(folder: Path) -> None:
    loaded = load(folder)
    assert (loaded.sample_rate, loaded.hop, loaded.channels, loaded.latent_hz) == (48000, 48, 6, 1000.0)
    assert loaded.fingerprint == load(folder).fingerprint


def test_what_cannot_be_coded_is_refused(oobleck: Oobleck) -> None:
    with pytest.raises(BadRequest, match="at least 48 samples"):
        oobleck.encode(torch.zeros(1, 2, 47))
    with pytest.raises(BadRequest, match=r"\(1, 3, 5\)"):
        oobleck.decode(torch.zeros(1, 3, 5))


def test_broken_folders_are_explained(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match=r"config\.json"):
        load(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"_class_name": "Other"}))
    with pytest.raises(BadCheckpoint, match=r"Other.*AutoencoderOobleck"):
        load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "diffusion_pytorch_model.safetensors")
    weights["stray"] = weights.pop("decoder.conv1.bias")
    save_file(weights, tmp_path / "diffusion_pytorch_model.safetensors")
    with pytest.raises(BadCheckpoint, match=r"1 missing \(decoder.conv1.bias.*1 unexpected \(stray"):
        load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"downsampling_ratios": [3, 5]}))
    with pytest.raises(BadCheckpoint, match="even"):
        load(tmp_path)
