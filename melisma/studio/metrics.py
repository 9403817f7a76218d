"""Figures for Prometheus: the queue, how long stages, jobs and answers take, memory.

Queue and library are counted when somebody looks. What only the worker knows it has said (`facts`). The time of answers
is measured by `Observed`, which also gives each request an id and a line in the log.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from melisma.studio import facts, logs
from melisma.studio.database import Database
from melisma.studio.files import Files
from melisma.studio.tables import File, Job, Song, now

STATES = ("queued", "running", "done", "failed", "cancelled")
WAITS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
WORKER_STATES = ("starting", "ready", "down")
# Lines about these would drown the others.
HUSHED = ("/health", "/ready", "/metrics")
ID_HEADER = "x-request-id"
log = logging.getLogger(__name__)


class Metrics(Collector):
    """All figures of one studio."""

    def __init__(self, database: Database, files: Files) -> None:
        self.database = database
        self.files = files
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.answers = Histogram(
            "melisma_http_seconds",
            "Time until an answer begins.",
            ("method", "route", "status"),
            buckets=WAITS_S,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """Everything in Prometheus' format."""
        return generate_latest(self.registry)

    def describe(self) -> list[Metric]:
        """Nothing is counted on registering."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What is counted when somebody looks."""
        with self.database.reading() as session:
            yield from queue(session)
            yield from library(session)
            worker, work = facts.said(session, "worker"), facts.said(session, "work")
        yield gauge("melisma_disk_free_bytes", "Room on the disk of the library.", self.files.free_bytes())
        yield from of_worker(worker)
        yield timings("melisma_stage_seconds", "How long stages of a job took.", ("stage",), work.get("stages", {}))
        yield timings("melisma_job_seconds", "How long jobs took.", ("kind", "state"), work.get("jobs", {}))


def gauge(name: str, about: str, value: float) -> Metric:
    """One number."""
    return GaugeMetricFamily(name, about, value=value)


def queue(session: Session) -> Iterator[Metric]:
    """Jobs by state, and how long the first has been waiting."""
    counted = dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())
    family = GaugeMetricFamily("melisma_jobs", "Jobs by state.", labels=("state",))
    for state in STATES:
        family.add_metric((state,), counted.get(state, 0))
    yield family
    oldest = session.scalar(select(func.min(Job.created_at)).where(Job.state == "queued"))
    waiting = (now() - oldest).total_seconds() if oldest else 0.0
    yield gauge("melisma_queue_oldest_seconds", "How long the oldest waiting job has waited.", waiting)


def library(session: Session) -> Iterator[Metric]:
    """Songs and bytes."""
    yield gauge("melisma_songs", "Songs in all libraries.", session.scalar(select(func.count(Song.id))) or 0)
    size = session.scalar(select(func.coalesce(func.sum(File.size), 0))) or 0
    yield gauge("melisma_library_bytes", "Size of all stored files.", float(size))


def of_worker(said: dict[str, object]) -> Iterator[Metric]:
    """What the worker said of itself."""
    family = GaugeMetricFamily("melisma_worker", "State of the worker.", labels=("state",))
    for state in WORKER_STATES:
        family.add_metric((state,), float(said.get("state", "down") == state))
    yield family
    for name, about in (
        ("accelerator_bytes", "Memory of the accelerator."),
        ("accelerator_free_bytes", "Free memory of the accelerator."),
        ("memory_bytes", "Memory that the worker holds."),
    ):
        value = said.get(name)
        if isinstance(value, (int, float)):
            yield gauge(f"melisma_worker_{name}", about, value)


def timings(name: str, about: str, labels: tuple[str, ...], rows: dict[str, dict[str, Any]]) -> Metric:
    """Durations that the worker counted; a row's key holds its labels with spaces between."""
    family = HistogramMetricFamily(name, about, labels=labels)
    for key, row in rows.items():
        family.add_metric(key.split(" "), buckets=facts.cumulative(row), sum_value=row["sum"])
    return family


class Observed:
    """Outermost: an id for each request, its time, its line in the log."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, start, status, answered = secrets.token_hex(6), time.perf_counter(), 500, 0.0

        async def sending(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], time.perf_counter() - start
                MutableHeaders(scope=message)[ID_HEADER] = request_id
            await send(message)

        with logs.bound(request=request_id):
            try:
                await self.app(scope, receive, sending)
            finally:
                self.note(scope, status, answered or time.perf_counter() - start)

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer, and write it down."""
        route = getattr(scope.get("route", None), "path", None) or ("page" if status < 400 else "none")
        self.metrics.answers.labels(known_method(scope["method"]), route, str(status)).observe(seconds)
        if route not in HUSHED:
            level = logging.WARNING if status >= 500 else logging.INFO
            log.log(level, "%s %s %s", scope["method"], scope["path"], status, extra={"ms": round(seconds * 1000, 1)})


def known_method(method: str) -> str:
    """A method, or "other": anybody may invent one, and each would be a series of its own."""
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
