"""How well an autoencoder gives music back: `python -m starter.measure_codec --data DIR --vae DIR --start FILE`.

Measured on songs that training leaves out, next to what the codec began as: principal components alone, with phases
from Griffin-Lim. Three figures, each with what it cannot say:

- mel distance in dB (128 bands, 2048 samples): timbre and balance; deaf to phase;
- spectral convergence at five window lengths: those unlike the codec's own (1920) rise when phases do not fit together;
- scale-invariant SDR below 1 kHz: whether the waveform itself comes back. A codec that chooses its own phases scores
  below zero however clean it sounds, so it tells such codecs from waveform codecs and says little else.
"""

import json
import time
from pathlib import Path

import click
import numpy as np
import soundfile
import torch
from safetensors.torch import load_file
from scipy.signal import butter, sosfiltfilt
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from melisma.models.autoencoders import load
from melisma.models.autoencoders.spectral import Sketch, SpectralAutoencoder
from melisma.training.data import held_out, songs

WINDOWS = (256, 512, 2048, 4096, 8192)


def mel_distance_db(made: Tensor, true: Tensor) -> float:
    """Mean absolute difference of log mel levels of (c, s) waveforms."""
    bank = torch.from_numpy(
        mel_filter_bank(1025, 128, 20.0, 20_000.0, 48_000, norm="slaney", mel_scale="slaney")
    ).float()
    a, b = (torch.log(_magnitude(x, 2048).transpose(1, 2) @ bank + 1e-3) for x in (made, true))
    return float((a - b).abs().mean()) * 8.686


def convergence(made: Tensor, true: Tensor, window: int) -> float:
    """Norm of the difference of magnitudes over the norm of the true ones."""
    a, b = _magnitude(made, window), _magnitude(true, window)
    return float((a - b).norm() / b.norm())


def low_sdr_db(made: Tensor, true: Tensor) -> float:
    """Scale-invariant SDR below 1 kHz."""
    low = butter(6, 1000, fs=48_000, output="sos")
    a, b = (torch.from_numpy(sosfiltfilt(low, x.numpy()).copy()).flatten() for x in (made, true))
    target = (a @ b) / (b @ b) * b
    return float(10 * torch.log10(target.square().sum() / (a - target).square().sum()))


def _magnitude(wave: Tensor, window: int) -> Tensor:
    return torch.stft(wave, window, window // 4, window=torch.hann_window(window), return_complex=True).abs()


def principal_only(model: SpectralAutoencoder, wave: Tensor, iterations: int = 32) -> Tensor:
    """(1, 2, s) through the principal components alone; phases by fast Griffin-Lim from noise."""
    analysis = model.analyse(wave)
    latents = (model.principal_features(analysis) - model.mean) @ model.analysis
    stacked, place = torch.split(
        latents @ model.synthesis + model.mean,
        [model.config.bands * model.config.frames_per_latent, 2 * model.config.stereo_bands],
        -1,
    )
    levels = stacked.unflatten(-1, (-1, model.config.bands)).flatten(1, 2)
    magnitude = ((levels @ model.trunk.spread).exp() - model.config.floor).clamp_min(0).transpose(1, 2)
    random = torch.Generator().manual_seed(0)
    unit = torch.polar(torch.ones_like(magnitude), 2 * np.pi * torch.rand(magnitude.shape, generator=random))
    before = None
    for _ in range(iterations):
        heard = model.stft(model.istft(magnitude * unit))
        pushed = heard if before is None else heard + 0.99 * (heard - before)
        unit, before = pushed / pushed.abs().clamp_min(1e-8), heard
    place = place.repeat_interleave(model.config.frames_per_latent, 1) / model.config.stereo_weight
    spectrum = magnitude * unit
    return model._render(Sketch(spectrum, torch.zeros_like(spectrum), place.transpose(1, 2)))


def figures(made: Tensor, true: Tensor) -> dict[str, float]:
    """All measures of (2, s) waveforms."""
    told = {"mel dB": mel_distance_db(made, true)}
    told |= {f"sc {window}": convergence(made, true, window) for window in WINDOWS}
    return told | {"SDR<1k dB": low_sdr_db(made, true)}


def picture(path: Path, waves: dict[str, Tensor]) -> None:
    """Spectrograms one above the other, the first 6 s, to 12 kHz."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4 * len(waves)))
    for i, (name, wave) in enumerate(waves.items()):
        axes = figure.add_subplot(len(waves), 1, i + 1, title=name)
        level = 20 * torch.log10(_magnitude(wave.mean(0)[None, : 6 * 48_000], 2048)[0, :512] + 1e-3)
        axes.imshow(level.flip(0), aspect="auto", vmin=-40, vmax=50, cmap="magma", extent=(0, 6, 0, 12))
    figure.tight_layout()
    figure.savefig(path, dpi=70)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--vae", type=click.Path(path_type=Path, exists=True), required=True)
@click.option(
    "--start", type=click.Path(path_type=Path, exists=True), help="start.safetensors of the run, for the baseline."
)
@click.option("--out", type=click.Path(path_type=Path), help="Where pictures and sounds go.")
@click.option("--seconds", type=float, default=12.0, show_default=True)
@click.option("--most", type=int, default=12, show_default=True, help="How many songs.")
def main(data: Path, vae: Path, start: Path | None, out: Path | None, seconds: float, most: int) -> None:
    """Print a table of measures over held-out songs."""
    autoencoder = load(vae)
    module: SpectralAutoencoder = autoencoder.module
    first = None
    if start:
        first = SpectralAutoencoder(module.config).eval()
        first.load_state_dict(load_file(start))
    rows: dict[str, list[dict[str, float]]] = {"codec": [], "components + Griffin-Lim": []}
    spent = heard = 0.0
    _, measured = held_out(songs(data))
    for number, song in enumerate(measured[:most]):
        samples = round(seconds * 48_000 / module.hop) * module.hop
        sound, _ = soundfile.read(song / "mix.flac", dtype="float32", frames=samples, start=48_000 * 4)
        true = torch.from_numpy(sound.T[:, : len(sound) // module.hop * module.hop].copy())
        with torch.no_grad():
            latents = autoencoder.encode(true[None])
            began = time.monotonic()
            made = autoencoder.decode(latents)[0]
            spent, heard = spent + time.monotonic() - began, heard + true.shape[1] / 48_000
            waves = {"original": true, "codec": made}
            if first:
                waves["components + Griffin-Lim"] = principal_only(first, true[None])[0]
        for name in rows.keys() & waves.keys():
            rows[name].append(figures(waves[name], true))
        if out:
            out.mkdir(parents=True, exist_ok=True)
            picture(out / f"{number}.png", waves)
            for name, wave in waves.items():
                soundfile.write(out / f"{number}-{name.split()[0]}.flac", wave.T.clamp(-1, 1).numpy(), 48_000)
    click.echo(f"{len(rows['codec'])} songs of {seconds:g} s; decoding {heard / spent:.1f} times as fast as they play")
    for name, row in rows.items():
        if row:
            means = {key: round(float(np.mean([r[key] for r in row])), 2) for key in row[0]}
            click.echo(f"{name:26} {json.dumps(means)}")


if __name__ == "__main__":
    main()
