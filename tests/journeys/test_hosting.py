"""Every part is used only while it is hosted: whoever has left the device is poison until it returns."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from melisma.engine import Band, perform
from melisma.models.memory import Home, Memory, Policy, _Guest
from melisma.models.store import Store
from melisma.song import SongRequest
from melisma.toys import write_toy


class Poisoned(Memory):
    """One part at a time; those that leave turn to NaN, and are healed when they come back."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"), Policy("one"))
        self.healthy: dict[int, list[Tensor]] = {}

    def _move_in(self, module: nn.Module) -> Home:
        tensors = iter(self.healthy.pop(id(module), []))
        module._apply(lambda tensor: next(tensors, tensor))
        return {}

    def _move_out(self, guest: _Guest) -> None:
        module = guest.module()
        assert module is not None
        kept: list[Tensor] = []

        def poisoned(tensor: Tensor) -> Tensor:
            kept.append(tensor.detach())
            return torch.full_like(tensor, float("nan")) if tensor.is_floating_point() else tensor

        module._apply(poisoned)
        self.healthy[id(module)] = kept


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("hosted"), kind="base")


@pytest.mark.parametrize(
    "task",
    [
        {"kind": "compose"},
        {"kind": "cover", "strength": 0.5},
        {"kind": "repaint", "start_s": 1.0, "end_s": 1.5},
        {"kind": "edit", "source_caption": "slow"},
    ],
    ids=lambda task: task["kind"],
)
def test_no_part_is_used_while_it_is_away(task: dict, bundle: Path, tune: Path) -> None:
    source = {} if task["kind"] == "compose" else {"source": {"path": str(tune)}}
    request = SongRequest.of(
        model=str(bundle), caption="folk", duration_s=2.0, seeds=(1,), sampling={"steps": 2}, task={**task, **source}
    )
    expected = perform(request, Band.of(request, Store("cpu"))).takes[0].latents
    store = Store("cpu")
    store.memory = Poisoned()
    band = Band.of(request, store)
    for _ in range(2):  # the second time every part but the last has been away
        heard = perform(request, band).takes[0]
        assert torch.equal(heard.latents, expected)
        assert len(store.memory._guests) == 1
    assert len(store.memory.healthy) >= 3
