"""Giving a module its weights: all of them and no others, without a copy."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from melisma.errors import BadCheckpoint
from melisma.models.files import AGAIN


def fill(module: nn.Module, state: Mapping[str, Tensor], source: Path | str) -> None:
    """Make the tensors of `state` the weights of a module, which may lie on the meta device.

    Raises BadCheckpoint with what is missing, unexpected or of another shape; `source` is only named.
    """
    mine = module.state_dict()
    wrong = {
        "missing": mine.keys() - state.keys(),
        "unexpected": state.keys() - mine.keys(),
        "of another shape": {key for key in mine.keys() & state.keys() if mine[key].shape != state[key].shape},
    }
    said = [
        f"{len(keys)} {what} ({', '.join(sorted(keys)[:3])}{', …' if len(keys) > 3 else ''})"
        for what, keys in wrong.items()
        if keys
    ]
    if said:
        raise BadCheckpoint(f"the weights of {source} do not fit this network: {'; '.join(said)}. {AGAIN}")
    module.load_state_dict(dict(state), assign=True)
