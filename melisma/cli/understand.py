"""`melisma understand`: caption, tempo, key, metre, language and lyrics of existing music."""

from pathlib import Path

import click

from melisma.cli.asking import File
from melisma.errors import MissingModel
from melisma.song import Blueprint, SongRequest


@click.command()
@click.argument("song", type=File)
@click.option("--model", help="Checkpoint whose ears to use: a name (`melisma models list`), hub id, or path.")
@click.option("--planner", help="Planner: a name or path; default: the one that goes with the checkpoint.")
@click.option("--seed", type=int, default=0, help="Seed of the description.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object instead of YAML.")
def understand(song: Path, model: str | None, planner: str | None, seed: int, as_json: bool) -> None:
    """Describe SONG as a blueprint, codes included: what `melisma compose --blueprint` would sing again."""
    from melisma import audio
    from melisma.cli.plan import as_yaml
    from melisma.cli.progress import Bars
    from melisma.engine import Band, strangers
    from melisma.generators.v15 import V15
    from melisma.planning import understand as describe
    from melisma.tasks.canvas import Desk

    with Bars() as listen:
        band = Band.of(SongRequest.of(model=model, planning={"planner": planner}))
        ears, listener = band.generator, band.planner
        if not isinstance(ears, V15):
            raise MissingModel(f"{ears.name} hears no audio codes: choose a 1.5 checkpoint with --model")
        if listener is None:
            raise MissingModel(
                "no planner is here to describe music: `melisma models pull planner-0.6b` fetches the smallest"
            )
        strange = strangers(listener, ears)
        if strange:
            raise MissingModel(f"{strange}. Name another planner or checkpoint")
        listen.stage("listen")
        desk = Desk(Blueprint(caption="", lyrics="", duration_s=1), lambda ref: audio.read(song), band.autoencoder)
        sound = audio.read(song).resampled(band.autoencoder.sample_rate).stereo()
        codes = ears.codes(desk.encode(sound))
        listen.step()
        blueprint = describe(codes, listener, listen, seed)
    click.echo(blueprint.model_dump_json() if as_json else as_yaml(blueprint))
