"""The library: songs and their takes, who may see and change them, and what must happen beside each change.

Every function works in the caller's transaction and is done when it lands. With each change an event is written for the
pages, and afterwards the song's card (`cards`), so that the folder alone is enough to make the library again.
Permissions live here and nowhere else: a song is seen by its owner, and by everybody if it is shared; it is changed by
its owner, and, where shared, by an administrator. What may not be seen does not exist.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, or_, select, update
from sqlalchemy.orm import Session

from melisma.song import Blueprint, SongRequest
from melisma.studio import cards, search
from melisma.studio.database import afterwards
from melisma.studio.events import publish
from melisma.studio.files import Files, Stored
from melisma.studio.problems import NotHere, NotYours, Outdated, Refused
from melisma.studio.shapes import Line, Section, SongPatch, TakeEdit, TakePatch
from melisma.studio.sounds import ARTWORK_SUFFIX, Sound
from melisma.studio.tables import File, Playlist, PlaylistEntry, Song, Tag, Take, Upload, User, new_id, now
from melisma.studio.words import told

Happened = Literal["added", "changed", "trashed", "restored", "gone"]
LONGEST_TITLE = 80
PARTS = ("extract", "lego")  # kinds of takes that are a part of a song rather than the song

# --- Who may see and change -----------------------------------------------------------------------------------------


def visible(user: User) -> ColumnElement[bool]:
    """Songs that a person may see and hear."""
    return or_(Song.owner_id == user.id, Song.shared)


def may_see(user: User, song: Song) -> bool:
    """The same for one song. In the trash it is its owner's alone."""
    return song.owner_id == user.id or (song.shared and song.deleted_at is None)


def song_to_see(session: Session, user: User, song_id: str, *, changing: bool = False) -> Song:
    """A song by id; `changing` holds its row. Raises NotHere."""
    song = session.get(Song, song_id, with_for_update=True if changing else None)
    if song is None or not may_see(user, song):
        raise NotHere(f"There is no song {song_id!r} here: it may have been deleted.")
    return song


def song_to_change(session: Session, user: User, song_id: str) -> Song:
    """A song by id. Raises NotHere, or NotYours where it may only be seen."""
    song = song_to_see(session, user, song_id, changing=True)
    if song.owner_id != user.id and not user.admin:
        raise NotYours(f"{song.title!r} belongs to somebody else: duplicate it, and change your own.")
    return song


def take_to_see(session: Session, user: User, take_id: str) -> tuple[Take, Song]:
    """A take and its song. Raises NotHere."""
    take = session.get(Take, take_id)
    song = session.get(Song, take.song_id) if take else None
    if take is None or song is None or not may_see(user, song):
        raise NotHere(f"There is no take {take_id!r} here: it may have been deleted.")
    return take, song


def take_to_change(session: Session, user: User, take_id: str) -> tuple[Take, Song]:
    """A take and its song. Raises NotHere, or NotYours where it may only be heard."""
    take, song = take_to_see(session, user, take_id)
    return take, song_to_change(session, user, song.id)


def audible(session: Session, files: Files, user: User, sha256: str) -> Path:
    """The file behind a SHA-256: of a take or an upload that a person may hear. Raises NotHere."""
    takes = select(Take.id).join(Song).where(Take.sha256 == sha256, visible(user))
    uploads = select(Upload.id).where(Upload.sha256 == sha256, Upload.owner_id == user.id)
    known = session.scalar(takes.limit(1)) or session.scalar(uploads.limit(1))
    file = session.get(File, sha256) if known else None
    if file is None:
        raise NotHere(f"There is no sound {sha256[:12]}… here: choose a take or an upload of yours.")
    return path_of(files, file)


def path_of(files: Files, file: File) -> Path:
    """Where a file lies. Raises NotHere if it is gone from the disk."""
    path = files.place(file.sha256, file.suffix)
    if not path.is_file():
        raise NotHere(f"The file {file.sha256[:12]}… is gone from the disk: `melisma library check` tells more.")
    return path


# --- What goes with every change ------------------------------------------------------------------------------------


def song_happened(session: Session, song: Song, what: Happened) -> None:
    """Tell the pages; those of everybody where everybody may see it."""
    publish(session, "song", {"id": song.id, "what": what}, None if song.shared else song.owner_id)


def take_happened(session: Session, song: Song, take_id: str, what: Happened) -> None:
    """The same for a take."""
    payload = {"id": take_id, "song_id": song.id, "what": what}
    publish(session, "take", payload, None if song.shared else song.owner_id)


