"""Who may write, and when."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from melisma.studio import database
from melisma.studio.database import Database
from melisma.studio.tables import User


@pytest.fixture
def kept(database_url: str) -> Iterator[Database]:
    """A database with one person."""
    kept = Database(database_url)
    kept.migrate()
    with kept.transaction() as session:
        session.add(User(name="Ann"))
    yield kept
    kept.close()


def people(kept: Database) -> int:
    with kept.reading() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def write(session: Session) -> None:
    session.execute(update(User).values(name="Bob"))


def refused(kept: Database) -> bool:
    """Whether a write is refused."""
    try:
        with kept.transaction() as session:
            write(session)
    except OperationalError:
        return True
    return False


def test_writers_of_one_process_take_turns_and_none_waits_for_ever(
    kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept.embedded:
        pytest.skip("elsewhere rows are locked, not the database")
    monkeypatch.setattr(database, "WAIT_MS", 50)
    kept.engine.dispose()  # connections made from here on wait no longer than that
    with ThreadPoolExecutor(1) as another:
        with kept.transaction() as session:
            write(session)
            assert another.submit(refused, kept).result()
            assert another.submit(people, kept).result() == 1  # reading goes on
        assert not another.submit(refused, kept).result()
        # A turn ends with the transaction, however that ends.
        with suppress(KeyError), kept.transaction() as session:
            write(session)
            raise KeyError
        assert not another.submit(refused, kept).result()
        # Another process holds the database: whoever gave up leaves the turn to the next.
        other = sqlite3.connect(str(kept.engine.url.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert refused(kept)
        other.execute("ROLLBACK")
        other.close()
        assert not another.submit(refused, kept).result()


def test_nobody_who_writes_is_left_behind(kept: Database) -> None:
    """Eight threads that write all the time: each gets about as far as the others."""
    if not kept.embedded:
        pytest.skip("elsewhere rows are locked, not the database")
    done = [0] * 8

    def keep_writing(number: int) -> None:
        while max(done) < 25:
            with kept.transaction() as session:
                write(session)
            done[number] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep_writing, range(8)))
    assert min(done) >= 5, done
