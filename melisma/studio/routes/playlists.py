"""Playlists."""

from fastapi import APIRouter
from sqlalchemy import or_, select

from melisma.studio import library
from melisma.studio.context import Person, Reading, Studio, Writing
from melisma.studio.listing import playlist_to_see
from melisma.studio.problems import NotYours
from melisma.studio.shapes import PlaylistIn, PlaylistOut, PlaylistPatch
from melisma.studio.tables import Playlist, Song, User, new_id
from melisma.studio.views import playlist_out

router = APIRouter(prefix="/api/playlists", tags=["playlists"])


def playlist_to_change(session: Writing, user: User, playlist_id: str) -> Playlist:
    """A playlist by id. Raises NotHere, or NotYours where it may only be seen."""
    playlist = playlist_to_see(session, user, playlist_id, changing=True)
    if playlist.owner_id != user.id and not user.admin:
        raise NotYours(f"The playlist {playlist.name!r} belongs to somebody else: make your own.")
    return playlist


@router.get("")
def list_playlists(session: Reading, user: Person) -> list[PlaylistOut]:
    """Your playlists, and those that are shared."""
    query = select(Playlist).where(or_(Playlist.owner_id == user.id, Playlist.shared)).order_by(Playlist.created_at)
    return [playlist_out(session, user, playlist) for playlist in session.scalars(query)]


@router.post("", status_code=201)
def add_playlist(session: Writing, user: Person, body: PlaylistIn) -> PlaylistOut:
    """A new, empty playlist."""
    playlist = Playlist(id=new_id(), owner_id=user.id, name=body.name)
    session.add(playlist)
    session.flush()
    library.playlist_happened(session, playlist, "added")
    return playlist_out(session, user, playlist)


@router.get("/{playlist_id}")
def get_playlist(session: Reading, user: Person, playlist_id: str) -> PlaylistOut:
    """A playlist."""
    return playlist_out(session, user, playlist_to_see(session, user, playlist_id))


@router.patch("/{playlist_id}")
def patch_playlist(
    session: Writing, studio: Studio, user: Person, playlist_id: str, body: PlaylistPatch
) -> PlaylistOut:
    """Rename a playlist, share it, or give it its songs in a new order."""
    playlist = playlist_to_change(session, user, playlist_id)
    was_shared = playlist.shared
    concerned = {entry.song_id for entry in playlist.entries}
    if body.name is not None:
        playlist.name = body.name
    if body.shared is not None:
        playlist.shared = body.shared
    if body.song_ids is not None:
        library.arrange(session, user, playlist, body.song_ids)
        concerned |= set(body.song_ids)
    session.flush()
    library.playlist_happened(session, playlist, "changed", everybody=was_shared)
    cards_of(session, studio, concerned)
    return playlist_out(session, user, playlist)


@router.delete("/{playlist_id}", status_code=204)
def delete_playlist(session: Writing, studio: Studio, user: Person, playlist_id: str) -> None:
    """Delete a playlist; its songs stay."""
    playlist = playlist_to_change(session, user, playlist_id)
    concerned = {entry.song_id for entry in playlist.entries}
    library.playlist_happened(session, playlist, "gone")
    session.delete(playlist)
    session.flush()
    cards_of(session, studio, concerned)


def cards_of(session: Writing, studio: Studio, song_ids: set[str]) -> None:
    """The cards of songs tell of playlists too."""
    for part in library.in_parts(sorted(song_ids)):
        for song in session.scalars(select(Song).where(Song.id.in_(part))):
            library.touched(session, studio.files, song)
