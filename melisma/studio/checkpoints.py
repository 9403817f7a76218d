"""Checkpoints as a page shows them: what there is, what is here, what "auto" means with each.

Without torch: the catalogue, config.json files, and what the worker said of this machine (`facts`).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from melisma.models.catalogue import ALL, PLANNERS, PREFERENCE, Checkpoint, known, named
from melisma.models.habits import FROM_WORDS, GUIDED_V1, abilities_of, preferred_by, speaks_codes
from melisma.models.places import STARTER, bundled_starter, is_here, models_folder, place_of
from melisma.score.genres import PLAYERS
from melisma.song import DEFAULT_DURATION_S, LANGUAGES, MAX_DURATION_S, MIN_DURATION_S, TRACKS, TaskName
from melisma.studio.problems import NotHere
from melisma.studio.shapes import DefaultsOut, ModelOut
from melisma.studio.tables import Job

ROLES = {"v15": "model", "v1": "model", "planner": "planner", "autoencoder": "part", "text": "part"}
ACTIVE = ("queued", "running")


# --- The list -------------------------------------------------------------------------------------------------------


def models(session: Session, machine: dict[str, Any]) -> list[ModelOut]:
    """The starter, the catalogue, and what was put here by hand or by hub id."""
    fits = {row["name"]: row["way"] != "no" for row in machine.get("models", ())}
    pulling = pulls(session)
    listed = [model_out(entry, fits.get(entry.name), pulling.get(entry.name)) for entry in ALL]
    return [*starter_out(), *listed, *strangers_out()]


def model_out(entry: Checkpoint, fits: bool | None, pulling: str | None) -> ModelOut:
    """One entry of the catalogue."""
    here = is_here(entry)
    return ModelOut(
        name=entry.name,
        about=entry.about,
        role=ROLES.get(entry.family, entry.family),
        family=entry.family,
        here=here,
        bundled=False,
        removable=here,
        generates=entry.generates,
        size_bytes=entry.size,
        on_disk_bytes=size_of(place_of(entry)) if here else None,
        licence=entry.licence,
        tasks=sorted(entry.tasks),
        fits=fits,
        pulling=pulling,
    )


def starter_out() -> Iterator[ModelOut]:
    """The checkpoint of the package, if this copy has it."""
    starter = bundled_starter()
    if starter is not None:
        about = "the small model that comes with melisma"
        tasks = tasks_in(acoustic_in(starter) or starter)
        yield unlisted(STARTER, about, starter, tasks, bundled=True, licence="MIT", fits=True)


def strangers() -> dict[str, Path]:
    """Acoustic models in the folder of models that the catalogue does not know, by their place in it."""
    listed = {place_of(entry) for entry in ALL}
    folder = models_folder()
    found = [path.parent for depth in ("*/*", "*/*/*") for path in folder.glob(f"{depth}/config.json")]
    return {
        place.relative_to(folder).as_posix(): place
        for place in sorted(found)
        if place not in listed and not place.name.startswith(".") and config_of(place).get("model_type") == "acestep"
    }


def strangers_out() -> Iterator[ModelOut]:
    """The same to show."""
    for name, place in strangers().items():
        yield unlisted(
            name, "not in the catalogue", place, tasks_in(place), bundled=False, licence="see model card", fits=None
        )


def unlisted(
    name: str, about: str, place: Path, tasks: frozenset[TaskName], *, bundled: bool, licence: str, fits: bool | None
) -> ModelOut:
    """A model that is here without being in the catalogue: it was not fetched by its name, and is not removed by it."""
    size = size_of(place)
    return ModelOut(
        name=name,
        about=about,
        role="model",
        family="v15",
        here=True,
        bundled=bundled,
        removable=False,
        generates=True,
        size_bytes=size,
        on_disk_bytes=size,
        licence=licence,
        tasks=sorted(tasks),
        fits=fits,
        pulling=None,
    )


def pulls(session: Session) -> dict[str, str]:
    """Ids of the jobs that fetch a model, by its name."""
    waiting = select(Job).where(Job.kind == "pull", Job.state.in_(ACTIVE)).order_by(Job.created_at.desc())
    return {job.request.get("model", ""): job.id for job in session.scalars(waiting)}


def adapters() -> list[str]:
    """Names of the adapters that are here: of the catalogue, then folders and files put among the models."""
    folder = models_folder()
    listed = {place_of(entry): entry.name for entry in ALL if entry.family == "adapter"}
    found = [path.parent for path in folder.rglob("adapter_config.json") if ".partial" not in path.parts]
    others = [place.relative_to(folder).as_posix() for place in found if place not in listed]
    return [*(name for place, name in listed.items() if any(place.rglob("*.safetensors"))), *sorted(others)]


# --- Defaults -------------------------------------------------------------------------------------------------------


def defaults(name: str | None, machine: dict[str, Any]) -> DefaultsOut:
    """What a request leaves to the checkpoint. Raises NotHere for a name that is none."""
    chosen = name or auto(machine)
    entry = known(chosen)
    if entry is not None and not entry.generates:
        raise NotHere(f"{entry.name} makes no music by itself: {entry.about}.")
    if entry is not None and entry.family == "v1":
        return defaults_out(entry.name, sampling=GUIDED_V1, tasks=FROM_WORDS, planner=None, config={})
    place = place_of(entry) if entry is not None else place_named(chosen)
    if place is None:
        raise NotHere(f"There is no model {chosen[:80]!r}: choose one of the list of models.")
    config = config_of(place)
    if entry is not None and not config:
        config = {"is_turbo": "turbo" in entry.name, "model_version": entry.name}
    return defaults_out(
        entry.name if entry else chosen,
        sampling=preferred_by(config, place.name),
        tasks=abilities_of(config, place.name),
        planner=planner_beside(place),
        config=config,
    )


def defaults_out(
    name: str, *, sampling: Any, tasks: frozenset[TaskName], planner: str | None, config: Any
) -> DefaultsOut:
    """As it is sent."""
    return DefaultsOut(
        model=name,
        notice=config.get("notice"),
        tasks=sorted(tasks),
        sampling=sampling,
        planner=planner,
        follows_score=bool(config.get("follows_score")),
        instruments=list(PLAYERS) if config.get("follows_score") else [],
        tracks=list(TRACKS) if tasks & {"extract", "lego", "complete"} else [],
        languages=list(LANGUAGES),
        adapters=adapters(),
        min_duration_s=MIN_DURATION_S,
        max_duration_s=MAX_DURATION_S,
        duration_s=DEFAULT_DURATION_S,
    )


def auto(machine: dict[str, Any]) -> str:
    """The model that is taken where none is named: as the worker found, until then the best that is here."""
    if machine.get("auto"):
        return str(machine["auto"])
    for name in PREFERENCE:
        if all(is_here(part) for part in (named(name), *map(named, named(name).needs))):
            return name
    return STARTER if bundled_starter() else PREFERENCE[1]


def place_named(name: str) -> Path | None:
    """Where the acoustic model of a name outside the catalogue lies; names are looked up, never joined to a path."""
    starter = bundled_starter()
    if name == STARTER and starter is not None:
        return acoustic_in(starter)
    return strangers().get(name)


def acoustic_in(bundle: Path) -> Path | None:
    """The acoustic model of a bundle."""
    folders = sorted(path.parent for path in bundle.glob("*/config.json"))
    return next((folder for folder in folders if config_of(folder).get("model_type") == "acestep"), None)


def planner_beside(place: Path) -> str | None:
    """The planner that plays with a model: one in the same bundle, else the first of the catalogue that is here."""
    for folder in sorted(path.parent for path in place.parent.glob("*/config.json")):
        if config_of(folder).get("model_type") == "qwen3" and speaks_codes(folder):
            entry = known(folder.name)
            return entry.name if entry else folder.name
    return next((name for name in PLANNERS if is_here(named(name))), None)


def tasks_in(place: Path) -> frozenset[TaskName]:
    """What the model in a folder can do."""
    return abilities_of(config_of(place), place.name)


def config_of(place: Path) -> dict[str, Any]:
    """What a checkpoint says of itself; nothing if it cannot be read."""
    for path in (place / "config.json", place / "transformer" / "config.json"):
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(config, dict):
            return config
    return {}


def size_of(place: Path) -> int:
    """Bytes below a folder."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
