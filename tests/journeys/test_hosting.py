"""Every part is used only while it is hosted: whoever has left the device is poison until it returns."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from melisma.engine import Band, best, perform, rehearse
from melisma.models.memory import Home, Memory, Policy, _Guest
from melisma.models.store import Store
from melisma.song import SongRequest
from melisma.toys import write_toy


class Poisoned(Memory):
    """One part at a time; those that leave turn to NaN, and are healed when they come back."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"), Policy("one"))
        self.healthy: dict[int, dict[int, Tensor]] = {}

    def _move_in(self, module: nn.Module) -> Home:
        healthy = self.healthy.pop(id(module), {})
        module._apply(lambda tensor: healthy.get(tensor.data_ptr(), tensor))
        return {}

    def _move_out(self, guest: _Guest) -> None:
        module = guest.module()
        assert module is not None
        kept: dict[int, Tensor] = {}

        def poisoned(tensor: Tensor) -> Tensor:
            if tensor.data_ptr() in kept or not tensor.is_floating_point():  # met again: two modules share it
                return tensor
            nothing = torch.full_like(tensor, float("nan"))
            kept[nothing.data_ptr()] = tensor.detach()
            return nothing

        module._apply(poisoned)
        self.healthy[id(module)] = kept


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy(tmp_path_factory.mktemp("hosted"), kind="base", planner=True)


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
        model=str(bundle),
        caption="folk",
        duration_s=2.0,
        seeds=(1,),
        sampling={"steps": 2},
        task={**task, **source},
        planning={"use_planner": False},
    )
    expected = perform(request, Band.of(request, Store("cpu", dtype=torch.float32))).takes[0].latents
    store = Store("cpu", dtype=torch.float32)
    store.memory = Poisoned()
    band = Band.of(request, store)
    for _ in range(2):  # the second time every part but the last has been away
        heard = perform(request, band).takes[0]
        assert torch.equal(heard.latents, expected)
        assert len(store.memory._guests) == 1
    assert len(store.memory.healthy) >= 3


def test_the_planner_leaves_before_the_music_comes(bundle: Path) -> None:
    """It works while it plans and while it judges, and is away in between."""
    request = SongRequest.of(
        model=str(bundle),
        caption="folk",
        lyrics="la la",
        duration_s=2.0,
        seeds=(1, 2),
        sampling={"steps": 2},
        **{"bpm": 100, "key": "C major", "meter": 4, "planning": {"seed": 1}},
    )
    resting = Band.of(request, Store("cpu", dtype=torch.float32))
    expected = best(list(perform(request, resting).takes), 2, resting.planner)
    store = Store("cpu", dtype=torch.float32)
    store.memory = Poisoned()
    band = Band.of(request, store)
    assert band.planner is not None
    network = band.planner.language.network
    rehearsal = rehearse(request, band)
    takes = [rehearsal.take(seed) for seed in rehearsal.seeds]
    assert network.model.embed_tokens.weight.isnan().all()
    heard = best(takes, 2, band.planner)
    assert [take.provenance.reasons for take in heard] == [take.provenance.reasons for take in expected]
    assert [take.provenance.blueprint.codes for take in heard] == [t.provenance.blueprint.codes for t in expected]
    assert [guest.module() for guest in store.memory._guests.values()] == [network]
    assert not network.model.embed_tokens.weight.isnan().any()
    # head and embedding are one table, also after a journey
    assert network.lm_head.weight is network.model.embed_tokens.weight
