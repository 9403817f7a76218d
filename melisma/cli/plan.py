"""`melisma plan`: fill the blanks of a request and print the blueprint, to be read, edited and sung."""

import json
from pathlib import Path
from typing import Any, Literal

import click
import yaml

from melisma.cli.asking import WORDS, File, options, planning_options, request_of
from melisma.errors import MissingModel
from melisma.song import Blueprint, Compose

RUNNING = (
    click.option("--device", help="cpu, cuda, mps …; default: the best here."),
    click.option(
        "--library", type=click.Choice(["torch", "mlx", "vllm"]), default="torch", help="What runs the planner."
    ),
    click.option("--bits", type=click.Choice(["8", "4"]), help="Planner weights as integers: smaller, often faster."),
)
BITS: dict[str | None, Literal[4, 8] | None] = {None: None, "8": 8, "4": 4}


@click.command()
@click.argument("prompt", default="")
@options(WORDS, planning_options(short=True), RUNNING)
@click.option("-o", "--out", type=File, help="Write the blueprint here instead of printing it.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object instead of YAML.")
def plan(prompt: str, out: Path | None, as_json: bool, **given: Any) -> None:
    """Plan a song from PROMPT, and print the blueprint. Sing it with `melisma compose --blueprint FILE`."""
    from melisma.cli.progress import Bars
    from melisma.planning import draft, load_planner
    from melisma.planning.finding import find_planner

    folder = find_planner(given["planner"])
    if folder is None:
        raise MissingModel("no planner is here: `melisma models pull planner-0.6b` fetches the smallest")
    request = request_of(Compose(), prompt, given)
    with Bars() as listen:
        planner = load_planner(folder, given["device"] or best_device(), given["library"], BITS[given["bits"]])
        blueprint = draft(request, planner, listen)
    text = blueprint.model_dump_json() if as_json else as_yaml(blueprint)
    if out is None:
        click.echo(text)
    else:
        part = out.with_name(f"{out.name}.part")
        part.write_text(f"{text}\n", encoding="utf-8")
        part.replace(out)
        click.echo(out)


def as_yaml(blueprint: Blueprint) -> str:
    """A blueprint for people: one field a line, codes in a block at the end."""
    fields = json.loads(blueprint.model_dump_json(exclude_none=True))
    codes = {"codes": fields.pop("codes")} if "codes" in fields else {}
    return "".join(
        yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=110, default_flow_style=flow)
        for part, flow in ((fields, False), (codes, None))
        if part
    ).rstrip()


def best_device() -> str:
    """The best device here, by name."""
    from melisma.models.devices import choose_device

    return str(choose_device())
