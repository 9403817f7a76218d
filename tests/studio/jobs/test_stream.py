"""Events as a page hears them: in order, none twice, none lost, nobody else's."""

import threading
from collections.abc import Iterator

import pytest
from hall import Hall, until
from served import Server, Stream, serving
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from melisma.studio import events, jobs
from melisma.studio.tables import Event, Job


@pytest.fixture
def server(hall: Hall) -> Iterator[Server]:
    with serving(hall) as found:
        yield found


def tell(hall: Hall, number: int, who: str | None = "You", about: str | None = None) -> None:
    owner = hall.people[who].id if who else None
    hall.act(events.publish, "song", {"number": number}, owner, about=about)


def test_a_stream_says_hello_then_what_happens_and_goes_on_where_it_broke_off(hall: Hall, server: Server) -> None:
    tell(hall, 0)
    stream = Stream(server.port)
    hello = stream.next()
    assert (hello.kind, hello.payload) == ("hello", {"last_id": hello.id})
    tell(hall, 1)
    tell(hall, 2, who=None)
    tell(hall, 99, who="Ann")
    heard = [stream.next(), stream.next()]
    stream.close()
    for number in (3, 4, 5):
        tell(hall, number)
    for again in (Stream(server.port, last=heard[-1].id), Stream(server.port, after=heard[-1].id)):
        rest = [again.next() for _ in range(3)]
        again.close()
        assert [one.payload["number"] for one in (*heard, *rest)] == [1, 2, 3, 4, 5]
        assert len({one.id for one in (*heard, *rest)}) == 5


def test_what_is_done_through_the_server_is_heard_at_once(hall: Hall, server: Server) -> None:
    stream = Stream(server.port)
    assert stream.next().kind == "hello"
    status, job = server.ask("POST", "/api/jobs", {"request": {"caption": "a waltz"}})
    assert status == 201
    heard = [stream.next(), stream.next()]
    stream.close()
    assert {one.kind for one in heard} == {"song", "job"}
    assert next(one for one in heard if one.kind == "job").payload == job


def test_only_the_last_word_about_a_thing_is_kept(hall: Hall) -> None:
    tell(hall, 1, about="a")
    tell(hall, 2, about="b")
    tell(hall, 3, about="a")
    with hall.database.reading() as session:
        assert [event.payload["number"] for event in events.since(session, hall.people["You"].id, 0)] == [2, 3]


def test_nothing_is_told_of_what_did_not_land(hall: Hall) -> None:
    def fail(session: Session) -> None:
        events.publish(session, "song", {}, None)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        hall.act(fail)
    tell(hall, 1)
    with hall.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 1


def test_who_missed_more_than_is_kept_is_greeted_anew(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEPT", 2)
    for number in range(6):
        tell(hall, number)
    hall.act(events.prune)
    with hall.database.reading() as session:
        first, last = events.span(session)
        assert last - first == 1
        assert events.start(session, last) == (last, False)
        assert events.start(session, first - 1) == (first - 1, False)
        assert events.start(session, first - 2) == (last, True)
        assert events.start(session, last + 1) == (last, True)  # another database than before
        assert events.start(session, None) == (last, True)


def test_events_of_many_writers_are_seen_by_one_who_never_looks_back(hall: Hall) -> None:
    seen: list[int] = []
    done = threading.Event()

    def write(name: int) -> None:
        for number in range(15):
            tell(hall, 100 * name + number)

    def read() -> None:
        last = 0
        while True:
            over = done.is_set()
            with hall.database.reading() as session:
                found = events.since(session, hall.people["You"].id, last)
            seen.extend(event.payload["number"] for event in found)
            last = found[-1].id if found else last
            if over and not found:
                return

    writers = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join(20)
    assert sorted(seen) == sorted(100 * name + number for name in range(4) for number in range(15))
    assert len(seen) == len(set(seen))


def test_pages_that_vanish_leave_nothing_behind(hall: Hall, server: Server) -> None:
    assert server.app is not None
    sleepers = server.app.state.studio.bell.sleepers
    streams = [Stream(server.port) for _ in range(12)]
    for stream in streams:
        assert stream.next().kind == "hello"
    assert len(sleepers) == 12
    for stream in streams:
        stream.close()
    tell(hall, 1)
    until(lambda: not sleepers, 20)
    assert server.ask("GET", "/health")[0] == 200


@pytest.mark.parametrize("said", ["nonsense", "-1", "9" * 30, "١"])
def test_a_strange_last_event_id_is_a_new_stream(hall: Hall, server: Server, said: str) -> None:
    stream = Stream.__new__(Stream)
    import http.client

    stream.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    stream.connection.putrequest("GET", "/api/events")
    stream.connection.putheader("Last-Event-ID", said.encode())
    stream.connection.endheaders()
    stream.answer = stream.connection.getresponse()
    assert stream.next().kind == "hello"
    stream.close()


def test_the_queue_over_http(hall: Hall, server: Server) -> None:
    body = {"request": {"caption": "a waltz", "takes": 2}, "title": "Waltz"}
    key = {"Idempotency-Key": "one"}
    status, job = server.ask("POST", "/api/jobs", body, **key)
    assert (status, job["title"], job["takes"], job["position"]) == (201, "Waltz", 2, 0)
    assert server.ask("POST", "/api/jobs", body, **key)[1]["id"] == job["id"]
    assert server.ask("POST", "/api/jobs", {**body, "title": "Other"}, **key)[0] == 409
    where = f"/api/jobs/{job['id']}"
    assert server.ask("PATCH", where, {"priority": 3})[1]["priority"] == 3
    assert server.ask("PATCH", where, {"priority": 30})[0] == 422
    song = server.ask("GET", f"/api/songs/{job['song_id']}")[1]
    assert [one["id"] for one in song["jobs"]] == [job["id"]]
    assert [one["id"] for one in server.ask("GET", "/api/jobs?state=active")[1]] == [job["id"]]
    assert server.ask("POST", f"{where}/retry")[0] == 409
    assert server.ask("POST", f"{where}/cancel")[1]["state"] == "cancelled"
    assert server.ask("POST", f"{where}/retry")[1]["state"] == "queued"
    assert server.ask("GET", f"{where}/log")[1] == []
    assert server.ask("GET", "/api/jobs/none")[0] == 404
    assert len(server.ask("GET", "/api/examples")[1]) >= 8
    assert server.ask("POST", "/api/models/nothing/pull")[0] == 404
    status, pull = server.ask("POST", "/api/models/vae/pull")
    assert (status, pull["kind"], pull["title"]) == (201, "pull", "vae")
    assert server.ask("POST", "/api/models/vae/pull")[1]["id"] == pull["id"]


def test_two_hundred_jobs_at_once_are_all_accepted_once(hall: Hall, server: Server) -> None:
    answers: list[tuple[int, str]] = []

    def send(start: int) -> None:
        for number in range(start, 200, 10):
            status, job = server.ask("POST", "/api/jobs", {"request": {"caption": f"song {number}"}})
            answers.append((status, job.get("id")))

    threads = [threading.Thread(target=send, args=(start,)) for start in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {201}
    assert len({job_id for _, job_id in answers}) == hall.count(Job) == 200
    listed = server.ask("GET", "/api/jobs?limit=1000")[1]
    assert [job["position"] for job in listed] == list(range(200))
    claimed = [hall.act(jobs.claim, "w", "play").id for _ in range(200)]
    assert set(claimed) == {job_id for _, job_id in answers}
    assert hall.act(jobs.claim, "w", "play") is None
