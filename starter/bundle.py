"""Put the trained parts together: `python -m starter.bundle --vae DIR --run DIR --planner DIR [--out melisma/starter]`.

The bundle has the layout of an official one: a folder for the acoustic model, one for the autoencoder, one for the text
encoder, one for the planner. What the engine must know of this model (its tasks, how it likes to be sampled, that it follows a score) stands
in its config.json, where any fine-tune may state the same.
"""

import json
import shutil
import tempfile
from pathlib import Path

import click

from melisma.models.files import read_config
from starter.train_dit import BUNDLED as NAME
from starter.train_dit import PREVIEW

STATES = {
    "notice": (
        "This is melisma's small starter model, trained on synthetic songs alone. "
        "`melisma models pull turbo` fetches a large one."
    ),
    "follows_score": True,
    "tasks": ["compose", "cover", "repaint", "extend", "edit", "retake", "extract", "lego", "complete"],
    "sampling": {
        **PREVIEW.model_dump(include={"solver", "shift", "guidance", "guidance_method"}),
        "steps": 8,
    },
}

PLANNING = {"enrich_caption": False, "name_style": True, "codes": False, "temperature": 0.5}
"""How the planner likes to be asked (docs/decisions/077)."""


@click.command()
@click.option("--vae", type=click.Path(path_type=Path, exists=True), required=True, help="Trained autoencoder.")
@click.option("--run", type=click.Path(path_type=Path, exists=True), required=True, help="Run of the transformer.")
@click.option("--planner", type=click.Path(path_type=Path, exists=True), required=True, help="Trained planner.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("melisma/starter"), show_default=True)
def main(vae: Path, run: Path, planner: Path, out: Path) -> None:
    """Assemble the starter bundle. Parts may come from the bundle itself: they are copied before anything is replaced."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as fresh:
        assemble(Path(fresh), {NAME: run / "dit", "text": run / "text", "vae": vae, "planner": planner})
        for folder in Path(fresh).iterdir():
            shutil.rmtree(out / folder.name, ignore_errors=True)
            folder.rename(out / folder.name)
    size = sum(path.stat().st_size for path in out.rglob("*.safetensors")) / 1e6
    click.echo(f"{out}: {size:.1f} MB of weights")


def assemble(out: Path, parts: dict[str, Path]) -> None:
    """Copy the parts by name, and have transformer and planner state how they like to be asked."""
    for name, source in parts.items():
        shutil.copytree(source, out / name)
    for name, states in ((NAME, STATES), ("planner", {"planning": PLANNING})):
        config = out / name / "config.json"
        config.write_text(json.dumps({**read_config(out / name), **states}, indent=2) + "\n")


if __name__ == "__main__":
    main()
