"""The planner: a language model, its spellings, and where it may run."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from melisma.models.planner import LanguageModel, load_language
from melisma.models.planner.load import Library, dtype_for, read_planner_config
from melisma.planning.limits import LONGEST_S
from melisma.planning.slots import Form
from melisma.song import PlanningOptions

# What the official pipeline runs its planners with.
OFFICIAL = PlanningOptions(temperature=0.85, top_p=0.9, guidance=2.0)
# Of each weights file this much is read for the fingerprint: enough to tell checkpoints apart, quick for large ones.
SIGNED_BYTES = 2**20

# Brings a network to the device for the length of a `with` block (see `models.memory`).
Hosting = Callable[[nn.Module], AbstractContextManager[object]]


@dataclass(frozen=True, eq=False)
class Planner:
    """A language model that writes blueprints.

    `fingerprint` identifies its weights. `longest_s` bounds the songs it plans. `at_work` brings it to the device for the
    length of a `with` block and puts it away after; by default it stays where it is. `preferred` is how it likes to be
    asked: `planning` in its config.json, over the official settings.
    """

    name: str
    fingerprint: str
    language: LanguageModel
    longest_s: float = LONGEST_S
    at_work: Callable[[], AbstractContextManager[object]] = nullcontext
    preferred: PlanningOptions = OFFICIAL

    @cached_property
    def form(self) -> Form:
        """Which tokens may follow where; built once."""
        return Form(self.language.vocabulary, int(min(self.longest_s, LONGEST_S)))


def load_planner(
    folder: Path,
    device: torch.device | str = "cpu",
    library: Library = "torch",
    bits: Literal[4, 8] | None = None,
    longest_s: float = LONGEST_S,
    hosting: Hosting | None = None,
) -> Planner:
    """The planner of a checkpoint folder in the official layout. See `load_language` for what may be raised.

    With `hosting` the network waits on the processor and comes to the device to work; without it is put there and stays.
    Networks of other libraries than PyTorch always stay.
    """
    hosted = hosting is not None and library == "torch"
    dtype = dtype_for(device) if library == "torch" else None
    language = load_language(folder, "cpu" if hosted else device, library, bits, dtype)
    stated = PlanningOptions.of(**read_planner_config(folder).get("planning", {}))
    at_work: Callable[[], AbstractContextManager[object]] = nullcontext
    if hosting is not None and hosted:
        from melisma.models.planner.qwen import Qwen

        assert isinstance(language, Qwen)
        at_work = partial(hosting, language.network)
    return Planner(folder.name, fingerprint(folder, bits), language, longest_s, at_work, stated.over(OFFICIAL))


def fingerprint(folder: Path, bits: int | None = None) -> str:
    """Twelve letters that tell one planner from another."""
    digest = hashlib.sha256(str(bits).encode())
    for path in [*sorted(folder.glob("*.safetensors")), folder / "config.json"]:
        digest.update(f"{path.name} {path.stat().st_size}".encode())
        with path.open("rb") as file:
            digest.update(file.read(SIGNED_BYTES))
    return digest.hexdigest()[:12]