def touched(session: Session, files: Files, song: Song) -> None:
    """Note that a song changed: its card is written when this lands."""
    noted: set[str] = session.info.setdefault("cards", set())
    if song.id in noted:
        return
    noted.add(song.id)
    engine = session.get_bind()

    def write() -> None:
        noted.discard(song.id)
        cards.write(engine, files, song.id)

    afterwards(session, write)


def register(session: Session, files: Files, stored: Stored) -> None:
    """Make a stored file known. The file must still lie there: another process may just have swept it away."""
    if not files.place(stored.sha256, stored.suffix).is_file():
        raise OSError(f"{stored.sha256}{stored.suffix} was removed before it was registered")
    if session.get(File, stored.sha256) is None:
        session.add(File(sha256=stored.sha256, suffix=stored.suffix, size=stored.size))
        session.flush()


def sweep(session: Session, files: Files, shas: Iterable[str | None]) -> None:
    """Once this lands: remove the files among these that no row refers to any more."""
    wanted = {sha for sha in shas if sha}
    engine = session.get_bind()
    if wanted:
        afterwards(session, partial(remove_unused, engine, files, wanted))


def remove_unused(engine: Engine | Connection, files: Files, shas: set[str]) -> None:
    """Remove files that no row refers to.

    The transaction holds the write lock: nobody can begin to refer to one meanwhile.
    """
    with Session(engine) as session, session.begin():
        going = shas - in_use(session, shas)
        rows = session.scalars(select(File).where(File.sha256.in_(going)).with_for_update()).all()
        for row in rows:
            session.delete(row)
            session.flush()
            files.place(row.sha256, row.suffix).unlink(missing_ok=True)


def remove_strangers(engine: Engine | Connection, files: Files, stored: Iterable[Stored]) -> None:
    """Remove stored files that were never registered."""
    with Session(engine) as session, session.begin():
        for each in stored:
            if session.get(File, each.sha256) is None:
                files.place(each.sha256, each.suffix).unlink(missing_ok=True)


def in_use(session: Session, shas: set[str] | None = None) -> set[str]:
    """SHA-256s that some row refers to, out of `shas` (None: of all)."""
    used: set[str] = set()
    for column in (Take.sha256, Take.peaks_sha256, Upload.sha256, Song.artwork_sha256):
        query = select(column).distinct()
        used |= {sha for sha in session.scalars(query if shas is None else query.where(column.in_(shas))) if sha}
    return used


# --- Songs ----------------------------------------------------------------------------------------------------------


def add_song(
    session: Session,
    owner: User,
    title: str | None,
    request: SongRequest,
    blueprint: Blueprint | None = None,
    *,
    song_id: str | None = None,
) -> Song:
    """A new song without takes, from what was asked."""
    plan = blueprint or request
    song = Song(
        id=song_id or new_id(),
        owner_id=owner.id,
        title=title or title_of(plan.caption, plan.lyrics or ""),
        caption=plan.caption,
        lyrics=plan.lyrics or "",
        language=plan.language,
        bpm=plan.bpm,
        key=plan.key,
        meter=plan.meter,
        duration_s=plan.duration_s,
        model=request.model,
    )
    session.add(song)
    session.flush()
    search.index(session, song)
    song_happened(session, song, "added")
    return song


def title_of(caption: str, lyrics: str) -> str:
    """A name for a song that was given none: its first words, or what it is."""
    sung = [line.strip() for line in lyrics.splitlines() if line.strip() and not line.strip().startswith(("[", "("))]
    words = (sung[0] if sung else caption.split(",")[0].split(".")[0].split("\n")[0]).strip().rstrip(",.;:!-– ")
    if len(words) > LONGEST_TITLE:
        words = words[:LONGEST_TITLE].rsplit(" ", 1)[0] + "…"
    return words[:1].upper() + words[1:] if words else "Untitled"


