"""What wakes the event streams of this process, so that they need not ask all the time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """Wakes the streams of this process. Rung from any thread."""

    def __init__(self) -> None:
        self.sleepers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @contextmanager
    def sleeper(self) -> Iterator[asyncio.Event]:
        """While inside, this is set whenever the bell rings; whoever waits on it clears it."""
        sleeper = asyncio.Event()
        self.sleepers[sleeper] = asyncio.get_running_loop()
        try:
            yield sleeper
        finally:
            del self.sleepers[sleeper]

    def ring(self, kinds: frozenset[str] = frozenset()) -> None:
        """Something was published."""
        for sleeper, loop in list(self.sleepers.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(sleeper.set)
