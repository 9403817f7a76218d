"""For whoever runs a studio: does it live, can it work, how is it doing."""

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from melisma import __version__
from melisma.studio import facts
from melisma.studio.context import Administrator, Context, Studio
from melisma.studio.shapes import HealthOut, ReadyOut

router = APIRouter(tags=["health"])

# Less room than this, and the next songs may not fit.
LEAST_BYTES = 200_000_000


@router.get("/health")
def health() -> HealthOut:
    """The process answers."""
    return HealthOut(status="ok", version=__version__)


@router.get("/ready", responses={503: {"model": ReadyOut}})
def ready(studio: Studio, response: Response) -> ReadyOut:
    """The database answers, the disk has room, the worker is not down; 503 else."""
    checks = {"database": database(studio), "disk": disk(studio)}
    checks["worker"] = worker(studio) if checks["database"] is None else None
    answer = ReadyOut(ready=not any(checks.values()), checks=checks)
    response.status_code = 200 if answer.ready else 503
    return answer


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(studio: Studio, admin: Administrator) -> Response:
    """Figures for Prometheus; for administrators and their tokens with the scope 'read'."""
    return Response(studio.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def database(studio: Context) -> str | None:
    """What is wrong with the database."""
    try:
        with studio.database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return f"It does not answer: {type(error).__name__}."
    return None


def disk(studio: Context) -> str | None:
    """What is wrong with the disk."""
    try:
        free = studio.files.free_bytes()
    except OSError as error:
        return f"The data folder cannot be used: {error.strerror}."
    return None if free > LEAST_BYTES else f"Only {free / 1e6:.0f} MB are free."


def worker(studio: Context) -> str | None:
    """What is wrong with the worker; one that still starts is well."""
    with studio.database.reading() as session:
        state = facts.said(session, "worker").get("state")
    return "It is down, and is being started again." if state == "down" else None
