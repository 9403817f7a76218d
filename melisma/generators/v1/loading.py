"""From a v1 checkpoint to a generator ready to play."""

from pathlib import Path

import torch

from melisma.generators.base import Hosting, at_home
from melisma.generators.v1.generator import V1
from melisma.models.v1 import load_checkpoint


def load_v1(
    path: Path,
    *,
    device: torch.device,
    dtype: torch.dtype,
    hosting: Hosting | None = None,
    name: str | None = None,
) -> V1:
    """Load a checkpoint: an official folder, or a ComfyUI file. With `hosting` parts move to the device on use; without
    it they are put there and stay."""
    checkpoint = load_checkpoint(path, dtype)
    if hosting is None:
        checkpoint.net.to(device)
        checkpoint.text.module.to(device)
        hosting = at_home
    return V1(
        net=checkpoint.net,
        text=checkpoint.text,
        lyrics=checkpoint.lyrics,
        name=name or path.stem,
        fingerprint=checkpoint.fingerprint,
        device=device,
        dtype=dtype,
        hosting=hosting,
    )
