"""The queue in the database: its order, who may write to what, what is refused."""

import threading
from pathlib import Path

import pytest
from hall import Hall, asked

from melisma.song import SongRequest
from melisma.studio import jobs
from melisma.studio.jobs import Lost
from melisma.studio.problems import NotHere, NotYours, Refused
from melisma.studio.shapes import PlanIn, SingIn, UnderstandIn
from melisma.studio.tables import Event, Job, Song


def served(hall: Hall) -> list[str]:
    """Ids in the order in which one worker does them."""
    done = []
    while (job := hall.act(jobs.claim, "w", "play")) is not None:
        done.append(job.id)
        hall.act(lambda session, id_: jobs.end(session, session.get_one(Job, id_), "done"), job.id)
    return done


def submit(hall: Hall, body: SingIn, key: str | None, who: str = "You", most: int = 100) -> Job:
    user = hall.people[who]
    with hall.database.transaction() as session:
        return jobs.submit(session, user, "sing", body, key, most, lambda: jobs.sing(session, hall.files, user, body))


def request(**fields: object) -> SongRequest:
    return SongRequest.model_validate(asked(**fields))


# --- The order


def test_people_take_turns(hall: Hall) -> None:
    a1, a2, a3 = (hall.bare("Ann") for _ in range(3))
    b1, b2 = (hall.bare("Bob") for _ in range(2))
    expected = [a1, b1, a2, b2, a3]
    with hall.database.reading() as session:
        assert list(session.scalars(jobs.waiting("play"))) == expected
        assert jobs.positions(session, "play") == {job_id: place for place, job_id in enumerate(expected)}
    assert served(hall) == expected


def test_whoever_was_served_longest_ago_comes_first(hall: Hall) -> None:
    first = hall.bare("Ann")
    assert served(hall) == [first]
    ann, bob = hall.bare("Ann"), hall.bare("Bob")
    assert served(hall) == [bob, ann]


def test_priority_orders_ones_own_jobs_and_pushes_nobody_aside(hall: Hall) -> None:
    plain, urgent = hall.bare("Ann"), hall.bare("Ann", priority=10)
    bobs = hall.bare("Bob")
    late = hall.bare("You", priority=-1)
    assert served(hall) == [urgent, bobs, plain, late]


def test_a_model_is_fetched_beside_what_is_played(hall: Hall) -> None:
    song, model = hall.bare(), hall.bare(kind="pull")
    assert hall.act(jobs.claim, "w", "fetch").id == model
    assert hall.act(jobs.claim, "w", "fetch") is None
    assert hall.act(jobs.claim, "w", "play").id == song


def test_each_job_is_claimed_once_however_many_ask(hall: Hall) -> None:
    wanted = {hall.bare(who) for who in ("Ann", "Bob") for _ in range(20)}
    claimed: list[str] = []

    def work(name: str) -> None:
        while (job := hall.act(jobs.claim, name, "play")) is not None:
            claimed.append(job.id)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 40
    assert set(claimed) == wanted


def test_a_job_knows_how_many_come_before_it(hall: Hall) -> None:
    ids = [hall.bare() for _ in range(3)]
    hall.act(jobs.claim, "w", "play")
    with hall.database.reading() as session:
        places = [jobs.out(session, hall.people["You"], session.get_one(Job, job_id)).position for job_id in ids]
    assert places == [None, 1, 2]


# --- Submitting


def test_seeds_are_drawn_when_a_job_is_accepted(hall: Hall) -> None:
    job = hall.job(hall.sing(takes=3))
    assert len(set(job.request["seeds"])) == 3
    with hall.database.reading() as session:
        assert session.get_one(Song, job.song_id).title == "A slow waltz"


def test_the_same_key_gives_the_same_job_and_another_body_is_refused(hall: Hall) -> None:
    body = SingIn(request=request())
    first, again = submit(hall, body, "k"), submit(hall, body, "k")
    assert first.id == again.id
    assert hall.count(Job) == hall.count(Song) == 1
    with pytest.raises(Refused, match="was used for another request") as caught:
        submit(hall, SingIn(request=request(bpm=90)), "k")
    assert caught.value.status == 409
    assert submit(hall, body, "k", who="Ann").id != first.id


def test_a_full_queue_refuses(hall: Hall) -> None:
    submit(hall, SingIn(request=request()), None, most=1)
    with pytest.raises(Refused, match="1 jobs are waiting") as caught:
        submit(hall, SingIn(request=request()), None, most=1)
    assert caught.value.status == 429
    assert hall.count(Song) == 1


