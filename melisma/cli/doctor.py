"""`melisma doctor`: this machine, what fits on it, and what to do next; the same facts as JSON for a bug report."""

import json
from pathlib import Path
from typing import Any

import click

from melisma.models.machine import examine, lines


@click.command()
@click.option("--device", help="cpu, cuda, mps …; default: the best here.")
@click.option(
    "--duration",
    "duration_s",
    type=click.FloatRange(1, 600),
    default=120.0,
    help="Length of song to plan for, seconds.",
)
@click.option("--play/--no-play", default=True, help="Play a toy song through every part.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
def doctor(device: str | None, duration_s: float, play: bool, as_json: bool) -> None:
    """Check this machine and what fits on it."""
    facts = examine(device, duration_s)
    if play:
        facts["played"] = played(device)
    if as_json:
        click.echo(json.dumps(facts))
        return
    report(facts)


def played(device: str | None) -> dict[str, Any]:
    """A second of toy music through every real class, on the device: whether it came out, and how long it took."""
    import tempfile
    import time

    from melisma.engine import Band, perform
    from melisma.errors import MelismaError
    from melisma.models.store import Store
    from melisma.song import SongRequest
    from melisma.toys import write_toy

    with tempfile.TemporaryDirectory(prefix="melisma-") as folder:
        request = SongRequest.of(model=str(write_toy(Path(folder))), duration_s=1.0, seeds=(1,))
        start = time.perf_counter()
        try:
            take = perform(request, Band.of(request, Store(device))).takes[0]
        except (MelismaError, RuntimeError) as error:  # torch says RuntimeError for all that a device cannot do
            return {"sound": False, "error": str(error)}
        return {"sound": True, "seconds": round(time.perf_counter() - start, 2), "duration_s": take.waveform.duration_s}


def report(facts: dict[str, Any]) -> None:
    """The facts for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    said = lines(facts)
    if played := facts.get("played"):
        well = f"a toy song came out well ({played.get('seconds')} s)"
        said["check"] = well if played["sound"] else f"[red]a toy song failed[/]: {played['error']}"
    grid = Table.grid(padding=(0, 2))
    for name, line in said.items():
        grid.add_row(f"[bold]{name}", line)
    console.print(grid)
    table = Table(
        box=None, pad_edge=False, title_justify="left", title=f"\nWhat fits ({facts['planned_s']:g} s of music)"
    )
    for title in ("", "model", "fits", "GB whole", "GB in turns", "longest"):
        table.add_column(title, justify="right" if "GB" in title or title == "longest" else "left")
    for row in facts["models"]:
        sizes = [f"{row[key] / 1e9:.1f}" if key in row else "" for key in ("whole", "in_turns")]
        longest = f"{row['longest_s'] // 60}:{row['longest_s'] % 60:02d}" if row.get("longest_s") else ""
        disk = "" if row["room_on_disk"] else " (no room on disk)"
        table.add_row("●" if row["here"] else "○", row["name"], row["way"] + disk, *sizes, longest)
    console.print(table)
    for line in facts["advice"]:
        console.print(f"→ {line}")
