"""One database for all processes: SQLite beside the songs, or PostgreSQL by address.

SQLite runs in WAL mode, where readers never wait for the writer, with every commit synced to the disk: a job that was
accepted survives a power cut. A write waits up to ten seconds for another process to finish its own. Who waits looks again
now and then, so whoever comes at the right moment wins; threads of one process therefore take turns, and only one at a
time waits for the other process.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, delete, event, func, select
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from melisma.studio.tables import Event

WAIT_MS = 10_000
EVENTS_LOCK = 6_352_854
# Hears, in this process, which kinds of events a transaction has just published.
Listener = Callable[[frozenset[str]], None]
log = logging.getLogger(__name__)


def sqlite_url(folder: Path) -> str:
    """Address of the embedded database of a data folder."""
    return f"sqlite:///{folder / 'melisma.db'}"


class Database:
    """Sessions on one database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.embedded = make_url(url).get_backend_name() == "sqlite"
        self.engine = create_engine(url, pool_pre_ping=not self.embedded)
        if self.embedded:
            event.listen(self.engine, "connect", prepare_sqlite)
            Turns().at(self.engine)
        else:
            event.listen(self.engine, "connect", prepare_postgresql)
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)
        self.listeners: list[Listener] = []
        event.listen(self.sessions, "before_commit", self._write_events)
        event.listen(self.sessions, "after_commit", run_afterwards)
        event.listen(self.sessions, "after_soft_rollback", forget_afterwards)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose changes land together when the block ends, or not at all."""
        with self.sessions.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only looks; it never waits for a writer."""
        with self.sessions() as session:
            session.connection(execution_options={"melisma_reading": True})
            yield session

    def _write_events(self, session: Session) -> None:
        """What was published goes in last, one transaction after another, so that ids become visible in their order.

        SQLite has one writer anyway. Elsewhere a lock that is held from here to the end sees to it; nothing is waited
        for after it, so nobody can wait in a circle.
        """
        events: list[Event] = session.info.pop("events", [])
        if session.in_nested_transaction():
            session.info["events"] = events
        elif events:
            if not self.embedded:
                session.execute(select(func.pg_advisory_xact_lock(EVENTS_LOCK)))
            old = {one.about for one in events if one.about}
            session.execute(delete(Event).where(Event.about.in_(old)))
            last = {one.about or id(one): one for one in events}
            session.add_all(last.values())
            session.flush()
            afterwards(session, partial(self._tell, frozenset(one.kind for one in events)))

    def _tell(self, kinds: frozenset[str]) -> None:
        for listener in self.listeners:
            listener(kinds)

    def migrate(self) -> None:
        """Bring the tables to this version."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["engine"] = self.engine
        command.upgrade(config, "head")

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def afterwards(session: Session, action: Callable[[], None]) -> None:
    """Do something once this transaction has landed; never if it does not. For files: they know no rollback."""
    session.info.setdefault("afterwards", []).append(action)


def run_afterwards(session: Session) -> None:
    """What was left for after the commit. A disk that refuses is logged: the rows stand, `library check` tidies up."""
    if session.in_nested_transaction():
        return
    for action in session.info.pop("afterwards", []):
        try:
            action()
        except OSError:
            log.exception("a file could not be written or removed")


def forget_afterwards(session: Session, previous: SessionTransaction) -> None:
    """Nothing landed."""
    if not previous.nested:
        session.info.pop("afterwards", None)
        session.info.pop("events", None)


def prepare_sqlite(connection: Any, record: object) -> None:
    """Settings of each SQLite connection; the driver's own transactions are switched off in favour of ours."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={WAIT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def prepare_postgresql(connection: Any, record: object) -> None:
    """PostgreSQL holds no NUL in a text and refuses the statement; whatever a client puts into a name is dropped here."""
    from psycopg.types.string import StrDumper

    class WithoutNul(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", ""))

    connection.adapters.register_dumper(str, WithoutNul)


class Turns:
    """Transactions of one process on SQLite: those that write come one after another."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def at(self, engine: Engine) -> None:
        """Look after the transactions of an engine."""
        event.listen(engine, "begin", self.begin)
        event.listen(engine, "commit", self.end)
        event.listen(engine, "rollback", self.end)

    def begin(self, connection: Any) -> None:
        """Take the write lock first where something will be written: a read that turns into a write cannot wait, it
        fails."""
        if connection.get_execution_options().get("melisma_reading"):
            connection.exec_driver_sql("BEGIN")
            return
        if not self.lock.acquire(timeout=WAIT_MS / 1000):
            raise OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError("database is locked"))
        connection.info["turn"] = self
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError:
            self.end(connection)
            raise

    def end(self, connection: Any) -> None:
        """The next one's turn; called before the commit itself, for which SQLite's own lock waits."""
        if connection.info.pop("turn", None):
            self.lock.release()
