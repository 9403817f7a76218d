"""Audio that people bring: received to disk within limits, heard (`hearing`), and stored by its content."""

import errno
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from melisma import audio
from melisma.audio import read_provenance
from melisma.errors import BadRequest
from melisma.song import Provenance, SongRequest
from melisma.studio.database import Database
from melisma.studio.events import publish
from melisma.studio.exports import file_name
from melisma.studio.files import Files, Stored
from melisma.studio.hearing import Heard, hear
from melisma.studio.library import add_song, add_take, change_song, path_of, register, sweep
from melisma.studio.problems import NotHere, Refused, TooLarge
from melisma.studio.shapes import SongPatch
from melisma.studio.sounds import Origin, Sound, measured
from melisma.studio.tables import File, Song, Upload, User, new_id

FORM_BYTES = 64 << 10  # what a form needs beside the file
AT_ONCE = BoundedSemaphore(2)
RESERVE = 256 << 20  # bytes that stay free on the disk

# --- Receiving ------------------------------------------------------------------------------------------------------


async def received(request: Request, max_bytes: int) -> UploadFile:
    """The file of a multipart form, on disk. Raises TooLarge as soon as it is known, Refused for another kind of body."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes + FORM_BYTES:
        raise too_large(max_bytes)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused("Send the file as multipart/form-data, in a field called 'file'.", status=415, code="not_a_form")
    parser = MultiPartParser(request.headers, limited(request.stream(), max_bytes), max_files=1, max_fields=8)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refused(
            f"The form cannot be read ({error.message}): send it again.", status=400, code="bad_form"
        ) from error
    except (KeyError, UnicodeDecodeError, LookupError) as error:
        raise Refused(
            "The form cannot be read: its boundary or charset is unknown.", status=400, code="bad_form"
        ) from error
    file = form.get("file")
    if not isinstance(file, UploadFile):
        await form.close()
        raise Refused("There is no file in the form: put it in a field called 'file'.", code="no_file")
    return file


async def limited(stream: AsyncIterator[bytes], max_bytes: int) -> AsyncGenerator[bytes, None]:
    """A stream that ends badly beyond its limit."""
    count = 0
    async for piece in stream:
        count += len(piece)
        if count > max_bytes + FORM_BYTES:
            raise too_large(max_bytes)
        yield piece


def too_large(max_bytes: int) -> TooLarge:
    """The refusal."""
    return TooLarge(f"The file is larger than {max_bytes / 1e6:g} MB: bring it as FLAC or MP3, or cut it.")


# --- Storing --------------------------------------------------------------------------------------------------------


def store(database: Database, files: Files, owner: User, content: IO[bytes], name: str, max_s: float) -> Upload:
    """Hear a file, store it, and make its row; the row that is there already, if this person brought it before."""
    incoming = files.folder / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    if files.free_bytes() < RESERVE:
        raise disk_full()
    with tempfile.NamedTemporaryFile(dir=incoming) as fresh:
        try:
            while block := content.read(1 << 20):
                fresh.write(block)
            fresh.flush()
            with AT_ONCE:
                heard = hear(Path(fresh.name), max_s)
            fresh.seek(0)
            stored = files.put(fresh, f".{heard.format}")
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full() from error
            raise
    with database.transaction() as session:
        return add_upload(session, files, owner, stored, heard, name)


def disk_full() -> Refused:
    """The refusal."""
    return Refused("The disk is full: delete songs, or empty the trash, and try again.", status=507, code="disk_full")


def add_upload(session: Session, files: Files, owner: User, stored: Stored, heard: Heard, name: str) -> Upload:
    """The row of an upload, once per person and content."""
    mine = select(Upload).where(Upload.owner_id == owner.id, Upload.sha256 == stored.sha256)
    there = session.scalar(mine)
    if there is not None:
        return there
    known = session.get(File, stored.sha256)
    if known is not None and known.suffix != stored.suffix:
        stored = Stored(stored.sha256, known.suffix, known.size)
    register(session, files, stored)
    upload = Upload(
        id=new_id(),
        owner_id=owner.id,
        sha256=stored.sha256,
        name=file_name(Path(name.replace("\\", "/")).name, "upload"),
        format=heard.format,
        sample_rate=heard.sample_rate,
        channels=heard.channels,
        duration_s=heard.duration_s,
    )
    session.add(upload)
    session.flush()
    publish(session, "upload", {"id": upload.id, "what": "added"}, owner.id)
    return upload


def upload_of(session: Session, user: User, upload_id: str) -> Upload:
    """An upload by id. Raises NotHere."""
    upload = session.get(Upload, upload_id)
    if upload is None or upload.owner_id != user.id:
        raise NotHere(f"There is no upload {upload_id!r} here: it may have been deleted.")
    return upload


def remove(session: Session, files: Files, upload: Upload) -> None:
    """Delete an upload; its file goes unless a take is made of it."""
    publish(session, "upload", {"id": upload.id, "what": "gone"}, upload.owner_id)
    session.delete(upload)
    session.flush()
    sweep(session, files, [upload.sha256])


# --- Importing ------------------------------------------------------------------------------------------------------


def as_song(database: Database, files: Files, owner: User, upload_id: str, title: str | None) -> Song:
    """A song whose first take is an upload. What melisma itself once wrote tells how it was made."""
    with database.reading() as session:
        upload = upload_of(session, owner, upload_id)
        file = session.get(File, upload.sha256)
        assert file is not None
        path = path_of(files, file)
    stored = Stored(file.sha256, file.suffix, file.size)
    sound = sound_of_file(files, path, stored, upload.format, Origin(new_id(), "import"))
    with database.transaction() as session:
        return import_sound(
            session, files, owner, sound, title or title_in(path) or Path(upload.name).stem or upload.name
        )


def sound_of_file(files: Files, path: Path, stored: Stored, format_: str, origin: Origin) -> Sound:
    """A stored file, measured. Raises BadRequest where it cannot be read."""
    waveform = audio.read(path, rate_hz=None)
    return measured(files, waveform, stored, format_, origin, story_in(path))


def story_in(path: Path) -> Provenance | None:
    """How a file was made, if it says so in words that this version understands."""
    try:
        return read_provenance(path)
    except BadRequest:
        return None


def title_in(path: Path) -> str | None:
    """The title that a file carries."""
    import mutagen

    try:
        file = mutagen.File(path, easy=True)
        found = file.get("title") if file is not None else None
    except (mutagen.MutagenError, ValueError, KeyError, AttributeError, OSError):
        return None
    text = " ".join(str(found[0]).split())[:200] if found else ""
    return text or None


def import_sound(
    session: Session, files: Files, owner: User, sound: Sound, title: str, patch: SongPatch | None = None
) -> Song:
    """A song made of a sound that was brought."""
    story = sound.provenance
    request = story.request if story else SongRequest()
    song = add_song(
        session, owner, title[:200], request, story.blueprint if story else None, song_id=sound.origin.song_id
    )
    add_take(session, files, sound)
    if patch is not None:
        change_song(session, files, song, patch)
    return song
