"""A studio that answers on a port, in this process or another, and a reader of its event stream."""

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI
from hall import Hall, until

from melisma.studio.app import create_app

WITHOUT_WORKER = """
import json, socket, sys, uvicorn
from melisma.studio.app import create_app
from melisma.studio.settings import Settings
listening = socket.create_server(("127.0.0.1", 0))
app = create_app(Settings.model_validate_json(sys.argv[1]), worker=False)
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listening])
"""


@dataclass
class Happened:
    """An event as a browser hears it."""

    id: int
    kind: str
    payload: dict[str, Any]


class Stream:
    """An open event stream."""

    def __init__(self, port: int, last: int | None = None, after: int | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Last-Event-ID": str(last)} if last is not None else {}
        query = f"?after={after}" if after is not None else ""
        self.connection.request("GET", f"/api/events{query}", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200

    def next(self) -> Happened:
        """The next event; pings are passed over."""
        found: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\r\n")
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                found[name] = value
            elif "data" in found:
                return Happened(int(found["id"]), found["event"], json.loads(found["data"]))

    def close(self) -> None:
        """Go away without a word."""
        if self.connection.sock is not None:
            self.connection.sock.close()
        self.answer.close()
        self.connection.close()


@dataclass
class Server:
    """Where a studio answers; `app` where it is in this process."""

    port: int
    app: FastAPI | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request; status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()


@contextmanager
def serving(hall: Hall) -> Iterator[Server]:
    """A server in this process, without a worker."""
    app = create_app(hall.settings, worker=False)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield Server(server.servers[0].sockets[0].getsockname()[1], app)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def another_process(hall: Hall) -> Iterator[tuple[Server, subprocess.Popen[str]]]:
    """A server in a process of its own, without a worker; killed in the end."""
    command = [sys.executable, "-c", WITHOUT_WORKER, hall.settings.model_dump_json()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield ready(Server(int(process.stdout.readline()))), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def studio(hall: Hall) -> Iterator[tuple[Server, subprocess.Popen[str]]]:
    """`melisma studio` as people start it."""
    settings = hall.settings
    flags = ["--data", str(settings.data), "--database", str(settings.database), "--port", "0", "--device", "cpu"]
    script = "from melisma.cli import main; main()"
    command = [sys.executable, "-c", script, "studio", "--no-browser", "--log-level", "warning", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        yield ready(Server(int(line.split("127.0.0.1:")[1].split("/")[0]))), process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(40)
        process.stdout.close()


def ready(server: Server) -> Server:
    """The server, once it answers."""

    def answers() -> bool:
        try:
            return server.ask("GET", "/health")[0] == 200
        except OSError:
            return False

    until(answers)
    return server
