"""The tiny network whose outputs were recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from melisma.models.v1 import AceStep1, AceStep1Config

DATA = Path(__file__).parents[2] / "data/v1"


@pytest.fixture(scope="session")
def cases() -> dict[str, Any]:
    """Sizes and parameters of what was recorded."""
    return json.loads((DATA / "cases.json").read_text())


@pytest.fixture(scope="session")
def net(cases: dict[str, Any]) -> AceStep1:
    """With projectors, as for training."""
    sizes = cases["transformer"]
    net = AceStep1(AceStep1Config.from_dict(sizes["config"], sizes["lyric_encoder"]), projectors=True)
    net.load_official(load_file(DATA / "transformer_weights.safetensors"))
    return net.eval().requires_grad_(False)
