"""A studio with toy models, played by a real browser: what the tests of the page share.

Needs Chromium (`apt-get install chromium`), Playwright for Python and the built page (`make page`).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

ROOT = Path(__file__).parents[3]
BUILT = ROOT / "melisma" / "studio" / "page" / "index.html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TOY = "toy/acestep-v15-turbo"
# Takes stems apart and adds tracks, as base models do.
BASE = "toy/acestep-v15-base"
DESKTOP = {"viewport": {"width": 1360, "height": 860}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SIZES = {"desktop": DESKTOP, "phone": PHONE}
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")

# What sounds, and how loud: elements that play and the nodes they go through.
LISTENING = """
window.sounding = []; window.gains = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { window.sounding.push(this); return play.call(this) };
window.GainNode = class extends GainNode { constructor(...all) { super(...all); window.gains.push(this) } };
"""

# As patient as the clicks: a test is no clock, machines that test are busy, and waiting costs only where something fails.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

NEEDS = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is found: apt-get install chromium"),
    pytest.mark.skipif(not BUILT.exists(), reason="the page is not built: make page"),
]


class Hub(ThreadingHTTPServer):
    """A hub on this machine: a folder of checkpoints as one repository, on a line that can stand still."""

    daemon_threads = True
    REPO, REVISION, PIECE = "ACE-Step/Ace-Step1.5", "a" * 40, 40_000

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Fetching)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.content = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        # Cleared, the line stands still.
        self.going = threading.Event()
        self.going.set()


class Fetching(BaseHTTPRequestHandler):
    """Answers what a transfer asks."""

    server: Hub

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith(f"/api/models/{Hub.REPO}"):
            files = [{"rfilename": name, "size": len(content)} for name, content in self.server.content.items()]
            said = {"id": Hub.REPO, "sha": Hub.REVISION, "siblings": files}
            self.answer(json.dumps(said).encode())
        else:
            self.answer(self.server.content.get(path.removeprefix(f"/{Hub.REPO}/resolve/{Hub.REVISION}/"), b""))

    def answer(self, body: bytes) -> None:
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), Hub.PIECE):
            self.server.going.wait(30)
            self.wfile.write(body[at : at + Hub.PIECE])


class Studio:
    """A studio in its own process, and the way to prepare songs in it."""

    def __init__(self, process: subprocess.Popen[str], url: str, data: Path, said: list[str]) -> None:
        self.process, self.url, self.data, self.said = process, url, data, said
        self.http = httpx.Client(base_url=f"{url}/api", timeout=60)

    def sing(self, title: str, **fields: Any) -> dict[str, Any]:
        """A song of toy music, done."""
        request = {"caption": "a slow waltz", "duration_s": 6.0, "model": TOY, "sampling": {"steps": 2}, **fields}
        job = self.http.post("/jobs", json={"request": request, "title": title}).raise_for_status().json()
        self.wait(job["id"])
        return self.song(job["song_id"])

    def wait(self, job_id: str, seconds: float = 90.0) -> None:
        """Until a job is done."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.http.get(f"/jobs/{job_id}").json()
            if job["state"] == "done":
                return
            assert job["state"] in ("queued", "running"), job["error"]
            time.sleep(0.05)
        raise AssertionError(f"the job was not done within {seconds:g} s")

    def song(self, song_id: str) -> dict[str, Any]:
        return self.http.get(f"/songs/{song_id}").raise_for_status().json()

    def empty(self) -> None:
        """Nothing in the library."""
        for trash in ("false", "true"):
            for song in self.http.get("/songs", params={"limit": 500, "trash": trash}).json()["items"]:
                self.http.delete(f"/songs/{song['id']}", params={"forever": "true"}).raise_for_status()
        for playlist in self.http.get("/playlists").json():
            self.http.delete(f"/playlists/{playlist['id']}").raise_for_status()


def start(home: Path, data: Path, *flags: str, hub: str | None = None) -> Studio:
    """Start a studio and wait until it says where it is; without the address of a hub it stays off the network."""
    environment = os.environ | {
        "MELISMA_HOME": str(home),
        **({"HF_ENDPOINT": hub, "MELISMA_OFFLINE": "0"} if hub else {"MELISMA_OFFLINE": "1"}),
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-c", "from melisma.cli import main; main()", "studio", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--data", str(data), "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    said: list[str] = []
    known = threading.Event()
    assert process.stdout is not None

    def listen() -> None:
        for line in process.stdout or ():
            said.append(line)
            if ADDRESS.search(line) and "is at" in line:
                known.set()
        known.set()

    threading.Thread(target=listen, daemon=True).start()
    known.wait(60)
    found = next(filter(None, map(ADDRESS.search, said)), None)
    assert found, "".join(said)
    return Studio(process, found.group(), data, said)


def stop(studio: Studio) -> None:
    studio.http.close()
    studio.process.terminate()
    try:
        studio.process.wait(15)
    except subprocess.TimeoutExpired:
        studio.process.kill()


def opened(browser: Browser, url: str, size: dict[str, Any], **more: Any) -> tuple[BrowserContext, Page, list[str]]:
    """A page in a browser of its own, and the errors it writes."""
    context = browser.new_context(base_url=url, locale="en-GB", reduced_motion="reduce", **size, **more)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    return context, page, wrong


def player(page: Page) -> Locator:
    return page.get_by_role("region", name="Player")


def position(page: Page) -> str:
    return player(page).get_by_role("slider", name="Position").get_attribute("aria-valuetext") or ""


def goes_on(page: Page) -> None:
    """Wait until the player is past the first second, however late we look."""
    until(lambda: position(page)[:4] > "0:00")


def until(true: Any, seconds: float = PATIENCE_MS / 1000) -> Any:
    """Wait until something holds, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {seconds:g} s")


def choose(page: Page, label: str, option: str) -> None:
    """Take one of the options of a field."""
    page.get_by_role("button", name=re.compile(f"{label}$")).click()
    page.get_by_role("option", name=option, exact=True).click()


def shot(page: Page, name: str) -> None:
    """A picture of what is on screen, for people, where `MELISMA_TEST_SHOTS` names a folder."""
    if folder := os.environ.get("MELISMA_TEST_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")
