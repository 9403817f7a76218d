"""Where things lie on this machine: one data folder, and whether the network may be used.

`MELISMA_HOME` names the data folder; without it the platform's usual place is taken. Checkpoints lie in its `models`
folder as they lie on the hub: `models/ACE-Step/Ace-Step1.5/acestep-v15-turbo`.
"""

import os
from pathlib import Path

import platformdirs

from melisma.models.catalogue import Checkpoint

# What the checkpoint that comes with the package is called.
STARTER = "starter"
YES = ("1", "true", "yes", "on")


def data_folder() -> Path:
    """The one folder that holds checkpoints and library; it may not exist yet."""
    home = os.environ.get("MELISMA_HOME")
    return Path(home).expanduser().absolute() if home else Path(platformdirs.user_data_dir("melisma", appauthor=False))


def models_folder(home: Path | None = None) -> Path:
    """The folder of checkpoints."""
    return (home or data_folder()) / "models"


def place_of(checkpoint: Checkpoint, home: Path | None = None) -> Path:
    """Where a checkpoint lies, or would."""
    return models_folder(home) / checkpoint.place


def is_here(checkpoint: Checkpoint, home: Path | None = None) -> bool:
    """Whether it was fetched, or put there by hand. Folders appear in one move, so what is there is whole."""
    return any(place_of(checkpoint, home).rglob("*.safetensors"))


def offline() -> bool:
    """Whether the person asked to stay off the network."""
    return any(os.environ.get(name, "").lower() in YES for name in ("MELISMA_OFFLINE", "HF_HUB_OFFLINE"))


def bundled_starter() -> Path | None:
    """The small checkpoint that comes with the package, if this copy has one."""
    folder = Path(__file__).parents[1] / STARTER
    return folder if any(folder.rglob("config.json")) else None
