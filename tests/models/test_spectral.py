"""The spectral autoencoder: shapes, exactness of its signal processing, pieces, batches, storage."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from melisma.errors import BadRequest
from melisma.models.autoencoders.spectral import Sketch, SpectralAutoencoder, SpectralConfig, bands

TOY = SpectralConfig(
    sample_rate=48000,
    channels=8,
    window=1920,
    frame_hop=480,
    frames_per_latent=4,
    linear_bands=24,
    log_bands=16,
    stereo_bands=8,
    floor=0.05,
    stereo_weight=2.0,
    cue_bins=12,
    advance_bins=100,
    encoder_width=8,
    encoder_blocks=1,
    coarse_width=12,
    coarse_blocks=1,
    decoder_width=8,
    decoder_blocks=2,
    local_width=4,
    local_reach=2,
    dither=0.5,
)


@pytest.fixture(scope="module")
def model() -> SpectralAutoencoder:
    torch.manual_seed(0)
    model = SpectralAutoencoder(TOY).eval()
    for tensor in (model.analysis, model.synthesis, model.residual.leave.weight, model.trunk.move.weight):
        torch.nn.init.normal_(tensor, std=0.1)
    return model


def music(frames: int, takes: int = 1) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    time = torch.arange(frames * 1920) / 48000
    tone = torch.sin(2 * torch.pi * 220 * time) * 0.2
    return tone + 0.05 * torch.randn(takes, 2, frames * 1920, generator=random)


@torch.no_grad()
def test_spectra_come_back_exactly(model):
    wave = music(5)[:, 0]
    assert torch.allclose(model.istft(model.stft(wave)), wave, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("samples", [1920, 1921, 1920 * 7 + 1000])
def test_odd_lengths_keep_whole_frames(model, samples):
    latents = model.encode(music(8, 2)[..., :samples])
    assert latents.shape == (2, samples // 1920, 8)
    assert model.decode(latents).shape == (2, 2, samples // 1920 * 1920)


def test_too_little_audio_is_refused(model):
    with pytest.raises(BadRequest, match="at least 1920 samples"):
        model.encode(torch.zeros(1, 2, 1919))
    with pytest.raises(BadRequest, match=r"\(takes, 2, samples\)"):
        model.encode(torch.zeros(1, 1, 4000))


@torch.no_grad()
def test_encoding_in_pieces_changes_nothing(model, monkeypatch):
    wave = music(60)
    whole = model.encode(wave)
    monkeypatch.setattr(model, "piece", 13)
    assert torch.allclose(model.encode(wave), whole, atol=1e-5)


@torch.no_grad()
def test_decoding_in_pieces_changes_nothing(model, monkeypatch):
    latents = model.encode(music(60))
    # Phases remember all that came before, so the last digit of a belief may be heard seconds later: keep fewer digits
    told = model.outline

    def rounded(part):
        return type(told(part))(*[(x * 64).round() / 64 for x in told(part)])

    monkeypatch.setattr(model, "outline", rounded)
    whole = model.decode(latents)
    assert whole.std() > 0.01
    monkeypatch.setattr(model, "piece", 13)
    assert torch.allclose(model.decode(latents), whole, atol=1e-4)


@torch.no_grad()
def test_a_take_sounds_the_same_in_any_company_and_every_time(model):
    latents = model.encode(music(12, 3))
    together = model.decode(latents)
    assert torch.allclose(together[1:2], model.decode(latents[1:2]), atol=1e-5)
    assert torch.equal(together, model.decode(latents))


@torch.no_grad()
def test_survives_storage(model, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(model.to_config()))
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = SpectralAutoencoder.from_config(json.loads((tmp_path / "config.json").read_text())).eval()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    wave = music(6)
    assert torch.equal(again.encode(wave), model.encode(wave))
    assert json.loads((tmp_path / "config.json").read_text())["_class_name"] == "SpectralAutoencoder"


@torch.no_grad()
def test_stereo_place_is_kept(model):
    """A source in one corner, rendered from its own spectrum and stereo features, stays there with its level."""
    source = music(20)[:, 0]
    for left, right in ((1.0, 0.0), (0.3, 0.9), (0.7, 0.7)):
        wave = torch.stack([left * source, right * source], 1)
        mono, side = (wave[:, 0] + wave[:, 1]) / 2, (wave[:, 0] - wave[:, 1]) / 2
        spectrum = model.stft(mono)
        place = model._place(spectrum, model.stft(side), 1).transpose(1, 2)
        heard = model._render(Sketch(spectrum, torch.zeros_like(spectrum), place))
        assert torch.allclose(heard, wave, atol=0.05)
        assert torch.allclose(heard.std(-1), wave.std(-1), atol=0.01)


def test_bands_average_and_interpolate():
    average, spread = bands(24, 16, 961)
    assert torch.allclose(average.sum(0), torch.ones(40))
    assert torch.allclose(spread.sum(0), torch.ones(961))
    assert torch.allclose(torch.full((961,), 3.0) @ average @ spread, torch.full((961,), 3.0), atol=1e-4)
