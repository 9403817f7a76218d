"""`melisma doctor`: this machine, what fits on it, and what to do next; the same facts as JSON for a bug report."""

import json
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from melisma import __version__
from melisma.models.catalogue import ALL, FIRST
from melisma.models.places import bundled_starter, data_folder, is_here, offline

PACKAGES = (
    "torch",
    "transformers",
    "diffusers",
    "huggingface_hub",
    "numpy",
    "soundfile",
    "av",
    "peft",
    "torchao",
    "mlx",
)


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


def examine(device: str | None, duration_s: float) -> dict[str, Any]:
    """Everything that is known without loading a model."""
    from melisma.models.devices import available, choose_device, choose_dtype, describe, room

    chosen = choose_device(device)
    dtype = choose_dtype(chosen)
    memory = room(chosen)
    home = data_folder()
    disk = shutil.disk_usage(existing(home))
    facts: dict[str, Any] = {
        "melisma": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "device": {
            "name": str(chosen),
            "about": describe(chosen),
            "precision": str(dtype).removeprefix("torch."),
            "memory": memory.total,
            "free": memory.free,
            "available": available(),
        },
        "data_folder": str(home),
        "disk_free": disk.free,
        "offline": offline(),
        "starter": str(bundled_starter()) if bundled_starter() else None,
        "packages": {name: version for name in PACKAGES if (version := installed(name))},
        "libraries": libraries(),
        "planned_s": duration_s,
        "models": fits(memory.total, dtype.itemsize, duration_s, disk.free, turns=chosen.type != "cpu"),
    }
    return facts | {"advice": advice(facts)}


def fits(memory: int, width: int, duration_s: float, disk_free: int, turns: bool = True) -> list[dict[str, Any]]:
    """How each checkpoint fits into `memory` with weights of `width` bytes; `turns` as in `models.fit`."""
    from melisma.models.fit import fit, planner_fits

    rows = []
    for entry in ALL:
        row: dict[str, Any] = {"name": entry.name, "here": is_here(entry)}
        row["room_on_disk"] = row["here"] or entry.size < disk_free
        if entry.generates:
            found = fit(entry, memory, width, duration_s, turns)
            row |= {"way": found.way, "whole": found.whole, "in_turns": found.in_turns, "longest_s": found.longest_s}
        elif entry.family == "planner":
            row["way"] = "whole" if planner_fits(entry, memory, width) else "no"
        else:
            continue
        rows.append(row)
    return rows


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


def libraries() -> dict[str, str]:
    """Versions of the native libraries that read and write audio."""
    found = {}
    try:
        import soundfile

        found["libsndfile"] = str(soundfile.__libsndfile_version__)
    except (ImportError, OSError) as error:
        found["libsndfile"] = f"missing: {error}"
    try:
        import av

        found["ffmpeg"] = ", ".join(
            f"{name} {'.'.join(map(str, version))}" for name, version in sorted(av.library_versions.items())
        )
    except ImportError as error:
        found["ffmpeg"] = f"missing: {error}"
    return found


def advice(facts: dict[str, Any]) -> list[str]:
    """What to do next, most useful first."""
    said = []
    here = [row for row in facts["models"] if row["here"] and "longest_s" in row]
    if not here and facts["starter"]:
        said.append(f"the small starter model plays for now; a large one: melisma models pull {FIRST}")
    elif not here:
        said.append(f"no checkpoint is here yet: melisma models pull {FIRST}")
    if here and all(row["way"] == "no" for row in here):
        said.append("nothing that is here fits this device: try --device cpu, or a smaller checkpoint")
    if any(row["way"] == "in turns" for row in here):
        said.append("checkpoints marked 'in turns' share the device: --memory one, or leave --memory open")
    if facts["device"]["name"] == "cpu" and not facts["starter"]:
        said.append("there is no accelerator: expect minutes of computing per minute of music")
    missing = [name for name, version in facts["libraries"].items() if version.startswith("missing")]
    if missing:
        said.append(f"audio libraries are missing ({', '.join(missing)}): reinstall melisma in a fresh environment")
    return said


def report(facts: dict[str, Any]) -> None:
    """The facts for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    device = facts["device"]
    lines = {
        "melisma": f"{facts['melisma']}, Python {facts['python']}, {facts['system']}",
        "device": f"{device['name']}: {device['about']}, {device['precision']}",
        "memory": f"{device['memory'] / 1e9:.1f} GB, {device['free'] / 1e9:.1f} GB free",
        "data folder": f"{facts['data_folder']} ({facts['disk_free'] / 1e9:.0f} GB free)",
        "packages": ", ".join(f"{name} {version}" for name, version in facts["packages"].items()),
        **facts["libraries"],
    }
    if played := facts.get("played"):
        well = f"a toy song came out well ({played.get('seconds')} s)"
        lines["check"] = well if played["sound"] else f"[red]a toy song failed[/]: {played['error']}"
    grid = Table.grid(padding=(0, 2))
    for name, line in lines.items():
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


def installed(name: str) -> str | None:
    """A package's version, without importing it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return path if path.exists() else existing(path.parent)
