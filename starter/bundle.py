"""Put the trained parts together: `python -m starter.bundle --vae DIR --run DIR --planner DIR [--out melisma/starter]`.

The bundle has the layout of an official one: a folder for the acoustic model, one for the autoencoder, one for the text
encoder, one for the planner. What the engine must know of this model (its tasks, how it likes to be sampled, that it follows a score) stands
in its config.json, where any fine-tune may state the same.
"""

import json
import shutil
from pathlib import Path

import click

from melisma.models.files import read_config
from starter.train_dit import PREVIEW

NAME = "melisma-starter"
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

PLANNING = {"enrich_caption": False, "codes": False, "temperature": 0.5}
"""How the planner likes to be asked (docs/decisions/077)."""


@click.command()
@click.option("--vae", type=click.Path(path_type=Path, exists=True), required=True, help="Trained autoencoder.")
@click.option("--run", type=click.Path(path_type=Path, exists=True), required=True, help="Run of the transformer.")
@click.option("--planner", type=click.Path(path_type=Path, exists=True), required=True, help="Trained planner.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("melisma/starter"), show_default=True)
def main(vae: Path, run: Path, planner: Path, out: Path) -> None:
    """Assemble the starter bundle."""
    for source, name in ((run / "dit", NAME), (run / "text", "text"), (vae, "vae"), (planner, "planner")):
        shutil.rmtree(out / name, ignore_errors=True)
        shutil.copytree(source, out / name)
    for name, states in ((NAME, STATES), ("planner", {"planning": PLANNING})):
        config = out / name / "config.json"
        config.write_text(json.dumps({**read_config(out / name), **states}, indent=2) + "\n")
    size = sum(path.stat().st_size for path in out.rglob("*.safetensors")) / 1e6
    click.echo(f"{out}: {size:.1f} MB of weights")


if __name__ == "__main__":
    main()
