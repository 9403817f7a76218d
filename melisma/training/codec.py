"""The spectral autoencoder's start and objective.

Everything the decoder says about a frame is compared with the frame itself, bin by bin; no waveform is made in
training. That is several times cheaper than losses on the decoded waveform and says where the fault lies. Phase is
learned as the likelihood of its differences, so the network also learns how sure it can be. Axes as in
`models/autoencoders/spectral.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from melisma.models.autoencoders import phase
from melisma.models.autoencoders.spectral import SpectralAutoencoder


@torch.no_grad()
def start_from_principal_components(model: SpectralAutoencoder, waveforms: Iterable[Tensor]) -> float:
    """Set encoder and decoder of `model` to the principal components of some music, each (b, 2, s).

    Latents then have unit variance on that music. Returns the share of variance that the components explain, 0..1.
    """
    rows = torch.cat([model.principal_features(model.analyse(wave)).flatten(0, 1) for wave in waveforms]).double()
    mean = rows.mean(0)
    centred = rows - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(rows))
    kept = slice(-model.channels, None)
    directions, deviations = vectors[:, kept].flip(1), values[kept].flip(0).clamp_min(1e-8).sqrt()
    model.mean.copy_(mean)
    model.analysis.copy_(directions / deviations)
    model.synthesis.copy_((directions * deviations).T)
    return float(values[kept].sum() / values.sum())


@torch.no_grad()
def freeze_encoder(model: SpectralAutoencoder, waveforms: Iterable[Tensor]) -> None:
    """Fix the meaning of latents: exact zero mean and unit variance on this music, and no more training of the encoder.

    The decoder undoes the same shift and scale, so reconstructions stay as they are.
    """
    rows = torch.cat([model.encode(wave).flatten(0, 1) for wave in waveforms])
    shift, scale = rows.mean(0), rows.std(0)
    model.latent_mean.add_(shift * model.latent_scale)
    model.latent_scale.mul_(scale)
    model.residual.requires_grad_(False)


@dataclass(frozen=True)
class CodecObjective:
    """Loss of reconstructing `waveform` (b, 2, s) of a batch."""

    blur: float = 0.15
    """Most noise added to latents, in their own deviations: makes the decoder forgive what a generator gets wrong."""
    phase: float = 0.15
    """Weight of each of the two phase likelihoods."""
    learns_latents: bool = True

    def __call__(
        self, model: SpectralAutoencoder, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        config = model.config
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.learns_latents):
            analysis = model.analyse(batch["waveform"])
            latents = model.latents_of(analysis)
        spread = self.blur * torch.rand(len(latents), 1, 1, generator=generator, device=latents.device)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        outline = model.outline(latents + spread * noise)

        magnitude = analysis.spectrum.abs()
        truth = torch.log(magnitude + config.floor)
        heard = importance(config.bins, config.sample_rate).to(truth)[:, None]
        level = ((outline.level - truth).abs() * heard).mean()
        guess = outline.level.clamp(max=7.5).exp() - config.floor
        energy = (guess - magnitude).square().sum((1, 2)).add(1e-6).sqrt()
        convergence = (energy / (magnitude.square().sum((1, 2)).sqrt() + 10.0)).mean()

        # Likely levels are lower than mean levels where music is noise: without this, cymbals come back too soft.
        told, wanted = (_power(model, x) for x in (guess, magnitude))
        power = (told - wanted).abs().mean()

        advance, step = phase.differences(analysis.spectrum, config.window, config.frame_hop)
        weight = magnitude.sqrt() * heard
        weight = weight / (weight.mean((1, 2), keepdim=True) + 0.05)
        a = config.advance_bins
        moves = _likelihood(outline.advance[..., 1:], advance[:, :a, 1:], weight[:, :a, 1:])
        steps = _likelihood(outline.step, step, weight)

        ratio = config.frames_per_latent
        place = torch.unflatten(analysis.place, 1, (-1, ratio)).mean(2)
        stereo = (outline.place - place).abs().mean()
        loss = level + 0.5 * convergence + 0.1 * power + self.phase * (moves + steps) + 0.5 * stereo
        drift = latents.square().mean((0, 1)) - 1
        if self.learns_latents:
            loss = loss + 0.01 * (drift.square().mean() + latents.mean((0, 1)).square().mean())
        figures = {
            "level_db": 8.686 * (outline.level - truth).abs().mean(),
            "power_db": 4.343 * power,
            "convergence": convergence,
            "advance_nll": moves,
            "step_nll": steps,
            "stereo": stereo,
            "drift": drift.abs().mean(),
        }
        return loss, figures


def importance(bins: int, rate_hz: int) -> Tensor:
    """Weight of each bin (f), mean 1: even up to 3 kHz, then falling as hearing's bands widen, a quarter at the top."""
    frequency = torch.arange(bins) * (rate_hz / 2 / (bins - 1))
    weight = (3000 / frequency.clamp_min(3000)).pow(0.66)
    return weight / weight.mean()


def _power(model: SpectralAutoencoder, magnitude: Tensor) -> Tensor:
    """Log power of (b, f, n) in broad bands over one latent frame each (b, t, g)."""
    pooled = F.avg_pool1d(magnitude.square(), model.config.frames_per_latent).transpose(1, 2) @ model.grouped
    return torch.log(pooled + model.config.floor**2)


def _likelihood(belief: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Weighted surprise: belief (2, b, f, n), complex truth (b, f, n)."""
    seen = torch.stack([truth.real, truth.imag])
    return (phase.surprise(belief.float(), seen) * weight).mean()
