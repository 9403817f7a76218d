"""Tiny networks with recorded weights."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from melisma.models.v15 import AceStep15, AceStep15Config

DATA = Path(__file__).parents[2] / "data/v15"


@pytest.fixture(scope="session")
def recorded() -> dict[str, AceStep15]:
    """Networks "2b" and "xl" with the weights whose outputs were recorded."""
    nets = {}
    for size in ("2b", "xl"):
        net = AceStep15(AceStep15Config.from_dict(json.loads((DATA / f"config_{size}.json").read_text())))
        net.load_official(load_file(DATA / f"weights_{size}.safetensors"))
        nets[size] = net.eval().requires_grad_(False)
    return nets
