"""What the studio adds to a song: `python benchmarks/studio.py --jobs 20 --seconds 30`.

A server, its worker process and a page that listens, on a fresh data folder with a toy model that is warm. Prints medians
and 95th percentiles, in milliseconds, of

- submit → engine: from sending the request until the worker calls the engine;
- engine → playable: from the engine's last sample until the page hears of the take; and what of that is writing the
  sound (FLAC, loudness, waveform, picture), which any program would have to do;
- playable → heard: until the first kilobytes of the sound have arrived.

`--queued 200` also submits so many jobs at once and counts what becomes of them.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODEL = "toy/acestep-v15-turbo"


def watched(marks: Path) -> None:
    """Be a worker that writes down when the engine begins and ends, and when a sound is written."""
    from melisma.engine import Rehearsal
    from melisma.studio import worker

    def mark(name: str) -> None:
        with marks.open("a") as file:
            file.write(json.dumps([name, time.time()]) + "\n")

    rehearse, take, keep_sound = worker.rehearse, Rehearsal.take, worker.keep_sound

    def rehearse_(*arguments: Any) -> Any:
        mark("begin")
        return rehearse(*arguments)

    def take_(*arguments: Any, **options: Any) -> Any:
        found = take(*arguments, **options)
        mark("end")
        return found

    def keep_(*arguments: Any, **options: Any) -> Any:
        found = keep_sound(*arguments, **options)
        mark("written")
        return found

    worker.rehearse, worker.keep_sound = rehearse_, keep_
    Rehearsal.take = take_  # type: ignore[method-assign]
    worker.main()


@contextmanager
def studio(folder: Path, marks: Path) -> Iterator[int]:
    """A studio with such a worker; its port."""
    import uvicorn

    from melisma.studio.app import create_app
    from melisma.studio.settings import Settings
    from melisma.studio.supervisor import Supervisor

    settings = Settings(data=folder / "data", device="cpu", log_level="error")
    app = create_app(settings, worker=False)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait(lambda: server.started)
    context = app.state.studio
    supervisor = Supervisor(
        settings, context.database, context.bell, (sys.executable, __file__, "--worker", str(marks))
    )
    supervisor.start()
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        wait(lambda: ask(port, "GET", "/api/machine")["worker"] == "idle")
        yield port
    finally:
        supervisor.stop()
        server.should_exit = True
        thread.join()


def wait(true: Callable[[], bool], seconds: float = 300) -> None:
    """Until something holds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def ask(port: int, method: str, path: str, body: Any = None) -> Any:
    """One request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body and json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status >= 400:
        raise RuntimeError(content)
    return json.loads(content)


def listen(port: int, heard: list[tuple[str, dict[str, Any], float]]) -> None:
    """Be a page: note each event and when it came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3600)
    connection.request("GET", "/api/events")
    answer = connection.getresponse()
    kind = ""
    while line := answer.readline().decode():
        name, _, value = line.strip().partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            heard.append((kind, json.loads(value), time.time()))


def request(seconds: float) -> dict[str, Any]:
    """A request for toy music."""
    return {
        "request": {
            "caption": "a slow waltz",
            "duration_s": seconds,
            "model": MODEL,
            "planning": {"use_planner": False},
            "sampling": {"steps": 2},
        }
    }


def overhead(port: int, marks: Path, count: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds per job of each part."""
    heard: list[tuple[str, dict[str, Any], float]] = []
    threading.Thread(target=listen, args=(port, heard), daemon=True).start()
    wait(lambda: bool(heard))
    parts: dict[str, list[float]] = {
        name: [] for name in ("submit → accepted", "submit → engine", "engine → playable", "… of it writing", "→ heard")
    }
    for number in range(count + 1):
        marks.write_text("")
        heard.clear()
        sent = time.time()
        job = ask(port, "POST", "/api/jobs", request(seconds))
        accepted = time.time()
        wait(lambda: any(kind == "take" for kind, _, _ in heard))
        told = next(at for kind, _, at in heard if kind == "take")
        take_id = next(payload["id"] for kind, payload, _ in heard if kind == "take")
        sound, before = http.client.HTTPConnection("127.0.0.1", port), time.time()
        sound.request("GET", f"/api/takes/{take_id}/audio", headers={"Range": "bytes=0-65535"})
        sound.getresponse().read()
        arrived = time.time() - before
        wait(lambda job_id=job["id"]: ask(port, "GET", f"/api/jobs/{job_id}")["state"] == "done")  # type: ignore[misc]
        at = dict(json.loads(line) for line in marks.read_text().splitlines())
        if number:  # the first one warms up
            for name, value in zip(
                parts,
                (accepted - sent, at["begin"] - sent, told - at["end"], at["written"] - at["end"], arrived),
                strict=True,
            ):
                parts[name].append(1000 * value)
    return parts


def at_once(port: int, count: int) -> str:
    """Many jobs at once, all the way to the end."""
    before = ask(port, "GET", "/api/songs?limit=1")["total"]
    start = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        accepted = list(pool.map(lambda _: ask(port, "POST", "/api/jobs", request(1.0))["id"], range(count)))
    taken = time.monotonic() - start
    wait(lambda: not ask(port, "GET", "/api/jobs?state=active&limit=1"), 3600)
    done = [job for job in ask(port, "GET", "/api/jobs?state=done&limit=1000") if job["id"] in set(accepted)]
    page = ask(port, "GET", "/api/songs?limit=500")
    takes = sum(song["takes"] for song in page["items"][:count])
    return (
        f"{count} jobs at once: {len(set(accepted))} accepted in {taken:.1f} s, {len(done)} done, "
        f"{page['total'] - before} songs, {takes} takes, {time.monotonic() - start:.0f} s in all"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each song")
    parser.add_argument("--queued", type=int, default=0, help="also: so many one-second songs at once")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        watched(given.worker)
        return
    with tempfile.TemporaryDirectory(prefix="melisma-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ.update(MELISMA_HOME=str(folder), MELISMA_OFFLINE="1")
        from melisma.toys import write_toy

        write_toy(folder / "models" / "toy")
        marks = folder / "marks"
        with studio(folder, marks) as port:
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
            print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
            print(f"{given.jobs} jobs of one take of {given.seconds:g} s")
            for part, values in overhead(port, marks, given.jobs, given.seconds).items():
                worst = statistics.quantiles(values, n=20)[-1]
                print(f"{part:20} median {statistics.median(values):7.1f} ms   95 % {worst:7.1f} ms")
            if given.queued:
                print(at_once(port, given.queued))


if __name__ == "__main__":
    main()