def test_a_song_and_its_job_are_told_in_one_go(hall: Hall) -> None:
    job_id = hall.sing()
    with hall.database.reading() as session:
        kinds = {event.kind: event.payload for event in session.query(Event)}
    assert kinds["song"]["what"] == "added"
    assert (kinds["job"]["id"], kinds["job"]["state"]) == (job_id, "queued")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": {"kind": "cover", "source": {"path": "/etc/passwd"}}}, "never by a path"),
        ({"task": {"kind": "cover", "source": {"sha256": "0" * 64}}}, "no sound 000000000000"),
        ({"task": {"kind": "retake", "seed": 1, "again": {"kind": "cover", "source": {"path": "/x"}}}}, "by a path"),
        ({"reference": {"path": "/etc/passwd", "sha256": "0" * 64}}, "never by a path"),
        ({"model": "/models/mine"}, "no model '/models/mine'"),
        ({"model": "../toy/acestep-v15-turbo"}, "no model"),
        ({"model": "https://example.org/x"}, "no model"),
        ({"model": "xl-turbo"}, "not on this machine yet"),
        ({"model": "planner-0.6b"}, "makes no music by itself"),
        ({"planning": {"planner": "/tmp"}}, "no planner '/tmp'"),
        ({"adapters": [{"name": "/tmp/lora"}]}, "no adapter '/tmp/lora'"),
    ],
)
def test_names_from_the_network_are_ours_or_refused(hall: Hall, fields: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        submit(hall, SingIn(request=request(**fields)), None)
    assert hall.count(Job) == hall.count(Song) == 0


def test_plans_and_understandings_are_looked_at_alike(hall: Hall) -> None:
    you = hall.people["You"]
    with hall.database.reading() as session:
        with pytest.raises(NotHere):
            jobs.plan(session, hall.files, you, PlanIn(request=request(model="nobody")))
        with pytest.raises(NotHere):
            jobs.understand(session, hall.files, you, UnderstandIn(sha256="0" * 64))


def test_nobody_adds_takes_to_somebody_elses_song(hall: Hall) -> None:
    song_id = hall.job(hall.sing("Ann")).song_id
    with pytest.raises(NotHere):
        submit(hall, SingIn(request=request(), song_id=song_id), None, who="Bob")


def test_more_takes_cannot_be_kept_than_are_made(hall: Hall) -> None:
    with pytest.raises(Refused, match="3 takes cannot be kept out of 2"):
        submit(hall, SingIn(request=request(takes=2), keep=3), None)


# --- Changing


def test_cancelling_ends_what_waits_and_asks_what_runs(hall: Hall) -> None:
    running, queued = hall.bare(), hall.bare()
    hall.act(jobs.claim, "w", "play")
    for job_id in (running, queued):
        hall.act(lambda session, id_: jobs.cancel(session, session.get_one(Job, id_)), job_id)
    assert (hall.state(running), hall.job(running).cancel_requested) == ("running", True)
    assert hall.state(queued) == "cancelled"


def test_only_what_failed_or_was_cancelled_is_tried_again(hall: Hall) -> None:
    job_id = hall.bare()
    again = lambda session: jobs.retry(session, session.get_one(Job, job_id))  # noqa: E731
    with pytest.raises(Refused, match="queued cannot be tried again"):
        hall.act(again)
    hall.act(lambda session: jobs.end(session, session.get_one(Job, job_id), "failed", error="no", trace="t"))
    hall.act(again)
    job = hall.job(job_id)
    assert (job.state, job.error, job.trace, job.finished_at) == ("queued", None, None, None)


def test_a_job_moves_only_while_it_waits(hall: Hall) -> None:
    first, second = hall.bare(), hall.bare()
    hall.act(lambda session: jobs.prioritise(session, session.get_one(Job, second), 5))
    assert hall.act(jobs.claim, "w", "play").id == second
    with pytest.raises(Refused, match="waits no more"):
        hall.act(lambda session: jobs.prioritise(session, session.get_one(Job, second), 6))
    del first


def waiting(hall: Hall) -> list[str]:
    with hall.database.reading() as session:
        return list(session.scalars(jobs.waiting("play")))


def test_a_job_changes_places_with_its_neighbour_alone(hall: Hall) -> None:
    a, b, c, d = (hall.bare("Ann") for _ in range(4))
    move = lambda job_id, where: hall.act(lambda s: jobs.move(s, s.get_one(Job, job_id), where))  # noqa: E731
    move(d, "sooner")
    assert waiting(hall) == [a, b, d, c]
    move(d, "sooner")
    move(d, "sooner")
    move(d, "sooner")
    assert waiting(hall) == [d, a, b, c]
    move(a, "later")
    move(c, "later")
    assert waiting(hall) == [d, b, a, c]


def test_a_job_that_moves_past_another_priority_takes_it_over_and_passes_nobody_else(hall: Hall) -> None:
    low = [hall.bare("Ann") for _ in range(2)]
    high = [hall.bare("Ann", priority=3) for _ in range(2)]
    bobs = hall.bare("Bob")
    assert waiting(hall) == [high[0], bobs, high[1], *low]
    hall.act(lambda s: jobs.move(s, s.get_one(Job, low[0]), "sooner"))
    assert waiting(hall) == [high[0], bobs, low[0], high[1], low[1]]
    assert hall.job(low[0]).priority == 3
    hall.act(lambda s: jobs.move(s, s.get_one(Job, low[0]), "later"))
    assert waiting(hall) == [high[0], bobs, high[1], *low]


def test_both_that_changed_places_are_told(hall: Hall) -> None:
    first, second = hall.bare(), hall.bare()
    hall.act(lambda s: jobs.move(s, s.get_one(Job, second), "sooner"))
    with hall.database.reading() as session:
        told = {event.payload["id"]: event.payload["position"] for event in session.query(Event)}
    assert told == {second: 0, first: 1}
    hall.act(jobs.claim, "w", "play")
    with pytest.raises(Refused, match="waits no more"):
        hall.act(lambda s: jobs.move(s, s.get_one(Job, second), "later"))


def test_others_see_neither_job_nor_content(hall: Hall) -> None:
    job_id = hall.sing("Ann")
    with hall.database.reading() as session:
        with pytest.raises(NotHere):
            jobs.job_to_see(session, hall.people["Bob"], job_id)
        assert jobs.listed(session, hall.people["Bob"], "all", 10, 0) == []
        (seen,) = jobs.listed(session, hall.people["You"], "active", 10, 0)  # an administrator
        with pytest.raises(NotYours):
            jobs.refuse_strangers(hall.people["You"], hall.job(job_id))
    assert (seen.mine, seen.title, seen.song_id) == (False, "", None)


# --- Workers that die


def test_a_worker_that_lost_its_job_may_not_write_to_it(hall: Hall) -> None:
    job_id = hall.bare()
    hall.act(jobs.claim, "old", "play")
    hall.act(jobs.bereaved, "old", "killed")
    assert hall.state(job_id) == "queued"
    for worker in ("old", "new"):
        with pytest.raises(Lost):
            hall.act(jobs.held, job_id, worker)
    hall.act(jobs.claim, "new", "play")
    with pytest.raises(Lost):
        hall.act(jobs.held, job_id, "old")
    assert hall.act(jobs.held, job_id, "new").attempts == 2


def test_the_third_death_is_the_last(hall: Hall) -> None:
    job_id = hall.bare()
    for _ in range(jobs.MOST_DEATHS):
        hall.act(jobs.claim, "w", "play")
        hall.act(jobs.bereaved, "w", "killed by SIGSEGV")
    job = hall.job(job_id)
    assert job.state == "failed"
    assert "died 3 times of this (killed by SIGSEGV)" in (job.error or "")
    assert len(hall.notes(job_id)) == 3


def test_fetching_is_not_blamed_for_a_death(hall: Hall) -> None:
    job_id = hall.bare(kind="pull")
    for _ in range(jobs.MOST_DEATHS + 1):
        hall.act(jobs.claim, "w", "fetch")
        hall.act(jobs.bereaved, "w", "killed")
    assert (hall.state(job_id), hall.job(job_id).deaths) == ("queued", 0)


def test_a_start_puts_back_what_was_running_unless_it_was_to_be_cancelled(hall: Hall) -> None:
    jobs_ = [hall.bare() for _ in range(3)]
    for _ in jobs_[:2]:
        hall.act(jobs.claim, "w", "play")
    hall.act(lambda session: jobs.cancel(session, session.get_one(Job, jobs_[1])))
    assert hall.act(jobs.recovered) == 2
    assert [hall.state(job_id) for job_id in jobs_] == ["queued", "cancelled", "queued"]
    assert hall.job(jobs_[0]).deaths == 0


def test_a_deleted_song_takes_its_jobs_along(hall: Hall) -> None:
    job_id = hall.sing()
    hall.act(lambda session: session.delete(session.get_one(Song, hall.job(job_id).song_id)))
    assert hall.count(Job) == 0


def test_the_server_does_not_import_torch() -> None:
    import subprocess
    import sys

    script = (
        "import sys; import melisma.studio.app, melisma.cli.studio\n"
        "print(sorted({'torch', 'transformers', 'diffusers', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
