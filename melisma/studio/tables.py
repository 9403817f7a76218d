"""What the studio keeps, as tables.

Audio lies in content-addressed files (`files`); rows refer to it by SHA-256. Requests and blueprints are stored as the
JSON of the central types. Whatever happens is also a row of `events`, written in the same transaction as the thing
itself, so that a page which was away can catch up.
"""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

ID = 32
SHA = 64


class Moment(TypeDecorator[datetime]):
    """A point in time, always UTC; SQLite forgets zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A name nobody can guess."""
    return uuid4().hex


def number_of(id_: str) -> int:
    """The first 60 bits of an id as a number: what the search index calls a song."""
    return int(id_[:15], 16)


def number_by_id(context: DefaultExecutionContext) -> int:
    """A number for a row that is made."""
    return number_of(context.get_current_parameters()["id"])  # type: ignore[no-untyped-call]


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


# --- People ---------------------------------------------------------------------------------------------------------


class User(Base):
    """A person. On a machine that asks for no account there is one, who may do everything."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    admin: Mapped[bool] = mapped_column(default=False)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Session(Base):
    """A signed-in browser. Only a hash of its secret is kept."""

    __tablename__ = "sessions"
    secret_hash: Mapped[str] = mapped_column(String(SHA), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column()
    agent: Mapped[str] = mapped_column(String(200), default="")


class Token(Base):
    """A key for programs, with scopes out of 'read', 'make', 'manage'."""

    __tablename__ = "tokens"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    secret_hash: Mapped[str] = mapped_column(String(SHA), unique=True)
    scopes: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None] = mapped_column()
    expires_at: Mapped[datetime | None] = mapped_column()


# --- Library --------------------------------------------------------------------------------------------------------


class File(Base):
    """A file of the data folder by its content. `users` of it are takes, uploads and artworks."""

    __tablename__ = "files"
    sha256: Mapped[str] = mapped_column(String(SHA), primary_key=True)
    suffix: Mapped[str] = mapped_column(String(8))
    size: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)


class Upload(Base):
    """Audio that a person brought."""

    __tablename__ = "uploads"
    __table_args__ = (UniqueConstraint("owner_id", "sha256"),)
    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(ForeignKey("files.sha256"))
    name: Mapped[str] = mapped_column(String(200))
    format: Mapped[str] = mapped_column(String(16))
    sample_rate: Mapped[int] = mapped_column()
    channels: Mapped[int] = mapped_column()
    duration_s: Mapped[float] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)


class Song(Base):
    """A song: what was asked for, and the takes of it. Trashed when `deleted_at` is set."""

    __tablename__ = "songs"
    __table_args__ = (
        Index("songs_of_owner", "owner_id", "deleted_at", "created_at"),
        Index("songs_by_number", "number", "owner_id", "shared", "deleted_at"),  # all that counting matches asks for
    )
    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(BigInteger, default=number_by_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    shared: Mapped[bool] = mapped_column(default=False)
    title: Mapped[str] = mapped_column(String(200))
    caption: Mapped[str] = mapped_column(Text, default="")
    lyrics: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str | None] = mapped_column(String(8))
    bpm: Mapped[int | None] = mapped_column()
    key: Mapped[str | None] = mapped_column(String(12))
    meter: Mapped[int | None] = mapped_column()
    duration_s: Mapped[float | None] = mapped_column()
    model: Mapped[str | None] = mapped_column(String(120))
    tags: Mapped[list["Tag"]] = relationship(
        cascade="all, delete-orphan", order_by="Tag.name", lazy="selectin", passive_deletes=True
    )
    favourite: Mapped[bool] = mapped_column(default=False)
    rating: Mapped[int | None] = mapped_column()
    chosen_take_id: Mapped[str | None] = mapped_column(String(ID))
    parent_take_id: Mapped[str | None] = mapped_column(String(ID))
    artwork_sha256: Mapped[str | None] = mapped_column(String(SHA))
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    played_at: Mapped[datetime | None] = mapped_column()
    deleted_at: Mapped[datetime | None] = mapped_column()
    takes: Mapped[list["Take"]] = relationship(
        cascade="all, delete-orphan", order_by="Take.created_at, Take.number", passive_deletes=True
    )
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012


class Tag(Base):
    """A word on a song."""

    __tablename__ = "tags"
    song_id: Mapped[str] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)


class Take(Base):
    """One sound of a song. Unique by job and number, so a job that runs twice stores nothing twice."""

    __tablename__ = "takes"
    __table_args__ = (UniqueConstraint("job_id", "number"),)
    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    song_id: Mapped[str] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(String(ID))
    number: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[str | None] = mapped_column(String(ID), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200), default="")
    sha256: Mapped[str] = mapped_column(ForeignKey("files.sha256"))
    format: Mapped[str] = mapped_column(String(16), default="flac")
    sample_rate: Mapped[int] = mapped_column()
    duration_s: Mapped[float] = mapped_column()
    lufs: Mapped[float | None] = mapped_column()
    true_peak_dbtp: Mapped[float | None] = mapped_column()
    peaks_sha256: Mapped[str | None] = mapped_column(String(SHA))
    seed: Mapped[str | None] = mapped_column(String(20))
    request: Mapped[dict[str, Any] | None] = mapped_column()
    blueprint: Mapped[dict[str, Any] | None] = mapped_column()
    provenance: Mapped[dict[str, Any] | None] = mapped_column()
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    lines: Mapped[list[Any]] = mapped_column(default=list)
    sections: Mapped[list[Any]] = mapped_column(default=list)
    edit: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rating: Mapped[int | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    discarded_at: Mapped[datetime | None] = mapped_column()


class Playlist(Base):
    """Songs in an order of somebody's choosing."""

    __tablename__ = "playlists"
    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    entries: Mapped[list["PlaylistEntry"]] = relationship(
        cascade="all, delete-orphan", order_by="PlaylistEntry.position", passive_deletes=True
    )


