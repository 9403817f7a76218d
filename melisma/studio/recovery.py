"""Making a library out of files: after a lost database, from an exported folder, from any folder of audio.

Three sources, best first. A card (`cards`) brings a song back as it was. Without one, the tags of a FLAC file say which
song and take it is (`sounds.Origin`) and how it was made. Any other sound that melisma wrote tells how it was made; the
rest has a name. Nothing that is in the library already is added again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from melisma import audio
from melisma.errors import MelismaError
from melisma.listen import Listener, quiet
from melisma.studio import cards, library, search
from melisma.studio.artwork import artwork
from melisma.studio.cards import Card, TakeCard
from melisma.studio.database import Database
from melisma.studio.files import Files, Stored, digest_of
from melisma.studio.peaks import SUFFIX, peaks
from melisma.studio.sounds import ARTWORK_SUFFIX, Origin, origin_of
from melisma.studio.tables import Playlist, PlaylistEntry, Song, Tag, Take, User, new_id
from melisma.studio.uploads import import_sound, sound_of_file, title_in

HEARD = (".flac", ".wav", ".mp3", ".opus", ".ogg", ".m4a", ".aac", ".aiff", ".webm")
NOT_COLUMNS = {"format", "owner", "tags", "playlists", "takes"}


@dataclass
class Brought:
    """What came of it: ids of songs, how many sounds were known already, and why files were left out."""

    songs: list[str] = field(default_factory=list)
    known: int = 0
    refused: dict[str, str] = field(default_factory=dict)


# --- A song from its card -------------------------------------------------------------------------------------------


def restore_card(
    database: Database, files: Files, owner: User, card: Card, sounds: Mapping[str, Stored]
) -> tuple[str, int] | None:
    """Make a song again from its card and those of its sounds that are stored; its id and how many takes it gained.

    A song that is there gains the takes it lacks. One that is there but somebody else's is left alone: this one gets
    new ids. None where no sound is stored. Raises MelismaError where one must be measured again and cannot be read.
    """
    if not any(take.sha256 in sounds for take in card.takes):
        return None
    with database.reading() as session:
        there = session.get(Song, card.id)
        taken = set(session.scalars(select(Take.id).where(Take.id.in_([take.id for take in card.takes]))))
    mine = there is not None and there.owner_id == owner.id
    if not mine and (there is not None or taken):
        card, taken = with_new_ids(card), set()
    takes = [take for take in card.takes if take.sha256 in sounds and take.id not in taken]
    if not takes:
        return card.id, 0
    waveforms = {take.id: waveform_of(files, sounds[take.sha256], take) for take in takes}
    picture = None if mine else picture_of(files, card, sounds[takes[0].sha256])
    with database.transaction() as session:
        song = session.get(Song, card.id) or song_of(session, owner, card)
        for stored in {*waveforms.values(), *(sounds[take.sha256] for take in takes), *([picture] if picture else [])}:
            library.register(session, files, stored)
        if picture:
            song.artwork_sha256 = picture.sha256
        for take in takes:
            session.add(Take(song_id=song.id, **take.model_dump() | {"peaks_sha256": waveforms[take.id].sha256}))
        session.flush()
        search.index(session, song)
        library.touched(session, files, song)
        library.song_happened(session, song, "changed" if mine else "added")
        return song.id, len(takes)


def song_of(session: Session, owner: User, card: Card) -> Song:
    """The song of a card, without takes, on the playlists where it was."""
    song = Song(owner_id=owner.id, **card.model_dump(exclude=NOT_COLUMNS))
    song.tags = [Tag(song_id=song.id, name=name) for name in sorted(set(card.tags))]
    session.add(song)
    session.flush()
    for name, position in card.playlists:
        enlist(session, owner, name, song.id, position)
    return song


def with_new_ids(card: Card) -> Card:
    """The same song under names that nobody has yet."""
    ids = {take.id: new_id() for take in card.takes}
    takes = [
        take.model_copy(update={"id": ids[take.id], "job_id": None, "parent_id": ids.get(take.parent_id or "")})
        for take in card.takes
    ]
    return card.model_copy(
        update={"id": new_id(), "takes": takes, "chosen_take_id": ids.get(card.chosen_take_id or "")}
    )


def waveform_of(files: Files, stored: Stored, take: TakeCard) -> Stored:
    """The peaks of a take: where they lie, or made again."""
    there = present(files, take.peaks_sha256, SUFFIX)
    return there or files.put(peaks(audio.read(files.place(stored.sha256, stored.suffix), rate_hz=None)), SUFFIX)


def picture_of(files: Files, card: Card, first: Stored) -> Stored:
    """The picture of a song: where it lies, or made again."""
    there = present(files, card.artwork_sha256, ARTWORK_SUFFIX)
    if there:
        return there
    sound = audio.read(files.place(first.sha256, first.suffix), rate_hz=None)
    return files.put(artwork(sound, card.key), ARTWORK_SUFFIX)


def present(files: Files, sha256: str | None, suffix: str) -> Stored | None:
    """A file, if it is there."""
    path = files.place(sha256, suffix) if sha256 else None
    return Stored(str(sha256), suffix, path.stat().st_size) if path and path.is_file() else None


def enlist(session: Session, owner: User, name: str, song_id: str, position: int) -> None:
    """Put a song back on a playlist of that name."""
    playlist = session.scalar(select(Playlist).where(Playlist.owner_id == owner.id, Playlist.name == name))
    if playlist is None:
        playlist = Playlist(id=new_id(), owner_id=owner.id, name=name[:120])
        session.add(playlist)
        session.flush()
        library.playlist_happened(session, playlist, "added")
    session.add(PlaylistEntry(playlist_id=playlist.id, song_id=song_id, position=position))
    session.flush()


# --- A song from its sounds -----------------------------------------------------------------------------------------


def restore_sound(
    database: Database,
    files: Files,
    owner: User,
    stored: Stored,
    name: str,
    group: dict[str, str],
    *,
    home: bool = False,
) -> str | None:
    """A stored sound becomes a take of the song that its tags name, or a song of its own; returns the song's id.

    group: song id in tags → song id here, carried from one sound to the next. home: the sound was found in the library
    itself, so the song that it names is meant, whoever owns it; None if that has the take already, from a second run of
    the job. Raises MelismaError if the sound cannot be read.
    """
    path = files.place(stored.sha256, stored.suffix)
    origin = origin_of(path)
    if origin is None:
        origin = Origin(new_id(), "import")
    else:
        with database.reading() as session:
            there = session.get(Song, origin.song_id)
            mine = origin.song_id if home or there is None or there.owner_id == owner.id else new_id()
            free = session.get(Take, origin.take_id) is None
        if home and not free:
            return None
        song_id = group.setdefault(origin.song_id, mine)
        job_id, take_id = (origin.job_id, origin.take_id) if free else (None, new_id())
        origin = Origin(song_id, origin.kind, origin.number, job_id, origin.parent_id, origin.song_title, take_id)
    sound = sound_of_file(files, path, stored, stored.suffix[1:], origin)
    with database.transaction() as session:
        if session.get(Song, origin.song_id) is None:
            import_sound(session, files, owner, sound, origin.song_title or title_in(path) or name)
        else:
            library.add_take(session, files, sound)
    return origin.song_id


# --- A whole library ------------------------------------------------------------------------------------------------


def restore_if_lost(database: Database, files: Files, owner: User) -> int:
    """Bring back all songs that have a card, where the database knows none at all; returns how many.

    For the start of a studio whose database is gone. Quick, for nothing is decoded: `checkup.repair` does the rest.
    """
    with database.reading() as session:
        if session.scalar(select(Song.id).limit(1)) is not None:
            return 0
    found = cards.read_all(files)
    sounds = {}
    for take in (take for card in found for take in card.takes):
        stored = present(files, take.sha256, f".{take.format}")
        if stored:
            sounds[take.sha256] = stored
    restored = 0
    for card in found:
        try:
            restored += bool(restore_card(database, files, owner_by_name(database, card, owner), card, sounds))
        except MelismaError:
            continue
    return restored


# --- A whole folder -------------------------------------------------------------------------------------------------


def import_folder(database: Database, files: Files, owner: User, folder: Path, listen: Listener = quiet) -> Brought:
    """Bring all songs of a folder: exported ones as they were, other audio by its tags. What is known is passed over."""
    brought = Brought()
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in HEARD and path.is_file())
    listen.stage("import", len(found) or 1)
    with database.reading() as session:
        known = set(session.scalars(select(Take.sha256).join(Song).where(Song.owner_id == owner.id)))
    fresh: dict[str, tuple[Path, Stored]] = {}
    for path in found:
        sha = digest_of(path)
        if sha in known:
            brought.known += 1
            listen.step()
        elif sha not in fresh:
            try:
                suffix = f".{audio.probe(path).format}"
            except MelismaError as error:
                brought.refused[path.name] = str(error)
                continue
            with path.open("rb") as file:
                fresh[sha] = (path, files.put(file, suffix))
    found_cards = [card for path in sorted(folder.rglob("song.json")) if (card := cards.read(path))]
    mine = [card.model_copy(update={"owner": None}) for card in found_cards]
    gather(database, files, owner, fresh, mine, brought, listen)
    return brought


def gather(
    database: Database,
    files: Files,
    owner: User,
    fresh: dict[str, tuple[Path, Stored]],
    found: list[Card],
    brought: Brought,
    listen: Listener,
    *,
    home: bool = False,
) -> None:
    """Make songs of stored sounds (sha256 → where it came from, where it lies now): by cards first, then by tags.

    What became of nothing is removed again, unless it was found in the library itself (`home`) and cannot be read.
    """
    stored = {sha: each for sha, (_, each) in fresh.items()}
    left = dict(fresh)
    for card in found:
        try:
            restored = restore_card(database, files, owner_by_name(database, card, owner), card, stored)
        except MelismaError as error:
            brought.refused[card.title] = str(error)
            continue
        if restored is None:
            continue
        song_id, gained = restored
        if gained:
            brought.songs.append(song_id)
        for take in card.takes:
            if left.pop(take.sha256, None):
                brought.known += not gained
                listen.step()
    group: dict[str, str] = {}
    for path, each in left.values():
        try:
            made = restore_sound(database, files, owner, each, path.stem, group, home=home)
            if made is None:
                brought.known += 1
            elif made not in brought.songs:
                brought.songs.append(made)
        except MelismaError as error:
            brought.refused[path.name] = str(error)
            if home:
                stored.pop(each.sha256)
        listen.step()
    library.remove_strangers(database.engine, files, stored.values())


def owner_by_name(database: Database, card: Card, owner: User) -> User:
    """Who a card says it belongs to, if there is such a person."""
    with database.reading() as session:
        return (session.scalar(select(User).where(User.name == card.owner)) if card.owner else None) or owner
