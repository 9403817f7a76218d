"""What happened, for whoever looks: rows written with the thing itself, streamed to pages in order.

A page that was away names the last event it saw and gets what it missed. Kinds: `job` (payload: a JobOut), `song`
(payload: id, and what happened: added, changed, trashed, restored, gone), `take` (id, song_id, the same), `playlist`,
`upload`, `model`, `machine`.
"""

from typing import Any

from sqlalchemy.orm import Session

from melisma.studio.tables import Event


def publish(session: Session, kind: str, payload: dict[str, Any], owner_id: str | None) -> None:
    """Tell the pages of `owner_id` (None: of everybody) once this transaction lands."""
    session.add(Event(kind=kind, payload=payload, owner_id=owner_id))
