"""What happened, for whoever looks: rows written with the thing itself, streamed to pages in order.

A page that was away names the last event it saw and gets what it missed. Kinds: `job` (payload: a JobOut), `song`
(payload: id, and what happened: added, changed, trashed, restored, gone), `take` (id, song_id, the same), `playlist`,
`upload`, `model`, `machine`. A page that missed more than is kept is greeted anew (`hello`) and asks for everything.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from melisma.studio.tables import Event, now

MOST_AT_ONCE = 500
KEPT, KEPT_FOR = 20_000, timedelta(days=2)


def publish(
    session: Session, kind: str, payload: dict[str, Any], owner_id: str | None, *, about: str | None = None
) -> None:
    """Tell the pages of `owner_id` (None: of everybody) once this transaction lands.

    about: the id of what `payload` tells all of; earlier events about it are forgotten.
    """
    event = Event(kind=kind, payload=payload, owner_id=owner_id, about=about)
    session.info.setdefault("events", []).append(event)


def span(session: Session) -> tuple[int, int]:
    """First and last event there are; 0, 0 before anything happened."""
    first, last = session.execute(select(func.min(Event.id), func.max(Event.id))).one()
    return first or 0, last or 0


def since(session: Session, owner_id: str, after: int) -> list[Event]:
    """The next events that a person may know, oldest first."""
    mine = or_(Event.owner_id == owner_id, Event.owner_id.is_(None))
    query = select(Event).where(Event.id > after, mine).order_by(Event.id).limit(MOST_AT_ONCE)
    return list(session.scalars(query))


def start(session: Session, after: int | None) -> tuple[int, bool]:
    """Where a stream begins, and whether it must be greeted: it is new, or what it missed is not known any more."""
    first, last = span(session)
    if after is not None and first - 1 <= after <= last:
        return after, False
    return last, True


def prune(session: Session) -> None:
    """Forget what nobody will ask for; the last event stays, so that ids go on from it."""
    _, last = span(session)
    old = or_(Event.id <= last - KEPT, Event.at < now() - KEPT_FOR)
    session.execute(delete(Event).where(old, Event.id < last))
