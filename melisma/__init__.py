"""melisma: a song studio for the ACE-Step family of music models.

What most programs need is here by name (`melisma.SongRequest`, `melisma.perform`, …) and imported when first used, so
that `import melisma` and the command line's help cost nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.4.1"

if TYPE_CHECKING:
    from melisma.audio import Waveform, read, read_provenance, write
    from melisma.engine import Band, Performance, perform, rehearse
    from melisma.models.store import Store
    from melisma.song import Blueprint, SongRequest

_HOMES = {
    "audio": ("Waveform", "read", "read_provenance", "write"),
    "engine": ("Band", "Performance", "perform", "rehearse"),
    "models.store": ("Store",),
    "song": ("Blueprint", "SongRequest"),
}
__all__ = [
    "Band",
    "Blueprint",
    "Performance",
    "SongRequest",
    "Store",
    "Waveform",
    "perform",
    "read",
    "read_provenance",
    "rehearse",
    "write",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"melisma.{home}"), name)
    raise AttributeError(f"module 'melisma' has no attribute {name!r}")
