"""Train the starter's semantic codes: `python -m starter.train_codes --latents DIR --vae DIR --out DIR --minutes 12`.

Tokenizer and detokenizer come first and are frozen before transformer and planner learn: a planner that writes codes
and a transformer that hears them must mean the same by them. `codes.safetensors` holds their weights.
"""

from pathlib import Path

import click
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from melisma.models.v15 import AceStep15
from melisma.training.loop import TrainingOptions, load_average, train
from melisma.training.semantics import Crops, Semantics, objective
from starter.train_codec import Echo
from starter.train_dit import new_net, read_songs

CODES = "codes.safetensors"
PARTS = ("tokenizer.", "detokenizer.")


def importance_of(vae: Path) -> Tensor:
    """(c,): how far a step of each latent channel moves the spectrum."""
    weights = load_file(vae / "diffusion_pytorch_model.safetensors")
    return weights["synthesis"].float().norm(dim=1) * weights["latent_scale"].float()


def awaken(net: AceStep15) -> None:
    """Let the blocks speak from the start.

    In the transformer they begin by changing nothing. Here a pooled window would then be its special token whatever was
    played, every window would get the same code, and rounding gives no gradient that leads away from that.
    """
    for part in (net.tokenizer, net.detokenizer):
        for name, weight in part.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                torch.nn.init.normal_(weight, std=weight.shape[1] ** -0.5)


def save(net: AceStep15, folder: Path) -> None:
    """Write tokenizer and detokenizer."""
    weights = {name: tensor.contiguous() for name, tensor in net.state_dict().items() if name.startswith(PARTS)}
    save_file(weights, folder / "codes.new")
    (folder / "codes.new").replace(folder / CODES)


@click.command()
@click.option("--latents", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--vae", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--minutes", type=float, default=12.0, show_default=True)
@click.option("--takes", type=int, default=24, show_default=True, help="Crops per step.")
@click.option("--frames", type=int, default=150, show_default=True, help="Latent frames of a crop.")
@click.option("--rate", type=float, default=1e-3, show_default=True, help="Peak learning rate.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(
    latents: Path, vae: Path, out: Path, minutes: float, takes: int, frames: int, rate: float, seed: int, device: str
) -> None:
    """Train tokenizer and detokenizer and write them, averaged, to OUT/codes.safetensors."""
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    songs, _ = read_songs(latents)
    net = new_net()
    awaken(net)
    model = Semantics(net, importance_of(vae))
    click.echo(f"{len(songs)} songs, {sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6:.1f} M")
    options = TrainingOptions(seed=seed, peak_rate=rate, minutes=minutes, device=device, shape="linear")
    train(model, objective, Crops(songs, frames, takes, seed), options, out, listen=Echo())
    load_average(model, out)
    save(model.net, out)


if __name__ == "__main__":
    main()
