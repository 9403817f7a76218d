"""Progress on the terminal: one bar per stage with time left, on stderr so that stdout stays for results."""

from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from melisma.listen import Listener


class Bars(Listener):
    """Draws bars where stderr is a terminal; elsewhere only notes are printed."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not Console(stderr=True).is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, name: str, steps: int = 1) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=self._progress.tasks[self._task].total)
        self._task = self._progress.add_task(name, total=steps)

    def step(self) -> None:
        if self._task is not None:
            self._progress.advance(self._task)

    def note(self, message: str) -> None:
        if self._progress.disable:
            click.echo(message, err=True)
        else:
            self._progress.console.print(message, style="dim")
