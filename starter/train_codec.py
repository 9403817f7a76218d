"""Train the starter's autoencoder on a folder of songs: `python -m starter.train_codec --data DIR --out DIR --minutes 50`.

Run it again with the same `--out` to go on; `--minutes` counts all runs together. `--freeze` fixes the encoder (once)
and from then on only the decoder learns, so that latents stay valid for a diffusion transformer trained meanwhile.
"""

import json
from pathlib import Path

import click
import torch
from safetensors.torch import load_file, save_file

from melisma.listen import Listener
from melisma.models.autoencoders.spectral import SpectralAutoencoder, SpectralConfig
from melisma.training.codec import CodecObjective, freeze_encoder, start_from_principal_components
from melisma.training.data import AudioCrops, held_out, songs
from melisma.training.loop import TrainingOptions, load_average, train

CONFIG = SpectralConfig(
    sample_rate=48000,
    channels=64,
    window=1920,
    frame_hop=480,
    frames_per_latent=4,
    linear_bands=160,
    log_bands=64,
    stereo_bands=20,
    floor=0.05,
    stereo_weight=2.0,
    cue_bins=160,
    advance_bins=320,
    encoder_width=160,
    encoder_blocks=2,
    coarse_width=384,
    coarse_blocks=3,
    decoder_width=256,
    decoder_blocks=5,
    local_width=24,
    local_reach=4,
    dither=0.5,
)


class Echo(Listener):
    """Prints what it hears."""

    def note(self, message: str) -> None:
        click.echo(message)


def crops(folder: Path, extra: tuple[Path, ...], samples: int, takes: int, seed: int) -> AudioCrops:
    """Crops of the songs to learn from: mostly of the mix, else of a stem; a tenth of each folder of extra files."""
    learn, _ = held_out(songs(folder))
    kinds = [
        (0.6, [song / "mix.flac" for song in learn]),
        (0.4, [path for song in learn for path in sorted(song.glob("stems/*.flac"))]),
        *((0.1, sorted(more.rglob("*.flac"))) for more in extra),
    ]
    files = [path for _, paths in kinds for path in paths]
    weights = [share / len(paths) for share, paths in kinds for _ in paths]
    return AudioCrops(files, weights, CONFIG.sample_rate, samples, takes, seed)


def save(model: SpectralAutoencoder, folder: Path) -> None:
    """Write an autoencoder folder. Learned weights are kept in half precision, principal components in full."""
    folder.mkdir(parents=True, exist_ok=True)
    learned = dict(model.named_parameters())
    weights = {k: (v.half() if k in learned else v).contiguous() for k, v in model.state_dict().items()}
    fresh = folder / "diffusion_pytorch_model.new"
    save_file(weights, fresh)
    fresh.replace(folder / "diffusion_pytorch_model.safetensors")
    (folder / "config.json").write_text(json.dumps(model.to_config(), indent=2) + "\n")


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option(
    "--extra",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A folder of more FLAC files, such as guide tracks. May be given again.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--minutes", type=float, default=60.0, show_default=True)
@click.option("--takes", type=int, default=8, show_default=True, help="Crops per step.")
@click.option("--seconds", type=float, default=1.2, show_default=True, help="Length of a crop.")
@click.option("--rate", type=float, default=1e-3, show_default=True, help="Peak learning rate.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--freeze", is_flag=True, help="Train the decoder alone.")
def main(
    data: Path,
    extra: tuple[Path, ...],
    out: Path,
    minutes: float,
    takes: int,
    seconds: float,
    rate: float,
    seed: int,
    device: str,
    freeze: bool,
) -> None:
    """Train the starter's autoencoder and write it to OUT/vae."""
    torch.manual_seed(seed)
    model, start = SpectralAutoencoder(CONFIG), out / ("frozen.safetensors" if freeze else "start.safetensors")
    samples = round(seconds * CONFIG.sample_rate / model.hop) * model.hop
    batches = crops(data, extra, samples, takes, seed)
    click.echo(f"{len(batches.files)} files")
    if start.is_file():
        model.load_state_dict(load_file(start))
    elif freeze:
        model.load_state_dict(load_file(out / "start.safetensors"))
        load_average(model, out)
        freeze_encoder(model, (batches(2 * 10**6 + i)["waveform"] for i in range(80)))
        save_file(model.state_dict(), start)
        save(model, out / "vae")  # latents are valid from here on
    else:
        out.mkdir(parents=True, exist_ok=True)
        explained = start_from_principal_components(model, (batches(10**6 + i)["waveform"] for i in range(120)))
        click.echo(f"64 principal components explain {explained:.3f} of the variance")
        save_file(model.state_dict(), start)
    if freeze:
        model.residual.requires_grad_(False)
    # levels span 100 dB: half precision would round what is learned, and the network is small
    options = TrainingOptions(seed=seed, peak_rate=rate, minutes=minutes, device=device, precision="32-true")
    run = out / "decoder" if freeze else out
    train(model, CodecObjective(learns_latents=not freeze), batches, options, run, listen=Echo())
    load_average(model, run)
    save(model, out / "vae")


if __name__ == "__main__":
    main()
