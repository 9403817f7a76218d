"""The library as a folder: exported for other programs and people, backed up for bad days.

An export is for anybody: one folder per song with tagged audio, lyrics, picture and card, which any player reads and
`import` brings back. A backup is for this program: a data folder that can be run as it is.
"""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import make_url

from melisma.audio.files import land
from melisma.errors import BadRequest
from melisma.listen import Listener, quiet
from melisma.studio.cards import Card, card_of
from melisma.studio.database import Database
from melisma.studio.exports import Cut, Format, exported, file_name, take_names, words_files
from melisma.studio.files import Files, digest_of
from melisma.studio.library import path_of
from melisma.studio.shapes import TakeEdit
from melisma.studio.tables import File, Song, Take, User

# --- Export ---------------------------------------------------------------------------------------------------------


def export_library(
    database: Database,
    files: Files,
    folder: Path,
    *,
    owner: User | None = None,
    format_: Format | None = None,
    listen: Listener = quiet,
) -> list[Path]:
    """Write every song (None: of everybody) that is not in the trash into a folder of its own; returns those folders.

    format_: encode, with trims, fades and gain; None: the takes as they were made. What is there already stays or is
    replaced by the same. Raises BadRequest where the folder cannot be written to.
    """
    with database.reading() as session:
        query = select(Song.id).where(Song.deleted_at.is_(None)).order_by(Song.created_at, Song.id)
        ids = session.scalars(query if owner is None else query.where(Song.owner_id == owner.id)).all()
    listen.stage("export", len(ids) or 1)
    written: list[Path] = []
    names: set[str] = set()
    for song_id in ids:
        with database.reading() as session:
            song = session.get(Song, song_id)
            if song is None:
                continue
            takes = [take for take in song.takes if take.discarded_at is None]
            rows = {
                row.sha256: row for row in session.scalars(select(File).where(File.sha256.in_(shas_of(song, takes))))
            }
            places = {sha: path_of(files, row) for sha, row in rows.items()}
            card = card_of(session, song)
        name = file_name(song.title)
        name = name if name.casefold() not in names else f"{name} ({song.id[:8]})"
        names.add(name.casefold())
        written.append(folder / name)
        export_song(files, written[-1], song, takes, places, card, format_)
        listen.step()
    return written


def shas_of(song: Song, takes: Sequence[Take]) -> list[str]:
    """Files that a song needs to be exported."""
    return [take.sha256 for take in takes] + ([song.artwork_sha256] if song.artwork_sha256 else [])


def export_song(
    files: Files,
    folder: Path,
    song: Song,
    takes: Sequence[Take],
    places: dict[str, Path],
    card: Card,
    format_: Format | None,
) -> None:
    """Write one song. Its card names the files as they are written, so that an import finds them."""
    cards_ = {take.id: take for take in card.takes}
    sources = {take.id: places[take.sha256] for take in takes}
    for take in takes if format_ else ():
        edit = TakeEdit.model_validate(take.edit or {})
        sources[take.id] = exported(files, places[take.sha256], song, take, Cut(format_ or "flac", edit))
        new = {"sha256": digest_of(sources[take.id]), "format": format_, "edit": TakeEdit(), "peaks_sha256": None}
        cards_[take.id] = cards_[take.id].model_copy(update=new)
    names = take_names(song, takes, {take.id: sources[take.id].suffix for take in takes})
    for take in takes:
        copy(sources[take.id], folder / names[take.id])
    for name, text in words_files(song, takes, names):
        land(folder / name, text.encode())
    if song.artwork_sha256 in places:
        copy(places[song.artwork_sha256], folder / f"cover{places[song.artwork_sha256].suffix}")
    card = card.model_copy(update={"takes": [cards_[take.id] for take in takes]})
    land(folder / "song.json", card.model_dump_json(indent=1, exclude_none=True).encode())


def copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all. Raises BadRequest where it cannot be written."""
    fresh = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, fresh)
        os.replace(fresh, target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise BadRequest(f"cannot write {target} ({error.strerror}): make room, or choose another folder") from error


# --- Backup ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Backup:
    """What a backup holds. `database` False: it lies elsewhere (PostgreSQL) and was left out."""

    folder: Path
    songs: int
    files: int
    copied: int
    database: bool


def back_up(database: Database, files: Files, folder: Path, listen: Listener = quiet) -> Backup:
    """Copy the library to a folder, while it may be in use; files that are there from last time are not copied again.

    The database first, as it is at one moment, then the files that it names. What is deleted for good meanwhile leaves
    a gap: then the database is copied again. The result is a data folder that can be run.
    """
    target = Files(folder / "files")
    if target.folder.resolve() == files.folder.resolve():
        raise BadRequest(f"{folder} is the library itself: choose another folder")
    copied = 0
    for _ in range(3):
        source = copy_of_database(database, folder)
        with source.reading() as session:
            rows = list(session.scalars(select(File)))
            songs = len(list(session.scalars(select(Song.id))))
        if source is not database:
            source.close()
        listen.stage("back up", len(rows) or 1)
        missing = []
        for row in rows:
            place = target.place(row.sha256, row.suffix)
            here = files.place(row.sha256, row.suffix)
            if not here.is_file():
                missing.append(row.sha256)
            elif not place.is_file() or place.stat().st_size != here.stat().st_size:
                copy(here, place)
                copied += 1
            listen.step()
        if not missing:
            break
    copy_cards(files, target)
    return Backup(folder, songs, len(rows) - len(missing), copied, database.embedded)


def copy_of_database(database: Database, folder: Path) -> Database:
    """The database at one moment, copied by SQLite itself while others write; PostgreSQL is read where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    if not database.embedded:
        return database
    fresh = folder / ".melisma.db.part"
    fresh.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(str(make_url(database.url).database))) as here,
        closing(sqlite3.connect(fresh)) as there,
    ):
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")
    for rest in ("-wal", "-shm"):
        (folder / f"melisma.db{rest}").unlink(missing_ok=True)
    os.replace(fresh, folder / "melisma.db")
    return Database(f"sqlite:///{folder / 'melisma.db'}")


def copy_cards(files: Files, target: Files) -> None:
    """Cards change: all are copied, and those of songs that are gone removed."""
    here, there = files.folder / "cards", target.folder / "cards"
    names = {path.name for path in here.glob("*.json")}
    for name in names:
        copy(here / name, there / name)
    for path in there.glob("*.json"):
        if path.name not in names:
            path.unlink()
