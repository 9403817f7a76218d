"""Keeps the worker alive: starts it, hears its doorbell, rings its own, and starts it again when it dies.

The server never waits for the worker and outlives whatever kills it: a crash in a driver, the system's out-of-memory
killer, a person. Jobs that the dead worker held go back into the queue before the next one starts. A worker whose pulse
stops (the driver hangs, the machine swaps itself to death) is killed, and then it is a dead worker like any other.
"""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from melisma.studio import facts, jobs
from melisma.studio.bell import Bell
from melisma.studio.database import Database
from melisma.studio.events import publish
from melisma.studio.settings import Settings

COMMAND = (sys.executable, "-m", "melisma.studio.worker")
# Waits before a new start, doubled from one death to the next; a worker that lived long enough is forgiven.
FIRST_WAIT_S, LONGEST_WAIT_S, FORGIVEN_S = 0.2, 30.0, 60.0
# A little longer than the worker gives itself.
STOP_S = 25.0
# Seconds without a pulse after which a worker is killed: until it is first heard it may be loading libraries from a slow disk.
LAUNCH_S, SILENT_S = 600, 120
STUCK = "it gave no sign of life, and was stopped"
log = logging.getLogger(__name__)


class Supervisor:
    """One worker process, again and again, until `stop`."""

    def __init__(self, settings: Settings, database: Database, bell: Bell, command: Sequence[str] = COMMAND) -> None:
        self.settings = settings
        self.database = database
        self.bell = bell
        self.command = command
        self.process: subprocess.Popen[str] | None = None
        self.patience = 0
        self.gave_up = False
        self.stopping = threading.Event()
        self.writing = threading.Lock()
        self.thread = threading.Thread(target=self.keep_alive, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self.database.listeners.append(self.heard)
        self.thread.start()

    def stop(self) -> None:
        """Let the worker finish its step and put its job back; returns when it is gone."""
        self.stopping.set()
        with suppress(ValueError):
            self.database.listeners.remove(self.heard)
        with self.writing:
            self.hang_up()
        self.thread.join(STOP_S)
        if self.thread.is_alive() and self.process is not None:
            log.warning("the worker does not leave: it is killed")
            self.process.kill()
            self.thread.join(STOP_S)

    def hang_up(self) -> None:
        """End the worker's input, which tells it to leave."""
        process = self.process
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()

    def heard(self, kinds: frozenset[str]) -> None:
        """Something was published in this process."""
        if "job" in kinds:
            self.ring()

    def ring(self) -> None:
        """Have the worker look at the queue. It looks once a second anyway, so a worker that is not there misses nothing."""
        process = self.process
        if process is None or process.stdin is None:
            return
        with self.writing, suppress(OSError, ValueError):
            process.stdin.write("look\n")
            process.stdin.flush()

    # --- in its own thread

    def keep_alive(self) -> None:
        """Run workers one after another."""
        wait = FIRST_WAIT_S
        while not self.stopping.is_set():
            begun = time.monotonic()
            self.say("starting")
            cause = self.run_once()
            if self.stopping.is_set():
                self.say("down")
                return
            log.error("the worker died: %s", cause)
            self.say("down")
            wait = FIRST_WAIT_S if time.monotonic() - begun > FORGIVEN_S else min(2 * wait, LONGEST_WAIT_S)
            self.stopping.wait(wait)

    def run_once(self) -> str:
        """One worker's life; what ended it, in words. Its jobs wait again when this returns."""
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert process.stdin is not None
        assert process.stdout is not None
        name = ""
        with self.writing, suppress(OSError, ValueError):
            self.process = process
            process.stdin.write(f"{self.settings.model_dump_json()}\n")
            process.stdin.flush()
        if self.stopping.is_set():
            self.hang_up()
        self.patience, self.gave_up = LAUNCH_S, False
        threading.Thread(target=self.feel_pulse, args=(process,), name="pulse", daemon=True).start()
        for line in process.stdout:
            self.patience = SILENT_S
            word, _, rest = line.strip().partition(" ")
            if word == "ready":
                name = rest
            if word != "alive":
                self.bell.ring()
        code = process.wait()
        process.stdout.close()
        self.hang_up()
        cause = STUCK if self.gave_up else cause_of(code)
        self.bury(name, cause)
        return cause

    def feel_pulse(self, process: "subprocess.Popen[str]") -> None:
        """Kill a worker that has been silent for too long.

        Seconds are counted one by one, not read from a clock: where everything was stopped for a while (Ctrl-Z, a lid that
        was closed), nobody was silent.
        """
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
                return
            self.patience -= 1
            if self.patience <= 0 and not self.stopping.is_set():
                log.error("the worker gives no sign of life: it is killed")
                self.gave_up = True
                process.kill()
                return

    def bury(self, name: str, cause: str) -> None:
        """Put the jobs of a dead worker back. Nothing else may claim them meanwhile, so this is not given up."""

        def put_back(session: Session) -> int:
            return jobs.bereaved(session, name, cause)

        while name:
            try:
                with self.database.transaction() as session:
                    count = put_back(session)
            except OperationalError as error:
                log.warning("the database refused, trying again: %s", error.orig)
                if self.stopping.wait(1.0):
                    return  # whoever starts next puts them back
            else:
                if count:
                    log.warning("%s jobs of the dead worker wait again", count)
                return

    def say(self, state: str) -> None:
        """Tell what the worker is doing."""
        try:
            with self.database.transaction() as session:
                facts.say(session, "worker", {"state": state})
                publish(session, "machine", {"state": state}, None, about="machine")
        except OperationalError as error:
            log.warning("the database refused: %s", error.orig)


def cause_of(code: int) -> str:
    """An exit code in words.

    >>> cause_of(-9), cause_of(1)
    ('killed by SIGKILL, as a system does that has run out of memory', 'it left with code 1')
    """
    if code >= 0:
        return f"it left with code {code}"
    name = signal.Signals(-code).name if -code in [s.value for s in signal.Signals] else f"signal {-code}"
    return f"killed by {name}" + (", as a system does that has run out of memory" if name == "SIGKILL" else "")
