"""This machine: what it has, what of it is used, and a report to paste into an issue."""

import platform
from typing import Literal

import psutil
from fastapi import APIRouter
from sqlalchemy import func, select

from melisma import __version__
from melisma.models.machine import lines
from melisma.studio import facts
from melisma.studio.context import Person, Reading, Studio
from melisma.studio.shapes import MachineOut
from melisma.studio.tables import File, Job, Song

router = APIRouter(prefix="/api", tags=["machine"])

WorkerState = Literal["starting", "idle", "busy", "down"]


@router.get("/machine")
def get_machine(session: Reading, studio: Studio, user: Person) -> MachineOut:
    """What this machine has, as the worker found it; until it has looked, what the system tells."""
    machine, worker = facts.said(session, "machine"), facts.said(session, "worker")
    memory = psutil.virtual_memory()
    running = session.scalar(select(func.count(Job.id)).where(Job.state == "running")) or 0
    size = session.scalar(select(func.coalesce(func.sum(File.size), 0))) or 0
    device = machine.get("device", {})
    return MachineOut(
        version=__version__,
        device=device.get("about", platform.processor() or platform.machine()),
        memory_bytes=memory.total,
        memory_free_bytes=memory.available,
        accelerator_bytes=worker.get("accelerator_bytes"),
        cores=psutil.cpu_count() or 1,
        data_folder=str(studio.settings.data) if user.admin else "",
        disk_free_bytes=studio.files.free_bytes(),
        library_bytes=int(size),
        songs=session.scalar(select(func.count(Song.id))) or 0,
        worker=state_of(worker.get("state", "down"), bool(running)),
        resident=worker.get("resident", []),
        report=report(machine, user.admin),
    )


def state_of(said: str, running: bool) -> WorkerState:
    """What the worker is doing: it says that it is ready, the queue says whether it has something to do."""
    if said == "ready":
        return "busy" if running else "idle"
    return "starting" if said == "starting" else "down"


def report(machine: dict[str, object], admin: bool) -> str:
    """The facts as text. Where things lie is only told to administrators."""
    if not machine:
        return f"melisma: {__version__}, Python {platform.python_version()}, {platform.system()}\nThe worker is still looking at this machine."
    said = lines(machine)
    if not admin:
        said.pop("data folder", None)
    rows = [f"{name}: {line}" for name, line in said.items()]
    for row in machine.get("models", ()):  # type: ignore[attr-defined]
        rows.append(f"{'here' if row['here'] else '    '}  {row['name']}: {row['way']}")
    return "\n".join(rows)
