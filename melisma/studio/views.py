"""Rows as the API shows them."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from melisma.studio import jobs
from melisma.studio.library import may_see, visible
from melisma.studio.shapes import PlaylistOut, SongCard, SongOut, TakeEdit, TakeOut
from melisma.studio.tables import Playlist, PlaylistEntry, Song, Take, User

FACTS = tuple(name for name in SongCard.model_fields if name not in ("tags", "mine", "takes", "artwork", "edit"))


def facts_of(user: User, song: Song) -> dict[str, object]:
    """What a song shows in lists, but for the number of its takes."""
    return {name: getattr(song, name) for name in FACTS} | {
        "tags": [tag.name for tag in song.tags],
        "mine": song.owner_id == user.id,
        "artwork": song.artwork_sha256,
    }


def song_cards(session: Session, user: User, songs: Sequence[Song]) -> list[SongCard]:
    """Songs in a list."""
    query = select(Take.song_id, func.count()).where(
        Take.song_id.in_([song.id for song in songs]), Take.discarded_at.is_(None)
    )
    counts = {row[0]: row[1] for row in session.execute(query.group_by(Take.song_id))}
    chosen = select(Take.id, Take.edit).where(Take.id.in_([song.chosen_take_id for song in songs]))
    edits = {row[0]: row[1] or {} for row in session.execute(chosen)}
    return [
        SongCard.model_validate(
            facts_of(user, song) | {"takes": counts.get(song.id, 0), "edit": edits.get(song.chosen_take_id or "")}
        )
        for song in songs
    ]


def song_out(session: Session, user: User, song: Song) -> SongOut:
    """A song with everything in it."""
    parent = session.get(Take, song.parent_take_id) if song.parent_take_id else None
    from_song = session.get(Song, parent.song_id) if parent else None
    takes = session.scalars(select(Take).where(Take.song_id == song.id).order_by(Take.created_at, Take.number)).all()
    return SongOut.model_validate(
        facts_of(user, song)
        | {
            "takes": sum(take.discarded_at is None for take in takes),
            "edit": next((take.edit or {} for take in takes if take.id == song.chosen_take_id), None),
            "lyrics": song.lyrics,
            "parent_take_id": song.parent_take_id,
            "parent_song_id": from_song.id if from_song and may_see(user, from_song) else None,
            "all_takes": [take_out(take) for take in takes],
            "jobs": jobs.of_song(session, user, song.id),
        }
    )


def take_out(take: Take) -> TakeOut:
    """A take."""
    values = {name: getattr(take, name) for name in TakeOut.model_fields if name != "edit"}
    return TakeOut.model_validate(values | {"edit": TakeEdit.model_validate(take.edit or {})})


def playlist_out(session: Session, user: User, playlist: Playlist) -> PlaylistOut:
    """A playlist with those of its songs that a person may see."""
    query = (
        select(Song.id, Song.duration_s)
        .join(PlaylistEntry, PlaylistEntry.song_id == Song.id)
        .where(PlaylistEntry.playlist_id == playlist.id, visible(user), Song.deleted_at.is_(None))
        .order_by(PlaylistEntry.position)
    )
    songs = session.execute(query).all()
    return PlaylistOut(
        id=playlist.id,
        name=playlist.name,
        shared=playlist.shared,
        mine=playlist.owner_id == user.id,
        song_ids=[song_id for song_id, _ in songs],
        duration_s=sum(duration_s or 0.0 for _, duration_s in songs),
        created_at=playlist.created_at,
        updated_at=playlist.updated_at,
    )
