"""The server, put together: routes, the door before them, the page behind them, and the worker beside them.

`create_app` is a factory for uvicorn and for tests. Nothing here or below imports torch: the server is there within a
second and stays small, whatever the worker loads.
"""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from melisma import __version__
from melisma.errors import MelismaError
from melisma.studio import jobs as jobs_
from melisma.studio import library
from melisma.studio.access import owner_of
from melisma.studio.context import Context
from melisma.studio.database import Database, sqlite_url
from melisma.studio.events import prune
from melisma.studio.files import Files
from melisma.studio.guard import Guard, answer, under
from melisma.studio.metrics import Observed
from melisma.studio.problems import Refused
from melisma.studio.recovery import restore_if_lost
from melisma.studio.routes import (
    events,
    health,
    jobs,
    machine,
    me,
    models,
    playlists,
    songs,
    takes,
    tokens,
    uploads,
    users,
)
from melisma.studio.settings import Settings
from melisma.studio.shapes import Problem
from melisma.studio.supervisor import COMMAND, Supervisor

ROUTES = (jobs, events, songs, takes, playlists, uploads, me, users, tokens, models, machine, health)
CARE_S = 6 * 3600.0
PAGE = Path(__file__).parent / "page"
log = logging.getLogger(__name__)


def create_app(settings: Settings, *, worker: bool = True) -> FastAPI:
    """A studio on a data folder; `worker` False only answers, and plays nothing."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database or sqlite_url(settings.data))
    studio = Context(settings, database, Files(settings.data / "files"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        supervisor = await run_in_threadpool(begin, studio, worker)
        caring = asyncio.create_task(care(studio))
        try:
            yield
        finally:
            caring.cancel()
            if supervisor is not None:
                await run_in_threadpool(supervisor.stop)
            database.close()

    app = FastAPI(
        title="melisma studio",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=operation_name,
        responses={"4XX": {"model": Problem, "description": "Refused, with the reason."}},
    )
    app.state.studio = studio
    for routes in ROUTES:
        app.include_router(routes.router)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    if (PAGE / "index.html").is_file():
        app.router.routes.append(Elsewhere("/", GZipMiddleware(Page(PAGE)), name="page"))
    app.add_middleware(Guard, access=studio.access)
    app.add_middleware(Observed, metrics=studio.metrics)
    return app


def begin(studio: Context, worker: bool) -> Supervisor | None:
    """Make the database ready, put jobs that were broken off back into the queue, and start the worker."""
    studio.database.migrate()
    owner = studio.access.owner() if studio.access.open else None
    with studio.database.transaction() as session:
        owner = owner or owner_of(session)
        if worker and (count := jobs_.recovered(session)):
            log.warning("%s jobs were running when the studio ended, and wait again", count)
    if owner is not None and (songs_back := restore_if_lost(studio.database, studio.files, owner)):
        log.warning("the database was empty: %s songs were brought back from their files", songs_back)
    if not worker:
        return None
    supervisor = Supervisor(studio.settings, studio.database, studio.bell, COMMAND)
    supervisor.start()
    return supervisor


async def care(studio: Context) -> None:
    """Now and then: forget what nobody will ask for."""
    while True:
        try:
            await run_in_threadpool(tidy, studio)
        except OperationalError as error:
            log.warning("tidying up has to wait: %s", error.orig)
        await asyncio.sleep(CARE_S)


def tidy(studio: Context) -> None:
    """Old events and old trash go."""
    with studio.database.transaction() as session:
        prune(session)
        library.empty_old_trash(session, studio.files, studio.settings.trash_days)


def operation_name(route: APIRoute) -> str:
    """What generated clients call a route: as its function is called."""
    return route.name


# --- The page -------------------------------------------------------------------------------------------------------


class Elsewhere(Mount):
    """Everything that is not the API, so that a wrong address or method there is refused as such."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if under(scope["path"], "/api") else super().matches(scope)


class Page(StaticFiles):
    """The built page. Addresses that are no file belong to the page's own routes and get its index."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or the index. What is under `assets` is named by its content and never changes."""
        try:
            found = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or path.startswith("assets/"):
                raise
            found = await super().get_response("index.html", scope)
        forever = path.startswith("assets/")
        found.headers["cache-control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
        return found


# --- What went wrong, as an answer ----------------------------------------------------------------------------------


def problem(status: int, detail: str, code: str, **headers: str) -> JSONResponse:
    """A `shapes.Problem`."""
    return JSONResponse({"detail": detail, "code": code}, status, headers)


async def refused(request: Request, error: Any) -> JSONResponse:
    """What a route refused, or the engine's words for what cannot be done."""
    return answer(error) if isinstance(error, Refused) else problem(422, str(error), "refused")


async def misshaped(request: Request, error: Any) -> JSONResponse:
    """Fields that are missing, unknown or out of range, one line each."""
    lines = []
    for one in error.errors()[:10]:
        place = ".".join(str(part) for part in one["loc"] if part not in ("body", "query", "path", "header"))
        lines.append(f"{place}: {one['msg']}" if place else one["msg"])
    return problem(422, "\n".join(lines), "invalid")


async def plain(request: Request, error: Any) -> JSONResponse:
    """An address that is none, or a method that it does not know."""
    known = {404: "There is nothing here.", 405: "That cannot be done here."}
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    detail = known.get(error.status_code, error.detail)
    return problem(error.status_code, detail, codes.get(error.status_code, "refused"), **(error.headers or {}))


async def outdated(request: Request, error: Any) -> JSONResponse:
    """Two changed the same row at once."""
    return problem(409, "Somebody else changed this at the same moment: look at it again.", "outdated")


async def unstorable(request: Request, error: Any) -> JSONResponse:
    """A text or a number in an address that the database has no room for, as PostgreSQL has none for a NUL."""
    return problem(
        422, "Something in this address cannot be looked up: a number is too large, or a text no text.", "invalid"
    )


async def unwritable(request: Request, error: Any) -> JSONResponse:
    """The database is held by somebody else for longer than one waits, or does not answer."""
    log.error("the database refused: %s", error)
    return problem(503, "The database is busy or cannot write: try again in a moment.", "busy", **{"retry-after": "2"})


async def no_room(request: Request, error: Any) -> JSONResponse:
    """The disk is full; any other trouble with it is a bug of ours or of the disk."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    return problem(507, "The disk is full: make room, then try again. Nothing half-written was left.", "disk_full")


HANDLERS: dict[type[Exception], Any] = {
    MelismaError: refused,
    RequestValidationError: misshaped,
    HTTPException: plain,
    StaleDataError: outdated,
    OperationalError: unwritable,
    DataError: unstorable,
    OSError: no_room,
}
