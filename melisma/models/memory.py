"""Who stays on the device: networks come for the work they do and leave by a stated rule.

A caller writes `with memory.hosting(network):` and finds the network on the compute device inside. What happens to the
others is the policy's:

- `keep`: everything that was used stays.
- `one`: what is not at work leaves before the next arrives.
- `budget:GB`: the networks that were not used for longest leave until the next fits.

A network is a part, not a checkpoint: condition encoder, decoder, tokenizer, detokenizer, text encoder, autoencoder and
planner come and go on their own. Leaving costs nothing: weights are read-only maps of their files, so a network returns
to the tensors it came from, unless they were changed on the device (an adapter, a wider precision); then these are
copied back.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from melisma.errors import BadRequest

GB = 10**9


@dataclass(frozen=True)
class Policy:
    """A memory rule. `budget` is in bytes and only given for the rule of that name."""

    rule: Literal["keep", "one", "budget"]
    budget: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Read "keep", "one" or "budget:GB"; raises BadRequest for anything else."""
        rule, _, amount = text.partition(":")
        if rule in ("keep", "one") and not amount:
            return cls(rule)  # type: ignore[arg-type]
        try:
            gigabytes = float(amount)
        except ValueError:
            gigabytes = 0.0
        if rule != "budget" or not 0 < gigabytes < float("inf"):
            raise BadRequest(f"memory policy {text!r} is not understood: use keep, one, or budget:GB as in budget:3.5")
        return cls("budget", round(gigabytes * GB))

    def __str__(self) -> str:
        return f"budget:{(self.budget or 0) / GB:g}" if self.rule == "budget" else self.rule


# Where the tensors of a module came from, by the address and version they had on arrival.
Home = dict[tuple[int, int], Tensor]


@dataclass
class _Guest:
    module: weakref.ref[nn.Module]  # a network that its owner dropped is gone, not kept alive here
    home: Home
    working: int = 0


class Memory:
    """The networks on one device, in the order they were last used."""

    def __init__(self, device: torch.device, policy: Policy) -> None:
        self.device, self.policy = device, policy
        self._guests: dict[int, _Guest] = {}
        self._lock = threading.RLock()

    @contextmanager
    def hosting(self, module: nn.Module) -> Iterator[nn.Module]:
        """The module is on the device inside. May be nested; what is at work is never sent away."""
        with self._lock:
            guest = self._arrive(module)
            guest.working += 1
        try:
            yield module
        finally:
            with self._lock:
                guest.working -= 1

    def resident(self) -> int:
        """Bytes of weights on the device."""
        with self._lock:
            self._forget()
            # Measured each time: a network may have been widened where it is.
            return sum(size_of(module) for guest in self._guests.values() if (module := guest.module()) is not None)

    def release(self) -> None:
        """Send away all that is not at work."""
        with self._lock:
            for guest in self._idle():
                self._leave(guest)

    def _forget(self) -> None:
        for key in [key for key, guest in self._guests.items() if guest.module() is None]:
            del self._guests[key]

    def _arrive(self, module: nn.Module) -> _Guest:
        self._forget()
        guest = self._guests.pop(id(module), None)
        if guest is None:
            self._make_room(size_of(module))
            guest = _Guest(weakref.ref(module), self._move_in(module))
        self._guests[id(module)] = guest  # last in the order: used just now
        return guest

    def _make_room(self, size: int) -> None:
        for guest in self._idle():
            if self.policy.rule == "keep" or (
                self.policy.rule == "budget" and self.resident() + size <= (self.policy.budget or 0)
            ):
                return
            self._leave(guest)

    def _idle(self) -> list[_Guest]:
        return [guest for guest in self._guests.values() if not guest.working]

    def _leave(self, guest: _Guest) -> None:
        self._guests = {key: other for key, other in self._guests.items() if other is not guest}
        self._move_out(guest)

    def _move_in(self, module: nn.Module) -> Home:
        return {} if self.device.type == "cpu" else move_in(module, lambda tensor: tensor.to(self.device))

    def _move_out(self, guest: _Guest) -> None:
        module = guest.module()
        if self.device.type == "cpu" or module is None:
            return
        move_out(module, guest.home)
        getattr(torch, self.device.type).empty_cache()


def size_of(module: nn.Module) -> int:
    """Bytes of a module's weights and tables; shared ones count once."""
    return sum(tensor.nbytes for tensor in {id(t): t for t in [*module.parameters(), *module.buffers()]}.values())


def move_in(module: nn.Module, there: Callable[[Tensor], Tensor]) -> Home:
    """Replace a module's tensors by what `there` makes of them; returns what `move_out` needs."""
    came_from: dict[int, Tensor] = {}

    def moved(tensor: Tensor) -> Tensor:
        # A tensor met again is shared by two modules and has moved already.
        if tensor.data_ptr() in came_from:
            return tensor
        arrived = there(tensor.detach())
        if arrived.data_ptr() != tensor.data_ptr():
            came_from[arrived.data_ptr()] = tensor.detach()
        return arrived

    with torch.inference_mode(False), torch.no_grad():
        module._apply(moved)
    return {
        (t.data_ptr(), t._version): came_from[t.data_ptr()]
        for t in [*module.parameters(), *module.buffers()]
        if t.data_ptr() in came_from
    }


def move_out(module: nn.Module, home: Home) -> None:
    """Return a module to the tensors it came from; what was changed there is copied to the CPU instead."""

    def returned(tensor: Tensor) -> Tensor:
        before = home.get((tensor.data_ptr(), tensor._version))
        if before is None or before.dtype != tensor.dtype or before.shape != tensor.shape:
            return tensor.detach().to("cpu")
        return before

    with torch.inference_mode(False), torch.no_grad():
        module._apply(returned)
