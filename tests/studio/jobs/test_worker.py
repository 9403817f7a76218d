"""The worker in this process: what it makes of jobs, and what it does when something is in its way."""

import errno
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hall import Hall, until
from sqlalchemy import select

from melisma.audio import Waveform
from melisma.errors import OutOfMemory
from melisma.listen import Listener
from melisma.studio import facts, jobs, library, worker
from melisma.studio.files import Files
from melisma.studio.sounds import Origin, keep_sound
from melisma.studio.tables import Job, Song, Take


def cancel(hall: Hall, job_id: str) -> None:
    hall.act(lambda session: jobs.cancel(session, session.get_one(Job, job_id)))


def retry(hall: Hall, job_id: str) -> None:
    hall.act(lambda session: jobs.retry(session, session.get_one(Job, job_id)))


class Gate:
    """Holds the engine at a stage until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stage: str, take: int = 1) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        plain = worker.Ear.stage

        def held(ear: worker.Ear, name: str, steps: int = 1) -> None:
            plain(ear, name, steps)
            if name.startswith(stage) and ear.take_number in (0, take) and not self.opened.is_set():
                self.reached.set()
                self.opened.wait(30)

        monkeypatch.setattr(worker.Ear, "stage", held)

    def __enter__(self) -> None:
        assert self.reached.wait(30)

    def __exit__(self, *_: object) -> None:
        self.opened.set()


def test_a_song_is_sung_judged_and_played_the_best_first(hall: Hall) -> None:
    with hall.worker():
        job = hall.over(hall.sing(takes=3, keep=2, lyrics="[verse]\nhello there\n"))
    assert (job.state, job.error, job.attempts, job.memo) == ("done", None, 1, {})
    with hall.database.reading() as session:
        takes = list(session.scalars(select(Take).where(Take.job_id == job.id).order_by(Take.number)))
        song = session.get_one(Song, job.song_id)
    assert [take.number for take in takes] == [1, 2, 3]
    assert [take.seed for take in takes] == [str(seed) for seed in job.request["seeds"]]
    assert sum(take.discarded_at is not None for take in takes) == 1
    assert song.artwork_sha256 is not None
    chosen = next(take for take in takes if take.id == song.chosen_take_id)
    assert chosen.discarded_at is None
    assert all(take.reasons and take.reasons == take.provenance["reasons"] for take in takes)
    assert takes[0].lines[0]["text"].startswith(("hello", "[verse]"))
    with hall.database.reading() as session:
        work = facts.said(session, "work")
    assert {"sing", "decode", "store", "judge"} <= set(work["stages"])
    assert sum(work["jobs"]["sing done"]["buckets"]) == 1
    assert {name.split(" ")[-1] for name in work["paces"]} == {"step", "rest"}


def test_the_same_job_makes_the_same_sound(hall: Hall) -> None:
    with hall.worker():
        first, second = (hall.over(hall.sing(seeds=[7])) for _ in range(2))
    assert hall.takes(first.id)[0].sha256 != hall.takes(second.id)[0].sha256  # they say where they belong
    assert hall.takes(first.id)[0].peaks_sha256 == hall.takes(second.id)[0].peaks_sha256


def test_a_plan_is_a_blueprint_that_can_be_sung(hall: Hall) -> None:
    from melisma.song import Blueprint, SongRequest
    from melisma.studio.shapes import PlanIn

    you = hall.people["You"]
    body = PlanIn(request=SongRequest(caption="folk", duration_s=2.0, model="toy/acestep-v15-turbo", instrumental=True))
    with hall.worker():
        plain = hall.sing()

        def plan(session: Any) -> str:
            make = lambda: jobs.plan(session, hall.files, you, body)  # noqa: E731
            return jobs.submit(session, you, "plan", body, None, 100, make).id

        job = hall.over(hall.act(plan))
        hall.over(plain)
    # A toy planner talks nonsense: either it was understood, or the person is told in words.
    if job.state == "done":
        assert Blueprint.model_validate(job.result["blueprint"]).duration_s == 2.0
    else:
        assert (job.state, "planner" in (job.error or "")) == ("failed", True)


def test_a_source_is_found_by_what_is_in_it(hall: Hall) -> None:
    time_s = np.arange(48_000) / 48_000
    tone = Waveform(np.stack([0.3 * np.sin(2 * np.pi * 220 * time_s)] * 2).astype(np.float32), 48_000)
    first = hall.job(hall.sing())
    sound = keep_sound(hall.files, tone, Origin(first.song_id or "", "import"))
    take_id = hall.act(lambda session: library.add_take(session, hall.files, sound).id)
    cancel(hall, first.id)
    cover = {"kind": "cover", "source": {"sha256": sound.stored.sha256}}
    with hall.worker():
        job = hall.over(hall.sing(task=cover, duration_s=None))
    assert (job.state, hall.takes(job.id)[0].kind) == ("done", "cover")
    assert take_id


def test_cancelling_stops_within_a_step_and_keeps_what_is_stored(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, "sing", take=2)
    with hall.worker():
        job_id = hall.sing(takes=3)
        with gate:
            cancel(hall, job_id)
            until(lambda: next(iter(gate_ears(hall))).cancelled, 5)
        job = hall.over(job_id)
        assert (job.state, len(hall.takes(job_id))) == ("cancelled", 1)
        retry(hall, job_id)
        assert hall.over(job_id).state == "done"
    assert [take.number for take in hall.takes(job_id)] == [1, 2, 3]
    assert hall.flacs() == 3


def gate_ears(hall: Hall) -> list[worker.Ear]:
    return [ear for worker_ in WORKERS for ear in worker_.ears.values()]


WORKERS: list[worker.Worker] = []


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    WORKERS.clear()
    plain = worker.Worker.__init__

    def init(self: worker.Worker, *arguments: Any) -> None:
        plain(self, *arguments)
        WORKERS.append(self)

    monkeypatch.setattr(worker.Worker, "__init__", init)


def test_a_worker_that_leaves_puts_its_job_back(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, "sing", take=2)
    with hall.worker() as first:
        job_id = hall.sing(takes=2)
        with gate:
            first.leaving.set()
    job = hall.job(job_id)
    assert (job.state, job.claim, job.deaths, len(hall.takes(job_id))) == ("queued", None, 0, 1)
    with hall.worker():
        assert hall.over(job_id).state == "done"
    assert (hall.job(job_id).attempts, len(hall.takes(job_id)), hall.flacs()) == (2, 2, 2)


def test_a_full_disk_fails_the_job_in_words_and_a_retry_goes_on(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, full = Files.put, threading.Event()

    def put(self: Files, content: Any, suffix: str) -> Any:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(self, content, suffix)

    monkeypatch.setattr(Files, "put", put)
    gate = Gate(monkeypatch, "store", take=2)
    with hall.worker():
        job_id = hall.sing(takes=3)
        with gate:
            full.set()
        job = hall.over(job_id)
        assert (job.state, len(hall.takes(job_id))) == ("failed", 1)
        assert (job.error or "").startswith("The disk is full")
        assert "ENOSPC" in (job.trace or "") or "No space left" in (job.trace or "")
        full.clear()
        retry(hall, job_id)
        assert hall.over(job_id).state == "done"
    assert (len(hall.takes(job_id)), hall.flacs()) == (3, 3)


def test_a_locked_database_is_waited_for(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not hall.database.embedded:
        pytest.skip("only SQLite is locked as a whole")
    from melisma.studio import database

    monkeypatch.setattr(database, "WAIT_MS", 100)
    gate = Gate(monkeypatch, "store")
    with hall.worker():
        job_id = hall.sing(takes=2)
        with gate:
            for ear in WORKERS:
                ear.database.engine.dispose()
            other = sqlite3.connect(hall.settings.data / "melisma.db", isolation_level=None)
            other.execute("PRAGMA busy_timeout=5000")
            other.execute("BEGIN IMMEDIATE")
        time.sleep(1.0)
        assert len(hall.takes(job_id)) == 0
        other.execute("ROLLBACK")
        other.close()
        assert "the database refused, trying again" in caplog.text
        assert hall.over(job_id).state == "done"
    assert (len(hall.takes(job_id)), hall.flacs()) == (2, 2)


def test_too_little_memory_is_met_with_less_at_a_time_then_with_words(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules: list[str] = []
    plain = worker.rehearse

    def rehearse(request: Any, band: Any, *rest: Any) -> Any:
        rules.append(WORKERS[-1].players.store.memory.policy.rule)
        if len(rules) in (1, 3, 4):
            raise OutOfMemory("the device ran out of memory on 1 s of music: try a length below 1 min")
        return plain(request, band, *rest)

    monkeypatch.setattr(worker, "rehearse", rehearse)
    with hall.worker():
        saved, hopeless, after = (hall.over(hall.sing()) for _ in range(3))
    assert rules == ["keep", "one", "one", "one"][: len(rules)]
    assert (saved.state, hopeless.state, after.state) == ("done", "failed", "failed")
    assert "trying again with one network at a time" in hall.notes(saved.id)[0]
    assert "ran out of memory" in (hopeless.error or "")
    assert hopeless.trace


def test_a_bug_fails_the_job_and_not_the_worker(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, calls = worker.rehearse, []

    def rehearse(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("nothing")
        return plain(*arguments)

    monkeypatch.setattr(worker, "rehearse", rehearse)
    with hall.worker():
        broken, sound = hall.over(hall.sing()), hall.over(hall.sing())
    assert (broken.state, sound.state) == ("failed", "done")
    assert "Something broke inside melisma (KeyError" in (broken.error or "")
    assert "Traceback" in (broken.trace or "")
    assert "Traceback" not in (broken.error or "")


def test_fetching_a_model_does_not_hold_up_a_song(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def pull(entry: Any, listen: Listener, **_: Any) -> Path:
        listen.stage(f"fetch {entry.name}", 100)
        while not go_on.is_set():
            listen.step()
            time.sleep(0.02)
        return hall.settings.data

    monkeypatch.setattr(worker.hub, "pull", pull)
    you = hall.people["You"]
    with hall.worker():
        pull_id = hall.act(
            lambda session: jobs.submit(session, you, "pull", None, None, 9, lambda: jobs.pull("vae")).id
        )
        assert hall.over(hall.sing()).state == "done"
        running = until(lambda: (job := hall.job(pull_id)).step > 1 and job)
        assert (running.state, running.stage, running.steps) == ("running", "fetch vae", 100)
        assert running.seconds_left is not None
        cancel(hall, pull_id)
        assert hall.over(pull_id, 10).state == "cancelled"
        go_on.set()
        retry(hall, pull_id)
        assert hall.over(pull_id).state == "done"


def test_a_deleted_song_stops_its_job_quietly(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, "sing", take=1)
    with hall.worker():
        job_id = hall.sing(takes=2)
        song_id = hall.job(job_id).song_id
        with gate:
            hall.act(lambda session: library.delete_forever(session, hall.files, [session.get_one(Song, song_id)]))
        assert hall.over(hall.sing()).state == "done"
    assert (hall.count(Job), hall.count(Song), hall.count(Take)) == (1, 1, 1)


def test_only_so_many_generators_are_kept_ready(hall: Hall, tmp_path: Path) -> None:
    from melisma.song import SongRequest
    from melisma.toys import write_toy

    folders = [str(write_toy(tmp_path / f"toy{n}", seed=n)) for n in range(3)]
    players = worker.Players("cpu", None)
    heard: list[str] = []

    class Loads(Listener):
        def stage(self, name: str, steps: int = 1) -> None:
            heard.append(name)

    for n in (0, 1, 0, 2, 0, 1):
        players.band(SongRequest(model=folders[n]), Loads())
        assert len([key for key in players.store._owned if key[0] == "generator"]) <= worker.WARM
    assert len(heard) == 4  # 0, 1, 2 (1 goes), 1 (2 goes)
