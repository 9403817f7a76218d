"""Lists of songs: filtered, searched, sorted, a page at a time."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, defer

from melisma.studio.library import visible
from melisma.studio.problems import NotHere
from melisma.studio.search import matching
from melisma.studio.shapes import TagName, TakeKind
from melisma.studio.tables import Playlist, PlaylistEntry, Song, Tag, Take, User

Sort = Literal["created", "updated", "title", "bpm", "duration", "rating", "played", "relevance"]
Order = Literal["asc", "desc"]
COLUMNS: dict[str, InstrumentedAttribute[object] | ColumnElement[str]] = {
    "created": Song.created_at,
    "updated": Song.updated_at,
    "title": func.lower(Song.title),
    "bpm": Song.bpm,
    "duration": Song.duration_s,
    "rating": Song.rating,
    "played": Song.played_at,
}


Tempo = Annotated[int | None, Field(ge=0, le=1000)]
Short = Annotated[str | None, Field(max_length=40)]


class Wanted(BaseModel):
    """Which songs, in which order."""

    model_config = ConfigDict(frozen=True)

    q: str = Field("", max_length=500, description="Words to find in title, tags, description and lyrics.")
    tag: tuple[TagName, ...] = Field((), max_length=20, description="Songs with all of these tags.")
    favourite: bool | None = None
    playlist_id: Short = None
    trash: bool = Field(False, description="What was deleted, in place of what was not.")
    key: Short = None
    language: Short = None
    bpm_from: Tempo = None
    bpm_to: Tempo = None
    kind: TakeKind | None = Field(None, description="Songs with a take of this kind.")
    shared: bool | None = Field(None, description="true: only shared songs; false: only your own.")
    sort: Sort | None = Field(None, description="Left out: best match first where words are sought, else newest first.")
    order: Order | None = None


def find(session: Session, user: User, wanted: Wanted, limit: int, offset: int) -> tuple[list[Song], int]:
    """A page of songs, without their lyrics, and how many there are in all. Raises NotHere for a strange playlist."""
    songs = filtered(select(Song), user, wanted)
    order: list[Any] = []
    if wanted.playlist_id is not None:
        playlist_to_see(session, user, wanted.playlist_id)
        songs = songs.join(PlaylistEntry, PlaylistEntry.song_id == Song.id)
        songs = songs.where(PlaylistEntry.playlist_id == wanted.playlist_id)
        order = [PlaylistEntry.position]
    match = matching(session, wanted.q)
    if match is not None:
        songs = songs.join(match.index, match.number == Song.number).where(match.found)
        order = [match.rank]
    if wanted.sort in COLUMNS or not order:
        column = COLUMNS.get(wanted.sort or "created", Song.created_at)
        upwards = (wanted.order or ("asc" if wanted.sort == "title" else "desc")) == "asc"
        order = [(column.asc() if upwards else column.desc()).nulls_last()]
    elif wanted.order == "desc":
        order = [column.desc() for column in order]
    total = session.scalar(songs.with_only_columns(func.count())) or 0
    # Numbers first: what is sorted stays small, and a search by words reads nothing but indexes.
    numbers = session.scalars(
        songs.with_only_columns(Song.number).order_by(*order, Song.number).limit(limit).offset(offset)
    )
    places = {number: place for place, number in enumerate(numbers)}
    page = session.scalars(select(Song).where(Song.number.in_(places)).options(defer(Song.lyrics)))
    return sorted(page, key=lambda song: places[song.number]), total


def filtered(songs: Select[tuple[Song]], user: User, wanted: Wanted) -> Select[tuple[Song]]:
    """The songs that a person may see, narrowed down."""
    if wanted.trash:
        songs = songs.where(Song.owner_id == user.id, Song.deleted_at.is_not(None))
    else:
        songs = songs.where(visible(user), Song.deleted_at.is_(None))
    if wanted.shared is not None:
        songs = songs.where(Song.shared if wanted.shared else Song.owner_id == user.id)
    if wanted.favourite is not None:
        songs = songs.where(Song.favourite == wanted.favourite)
    if wanted.key is not None:
        songs = songs.where(Song.key == wanted.key)
    if wanted.language is not None:
        songs = songs.where(Song.language == wanted.language)
    if wanted.bpm_from is not None:
        songs = songs.where(Song.bpm >= wanted.bpm_from)
    if wanted.bpm_to is not None:
        songs = songs.where(Song.bpm <= wanted.bpm_to)
    if wanted.kind is not None:
        songs = songs.where(Song.id.in_(select(Take.song_id).where(Take.kind == wanted.kind)))
    for tag in wanted.tag:
        songs = songs.where(Song.id.in_(select(Tag.song_id).where(Tag.name == tag)))
    return songs


def playlist_to_see(session: Session, user: User, playlist_id: str, *, changing: bool = False) -> Playlist:
    """A playlist by id; `changing` holds its row. Raises NotHere."""
    playlist = session.get(Playlist, playlist_id, with_for_update=True if changing else None)
    if playlist is None or not (playlist.owner_id == user.id or playlist.shared):
        raise NotHere(f"There is no playlist {playlist_id!r} here: it may have been deleted.")
    return playlist


def tags_of(session: Session, user: User) -> list[tuple[str, int]]:
    """Every tag on songs that a person may see, with how many carry it, most used first."""
    count = func.count(Tag.song_id)
    query = select(Tag.name, count).join(Song).where(visible(user), Song.deleted_at.is_(None))
    return [(name, songs) for name, songs in session.execute(query.group_by(Tag.name).order_by(count.desc(), Tag.name))]
