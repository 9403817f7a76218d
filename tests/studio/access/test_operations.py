"""Running a studio: settings, figures, logs, machine and models."""

import io
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from melisma.models.catalogue import ALL, named
from melisma.models.machine import examine
from melisma.models.places import place_of
from melisma.studio import facts, lan, logs
from melisma.studio.settings import Settings
from melisma.studio.tables import Job, User
from melisma.toys import write_toy

# --- Settings -------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_flags_win_over_the_environment_and_that_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "studio.toml").write_text('port = 1\nqueue_limit = 2\ntrash_days = 3\nhosts = ["a.example"]\n')
    monkeypatch.setenv("MELISMA_STUDIO_PORT", "4")
    monkeypatch.setenv("MELISMA_STUDIO_QUEUE_LIMIT", "5")
    found = Settings(port=6)
    assert (found.port, found.queue_limit, found.trash_days, found.hosts) == (6, 5, 3, ("a.example",))
    assert found.data == home / "studio"


def test_names_are_separated_by_commas(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELISMA_STUDIO_HOSTS", "Music.example, b.example,")
    assert Settings().hosts == ("music.example", "b.example")


def test_a_setting_that_is_none_is_refused(home: Path) -> None:
    (home / "studio.toml").write_text("colour = 1\n")
    with pytest.raises(ValidationError, match="colour"):
        Settings()


def test_nothing_is_open_to_all(home: Path) -> None:
    with pytest.raises(ValidationError, match="add --lan"):
        Settings(host="0.0.0.0")
    assert Settings().listen_at == "127.0.0.1"
    assert Settings(lan=True).listen_at == "0.0.0.0"
    assert Settings(lan=True, host="192.168.1.20").listen_at == "192.168.1.20"


# --- Health and figures ---------------------------------------------------------------------------------------------


def figures(client: Any) -> dict[tuple[str, ...], float]:
    """All samples by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_health_and_readiness(open_house, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_house.client()
    assert client.get("/health").json()["status"] == "ok"
    say(open_house, "worker", state="ready")
    assert client.get("/ready").json() == {"ready": True, "checks": {"database": None, "disk": None, "worker": None}}
    say(open_house, "worker", state="down")
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    monkeypatch.setattr(type(open_house.studio.files), "free_bytes", lambda self: 1_000_000)
    assert client.get("/ready").json()["checks"]["disk"] == "Only 1 MB are free."


def test_a_database_that_is_away_is_told(open_house) -> None:
    client = open_house.client()
    open_house.studio.database.close()
    if not open_house.studio.database.embedded:
        pytest.skip("a server's tables stay")
    path = open_house.studio.database.engine.url.database
    for file in (path, f"{path}-wal", f"{path}-shm"):
        Path(file).unlink(missing_ok=True)
    Path(path).mkdir()
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert client.get("/health").status_code == 200


def test_the_queue_in_figures(open_house) -> None:
    client = open_house.client()
    owner = open_house.studio.access.owner()
    with open_house.studio.database.transaction() as session:
        session.add_all(Job(owner_id=owner.id, kind="sing", state=state) for state in ("queued", "queued", "failed"))
    found = figures(client)
    assert [found["melisma_jobs", state] for state in ("queued", "running", "failed")] == [2, 0, 1]
    assert found["melisma_queue_oldest_seconds",] >= 0
    assert found["melisma_songs",] == 0
    assert found["melisma_disk_free_bytes",] > 0


def test_what_the_worker_says_in_figures(open_house) -> None:
    timings = facts.Timings()
    timings.stage("denoise take 1", 2.0)
    timings.stage("denoise take 2", 4.0)
    timings.stage("decode", 0.05)
    timings.job("sing", "done", 7.5)
    with open_house.studio.database.transaction() as session:
        facts.say(session, "work", timings.as_fact())
        facts.say(session, "worker", {"state": "ready", "accelerator_bytes": 80, "accelerator_free_bytes": 30})
    found = figures(open_house.client())
    assert found["melisma_stage_seconds_count", "denoise"] == 2
    assert found["melisma_stage_seconds_sum", "denoise"] == 6.0
    assert found["melisma_stage_seconds_bucket", "3.0", "denoise"] == 1
    assert found["melisma_stage_seconds_bucket", "+Inf", "denoise"] == 2
    assert found["melisma_stage_seconds_bucket", "0.1", "decode"] == 1
    assert found["melisma_job_seconds_count", "sing", "done"] == 1
    assert found["melisma_worker_accelerator_free_bytes",] == 30
    assert (found["melisma_worker", "ready"], found["melisma_worker", "down"]) == (1, 0)


def test_answers_are_counted_by_route_not_by_address(open_house) -> None:
    client = open_house.client()
    for path in ("/api/songs/a", "/api/songs/b", "/api/nothing/x", "/api/nothing/y"):
        client.get(path)
    client.request("BREW", "/api/songs")
    found = figures(client)
    assert found["melisma_http_seconds_count", "GET", "/api/songs/{song_id}", "404"] == 2
    assert not [labels for labels in found if "BREW" in labels or "/api/nothing/x" in labels]


def test_figures_are_for_administrators(house) -> None:
    ann = house.owner("Ann")
    ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).raise_for_status()
    assert house.signed_in("Bob", "bobs secret").get("/metrics").status_code == 403
    secret = ann.post("/api/tokens", json={"name": "prometheus", "scopes": ["read"]}).json()["secret"]
    assert figures(house.client(headers={"Authorization": f"Bearer {secret}"}))


# --- Logs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up("json", "info", stream)
    yield stream
    root.handlers, root.level = before, level


def test_a_line_says_which_request_it_belongs_to(open_house, log: io.StringIO) -> None:
    answer = open_house.client().get("/api/songs?q=secret")
    open_house.client().get("/health")
    rows = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [row["event"] for row in rows] == ["GET /api/songs 200"]
    assert rows[0]["request"] == answer.headers["x-request-id"]
    assert rows[0]["ms"] >= 0
    assert "secret" not in log.getvalue()


def test_a_line_says_which_job_it_belongs_to(log: io.StringIO) -> None:
    with logs.bound(job="j1"):
        logging.getLogger("melisma.studio.worker").warning("slow")
    try:
        raise ValueError("bad")
    except ValueError:
        logging.getLogger("x").exception("failed")
    first, second = (json.loads(line) for line in log.getvalue().splitlines())
    assert (first["job"], first["level"], first["event"]) == ("j1", "warning", "slow")
    assert "job" not in second
    assert "ValueError: bad" in second["exception"]


def test_people_get_lines_they_can_read() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up("console", "warning", stream)
    logging.getLogger("melisma").info("quiet")
    logging.getLogger("melisma").warning("loud")
    root.handlers, root.level = before, level
    assert "loud" in stream.getvalue()
    assert "quiet" not in stream.getvalue()


def test_a_traceback_tells_lines_and_no_values() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up("console", "info", stream)

    def fail(words: str) -> None:
        raise ValueError(f"{len(words)} words")

    try:
        fail("sung by nobody but me")
    except ValueError:
        logging.getLogger("melisma.trial").warning("it failed", exc_info=True)
    root.handlers, root.level = before, level
    assert "in fail" in stream.getvalue()
    assert "ValueError: 21 words" in stream.getvalue()
    assert "sung by nobody" not in stream.getvalue().replace('fail("sung by nobody but me")', "")


# --- Machine and models ---------------------------------------------------------------------------------------------


def say(house: Any, name: facts.Name, **value: Any) -> None:
    with house.studio.database.transaction() as session:
        facts.say(session, name, value)


def test_the_machine_before_and_after_the_worker_looked(open_house) -> None:
    client = open_house.client()
    before = client.get("/api/machine").json()
    assert (before["worker"], before["resident"]) == ("down", [])
    assert before["memory_bytes"] > before["memory_free_bytes"] > 0
    assert "still looking" in before["report"]
    say(open_house, "machine", **examine("cpu", 120))
    say(open_house, "worker", state="ready", resident=["starter"], accelerator_bytes=None)
    after = client.get("/api/machine").json()
    assert (after["worker"], after["resident"]) == ("idle", ["starter"])
    assert after["device"].startswith("CPU")
    assert "xl-base" in after["report"]
    assert "data folder" in after["report"]
    owner = open_house.studio.access.owner()
    with open_house.studio.database.transaction() as session:
        session.add(Job(owner_id=owner.id, kind="sing", state="running"))
    assert client.get("/api/machine").json()["worker"] == "busy"


def test_where_things_lie_is_told_to_administrators_alone(house) -> None:
    ann = house.owner("Ann")
    say(house, "machine", **examine("cpu", 120))
    ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).raise_for_status()
    bob = house.signed_in("Bob", "bobs secret").get("/api/machine").json()
    assert str(house.studio.settings.data.parent) not in json.dumps(bob)
    assert str(house.studio.settings.data.parent) in ann.get("/api/machine").text


def listed(client: Any) -> dict[str, Any]:
    return {model["name"]: model for model in client.get("/api/models").json()}


def test_models_are_the_catalogue_and_what_lies_here(open_house, tmp_path: Path) -> None:
    client = open_house.client()
    toy = write_toy(tmp_path / "toy")
    acoustic = next(path.parent for path in toy.glob("*/config.json") if '"acestep"' in path.read_text())
    shutil.copytree(acoustic, place_of(named("base")))
    shutil.copytree(acoustic, tmp_path / "home" / "models" / "me" / "mine")
    say(open_house, "machine", models=[{"name": "turbo", "way": "no"}, {"name": "base", "way": "whole"}])
    found = listed(client)
    assert {entry.name for entry in ALL} <= set(found)
    assert (found["base"]["here"], found["base"]["fits"], found["turbo"]["here"], found["turbo"]["fits"]) == (
        True,
        True,
        False,
        False,
    )
    assert found["base"]["on_disk_bytes"] == sum(file.stat().st_size for file in acoustic.rglob("*") if file.is_file())
    assert found["sft"]["fits"] is None
    assert found["me/mine"]["generates"] is True
    assert client.delete("/api/models/base").status_code == 204
    assert listed(client)["base"]["here"] is False
    assert client.delete("/api/models/base").status_code == 404


def test_fetching_is_a_job(open_house) -> None:
    client = open_house.client()
    asked = client.post("/api/models/TURBO/pull")
    assert (asked.status_code, asked.json()["kind"], asked.json()["state"]) == (201, "pull", "queued")
    again = client.post("/api/models/turbo/pull").json()
    assert again["id"] == asked.json()["id"] == listed(client)["turbo"]["pulling"]
    assert client.delete("/api/models/turbo").json()["code"] == "pulling"
    with open_house.studio.database.reading() as session:
        assert session.get(Job, again["id"]).request == {"model": "turbo"}
    for name in ("starter", "nothing", "org%2Fname", "http:%2F%2Fevil.example"):
        assert client.post(f"/api/models/{name}/pull").status_code in (404, 405)


@pytest.mark.parametrize("name", ["starter", "nothing", "..", "%2e%2e", "me%2Fmine", "C:"])
def test_only_the_catalogue_can_be_removed(open_house, tmp_path: Path, name: str) -> None:
    kept = tmp_path / "home" / "models" / "me" / "mine" / "model.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x")
    assert open_house.client().delete(f"/api/models/{name}").status_code in (404, 405)
    assert kept.exists()


def test_removing_is_an_administrators_business(house) -> None:
    ann = house.owner("Ann")
    ann.post("/api/users", json={"name": "Bob", "password": "bobs secret"}).raise_for_status()
    assert house.signed_in("Bob", "bobs secret").delete("/api/models/turbo").status_code == 403
    assert ann.delete("/api/models/turbo").status_code == 404


def test_what_auto_means(open_house) -> None:
    client = open_house.client()
    turbo = client.get("/api/defaults?model=turbo").json()
    assert (turbo["model"], turbo["sampling"]["steps"], turbo["sampling"]["guidance"]) == ("turbo", 8, 1.0)
    assert turbo["tracks"] == []
    base = client.get("/api/defaults?model=BASE").json()
    assert (base["model"], base["sampling"]["steps"], len(base["tracks"])) == ("base", 50, 12)
    assert client.get("/api/defaults?model=turbo-shift1").json()["sampling"]["shift"] == 1.0
    assert client.get("/api/defaults?model=v1").json()["sampling"]["guidance"] == 15.0
    for wrong in ("nothing", "/etc", "../..", "vae", "me/mine/..", "\0"):
        assert client.get("/api/defaults", params={"model": wrong}).status_code == 404


def test_the_starter_speaks_for_itself(open_house) -> None:
    client = open_house.client()
    starter = client.get("/api/defaults").json()
    if starter["model"] != "starter":
        pytest.skip("this copy has no starter")
    config = json.loads(next(Path("melisma/starter").glob("*starter/config.json")).read_text())
    assert starter["notice"] == config["notice"]
    assert starter["follows_score"] is True
    assert {"flute", "piano", "bagpipes"} <= set(starter["instruments"])
    assert client.get("/api/defaults?model=turbo").json()["instruments"] == []
    assert starter["sampling"]["steps"] == config["sampling"]["steps"]
    assert set(starter["tasks"]) == set(config["tasks"])


def test_the_worker_knows_better_what_auto_is(open_house) -> None:
    say(open_house, "machine", auto="xl-turbo")
    assert open_house.client().get("/api/defaults").json()["model"] == "xl-turbo"


def test_the_server_needs_no_torch() -> None:
    script = (
        "import sys, importlib, pkgutil, melisma.studio.routes as routes\n"
        "for part in pkgutil.iter_modules(routes.__path__): importlib.import_module(f'melisma.studio.routes.{part.name}')\n"
        "print(sorted({'torch', 'transformers', 'diffusers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- At home --------------------------------------------------------------------------------------------------------


def test_an_invitation_is_an_address_a_picture_and_a_passcode() -> None:
    said = lan.invitation(7788, "ABCD-2345", "192.168.1.20")
    assert "http://192.168.1.20:7788/" in said
    assert "ABCD-2345" in said
    rows = said.splitlines()[:15]
    assert len({len(row) for row in rows}) == 1
    assert set("".join(rows)) <= set(" █▀▄")


def test_addresses_are_typed_with_brackets_where_needed() -> None:
    assert lan.url_at("fe80::1", 80) == "http://[fe80::1]:80/"


def test_this_machine_has_an_address_or_says_that_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lan.lan_address()
    assert found is None or not found.startswith("127.")
    monkeypatch.setattr(lan, "lan_address", lambda: None)
    assert "no network" in lan.invitation(7788, None)


# --- Facts ----------------------------------------------------------------------------------------------------------


def test_facts_replace_each_other(make: Callable[..., Any]) -> None:
    studio = make().studio
    with studio.database.transaction() as session:
        assert facts.said(session, "work") == {}
        facts.say(session, "work", {"a": 1})
    with studio.database.transaction() as session:
        facts.say(session, "work", {"b": 2})
    with studio.database.reading() as session:
        assert facts.said(session, "work") == {"b": 2}
        assert session.query(User).count() in (0, 1)
