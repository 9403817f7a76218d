"""From the folders of a 1.5 checkpoint to a generator ready to play."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from melisma.errors import MissingModel
from melisma.generators.base import Hosting, at_home
from melisma.generators.v15.generator import V15
from melisma.models.files import fingerprint
from melisma.models.habits import abilities_of, preferred_by
from melisma.models.text import TextEncoder
from melisma.models.v15 import load_checkpoint
from melisma.models.v15.weights import PARTS


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
