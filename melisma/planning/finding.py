"""Which planner is meant: a path, a catalogue name, or the best one here."""

from pathlib import Path

from melisma.errors import MissingModel
from melisma.models.catalogue import PLANNERS, named
from melisma.models.places import bundled_starter, is_here, place_of


def find_planner(name: str | None = None, home: Path | None = None) -> Path | None:
    """The folder of a planner: of a path or catalogue name, or of the best one here; None if none is here.

    Raises MissingModel if one was named and is not here. home: the data folder, None for the usual one.
    """
    if name is None:
        here = (place_of(named(choice), home) for choice in PLANNERS if is_here(named(choice), home))
        return next(here, starter_planner())
    if Path(name).is_dir():
        return Path(name)
    checkpoint = named(name)
    if checkpoint.family != "planner":
        raise MissingModel(f"{name} is no planner: choose one of {', '.join(PLANNERS)}")
    if not is_here(checkpoint, home):
        raise MissingModel(f"{checkpoint.name} is not here: `melisma models pull {checkpoint.name}` fetches it")
    return place_of(checkpoint, home)


def starter_planner() -> Path | None:
    """The small planner that comes with the package, if this copy has one."""
    starter = bundled_starter()
    folder = starter / "planner" if starter else None
    return folder if folder and (folder / "config.json").exists() else None