def change_song(session: Session, files: Files, song: Song, patch: SongPatch) -> Song:
    """Apply a patch. Raises Outdated if it was made for another revision."""
    if patch.revision is not None and patch.revision != song.revision:
        raise Outdated(
            f"{song.title!r} was changed in the meantime (revision {song.revision}, yours is {patch.revision}): "
            "look at it again, then change it."
        )
    given = patch.model_dump(exclude_unset=True, exclude={"revision"})
    was_shared = song.shared
    if "chosen_take_id" in given:
        choose(session, song, given.pop("chosen_take_id"))
    if given.get("tags") is not None:
        song.tags = tagged(song, given["tags"])
    given.pop("tags", None)
    for name, value in given.items():
        if value is not None or name == "rating":
            setattr(song, name, value)
    song.updated_at = now()
    session.flush()
    search.index(session, song)
    touched(session, files, song)
    publish(session, "song", {"id": song.id, "what": "changed"}, None if song.shared or was_shared else song.owner_id)
    return song


def tagged(song: Song, names: Iterable[str]) -> list[Tag]:
    """A song's tags, made to be these; each once."""
    clean = dict.fromkeys(name for name in (" ".join(name.split()) for name in names) if name)
    there = {tag.name: tag for tag in song.tags}
    return [there.get(name) or Tag(song_id=song.id, name=name) for name in sorted(clean)]


def choose(session: Session, song: Song, take_id: str | None) -> None:
    """Make a take the one that is played; the song takes on its length and tempo. None: the first there is."""
    take = session.get(Take, take_id) if take_id else next(iter(song.takes), None)
    if take_id and (take is None or take.song_id != song.id):
        raise NotHere(f"There is no take {take_id!r} of {song.title!r}.")
    if take is not None and take.discarded_at is not None:
        raise Refused("This take was discarded: restore it first.", status=409, code="discarded")
    song.chosen_take_id = take.id if take else None
    if take is not None:
        for name, value in facts_of(take).items():
            setattr(song, name, value)


def facts_of(take: Take) -> dict[str, Any]:
    """What a song shows of the take it plays."""
    plan = take.blueprint or {}
    facts = {name: plan.get(name) for name in ("bpm", "key", "meter", "language")}
    return {"duration_s": take.duration_s} | {name: value for name, value in facts.items() if value is not None}


def keep(session: Session, files: Files, song: Song, take_ids: Sequence[str]) -> Song:
    """Keep these takes, the first as the one that is played; all others are discarded, and can be restored."""
    takes = {take.id: take for take in song.takes}
    strange = [take_id for take_id in take_ids if take_id not in takes]
    if strange:
        raise NotHere(f"There is no take {strange[0]!r} of {song.title!r}.")
    moment = now()
    for take in takes.values():
        gone = None if take.id in take_ids else take.discarded_at or moment
        if take.discarded_at != gone:
            take.discarded_at = gone
            take_happened(session, song, take.id, "trashed" if gone else "restored")
    choose(session, song, take_ids[0])
    song.updated_at = moment
    changed(session, files, song)
    return song


def changed(session: Session, files: Files, song: Song) -> None:
    """A song changed: tell the pages, and write its card."""
    session.flush()
    touched(session, files, song)
    song_happened(session, song, "changed")


def played(session: Session, song: Song) -> None:
    """Remember that a song was listened to. It is the same song still: its revision stays."""
    session.execute(update(Song).where(Song.id == song.id).values(played_at=now(), updated_at=song.updated_at))
    song_happened(session, song, "changed")


def trash(session: Session, files: Files, song: Song) -> None:
    """Put a song in the trash."""
    if song.deleted_at is None:
        song_happened(session, song, "trashed")
        song.deleted_at = now()
        session.flush()
        touched(session, files, song)


def restore(session: Session, files: Files, song: Song) -> Song:
    """Take a song out of the trash."""
    if song.deleted_at is not None:
        song.deleted_at = None
        session.flush()
        touched(session, files, song)
        song_happened(session, song, "restored")
    return song


def delete_forever(session: Session, files: Files, songs: Sequence[Song]) -> None:
    """Delete songs with their takes; their files go where nothing else needs them."""
    ids = [song.id for song in songs]
    for part in in_parts(ids):
        takes = session.execute(select(Take.sha256, Take.peaks_sha256).where(Take.song_id.in_(part))).all()
        sweep(session, files, (sha for row in takes for sha in row))
    sweep(session, files, (song.artwork_sha256 for song in songs))
    for song in songs:
        song_happened(session, song, "gone")
        search.forget(session, song.id)
        session.expunge(song)
    for part in in_parts(ids):
        session.execute(delete(Song).where(Song.id.in_(part)))
    for song_id in ids:
        afterwards(session, partial(cards.remove, files, song_id))


