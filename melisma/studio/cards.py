"""Cards: one small JSON file per song beside its sounds, with what no audio tag can hold because it changes.

Title, tags, stars, who owns it, how its takes are trimmed. Written after each change, from the database as it is then.
The database is faster, the cards outlive it: from them and the sounds the library can be made again (`recovery`). An
exported song carries the same card.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session

from melisma.studio.files import Files
from melisma.studio.shapes import Line, Rating, Section, Sha, TagName, TakeEdit
from melisma.studio.tables import Playlist, PlaylistEntry, Song, User


class Written(BaseModel):
    """Base of what is on a card. Unknown fields, of a later version, are passed over."""

    model_config = ConfigDict(from_attributes=True, extra="ignore", allow_inf_nan=False)


class TakeCard(Written):
    """A take, as `tables.Take` has it."""

    id: str = Field(pattern="^[0-9a-f]{32}$")
    job_id: str | None = Field(None, max_length=32)
    number: int = Field(0, ge=0, lt=2**31)
    parent_id: str | None = Field(None, max_length=32)
    kind: str = Field(max_length=16)
    title: str = Field("", max_length=200)
    sha256: Sha
    format: str = Field(max_length=16)
    sample_rate: int
    duration_s: float
    lufs: float | None = None
    true_peak_dbtp: float | None = None
    peaks_sha256: Sha | None = None
    seed: str | None = Field(None, max_length=20)
    request: dict[str, Any] | None = None
    blueprint: dict[str, Any] | None = None
    provenance: dict[str, Any] | None = None
    reasons: list[str] = []
    lines: list[Line] = []
    sections: list[Section] = []
    edit: TakeEdit = TakeEdit()
    rating: Rating | None = None
    created_at: datetime
    discarded_at: datetime | None = None


class Card(Written):
    """A song, as `tables.Song` has it, with its takes."""

    format: Literal[1] = 1
    owner: str | None = None
    id: str = Field(pattern="^[0-9a-f]{32}$")
    title: str = Field(max_length=200)
    caption: str = ""
    lyrics: str = ""
    language: str | None = Field(None, max_length=8)
    bpm: int | None = None
    key: str | None = Field(None, max_length=12)
    meter: int | None = None
    duration_s: float | None = None
    model: str | None = Field(None, max_length=120)
    favourite: bool = False
    rating: Rating | None = None
    shared: bool = False
    chosen_take_id: str | None = Field(None, max_length=32)
    parent_take_id: str | None = Field(None, max_length=32)
    artwork_sha256: Sha | None = None
    created_at: datetime
    updated_at: datetime
    played_at: datetime | None = None
    deleted_at: datetime | None = None
    tags: list[TagName] = []
    playlists: list[tuple[str, int]] = Field([], description="Name and position.")
    takes: list[TakeCard] = []


def folder_of(files: Files) -> Path:
    """Where the cards lie."""
    return files.folder / "cards"


def card_of(session: Session, song: Song) -> Card:
    """Everything the database knows of a song."""
    owner = session.get(User, song.owner_id)
    lists = select(Playlist.name, PlaylistEntry.position).join(Playlist).where(PlaylistEntry.song_id == song.id)
    columns = {name: getattr(song, name) for name in Card.model_fields if name in Song.__table__.columns}
    more = {
        "owner": owner.name if owner else None,
        "tags": [tag.name for tag in song.tags],
        "playlists": [(row.name, row.position) for row in session.execute(lists)],
        "takes": [TakeCard.model_validate(take) for take in song.takes],
    }
    return Card.model_validate(columns | more)


def write(engine: Engine | Connection, files: Files, song_id: str) -> None:
    """Write a song's card as it stands in the database now; a song that is gone has none."""
    with Session(engine) as session:
        session.connection(execution_options={"melisma_reading": True})
        song = session.get(Song, song_id)
        if song is None:
            remove(files, song_id)
            return
        text = card_of(session, song).model_dump_json(indent=1, exclude_none=True)
    folder = folder_of(files)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{song_id}.part"
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(folder / f"{song_id}.json")
    finally:
        fresh.unlink(missing_ok=True)


def remove(files: Files, song_id: str) -> None:
    """Forget a song."""
    (folder_of(files) / f"{song_id}.json").unlink(missing_ok=True)


def read(path: Path) -> Card | None:
    """A card, or None where there is none that this version can read."""
    try:
        return Card.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def read_all(files: Files) -> list[Card]:
    """All cards of a library that can be read."""
    return [card for path in sorted(folder_of(files).glob("*.json")) if (card := read(path)) is not None]