class PlaylistEntry(Base):
    """A song's place in a playlist."""

    __tablename__ = "playlist_entries"
    playlist_id: Mapped[str] = mapped_column(ForeignKey("playlists.id", ondelete="CASCADE"), primary_key=True)
    song_id: Mapped[str] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column()


# --- Work -----------------------------------------------------------------------------------------------------------


class Job(Base):
    """Something to do that takes a while.

    kind: sing (makes takes of `song_id`), plan (writes a blueprint), understand (listens to a file), pull (fetches a
    model). state: queued → running → done | failed | cancelled. `claim` names the worker process that holds it; whoever
    writes for a job checks that it still is. `attempts` counts how often it was begun, `deaths` how often the worker died
    of it. `rank` orders what has the same priority: the moment it was accepted, until somebody moves it. `memo` is what a worker leaves to the next one: the plan, what the judges said of takes that are stored.
    `fingerprint` is of what was sent, so that the same idempotency key cannot mean two things.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("owner_id", "idempotency_key"),
        Index("jobs_waiting", "state", "priority", "rank"),
        Index("jobs_served", "owner_id", "started_at"),
    )
    id: Mapped[str] = mapped_column(String(ID), primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(80))
    fingerprint: Mapped[str | None] = mapped_column(String(SHA))
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200), default="")
    song_id: Mapped[str | None] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"), index=True)
    parent_take_id: Mapped[str | None] = mapped_column(String(ID))
    keep: Mapped[int | None] = mapped_column()
    request: Mapped[dict[str, Any]] = mapped_column(default=dict)
    blueprint: Mapped[dict[str, Any] | None] = mapped_column()
    result: Mapped[dict[str, Any] | None] = mapped_column()
    priority: Mapped[int] = mapped_column(default=0)
    rank: Mapped[float] = mapped_column(default=time.time)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    stage: Mapped[str | None] = mapped_column(String(40))
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    take_number: Mapped[int] = mapped_column(default=0)
    seconds_left: Mapped[float | None] = mapped_column()
    error: Mapped[str | None] = mapped_column(Text)
    trace: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    memo: Mapped[dict[str, Any]] = mapped_column(default=dict)
    claim: Mapped[str | None] = mapped_column(String(ID))
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None] = mapped_column()
    finished_at: Mapped[datetime | None] = mapped_column()


class JobNote(Base):
    """A line of a job's log."""

    __tablename__ = "job_notes"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    text: Mapped[str] = mapped_column(Text)


class Event(Base):
    """Something a page wants to know. `owner_id` None: everybody may know. Ids grow, never repeat.

    Of events that are `about` the same thing only the last is kept: each tells all.
    """

    __tablename__ = "events"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    owner_id: Mapped[str | None] = mapped_column(String(ID), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    about: Mapped[str | None] = mapped_column(String(ID), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=now)


class Fact(Base):
    """Something one process says of itself for the others to read (`facts`): the worker's machine, memory, timings."""

    __tablename__ = "facts"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
