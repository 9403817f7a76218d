"""The autoencoder's start and objective, on a toy and a synthetic band."""

from dataclasses import replace

import pytest
import torch

from melisma.models.autoencoders.spectral import SpectralAutoencoder
from melisma.training.codec import CodecObjective, freeze_encoder, importance, start_from_principal_components
from melisma.training.loop import TrainingOptions, load_average, train
from tests.models.test_spectral import TOY


def batches(step: int) -> dict[str, torch.Tensor]:
    """Two takes of a chord with a beat of noise, panned at random."""
    random = torch.Generator().manual_seed(step)
    time = torch.arange(1920 * 8) / 48000
    waves = []
    for _ in range(2):
        notes = 110 * 2 ** (torch.randint(0, 36, (3,), generator=random) / 12)
        chord = sum(torch.sin(2 * torch.pi * note * time) for note in notes) * 0.1
        beat = 0.2 * torch.randn(len(time), generator=random) * torch.exp(-(time * 8 % 1) * 6)
        pan = torch.rand(1, generator=random)
        waves.append(torch.stack([chord * pan + beat, chord * (1 - pan) + beat]))
    return {"waveform": torch.stack(waves)}


@pytest.fixture
def model() -> SpectralAutoencoder:
    torch.manual_seed(0)
    model = SpectralAutoencoder(replace(TOY, channels=16))
    start_from_principal_components(model, (batches(1000 + i)["waveform"] for i in range(8)))
    return model


@torch.no_grad()
def loss(model: SpectralAutoencoder) -> float:
    parts = [CodecObjective()(model, batches(2000 + i), torch.Generator().manual_seed(i))[0] for i in range(3)]
    return float(torch.stack(parts).mean())


@torch.no_grad()
def test_principal_start_has_whitened_latents_and_gets_levels_back(model):
    latents = torch.cat([model.encode(batches(1000 + i)["waveform"]).flatten(0, 1) for i in range(8)])
    assert torch.allclose(latents.mean(0), torch.zeros(16), atol=1e-3)
    assert torch.allclose(latents.std(0), torch.ones(16), atol=0.02)
    wave = batches(2000)["waveform"]
    features = model.principal_features(model.analyse(wave))
    again = model.encode(wave) @ model.synthesis + model.mean
    assert (again - features).square().mean() < 0.3 * (features - model.mean).square().mean()


def test_a_short_run_lowers_the_held_out_loss(model, tmp_path):
    before = loss(model)
    options = TrainingOptions(seed=1, peak_rate=3e-3, steps=25, warmup_steps=3, average=0.8)
    train(model, CodecObjective(), batches, options, tmp_path)
    load_average(model, tmp_path)
    assert loss(model) < before - 0.02


@torch.no_grad()
def test_freezing_fixes_latents_and_keeps_the_sound(model):
    torch.nn.init.normal_(model.residual.leave.weight, std=0.3)
    wave = batches(3000)["waveform"]
    before = model.outline(model.encode(wave))
    freeze_encoder(model, [batches(4000 + i)["waveform"] for i in range(6)])
    rows = torch.cat([model.encode(batches(4000 + i)["waveform"]).flatten(0, 1) for i in range(6)])
    assert torch.allclose(rows.mean(0), torch.zeros(16), atol=1e-3)
    assert torch.allclose(rows.std(0), torch.ones(16), atol=1e-3)
    assert torch.allclose(model.outline(model.encode(wave)).level, before.level, atol=1e-3)
    assert not any(p.requires_grad for p in model.residual.parameters())
    assert all(p.requires_grad for p in model.trunk.parameters())


def test_a_frozen_encoder_does_not_move(model, tmp_path):
    freeze_encoder(model, [batches(4000)["waveform"]])
    wave = batches(3000)["waveform"]
    before = model.encode(wave)
    options = TrainingOptions(seed=1, peak_rate=1e-2, steps=3)
    train(model, CodecObjective(learns_latents=False), batches, options, tmp_path)
    assert torch.equal(model.encode(wave), before)


def test_low_bins_matter_most():
    weight = importance(961, 48000)
    assert float(weight.mean()) == pytest.approx(1)
    assert float(weight[-1] / weight[0]) == pytest.approx(0.25, abs=0.01)
    assert torch.equal(weight[:100], weight[:1].expand(100))
