"""The server as a whole: its page, its refusals, and the command that starts it."""

import json
import socket
import sqlite3
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hall import Hall

from melisma.cli.studio import alone, bound, settings_of
from melisma.errors import BadRequest
from melisma.studio import app as app_
from melisma.studio import database
from melisma.studio.app import create_app
from melisma.studio.settings import Settings

HERE = "http://127.0.0.1:7788"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>melisma</h1>")
    (folder / "assets" / "index-abc.js").write_text("let a = 1;" * 200)
    monkeypatch.setattr(app_, "PAGE", folder)
    return folder


def test_the_page_answers_its_own_addresses_and_the_api_its_own(hall: Hall, page: Path) -> None:
    with TestClient(create_app(hall.settings, worker=False), base_url=HERE) as client:
        for address in ("/", "/library/some-song", "/settings"):
            answer = client.get(address)
            assert (answer.status_code, answer.text) == (200, "<h1>melisma</h1>")
            assert answer.headers["cache-control"] == "no-cache"
        script = client.get("/assets/index-abc.js")
        assert "immutable" in script.headers["cache-control"]
        assert script.headers["content-encoding"] == "gzip"
        assert client.get("/assets/gone.js").status_code == 404
        assert client.get("/../pyproject.toml").text == "<h1>melisma</h1>"
        for method in ("GET", "POST"):
            answer = client.request(method, "/api/nothing")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert client.get("/api/me").json()["user"]["name"] == "You"


def test_refusals_are_problems_with_words(hall: Hall) -> None:
    with TestClient(create_app(hall.settings, worker=False), base_url=HERE) as client:
        answer = client.post("/api/jobs", json={"request": {"bpm": 5, "colour": "red"}})
        assert answer.status_code == 422
        assert set(answer.json()) == {"detail", "code"}
        assert "request.bpm: " in answer.json()["detail"]
        assert "request.colour: " in answer.json()["detail"]
        assert client.put("/api/jobs").status_code == 405
        assert client.post("/api/jobs", content=b"{", headers={"content-type": "application/json"}).status_code == 422


def test_a_database_that_stays_locked_is_said_so(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hall.database.embedded:
        pytest.skip("only SQLite is locked as a whole")
    monkeypatch.setattr(database, "WAIT_MS", 50)
    with TestClient(create_app(hall.settings, worker=False), base_url=HERE) as client:
        other = sqlite3.connect(hall.settings.data / "melisma.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = client.post("/api/jobs", json={"request": {"caption": "a waltz"}})
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "2")
        assert client.get("/api/jobs").json() == []  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        assert client.post("/api/jobs", json={"request": {"caption": "a waltz"}}).status_code == 201


def test_a_full_disk_is_said_so(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from melisma.studio import routes

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(routes.jobs.jobs, "submit", full)
    with TestClient(create_app(hall.settings, worker=False), base_url=HERE) as client:
        answer = client.post("/api/jobs", json={"request": {"caption": "a waltz"}})
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")


def test_every_route_refuses_with_a_problem(hall: Hall) -> None:
    schema = create_app(hall.settings, worker=False).openapi()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            said = json.dumps(operation["responses"].get("4XX"))
            assert "Problem" in said, path


# --- The command


def test_flags_are_settings_and_bad_ones_are_told(tmp_path: Path) -> None:
    settings = settings_of({"data": str(tmp_path), "port": 0, "lan": None, "memory": None})
    assert (settings.data, settings.port, settings.lan) == (tmp_path, 0, False)
    with pytest.raises(BadRequest, match="add --lan"):
        settings_of({"host": "0.0.0.0"})


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadRequest, match=f"port {port} .*--port, 0 for any"):
            bound(Settings(data=tmp_path, port=port))


def test_two_studios_do_not_share_a_folder(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with alone(settings), pytest.raises(BadRequest, match="is running on"), alone(settings):
        pass
    with alone(settings):
        pass
