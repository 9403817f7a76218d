"""From the folders of a 1.5 checkpoint to a generator ready to play."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from melisma.errors import MissingModel
from melisma.generators.base import Hosting, at_home
from melisma.generators.v15.generator import FROM_WORDS, GUIDED, STEMS, TURBO, V15
from melisma.models.files import fingerprint
from melisma.models.text import TextEncoder
from melisma.models.v15 import load_checkpoint
from melisma.models.v15.weights import PARTS
from melisma.song import SamplingOptions, TaskName


def load_v15(
    path: Path,
    text: TextEncoder,
    *,
    device: torch.device,
    dtype: torch.dtype,
    hosting: Hosting | None = None,
    name: str | None = None,
    silence: Callable[[], Tensor] | None = None,
) -> V15:
    """Load a checkpoint (folder or file) beside its text encoder. With `hosting` parts move to the device on use;
    without it they are put there and stay. `silence` makes a silence latent (t, c) where the checkpoint, such as a
    single file, brings none."""
    checkpoint = load_checkpoint(path, dtype)
    quiet = checkpoint.silence if checkpoint.silence is not None or silence is None else silence()
    if quiet is None:
        raise MissingModel(
            f"{path} has no silence latent beside it: put silence_latent.pt (or .safetensors) of its official folder there"
        )
    if hosting is None:
        checkpoint.net.to(device)
        hosting = at_home
    config = checkpoint.config
    return V15(
        net=checkpoint.net,
        text=text,
        silence=quiet,
        name=name or path.stem,
        fingerprint=f"{mark_of(path)}+{text.fingerprint}",
        preferred=preferred_by(config, path.name),
        can=abilities_of(config, path.name),
        device=device,
        dtype=dtype,
        hosting=hosting,
        follows_score=bool(config.get("follows_score")),
        notice=config.get("notice"),
    )


def mark_of(path: Path) -> str:
    """Fingerprint of a checkpoint in any layout; in diffusers' layout that of its parts."""
    parts = [path / part for part in PARTS if (path / part).is_dir()]
    return "-".join(fingerprint(part)[:6] for part in parts) if parts else fingerprint(path)


def preferred_by(config: dict[str, Any], name: str) -> SamplingOptions:
    """Sampling where a request leaves it open: what config.json states under "sampling", else the family's habit.

    Two distilled checkpoints are trained for one shift and say so in their names only.
    """
    habit = TURBO if config.get("is_turbo") else GUIDED
    if "shift1" in name:
        habit = habit.model_copy(update={"shift": 1.0})
    return SamplingOptions.of(**config.get("sampling", {})).over(habit)


def abilities_of(config: dict[str, Any], name: str) -> frozenset[TaskName]:
    """Tasks a checkpoint was trained for: what config.json states under "tasks", else by its kind.

    Only base knows stems; sft lost them in tuning unless it was tuned on them.
    """
    if "tasks" in config:
        return frozenset(config["tasks"])
    tuned = "sft" in str(config.get("model_version") or name)
    if config.get("is_turbo") or (tuned and not config.get("is_lego_sft")):
        return FROM_WORDS
    return FROM_WORDS | STEMS
