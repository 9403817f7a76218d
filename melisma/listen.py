"""Progress and cancellation: the only thing that travels beside the data.

Long work calls `listen.stage(...)` once and `listen.step()` as it goes. A listener shows progress in its own way
(a bar, an event, nothing) and stops the work by raising `Cancelled` from either call.
"""


class Listener:
    """Hears what the engine is doing; this base class stays quiet."""

    def stage(self, name: str, steps: int = 1) -> None:
        """A new stage begins: `name` is a lower-case verb phrase ("denoise take 2"), `steps` its length."""

    def step(self) -> None:
        """One of the announced steps is done. May raise `Cancelled`."""

    def note(self, message: str) -> None:
        """Something a person should know: a fallback taken, a value rounded, a warning."""


quiet = Listener()
