"""A studio on a network, with people and strangers; and an open one. No worker, and passwords that are quick to check."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from melisma.studio.access import Passwords
from melisma.studio.app import create_app
from melisma.studio.context import Context
from melisma.studio.settings import Settings

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HERE = "http://127.0.0.1:7788"
AT_HOME = "http://192.168.1.20:7788"


@dataclass
class House:
    """A running studio."""

    app: FastAPI
    studio: Context
    base: str

    def client(self, **options: Any) -> TestClient:
        """A browser, or a program, that nobody knows yet."""
        return TestClient(self.app, base_url=self.base, **options)

    def owner(self, name: str = "Ann", password: str = "correct horse") -> TestClient:
        """The owner's browser, the first account made."""
        client = self.client()
        said = {"name": name, "password": password, "passcode": self.studio.access.passcode}
        answer = client.post("/api/setup", json=said)
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    def signed_in(self, name: str, password: str) -> TestClient:
        """Somebody's browser."""
        client = self.client()
        answer = client.post("/api/login", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client


def built(folder: Path, base: str, **settings: Any) -> tuple[FastAPI, Context]:
    app = create_app(Settings(data=folder, **settings), worker=False)
    studio: Context = app.state.studio
    studio.access.passwords = Passwords(QUICK)
    return app, studio


@pytest.fixture
def make(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., House]]:
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path / "home"))
    made: list[House] = []

    def house(base: str = HERE, **settings: Any) -> House:
        app, studio = built(tmp_path / "data", base, database=database_url, **settings)
        studio.database.migrate()
        made.append(House(app, studio, base))
        return made[-1]

    yield house
    for one in made:
        one.studio.database.close()


@pytest.fixture
def open_house(make: Callable[..., House]) -> House:
    """A studio that asks nobody."""
    return make()


@pytest.fixture
def house(make: Callable[..., House]) -> House:
    """A studio on the network, nobody there yet."""
    return make(AT_HOME, lan=True)
