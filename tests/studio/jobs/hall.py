"""What the tests of the queue share: a data folder with a toy model, people, a worker in this process or in its own."""

import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from melisma.song import SongRequest
from melisma.studio import jobs
from melisma.studio.bell import Bell
from melisma.studio.database import Database
from melisma.studio.files import Files
from melisma.studio.settings import Settings
from melisma.studio.shapes import SingIn
from melisma.studio.supervisor import Supervisor
from melisma.studio.tables import Job, JobNote, Song, Take, User

MODEL = "toy/acestep-v15-turbo"
HALTING = Path(__file__).with_name("halting_worker.py")


def asked(**fields: Any) -> dict[str, Any]:
    """A request for a second of toy music."""
    return {
        "caption": "a slow waltz",
        "duration_s": 1.0,
        "model": MODEL,
        "planning": {"use_planner": False},
        "sampling": {"steps": 2},
        **fields,
    }


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until something holds, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError(f"did not happen within {seconds:g} s")


@dataclass
class Hall:
    """A studio's data, without server and worker."""

    settings: Settings
    database: Database
    files: Files
    people: dict[str, User] = field(default_factory=dict)

    def sing(self, who: str = "You", *, priority: int = 0, keep: int | None = None, **fields: Any) -> str:
        """Submit a song; the job's id."""
        body = SingIn(request=SongRequest.model_validate(asked(**fields)), priority=priority, keep=keep)
        user = self.people[who]
        with self.database.transaction() as session:
            make = lambda: jobs.sing(session, self.files, user, body)  # noqa: E731
            return jobs.submit(session, user, "sing", body, None, 10_000, make).id

    def bare(self, who: str = "You", kind: str = "sing", priority: int = 0) -> str:
        """A row of the queue, for tests of its order alone."""
        with self.database.transaction() as session:
            job = Job(kind=kind, owner_id=self.people[who].id, priority=priority, request={})
            session.add(job)
            session.flush()
            return job.id

    def job(self, job_id: str) -> Job:
        with self.database.reading() as session:
            return session.get_one(Job, job_id)

    def state(self, job_id: str) -> str:
        return self.job(job_id).state

    def over(self, job_id: str, seconds: float = 60.0) -> Job:
        """The job, once it is over."""
        until(lambda: self.state(job_id) in jobs.OVER, seconds)
        return self.job(job_id)

    def takes(self, job_id: str) -> list[Take]:
        with self.database.reading() as session:
            return list(session.scalars(select(Take).where(Take.job_id == job_id).order_by(Take.number)))

    def notes(self, job_id: str) -> list[str]:
        with self.database.reading() as session:
            return list(session.scalars(select(JobNote.text).where(JobNote.job_id == job_id).order_by(JobNote.id)))

    def count(self, table: type[Job] | type[Take] | type[Song]) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def flacs(self) -> int:
        """Sounds on the disk."""
        return sum(path.suffix == ".flac" for path in self.files.all())

    def act(self, what: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Something in a transaction."""
        with self.database.transaction() as session:
            return what(session, *arguments, **options)

    @contextmanager
    def worker(self) -> Iterator[Any]:
        """A worker in this process, where its parts can be broken."""
        from melisma.studio.worker import Worker

        worker = Worker(self.settings, io.StringIO())
        worker.introduce = lambda: None
        self.database.listeners.append(lambda kinds: worker.look())
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        try:
            yield worker
        finally:
            self.database.listeners.pop()
            worker.leaving.set()
            worker.look()
            thread.join(30)
            assert not thread.is_alive()

    @contextmanager
    def process(self, template: Path) -> Iterator[Supervisor]:
        """A worker in a process of its own, started again when it dies; see `halting_worker`."""
        command = (sys.executable, str(HALTING), "worker", str(template), str(self.settings.data / "halts"))
        supervisor = Supervisor(self.settings, self.database, Bell(), command)
        supervisor.start()
        try:
            yield supervisor
        finally:
            supervisor.stop()


@dataclass
class Halts:
    """Where a worker process stops and waits to be killed: at the named stage of the nth take."""

    folder: Path

    def at(self, stage: str, take: int = 1) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "halted").unlink(missing_ok=True)
        (self.folder / "wanted").write_text(json.dumps([stage, take]))

    def pid(self, seconds: float = 90.0) -> int:
        """The process that halted."""
        found = until(lambda: (self.folder / "halted").exists() and (self.folder / "halted").read_text(), seconds)
        return int(found)

    def kill(self, signal: int = 9, then: tuple[str, int] | None = None) -> None:
        """Kill what halted; the next worker halts at `then`, or not at all."""
        pid = self.pid()
        if then:
            self.at(*then)
        else:
            (self.folder / "wanted").unlink()
            (self.folder / "halted").unlink()
        os.kill(pid, signal)
