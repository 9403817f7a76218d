"""Who stays on the device, and what comes back from it."""

import gc
import threading

import pytest
import torch
from torch import nn

from melisma.errors import BadRequest
from melisma.models.memory import Memory, Policy, move_in, move_out, size_of

CPU = torch.device("cpu")
KB = 1000


def part(kilobytes: int = 4) -> nn.Module:
    return nn.Linear(kilobytes * KB // 4, 1, bias=False)


class Tracked(Memory):
    """Notes who comes and goes instead of moving anyone."""

    def __init__(self, policy: str) -> None:
        super().__init__(CPU, Policy.parse(policy))
        self.moves: list[tuple[str, nn.Module]] = []

    def _move_in(self, module: nn.Module) -> dict:
        self.moves.append(("in", module))
        return {}

    def _move_out(self, guest) -> None:
        self.moves.append(("out", guest.module()))


def use(memory: Memory, *modules: nn.Module) -> None:
    for module in modules:
        with memory.hosting(module) as here:
            assert here is module


def test_keep_brings_each_once_and_sends_none_away() -> None:
    memory, a, b = Tracked("keep"), part(), part()
    use(memory, a, b, a, b)
    assert memory.moves == [("in", a), ("in", b)]
    assert memory.resident() == 8 * KB


def test_one_at_a_time() -> None:
    memory, a, b = Tracked("one"), part(), part()
    use(memory, a, a, b, a)
    assert memory.moves == [("in", a), ("out", a), ("in", b), ("out", b), ("in", a)]
    assert memory.resident() == 4 * KB


def test_a_budget_sends_away_who_was_unused_for_longest() -> None:
    memory, a, b, c, big = Tracked("budget:0.000010"), part(), part(), part(2), part(9)
    use(memory, a, b, a, c)
    assert [module for kind, module in memory.moves if kind == "out"] == []
    d = part()
    use(memory, d)
    assert memory.moves[-2:] == [("out", b), ("in", d)]
    assert memory.resident() == 10 * KB
    use(memory, big)
    assert memory.resident() == 9 * KB
    assert [module for kind, module in memory.moves if kind == "out"] == [b, a, c, d]


@pytest.mark.parametrize("policy", ["one", "budget:0.000001"])
def test_who_is_at_work_stays(policy: str) -> None:
    memory, a, b = Tracked(policy), part(), part()
    with memory.hosting(a), memory.hosting(b), memory.hosting(a):
        assert memory.resident() == 8 * KB
        assert ("out", a) not in memory.moves
    use(memory, c := part())
    assert memory.moves[-3:] == [("out", b), ("out", a), ("in", c)]


def test_work_that_fails_counts_as_done() -> None:
    memory, a, b = Tracked("one"), part(), part()
    with pytest.raises(RuntimeError, match="broke"), memory.hosting(a):
        raise RuntimeError("broke")
    use(memory, b)
    assert memory.moves == [("in", a), ("out", a), ("in", b)]


def test_release_empties_what_is_idle() -> None:
    memory, a, b = Tracked("keep"), part(), part()
    with memory.hosting(a):
        use(memory, b)
        memory.release()
        assert memory.resident() == 4 * KB
    memory.release()
    assert memory.resident() == 0


def test_a_network_nobody_holds_is_forgotten() -> None:
    memory, a = Tracked("keep"), part()
    use(memory, a)
    memory.moves.clear()
    del a
    gc.collect()
    assert memory.resident() == 0


def test_two_workers_share_a_device() -> None:
    memory, parts = Tracked("one"), [part() for _ in range(3)]
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                use(memory, *parts)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    memory.release()
    assert memory.resident() == 0
    arrivals = sum(kind == "in" for kind, _ in memory.moves)
    assert arrivals == sum(kind == "out" for kind, _ in memory.moves) > 3


@pytest.mark.parametrize(("text", "budget"), [("keep", None), ("one", None), ("budget:3.5", 3_500_000_000)])
def test_policies_read_and_write(text: str, budget: int | None) -> None:
    policy = Policy.parse(text)
    assert policy.budget == budget
    assert str(policy) == text


@pytest.mark.parametrize(
    "text", ["", "two", "budget", "budget:", "budget:-1", "budget:nan", "budget:inf", "keep:3", "one:1"]
)
def test_other_policies_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"keep, one, or budget:GB"):
        Policy.parse(text)


class Tied(nn.Module):
    """Two names for one weight, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("table", torch.arange(4.0), persistent=False)


def addresses(module: nn.Module) -> list[int]:
    return [tensor.data_ptr() for tensor in [*module.parameters(), *module.buffers()]]


def test_a_network_returns_to_the_tensors_it_came_from() -> None:
    module = Tied().requires_grad_(False)
    before, values = addresses(module), [t.clone() for t in module.parameters()]
    home = move_in(module, torch.clone)  # cloning stands for another device
    assert not set(addresses(module)) & set(before)
    assert module.head.weight is module.embed.weight
    move_out(module, home)
    assert addresses(module) == before
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), values, strict=True))
    assert size_of(module) == 5 * 3 * 4 + 4 * 4


@pytest.mark.parametrize("change", ["add", "replace", "widen"])
def test_what_was_changed_there_comes_back_changed(change: str) -> None:
    module = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)).half().requires_grad_(False)
    before = addresses(module)
    home = move_in(module, torch.clone)
    weight = module[0].weight
    if change == "add":
        weight.add_(1)
    elif change == "replace":
        weight.data = weight.data + 1
    else:
        module[0].float()
    expected = module[0].weight.clone()
    move_out(module, home)
    assert torch.equal(module[0].weight, expected)
    assert module[0].weight.dtype == expected.dtype
    assert addresses(module)[0] != before[0]
    assert addresses(module)[1] == before[1]


def test_moving_inside_inference_mode_leaves_ordinary_weights() -> None:
    module = nn.Linear(2, 2).requires_grad_(False)
    with torch.inference_mode():
        home = move_in(module, torch.clone)
        move_out(module, home)
    assert not module.weight.is_inference()
    module.weight.add_(1)
