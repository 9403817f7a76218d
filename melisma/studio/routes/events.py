"""Events as they happen: one stream per page, which resumes where it broke off."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.concurrency import run_in_threadpool
from sse_starlette import EventSourceResponse, ServerSentEvent

from melisma.studio.bell import Bell
from melisma.studio.context import Person, Studio
from melisma.studio.database import Database
from melisma.studio.events import since, start
from melisma.studio.tables import Event

router = APIRouter(prefix="/api", tags=["events"])

# Looked at without being rung, for events of other servers on the same database.
POLL_S = 1.0
PING_S = 15
LARGEST = 2**63 - 1


@router.get("/events", response_class=EventSourceResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    studio: Studio,
    user: Person,
    after: Annotated[int | None, Query(ge=0, le=LARGEST, description="The last event that was seen.")] = None,
    last_event_id: Annotated[str | None, Header(description="The same, as browsers say it; wins.")] = None,
) -> EventSourceResponse:
    """What happens, as server-sent events: `event` is its kind, `data` its payload. A stream that cannot go on where it
    broke off begins with `hello`."""
    said = last_event_id or ""
    seen = int(said) if said.isascii() and said.isdigit() and len(said) < 19 else after
    return EventSourceResponse(stream(studio.database, studio.bell, user.id, seen), ping=PING_S)


async def stream(database: Database, bell: Bell, owner_id: str, after: int | None) -> AsyncIterator[ServerSentEvent]:
    """A person's events, for ever."""

    def begin() -> tuple[int, bool]:
        with database.reading() as session:
            return start(session, after)

    def look(last: int) -> list[Event]:
        with database.reading() as session:
            return since(session, owner_id, last)

    with bell.sleeper() as rung:
        last, greet = await run_in_threadpool(begin)
        if greet:
            yield ServerSentEvent(json.dumps({"last_id": last}), event="hello", id=str(last))
        while True:
            rung.clear()
            found = await run_in_threadpool(look, last)
            for event in found:
                last = event.id
                yield ServerSentEvent(json.dumps(event.payload, ensure_ascii=False), event=event.kind, id=str(last))
            if not found:
                try:
                    await asyncio.wait_for(rung.wait(), POLL_S)
                except TimeoutError:
                    continue
