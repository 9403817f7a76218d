"""Killed at every stage: nothing accepted is lost, nothing is stored twice.

Worker and server run as processes of their own, and are killed with SIGKILL where it hurts most.
"""

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest
from hall import Hall, Halts, until
from served import another_process, studio

from melisma.song import SongRequest
from melisma.studio import jobs, supervisor
from melisma.studio.shapes import PlanIn
from melisma.studio.tables import Job, Song, Take

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")


def test_a_worker_killed_at_every_stage_loses_and_doubles_nothing(
    hall: Hall, halts: Halts, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FORGIVEN_S", 0.0)
    you = hall.people["You"]
    plan = PlanIn(request=SongRequest(caption="folk", model="toy/acestep-v15-turbo", instrumental=True))
    halts.at("prepare", take=0)
    first = hall.sing(takes=2)
    with hall.process(template):
        # The signal a crashing driver sends, then the one of the system's out-of-memory killer.
        halts.kill(signal.SIGSEGV, then=("decode", 1))
        halts.kill()
        job = hall.over(first, 120)
        assert (job.state, job.deaths, job.attempts, len(hall.takes(first))) == ("done", 2, 3, 2)
        assert [note.split(",")[0] for note in hall.notes(first) if "died" in note] == [
            "The worker died: killed by SIGSEGV.",
            "The worker died: killed by SIGKILL",
        ]
        halts.at("sing", take=2)
        second = hall.sing(takes=3)
        halts.kill(then=("row", 3))
        assert len(hall.takes(second)) == 1
        halts.kill()
        job = hall.over(second, 120)
        assert (job.state, job.deaths, job.attempts) == ("done", 2, 3)
        assert [take.number for take in hall.takes(second)] == [1, 2, 3]
        assert [take.seed for take in hall.takes(second)] == [str(seed) for seed in job.request["seeds"]]

        halts.at("write")

        def submit(session):
            return jobs.submit(
                session, you, "plan", plan, None, 9, lambda: jobs.plan(session, hall.files, you, plan)
            ).id

        third = hall.act(submit)
        halts.kill()
        job = hall.over(third, 120)
        assert (job.deaths, job.attempts) == (1, 2)
    # 5 deaths, 2 songs, 5 takes; a file whose row was not written is the same file when it is stored again.
    assert (hall.count(Job), hall.count(Song), hall.count(Take), hall.flacs()) == (3, 2, 5, 5)


def test_a_worker_that_is_stuck_or_stopped_is_killed_and_its_job_done(
    hall: Hall, halts: Halts, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FORGIVEN_S", 0.0)
    monkeypatch.setattr(supervisor, "SILENT_S", 8)
    hall.settings = hall.settings.model_copy(update={"stuck_s": 15.0})  # more than a step takes on a crowded machine
    halts.at("decode", take=2)
    job_id = hall.sing(takes=2)
    with hall.process(template):
        # It halts for ten minutes in a step that takes milliseconds: nobody kills it but its supervisor.
        halts.pid()
        halts.at("sing", take=2)
        until(lambda: hall.job(job_id).deaths == 1)
        # The next one is stopped whole, as by a debugger or a machine that swaps.
        os.kill(halts.pid(), signal.SIGSTOP)
        halts.at("nowhere")
        job = hall.over(job_id, 120)
    assert (job.state, job.deaths, job.attempts) == ("done", 2, 3)
    assert [note for note in hall.notes(job_id) if "died" in note] == [f"The worker died: {supervisor.STUCK}."] * 2
    assert (len(hall.takes(job_id)), hall.flacs()) == (2, 2)


def test_a_server_killed_while_it_writes_keeps_every_accepted_job_once(hall: Hall) -> None:
    accepted: dict[str, str] = {}

    def send(number: int, server) -> None:
        key = f"key {number}"
        try:
            status, job = server.ask(
                "POST", "/api/jobs", {"request": {"caption": f"song {number}"}}, **{"Idempotency-Key": key}
            )
        except (OSError, ValueError, EOFError):
            return
        assert status == 201
        if key in accepted:
            assert accepted[key] == job["id"]
        accepted[key] = job["id"]

    def send_all(server) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=lambda start=start: [send(n, server) for n in range(start, 60, 6)], daemon=True)
            for start in range(6)
        ]
        for thread in threads:
            thread.start()
        return threads

    for enough in (5, 20):
        with another_process(hall) as (server, process):
            threads = send_all(server)
            until(lambda enough=enough: len(accepted) >= enough)
            process.kill()
            process.wait()
            for thread in threads:
                thread.join(30)
    before = dict(accepted)
    assert len(before) >= 20
    with another_process(hall) as (server, _):
        for thread in send_all(server):
            thread.join(60)
        listed = {job["id"] for job in server.ask("GET", "/api/jobs?limit=1000")[1]}
    assert len(accepted) == 60
    assert before.items() <= accepted.items()
    assert listed == set(accepted.values())
    assert (hall.count(Job), hall.count(Song)) == (60, 60)


def test_a_studio_killed_while_it_plays_goes_on_when_it_is_started_again(hall: Hall) -> None:
    with studio(hall) as (server, process):
        workers = psutil.Process(process.pid).children(recursive=True)
        job_id = hall.sing(takes=6)
        until(lambda: len(hall.takes(job_id)) >= 1, 90)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        psutil.wait_procs(workers, 25)
        assert not [worker for worker in workers if worker.is_running()], "the worker outlives its studio"
    stored = {take.id for take in hall.takes(job_id)}
    assert len(stored) < 6
    assert hall.state(job_id) in ("queued", "running")
    with studio(hall) as (server, process):
        job = hall.over(job_id, 120)
        assert job.state == "done"
        assert server.ask("GET", f"/api/jobs/{job_id}")[1]["attempts"] == 2
        process.terminate()
        assert process.wait(40) in (0, -signal.SIGTERM)
    assert [take.number for take in hall.takes(job_id)] == [1, 2, 3, 4, 5, 6]
    assert stored <= {take.id for take in hall.takes(job_id)}
    assert (hall.count(Song), hall.flacs()) == (1, 6)
