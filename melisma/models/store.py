"""Finding the parts of a model by whatever a person calls it, and keeping what was loaded.

A name may be nothing at all (the best checkpoint that is here), a name of the catalogue, a hub id, or a path: to a
bundle, to the folder of an acoustic model, or to a single file. Parts are recognised by their config.json, never by how
folders are called. What a checkpoint does not bring (autoencoder, text encoder, planner) is taken from beside it, then
from the data folder.

The store loads each part once, and its `hosting` brings them to the device by the memory policy (`models.memory`).
"""

import difflib
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.autoencoders import Loaded, load
from melisma.models.autoencoders.base import READERS
from melisma.models.catalogue import ALL, FIRST, PLANNERS, PREFERENCE, Checkpoint, Family, known, named
from melisma.models.devices import choose_device, choose_dtype, room
from melisma.models.files import fingerprint
from melisma.models.habits import speaks_codes
from melisma.models.memory import GB, Memory, Policy
from melisma.models.places import STARTER, bundled_starter, is_here, models_folder, place_of
from melisma.models.text import TextEncoder
from melisma.models.v1.checkpoint import DCAE, TRANSFORMER, is_packed, load_autoencoder

Role = Literal["dit", "autoencoder", "text", "planner", "v1"]
T = TypeVar("T")

# Left free beside weights when the memory policy is open: activations of a few minutes of music.
WORKING_ROOM = 1 * GB


@dataclass(frozen=True)
class Parts:
    """Where the parts of one model lie. For v1 `root` is a folder or file with everything in it."""

    name: str
    family: Literal["v15", "v1"]
    root: Path
    """The acoustic model: a folder, or a single file."""
    autoencoder: Path | None = None
    text: Path | None = None
    planner: Path | None = None
    checkpoint: Checkpoint | None = None
    """Its entry of the catalogue, if it has one."""