def empty_old_trash(session: Session, files: Files, days: int) -> int:
    """Delete for good what has been in anybody's trash for longer than this; returns how many songs. 0 days: never."""
    if not days:
        return 0
    old = session.scalars(select(Song).where(Song.deleted_at < now() - timedelta(days=days))).all()
    delete_forever(session, files, old)
    return len(old)


def in_parts(ids: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    """Ids in stretches that a statement can hold."""
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def duplicate(session: Session, files: Files, user: User, song: Song) -> Song:
    """A copy of a song for oneself, with the takes that were not discarded. The files are shared."""
    copied = ("caption", "lyrics", "language", "bpm", "key", "meter", "duration_s", "model", "artwork_sha256")
    twin = Song(
        id=new_id(),
        owner_id=user.id,
        title=f"{song.title[:192]} (copy)",
        parent_take_id=song.chosen_take_id,
        **{name: getattr(song, name) for name in copied},
    )
    twin.tags = [Tag(song_id=twin.id, name=tag.name) for tag in song.tags]
    session.add(twin)
    session.flush()
    kept = [take for take in song.takes if take.discarded_at is None]
    ids = {take.id: new_id() for take in kept}
    left = {"id", "song_id", "job_id", "parent_id", "discarded_at"}
    for take in kept:
        values = {name: getattr(take, name) for name in Take.__table__.columns.keys() if name not in left}  # noqa: SIM118
        session.add(Take(id=ids[take.id], song_id=twin.id, parent_id=ids.get(take.parent_id or ""), **values))
    twin.chosen_take_id = ids.get(song.chosen_take_id or "")
    session.flush()
    session.refresh(twin)
    search.index(session, twin)
    touched(session, files, twin)
    song_happened(session, twin, "added")
    return twin


# --- Takes ----------------------------------------------------------------------------------------------------------


def add_take(
    session: Session,
    files: Files,
    sound: Sound,
    *,
    title: str = "",
    lines: Sequence[Line] | None = None,
    sections: Sequence[Section] | None = None,
) -> Take:
    """Add a sound that landed to its song; the take that is there already, if this job has stored it before.

    lines, sections: where the words are sung; None: as the sound itself tells (`words`). Raises NotHere if the song is
    gone. The song's revision stays: what a person is editing meanwhile is not in question.
    """
    origin = sound.origin
    there = session.get(Take, origin.take_id)
    if there is not None:
        return there
    song = session.get(Song, origin.song_id)
    if song is None:
        raise NotHere(f"The song {origin.song_id!r} was deleted: there is nowhere to put the take.")
    register(session, files, sound.stored)
    register(session, files, sound.peaks)
    heard = told(sound.provenance)
    take = Take(
        id=origin.take_id,
        song_id=song.id,
        job_id=origin.job_id,
        number=origin.number,
        parent_id=origin.parent_id,
        kind=origin.kind,
        title=title,
        sha256=sound.stored.sha256,
        format=sound.format,
        sample_rate=sound.sample_rate,
        duration_s=sound.duration_s,
        lufs=sound.lufs,
        true_peak_dbtp=sound.true_peak_dbtp,
        peaks_sha256=sound.peaks.sha256,
        lines=[line.model_dump() for line in (heard.lines if lines is None else lines)],
        sections=[section.model_dump() for section in (heard.sections if sections is None else sections)],
        **story_of(sound),
    )
    session.add(take)
    session.flush()
    take_on(session, files, song, take, sound)
    touched(session, files, song)
    take_happened(session, song, take.id, "added")
    song_happened(session, song, "changed")
    return take


def story_of(sound: Sound) -> dict[str, Any]:
    """How a take was made, as columns."""
    if sound.provenance is None:
        return {}
    story = sound.provenance.model_dump(mode="json", exclude_none=True)
    return {
        "seed": str(sound.provenance.seed),
        "request": story["request"],
        "blueprint": story["blueprint"],
        "provenance": {name: story[name] for name in story if name not in ("request", "blueprint")},
        "reasons": list(sound.provenance.reasons),
    }


def take_on(session: Session, files: Files, song: Song, take: Take, sound: Sound) -> None:
    """What a song gains by a take: one to play, a picture, what the plan filled in."""
    gained: dict[str, Any] = {"updated_at": now()}
    if song.chosen_take_id is None and (take.kind not in PARTS or song.duration_s is None):
        gained |= {"chosen_take_id": take.id, **facts_of(take)}
        plan = take.blueprint or {}
        gained |= {name: plan.get(name, "") for name in ("caption", "lyrics") if not getattr(song, name)}
    if song.artwork_sha256 is None and sound.artwork is not None:
        picture = files.put(sound.artwork, ARTWORK_SUFFIX)
        register(session, files, picture)
        gained["artwork_sha256"] = picture.sha256
    session.execute(update(Song).where(Song.id == song.id).values(**gained))
    session.refresh(song)
    if "caption" in gained or "lyrics" in gained:
        search.index(session, song)


def give_picture(session: Session, files: Files, song_id: str, picture: bytes) -> None:
    """Give a song that has no picture one."""
    song = session.get(Song, song_id, with_for_update=True)
    if song is None or song.artwork_sha256 is not None:
        return
    stored = files.put(picture, ARTWORK_SUFFIX)
    register(session, files, stored)
    session.execute(update(Song).where(Song.id == song_id).values(artwork_sha256=stored.sha256))
    session.refresh(song)
    touched(session, files, song)
    song_happened(session, song, "changed")


def fitting(edit: TakeEdit, take: Take) -> TakeEdit:
    """The same edit, if it leaves anything of a take. Raises Refused."""
    start, end = edit.start_s or 0.0, take.duration_s if edit.end_s is None else edit.end_s
    if start >= min(end, take.duration_s):
        raise Refused(
            f"A trim from {start:g} s to {end:g} s leaves nothing of {take.duration_s:.2f} s: begin earlier, or end later."
        )
    return edit


def change_take(session: Session, files: Files, take: Take, song: Song, patch: TakePatch) -> Take:
    """Apply a patch."""
    given = patch.model_dump(exclude_unset=True)
    if "edit" in given:
        given["edit"] = fitting(patch.edit, take).model_dump() if patch.edit else {}
    if "title" in given:
        given["title"] = given["title"] or ""
    for name, value in given.items():
        setattr(take, name, value)
    session.flush()
    touched(session, files, song)
    take_happened(session, song, take.id, "changed")
    return take


def discard(session: Session, files: Files, take: Take, song: Song) -> None:
    """Set a take aside; another one is played in its place."""
    if take.discarded_at is not None:
        return
    take.discarded_at = now()
    session.flush()
    if song.chosen_take_id == take.id:
        left = [other for other in song.takes if other.discarded_at is None and other.id != take.id]
        song.chosen_take_id = left[0].id if left else None
        song.updated_at = now()
    take_happened(session, song, take.id, "trashed")
    changed(session, files, song)


def bring_back(session: Session, files: Files, take: Take, song: Song) -> Take:
    """Take a discarded take back."""
    if take.discarded_at is not None:
        take.discarded_at = None
        session.flush()
        if song.chosen_take_id is None:
            choose(session, song, take.id)
        take_happened(session, song, take.id, "restored")
        changed(session, files, song)
    return take


# --- Playlists ------------------------------------------------------------------------------------------------------


def playlist_happened(session: Session, playlist: Playlist, what: Happened, everybody: bool = False) -> None:
    """Tell the pages."""
    owner = None if playlist.shared or everybody else playlist.owner_id
    publish(session, "playlist", {"id": playlist.id, "what": what}, owner)


def arrange(session: Session, user: User, playlist: Playlist, song_ids: Sequence[str]) -> None:
    """Give a playlist its songs in this order; each once. Raises NotHere for a song that may not be seen."""
    wanted = list(dict.fromkeys(song_ids))
    seen: set[str] = set()
    for part in in_parts(wanted):
        seen |= set(session.scalars(select(Song.id).where(Song.id.in_(part), visible(user))))
    there = {entry.song_id: entry for entry in playlist.entries}
    strange = [song_id for song_id in wanted if song_id not in seen and song_id not in there]
    if strange:
        raise NotHere(f"There is no song {strange[0]!r} here: it may have been deleted.")
    trashed = select(Song.id).where(Song.id.in_(set(there) - set(wanted)), Song.deleted_at.is_not(None))
    hidden = set(session.scalars(trashed))  # they are not shown, so nobody took them off the list
    wanted += [song_id for song_id in there if song_id in hidden]
    playlist.entries = [there.get(song_id) or PlaylistEntry(song_id=song_id, position=0) for song_id in wanted]
    for position, entry in enumerate(playlist.entries):
        entry.position = position
    playlist.updated_at = now()


def songs_of(session: Session) -> int:
    """How many songs there are, for the machine's page."""
    return session.scalar(select(func.count()).select_from(Song)) or 0
