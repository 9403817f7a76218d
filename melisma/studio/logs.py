"""The log: one line per thing that happened, with the request or the job it belongs to.

Everything goes through here, uvicorn's and our libraries' lines too, as coloured text for people or as JSON for
machines. What is bound (`bind(job=…)`) appears on every line until it is unbound, in that thread or task alone.
"""

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.contextvars import bind_contextvars as bind
from structlog.contextvars import bound_contextvars as bound
from structlog.contextvars import unbind_contextvars as unbind
from structlog.types import Processor

__all__ = ["bind", "bound", "set_up", "unbind"]

# Our own line per request says more than theirs; SQL is nobody's business.
QUIET = ("uvicorn.access", "sqlalchemy.engine", "alembic", "httpx", "httpx2", "multipart", "python_multipart")


def set_up(format_: Literal["console", "json"] = "console", level: str = "info", stream: TextIO | None = None) -> None:
    """Write logs to `stream` (stderr) from now on; for programs, not for the package as a library."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # The pretty traceback prints every local variable: half a minute where these are networks, and somebody's words.
    last: list[Processor] = [
        structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]
    if format_ == "json":
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
