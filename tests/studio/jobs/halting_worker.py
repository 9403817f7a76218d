"""Workers with a place where they halt to be killed, made quickly.

`python halting_worker.py template SOCKET` imports all that a worker needs, once, and forks a worker for each
`python halting_worker.py worker SOCKET FOLDER`, which lends it its input and output and dies as it dies.
`FOLDER/wanted` holds [stage, take]; when a job gets there the process writes its id to `FOLDER/halted` and waits. Stages
are those the engine names, and `row`, which is after a take's file was stored and before its row is.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path


def template(path: str) -> None:
    """Fork workers until nobody needs any."""
    from melisma.studio import worker

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        while True:
            asking, _ = listening.accept()
            said, descriptors, *_ = socket.recv_fds(asking, 65_536, 3)
            if not os.fork():
                listening.close()
                if pid := os.fork():
                    dead, status = 0, 0
                    while not dead:
                        # Whoever borrowed it says nothing more: something to read is its end.
                        if select.select([asking], [], [], 0.05)[0]:
                            os.kill(pid, signal.SIGKILL)
                            os._exit(0)
                        dead, status = os.waitpid(pid, os.WNOHANG)
                    asking.sendall(str(status).encode())
                    os._exit(0)
                asking.close()
                for ours, theirs in enumerate(descriptors):
                    os.dup2(theirs, ours)
                    os.close(theirs)
                wanted = json.loads(said)
                os.environ.update(wanted["environment"])
                halting(worker, Path(wanted["folder"]))
                worker.main()
                os._exit(0)
            asking.close()
            for descriptor in descriptors:
                os.close(descriptor)


def borrow(path: str, folder: str) -> None:
    """Be a worker by having one."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(("MELISMA", "OMP"))}
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        said = json.dumps({"folder": folder, "environment": environment})
        socket.send_fds(asking, [said.encode()], [0, 1, 2])
        status = int(asking.recv(100) or b"256")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


def halt_if_wanted(folder: Path, stage: str, take: int) -> None:
    """Wait for death where that is wanted."""
    try:
        wanted, number = json.loads((folder / "wanted").read_text())
    except (OSError, ValueError):
        return
    if stage.startswith(wanted) and take in (0, number):
        fresh = folder / "halted.part"
        fresh.write_text(str(os.getpid()))
        fresh.replace(folder / "halted")
        time.sleep(600)


def halting(worker, folder: Path) -> None:  # type: ignore[no-untyped-def]
    """Make workers of this process halt."""
    stored = worker.keep_sound

    class Halting(worker.Ear):  # type: ignore[misc, name-defined]
        def stage(self, name: str, steps: int = 1) -> None:
            super().stage(name, steps)
            halt_if_wanted(folder, name, self.take_number)

    def keep_sound(files, waveform, origin, **options):  # type: ignore[no-untyped-def]
        found = stored(files, waveform, origin, **options)
        halt_if_wanted(folder, "row", origin.number)
        return found

    worker.Ear = Halting
    worker.keep_sound = keep_sound


if __name__ == "__main__":
    if sys.argv[1] == "template":
        template(sys.argv[2])
    else:
        borrow(sys.argv[2], sys.argv[3])
