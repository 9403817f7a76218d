"""A hall: a data folder with a toy model and two people."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hall import HALTING, Hall, Halts, until

from melisma.studio.database import Database, sqlite_url
from melisma.studio.files import Files
from melisma.studio.settings import Settings
from melisma.studio.tables import User


@pytest.fixture(scope="session")
def toy_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of melisma with a toy model and its planner."""
    from melisma.toys import write_toy

    home = tmp_path_factory.mktemp("home")
    write_toy(home / "models" / "toy", planner=True)
    return home


@pytest.fixture
def hall(tmp_path: Path, toy_home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    monkeypatch.setenv("MELISMA_HOME", str(toy_home))
    monkeypatch.setenv("MELISMA_OFFLINE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    embedded = database_url == sqlite_url(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    url = sqlite_url(data) if embedded else database_url
    settings = Settings(data=data, device="cpu", database=url, port=0)
    database = Database(url)
    database.migrate()
    people = {"You": User(name="You", admin=True), "Ann": User(name="Ann"), "Bob": User(name="Bob")}
    with database.transaction() as session:
        session.add_all(people.values())
    yield Hall(settings, database, Files(data / "files"), people)
    database.close()


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """The socket of a process that has imported all that a worker needs."""
    path = Path(tempfile.mkdtemp(prefix="melisma-")) / "s"  # names of sockets are short
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, str(HALTING), "template", str(path)], env=environment)
    until(path.exists, 120)
    yield path
    process.kill()
    process.wait()
    shutil.rmtree(path.parent)


@pytest.fixture
def halts(hall: Hall) -> Halts:
    """Where a worker process halts."""
    return Halts(hall.settings.data / "halts")
