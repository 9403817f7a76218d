"""`melisma show`: how a file came about, and what it is."""

from pathlib import Path

import click
import yaml

from melisma.errors import BadRequest


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(file: Path, as_json: bool) -> None:
    """Tell how FILE was made: request, blueprint, seed, sampling and checkpoint."""
    from melisma.audio import probe, read_provenance

    facts = probe(file)
    known = read_provenance(file)
    if known is None:
        raise BadRequest(
            f"{file} ({facts.duration_s:.1f} s {facts.format}) does not say how it was made: melisma did not write it"
        )
    if as_json:
        click.echo(known.model_dump_json())
        return
    story = {
        "file": str(file),
        "duration_s": round(facts.duration_s or 0, 2),
        **known.model_dump(mode="json", exclude_none=True),
    }
    click.echo(yaml.safe_dump(story, sort_keys=False, allow_unicode=True).rstrip())