class Store:
    """All checkpoints on this machine, and the parts loaded from them."""

    def __init__(
        self,
        device: str | torch.device | None = None,
        memory: str | None = None,
        home: Path | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """`device`, `dtype`, `memory`: None chooses. `memory` open keeps as many parts as fit beside working room."""
        self.home = home
        self.device = device if isinstance(device, torch.device) else choose_device(device)
        self.dtype = dtype or choose_dtype(self.device)
        self.memory = Memory(self.device, Policy.parse(memory) if memory else open_policy(self.device))
        self._owned: dict[tuple[object, ...], Any] = {}

    # --- finding

    def find(self, name: str | None = None) -> Parts:
        """The parts of a model. Raises MissingModel with the next step, or BadCheckpoint where a folder is none."""
        if name is None:
            return self._best_here()
        # Before paths: a folder that happens to be called "base" is ./base.
        checkpoint = known(name) or next((entry for entry in ALL if entry.place.lower() == name.lower()), None)
        if checkpoint is not None:
            return self._of_catalogue(checkpoint)
        starter = bundled_starter() if name == STARTER else None
        if starter is not None:
            return self._at(starter)
        path = Path(name).expanduser()
        if path.exists():
            return self._at(path.resolve())
        fetched = models_folder(self.home) / name
        if "/" in name and not Path(name).is_absolute() and ".." not in Path(name).parts and fetched.exists():
            return self._at(fetched)
        raise MissingModel(self._unknown(name))

    def _best_here(self) -> Parts:
        present = [checkpoint for checkpoint in map(named, PREFERENCE) if self._complete(checkpoint)]
        fitting = [checkpoint for checkpoint in present if self._fits(checkpoint)] or present[-1:]
        if fitting:
            return self._of_catalogue(fitting[0])
        starter = bundled_starter()
        if starter is not None:
            return self._at(starter)
        raise MissingModel(
            f"no checkpoint is here: `melisma models pull {FIRST}` fetches one, `melisma models list` shows all "
            f"(looked in {models_folder(self.home)})"
        )

    def _complete(self, checkpoint: Checkpoint) -> bool:
        return all(is_here(part, self.home) for part in (checkpoint, *map(named, checkpoint.needs)))

    def _fits(self, checkpoint: Checkpoint) -> bool:
        """Whether the device could hold its largest part at all."""
        width = 2 if self.dtype in (torch.bfloat16, torch.float16) else 4
        return width * (checkpoint.largest or checkpoint.parameters) < room(self.device).total

    def _of_catalogue(self, checkpoint: Checkpoint) -> Parts:
        if not checkpoint.generates:
            raise MissingModel(f"{checkpoint.name} makes no music by itself ({checkpoint.about}): {_generators()}")
        place = place_of(checkpoint, self.home)
        if not is_here(checkpoint, self.home):
            raise MissingModel(
                f"{checkpoint.name} is not here ({checkpoint.size / GB:.1f} GB): `melisma models pull {checkpoint.name}` fetches it"
            )
        return self._at(place, checkpoint)

    def _at(self, path: Path, checkpoint: Checkpoint | None = None) -> Parts:
        """The parts around a file or folder."""
        if path.is_file() and is_packed(path):
            return self._first_generation(path, checkpoint)
        if path.is_file():
            return self._acoustic(path, path.stem, (), checkpoint)
        role = role_of(path)
        if role == "v1":
            return self._first_generation(path, checkpoint)
        if role == "dit":
            beside = path if (path / "transformer").is_dir() else path.parent
            return self._acoustic(path, path.name, _folders(beside), checkpoint)
        if role is not None:
            raise MissingModel(f"{path} holds a part of the kind '{role}', no acoustic model: {_generators()}")
        if role_of(path.parent) == "v1":
            raise MissingModel(f"{path} is one part of ACE-Step v1: give the folder around it, {path.parent}")
        children = _folders(path)
        acoustic = sorted((child for child in children if role_of(child) == "dit"), key=_preference)
        if not acoustic:
            raise MissingModel(
                f"{path} holds no acoustic model: give a folder with config.json and weights, or a bundle of such folders"
            )
        bundle = path.name if len(acoustic) == 1 and not known(acoustic[0].name) else acoustic[0].name
        return self._acoustic(acoustic[0], bundle, children, checkpoint)

    def _first_generation(self, path: Path, checkpoint: Checkpoint | None) -> Parts:
        codec = path if path.is_file() else path / DCAE
        return Parts(
            checkpoint.name if checkpoint else path.stem, "v1", path, codec, checkpoint=checkpoint or known("v1")
        )

    def _acoustic(self, path: Path, name: str, beside: Iterable[Path], checkpoint: Checkpoint | None) -> Parts:
        checkpoint = checkpoint or self._entry(path)
        roles: dict[Role | None, Path] = {}
        for folder in sorted(beside, key=lambda folder: (folder.name != "vae", folder.name)):
            roles.setdefault(role_of(folder), folder)
        return Parts(
            checkpoint.name if checkpoint else name,
            "v15",
            path,
            roles.get("autoencoder") or self._shared("vae", path),
            roles.get("text") or self._shared("text-encoder", path),
            roles.get("planner") or self._any_planner(),
            checkpoint,
        )

    def _entry(self, path: Path) -> Checkpoint | None:
        """The catalogue's entry of a path inside the data folder."""
        return next((entry for entry in ALL if place_of(entry, self.home) == path), None)

    def _shared(self, name: str, path: Path) -> Path:
        part = named(name)
        if not is_here(part, self.home):
            raise MissingModel(
                f"{path} needs the part '{name}', which lies neither beside it nor in the data folder: "
                f"`melisma models pull {name}` fetches it"
            )
        return place_of(part, self.home)

    def _any_planner(self) -> Path | None:
        return next((place_of(part, self.home) for part in map(named, PLANNERS) if is_here(part, self.home)), None)

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name.lower(), [entry.name for entry in ALL if entry.generates], 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        if name.count("/") in (1, 2) and not name.startswith((".", "/", "~")):
            hint = f"if it is a hub id, `melisma models pull {name}` fetches it; "
        return f"no model is called {name!r}, and no file or folder is there: {hint}{_generators()}"

    def adapter(self, name: str) -> Path:
        """Where an adapter lies: a path, or a hub id in the data folder. Raises MissingModel."""
        for path in (Path(name).expanduser(), models_folder(self.home) / name):
            if path.exists():
                return path
        raise MissingModel(
            f"no adapter is called {name!r}: give the path of a LoRA or LoKr file or folder, or fetch it from the hub "
            f"with `melisma models pull {name}`"
        )

    # --- loading

    def hosting(self, module: nn.Module) -> AbstractContextManager[nn.Module]:
        """Brings a module to the device for the length of a `with` block."""
        return self.memory.hosting(module)

    def owned(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What was made under this key, or makes and keeps it. Keys name what it depends on, such as a folder."""
        if key not in self._owned:
            self._owned[key] = make()
        made: T = self._owned[key]
        return made

    def drop(self, key: tuple[object, ...]) -> None:
        """Let go of what was made under one key; parts that others share stay."""
        self._owned.pop(key, None)

    def forget(self) -> None:
        """Let go of all that was loaded."""
        self.memory.release()
        self._owned.clear()

    def autoencoder(self, parts: Parts) -> Loaded:
        """The autoencoder of a model, loaded once."""
        folder = _needed(parts.autoencoder, parts)
        if folder.is_file():
            return self.owned(
                ("autoencoder", folder), lambda: Loaded(self._unpacked(folder), fingerprint(folder), self.hosting)
            )
        return self.owned(
            ("autoencoder", folder), lambda: load(folder, self.device, self.dtype, hosting=self.memory.hosting)
        )

    def _unpacked(self, file: Path) -> nn.Module:
        return load_autoencoder(file).to_type(self.dtype).eval().requires_grad_(False)

    def text_encoder(self, parts: Parts) -> TextEncoder:
        """The text encoder of a 1.5 model, loaded once; its `module` is on the device inside `hosting` only."""
        folder = _needed(parts.text, parts)
        return self.owned(("text", folder), lambda: TextEncoder.from_pretrained(folder, "cpu", self.dtype))


def open_policy(device: torch.device) -> Policy:
    """What a memory policy left open means on a device."""
    if device.type == "cpu":
        return Policy("keep")
    free = room(device).free
    return Policy("budget", max(free // 2, free - max(WORKING_ROOM, free // 5)))


def role_of(folder: Path) -> Role | None:
    """What a folder holds, by its config.json; None for anything else."""
    if (folder / TRANSFORMER / "config.json").is_file():
        return "v1"
    if (folder / "transformer" / "config.json").is_file() and (folder / "condition_encoder").is_dir():
        return "dit"
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadCheckpoint(f"{folder}/config.json is not JSON ({error}): `melisma models verify` checks it") from error
    if not isinstance(config, dict):
        return None
    if config.get("model_type") == "acestep":
        return "dit"
    if config.get("_class_name") in READERS:
        return "autoencoder"
    if config.get("model_type") == "qwen3":
        # Both say Qwen3ForCausalLM of themselves; only planners have words for sounds.
        return "planner" if speaks_codes(folder) else "text"
    return None


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


def _preference(folder: Path) -> tuple[int, str]:
    """Order among several acoustic models of one bundle."""
    checkpoint = known(folder.name)
    return (PREFERENCE.index(checkpoint.name) if checkpoint else len(PREFERENCE), folder.name)


def _generators() -> str:
    family: tuple[Family, ...] = ("v15", "v1")
    return f"models are {', '.join(entry.name for entry in ALL if entry.family in family)}; `melisma models list` says more"


def _needed(folder: Path | None, parts: Parts) -> Path:
    if folder is None:
        raise MissingModel(f"{parts.name} is a {parts.family} model, which brings its own parts in {parts.root}")
    return folder
