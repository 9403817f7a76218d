"""Songs: lists, changes, the trash, pictures and zips."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import Field
from sqlalchemy import select

from melisma.studio import library, uploads
from melisma.studio.cards import card_of
from melisma.studio.context import Person, Reading, Studio, Writing
from melisma.studio.exports import file_name, zipped
from melisma.studio.listing import Wanted, find, tags_of
from melisma.studio.problems import NotHere
from melisma.studio.routes.sending import KEPT_FOREVER, attachment
from melisma.studio.shapes import ImportIn, KeepIn, SongOut, SongPage, SongPatch, TagOut
from melisma.studio.tables import File, Song
from melisma.studio.views import song_cards, song_out

router = APIRouter(prefix="/api", tags=["songs"])


class SongQuery(Wanted):
    """What a list of songs is asked for."""

    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=10_000_000)


@router.get("/songs")
def list_songs(session: Reading, user: Person, wanted: Annotated[SongQuery, Query()]) -> SongPage:
    """Songs that you may see, a page at a time."""
    songs, total = find(session, user, wanted, wanted.limit, wanted.offset)
    return SongPage(items=song_cards(session, user, songs), total=total)


@router.get("/tags")
def list_tags(session: Reading, user: Person) -> list[TagOut]:
    """Tags of the songs that you may see, most used first."""
    return [TagOut(name=name, songs=songs) for name, songs in tags_of(session, user)]


@router.post("/songs/import", status_code=201)
def import_song(studio: Studio, user: Person, body: ImportIn) -> SongOut:
    """Make an upload a song. A file that melisma wrote brings how it was made."""
    song = uploads.as_song(studio.database, studio.files, user, body.upload_id, body.title)
    with studio.database.reading() as session:
        return song_out(session, user, library.song_to_see(session, user, song.id))


@router.get("/songs/{song_id}")
def get_song(session: Reading, user: Person, song_id: str) -> SongOut:
    """A song with its takes."""
    return song_out(session, user, library.song_to_see(session, user, song_id))


@router.patch("/songs/{song_id}")
def patch_song(session: Writing, studio: Studio, user: Person, song_id: str, body: SongPatch) -> SongOut:
    """Change a song. With `revision`, only if nobody changed it since: else 409."""
    song = library.song_to_change(session, user, song_id)
    return song_out(session, user, library.change_song(session, studio.files, song, body))


@router.delete("/songs/{song_id}", status_code=204)
def delete_song(session: Writing, studio: Studio, user: Person, song_id: str, forever: bool = False) -> None:
    """Put a song in the trash, or delete it for good."""
    song = library.song_to_change(session, user, song_id)
    if forever:
        library.delete_forever(session, studio.files, [song])
    else:
        library.trash(session, studio.files, song)


@router.delete("/trash", status_code=204)
def empty_trash(session: Writing, studio: Studio, user: Person) -> None:
    """Delete for good what is in your trash."""
    songs = session.scalars(select(Song).where(Song.owner_id == user.id, Song.deleted_at.is_not(None))).all()
    library.delete_forever(session, studio.files, songs)


@router.post("/songs/{song_id}/restore")
def restore_song(session: Writing, studio: Studio, user: Person, song_id: str) -> SongOut:
    """Take a song out of the trash."""
    song = library.song_to_change(session, user, song_id)
    return song_out(session, user, library.restore(session, studio.files, song))


@router.post("/songs/{song_id}/duplicate", status_code=201)
def duplicate_song(session: Writing, studio: Studio, user: Person, song_id: str) -> SongOut:
    """A copy of your own, of any song that you may see. The sounds are not copied."""
    song = library.song_to_see(session, user, song_id)
    return song_out(session, user, library.duplicate(session, studio.files, user, song))


@router.post("/songs/{song_id}/keep")
def keep_takes(session: Writing, studio: Studio, user: Person, song_id: str, body: KeepIn) -> SongOut:
    """Keep these takes, the first one to be played, and set the others aside."""
    song = library.song_to_change(session, user, song_id)
    return song_out(session, user, library.keep(session, studio.files, song, body.take_ids))


@router.post("/songs/{song_id}/played", status_code=204)
def song_played(session: Writing, user: Person, song_id: str) -> None:
    """Remember that a song was listened to."""
    song = library.song_to_see(session, user, song_id)
    if song.owner_id == user.id:
        library.played(session, song)


@router.get("/songs/{song_id}/artwork", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
def get_artwork(studio: Studio, user: Person, song_id: str) -> FileResponse:
    """The picture of a song. It changes when `artwork` of the song does."""
    with studio.database.reading() as session:
        song = library.song_to_see(session, user, song_id)
        file = session.get(File, song.artwork_sha256) if song.artwork_sha256 else None
        if file is None:
            raise NotHere(f"{song.title!r} has no picture yet: it gets one with its first take.")
        path = library.path_of(studio.files, file)
    return FileResponse(path, media_type="image/webp", headers=KEPT_FOREVER)


@router.get("/songs/{song_id}/zip", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
def get_zip(studio: Studio, user: Person, song_id: str) -> StreamingResponse:
    """Everything of a song: takes, stems, lyrics (text and LRC), picture, and how it was made as JSON."""
    with studio.database.reading() as session:
        song = library.song_to_see(session, user, song_id)
        takes = [take for take in song.takes if take.discarded_at is None]
        shas = {take.sha256 for take in takes} | {song.artwork_sha256}
        rows = session.scalars(select(File).where(File.sha256.in_([sha for sha in shas if sha])))
        places = {row.sha256: library.path_of(studio.files, row) for row in rows}
        stream = zipped(song, takes, places, card_of(session, song), places.get(song.artwork_sha256 or ""))
    headers = {"Content-Length": str(len(stream)), **attachment(f"{file_name(song.title)}.zip")}
    return StreamingResponse(iter(stream), media_type="application/zip", headers=headers)
