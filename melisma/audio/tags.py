"""Tags inside audio files: title, who made it, and how.

Every format carries the same three facts in its own way: a title, a note that the music is machine-made, and the
`Provenance` as JSON, from which `melisma show` and `melisma again` work.
"""

from pathlib import Path

import mutagen
from mutagen.flac import FLAC
from mutagen.id3 import COMM, ID3, TIT2, TSSE, TXXX
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from pydantic import ValidationError

from melisma.errors import BadRequest
from melisma.song import Provenance

KEY = "MELISMA_PROVENANCE"
MP4_KEY = "----:org.melisma:provenance"
DISCLOSURE = "AI-generated music"
ENCODER = "melisma"


def write_tags(path: Path, format_: str, title: str | None, provenance: Provenance | None) -> None:
    """Add tags to a finished file."""
    story = provenance.model_dump_json(exclude_none=True) if provenance else None
    match format_:
        case "wav":
            _write_id3(WAVE(path), title, story)
        case "mp3":
            _write_id3(MP3(path), title, story)
        case "m4a":
            _write_mp4(MP4(path), title, story)
        case _:
            kind = {"flac": FLAC, "ogg": OggVorbis, "opus": OggOpus}[format_]
            _write_vorbis(kind(path), title, story)


def _write_id3(file: WAVE | MP3, title: str | None, story: str | None) -> None:
    if file.tags is None:
        file.add_tags()
    tags: ID3 = file.tags
    tags.add(TSSE(encoding=3, text=ENCODER))
    tags.add(COMM(encoding=3, lang="eng", desc="", text=DISCLOSURE))
    if title:
        tags.add(TIT2(encoding=3, text=title))
    if story:
        tags.add(TXXX(encoding=3, desc=KEY, text=story))
    file.save()


def _write_mp4(file: MP4, title: str | None, story: str | None) -> None:
    file["\xa9too"], file["\xa9cmt"] = ENCODER, DISCLOSURE
    if title:
        file["\xa9nam"] = title
    if story:
        file[MP4_KEY] = MP4FreeForm(story.encode())
    file.save()


def _write_vorbis(file: FLAC | OggVorbis | OggOpus, title: str | None, story: str | None) -> None:
    file["encoder"], file["comment"] = ENCODER, DISCLOSURE
    if title:
        file["title"] = title
    if story:
        file[KEY] = story
    file.save()


def read_provenance(path: Path | str) -> Provenance | None:
    """How a file came about; None if melisma did not write it. Raises BadRequest if the tag is there but broken."""
    story = _story(Path(path))
    if story is None:
        return None
    try:
        return Provenance.model_validate_json(story)
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadRequest(
            f"{path} says how it was made, but this version cannot read it ({'.'.join(map(str, problem['loc']))}: "
            f"{problem['msg']}): a newer melisma may have written it"
        ) from error


def _story(path: Path) -> str | None:
    try:
        file = mutagen.File(path)
    except (mutagen.MutagenError, OSError):
        return None
    tags = file.tags if file is not None else None
    if tags is None:
        return None
    if isinstance(tags, ID3):
        frame = tags.get(f"TXXX:{KEY}")
        return str(frame.text[0]) if frame else None
    if isinstance(file, MP4):
        found = tags.get(MP4_KEY)
        return bytes(found[0]).decode() if found else None
    found = tags.get(KEY)
    return str(found[0]) if found else None
