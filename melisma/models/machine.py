"""This machine: device, memory, disk, versions, and which checkpoints fit, as plain facts and in words.

`melisma doctor` prints them, the studio shows them. Nothing heavy is imported before it is needed.
"""

import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

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


WIDE = 4  # bytes of a float32


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
            wide = width if turns else WIDE  # on a CPU planners are float32 (docs/decisions/035)
            row["way"] = "whole" if planner_fits(entry, memory, wide) else "no"
        else:
            continue
        rows.append(row)
    return rows


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


def lines(facts: dict[str, Any]) -> dict[str, str]:
    """The facts about the machine itself in words, by what they are about."""
    device = facts["device"]
    return {
        "melisma": f"{facts['melisma']}, Python {facts['python']}, {facts['system']}",
        "device": f"{device['name']}: {device['about']}, {device['precision']}",
        "memory": f"{device['memory'] / 1e9:.1f} GB, {device['free'] / 1e9:.1f} GB free",
        "data folder": f"{facts['data_folder']} ({facts['disk_free'] / 1e9:.0f} GB free)",
        "packages": ", ".join(f"{name} {version}" for name, version in facts["packages"].items()),
        **facts["libraries"],
    }


def installed(name: str) -> str | None:
    """A package's version, without importing it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return path if path.exists() else existing(path.parent)
