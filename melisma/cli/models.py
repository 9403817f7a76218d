"""Checkpoints on the command line: what there is, what is here, and moving between the two."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.catalogue import ALL, FIRST, PLANNERS, Checkpoint, asked, named, with_needs
from melisma.models.places import is_here, models_folder, place_of

FAMILIES = ("v15", "v1", "planner", "autoencoder", "text", "adapter")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def name_argument(**options: Any) -> Callable[..., Any]:
    """NAME, as in `melisma models list`, or a hub id."""
    return click.argument("name", **options)


@click.group()
def models() -> None:
    """List, fetch, check and remove checkpoints."""


@models.command("list")
@click.option("--here", is_flag=True, help="Only what is on this machine.")
@click.option("--family", type=click.Choice(FAMILIES), help="Only this kind.")
@as_json
def list_(here: bool, family: str | None, as_json: bool) -> None:
    """List the checkpoints that melisma knows by name, and which are here."""
    chosen = [entry for entry in ALL if (not here or is_here(entry)) and family in (None, entry.family)]
    if as_json:
        click.echo(json.dumps([row(entry) for entry in chosen]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title, style in (("", ""), ("name", "bold"), ("kind", ""), ("GB", ""), ("licence", ""), ("what it is", "")):
        long = title in ("licence", "what it is")
        table.add_column(
            title,
            style=style,
            justify="right" if title == "GB" else "left",
            no_wrap=not long,
            min_width=12 if long else None,
        )
    for entry in chosen:
        mark = "●" if is_here(entry) else "○"
        table.add_row(mark, entry.name, entry.family, f"{entry.size / 1e9:.1f}", entry.licence, entry.about)
    Console().print(table)
    click.echo(f"\n● is here, ○ can be fetched: melisma models pull NAME. Folder: {models_folder()}")


@models.command()
@name_argument()
@as_json
def show(name: str, as_json: bool) -> None:
    """Tell all about one checkpoint."""
    entry = asked(name)
    facts = row(entry)
    if as_json:
        click.echo(json.dumps(facts))
        return
    import yaml

    click.echo(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True).rstrip())


@models.command()
@name_argument(default=FIRST)
@click.option("--planner", type=click.Choice(PLANNERS), help="Fetch this planner too.")
@click.option("--alone", is_flag=True, help="Without the parts it needs.")
@click.option("--again", is_flag=True, help="Fetch even if it is here, and replace it when the new one is whole.")
@click.option(
    "--from", "source", type=click.Choice(["huggingface", "modelscope"]), help="Which hub; default: Hugging Face."
)
@as_json
def pull(name: str, planner: str | None, alone: bool, again: bool, source: Any, as_json: bool) -> None:
    """Fetch NAME (default: turbo) and what it needs; NAME may be any hub id, as in org/name or org/name/folder.

    A transfer that was broken off goes on where it stopped.
    """
    from melisma.cli.progress import Bars
    from melisma.models import hub

    wanted = [asked(name)] if alone else list(with_needs(asked(name)))
    if planner:
        wanted.append(named(planner))
    places = {}
    with Bars() as listen:
        for entry in wanted:
            places[entry.name] = hub.pull(entry, hub.source_of(source), listen=listen, again=again)
            if not as_json:
                click.echo(f"{entry.name}: {places[entry.name]}")
    if as_json:
        click.echo(json.dumps({part: str(place) for part, place in places.items()}))


@models.command()
@name_argument(required=False)
def path(name: str | None) -> None:
    """Print where NAME lies; without a name, the folder of all."""
    if name is None:
        click.echo(models_folder())
        return
    entry = asked(name)
    if not is_here(entry):
        raise MissingModel(f"{entry.name} is not here: `melisma models pull {entry.name}` fetches it")
    click.echo(place_of(entry))


@models.command()
@name_argument()
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete NAME from this machine; parts that others share stay."""
    from melisma.models import hub

    entry = asked(name)
    if not yes and is_here(entry):
        click.confirm(f"Delete {place_of(entry)}?", abort=True)
    click.echo(f"freed {hub.remove(entry) / 1e9:.2f} GB")


@models.command()
@name_argument(required=False)
@as_json
def verify(name: str | None, as_json: bool) -> None:
    """Check NAME (default: all that is here) against what was fetched."""
    from melisma.models import hub

    checked = [asked(name)] if name else [entry for entry in ALL if is_here(entry)]
    problems: dict[str, list[str]] = {}
    for entry in checked:
        if not is_here(entry):
            raise MissingModel(f"{entry.name} is not here: `melisma models pull {entry.name}` fetches it")
        problems[entry.name] = list(hub.verify(place_of(entry)))
        if not as_json:
            click.echo(f"{entry.name}: {'; '.join(problems[entry.name]) or 'sound'}")
    if as_json:
        click.echo(json.dumps(problems))
    broken = [part for part, said in problems.items() if said]
    if broken:
        raise BadCheckpoint(f"{', '.join(broken)} cannot be trusted: `melisma models pull --again --alone {broken[0]}`")


def row(entry: Checkpoint) -> dict[str, Any]:
    """A checkpoint as plain data."""
    here = is_here(entry)
    place: Path = place_of(entry)
    return {
        "name": entry.name,
        "family": entry.family,
        "about": entry.about,
        "here": here,
        "path": str(place) if here else None,
        "repo": entry.repo,
        "folder": entry.folder,
        "modelscope": entry.repo if entry.mirrored else None,
        "licence": entry.licence,
        "size": entry.size,
        "parameters": entry.parameters,
        "aliases": list(entry.aliases),
        "needs": list(entry.needs),
        "tasks": sorted(entry.tasks),
        "sampling": entry.sampling.model_dump(exclude_none=True),
    }
