"""Cards: one small JSON file per song beside its sounds, with what no audio tag can hold because it changes.

Title, tags, stars, who owns it, how its takes are trimmed. Written after each change. The database is faster, the
cards outlive it: from them and the sounds `melisma library check --repair` makes the library again.
"""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session

from melisma.studio.files import Files
from melisma.studio.tables import File, Playlist, PlaylistEntry, Song, Take, User

FORMAT = 1
SONG = [name for name in Song.__table__.columns.keys() if name not in ("owner_id", "revision")]  # noqa: SIM118
TAKE = [name for name in Take.__table__.columns.keys() if name != "song_id"]  # noqa: SIM118


def folder_of(files: Files) -> Path:
    """Where the cards lie."""
    return files.folder / "cards"


def card_of(session: Session, song: Song) -> dict[str, Any]:
    """Everything the database knows of a song."""
    owner = session.get(User, song.owner_id)
    lists = select(Playlist.name, PlaylistEntry.position).join(Playlist).where(PlaylistEntry.song_id == song.id)
    suffixes = select(File.sha256, File.suffix).where(File.sha256.in_([take.sha256 for take in song.takes]))
    known = {row.sha256: row.suffix for row in session.execute(suffixes)}
    return {
        "format": FORMAT,
        "owner": owner.name if owner else None,
        "song": {name: plain(getattr(song, name)) for name in SONG},
        "tags": [tag.name for tag in song.tags],
        "playlists": [list(row) for row in session.execute(lists)],
        "takes": [
            {name: plain(getattr(take, name)) for name in TAKE} | {"suffix": known.get(take.sha256)}
            for take in song.takes
        ],
    }


def plain(value: Any) -> Any:
    """A column's value as JSON holds it."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def write(engine: Engine | Connection, files: Files, song_id: str) -> None:
    """Write a song's card as it stands in the database now; a song that is gone has none."""
    with Session(engine) as session:
        session.connection(execution_options={"melisma_reading": True})
        song = session.get(Song, song_id)
        if song is None:
            remove(files, song_id)
            return
        text = json.dumps(card_of(session, song), ensure_ascii=False, indent=1)
    folder = folder_of(files)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{song_id}.part"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(folder / f"{song_id}.json")


def remove(files: Files, song_id: str) -> None:
    """Forget a song."""
    (folder_of(files) / f"{song_id}.json").unlink(missing_ok=True)


def read_all(files: Files) -> list[dict[str, Any]]:
    """All cards that can be read."""
    found = []
    for path in sorted(folder_of(files).glob("*.json")):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(card, dict) and card.get("format") == FORMAT:
            found.append(card)
    return found
