"""Tags inside audio files: title, words, that a machine made it, and how.

Every format carries the same facts in its own way. The disclosure is said twice, in words as a comment and as a term
of the IPTC digital source type vocabulary, which programs understand. The `Provenance` travels as JSON; from it
`melisma show` and `melisma again` work. Files and checkpoints go by name in it: where they lie is nobody's business.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import mutagen
from mutagen.flac import FLAC
from mutagen.id3 import COMM, ID3, TIT2, TSSE, TXXX, USLT
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from pydantic import ValidationError

from melisma.errors import BadRequest
from melisma.song import AudioRef, Compose, Provenance

KEY = "MELISMA_PROVENANCE"
SOURCE_KEY = "DIGITAL_SOURCE_TYPE"
MP4_FOLDER = "----:com.melisma:"
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def facts_of(title: str | None, provenance: Provenance | None) -> dict[str, str]:
    """What to write, by a name of its own: only sound that was made by a model is called so."""
    facts = {"encoder": "melisma", "title": printable(title or "")}
    if provenance:
        alone = isinstance(provenance.request.played, Compose)
        facts |= {
            "encoder": f"melisma {provenance.version}",
            "comment": "AI-generated music" if alone else "Music made or changed by AI from existing audio",
            "source": IPTC + ("trainedAlgorithmicMedia" if alone else "compositeWithTrainedAlgorithmicMedia"),
            "lyrics": "" if provenance.blueprint.instrumental else provenance.blueprint.lyrics,
            "story": without_places(provenance).model_dump_json(exclude_none=True),
        }
    return {name: fact for name, fact in facts.items() if fact}


def without_places(provenance: Provenance) -> Provenance:
    """The same without the folders of this machine: sounds, checkpoints and adapters that a path names keep its end."""

    def file_name(sound: AudioRef, _: str) -> AudioRef:
        return sound.model_copy(update={"path": sound.path and Path(sound.path.name)})

    request = provenance.request.with_sounds(file_name)
    names = {
        "model": request.model and last_name(request.model),
        "planning": request.planning.model_copy(
            update={"planner": request.planning.planner and last_name(request.planning.planner)}
        ),
        "adapters": tuple(one.model_copy(update={"name": last_name(one.name)}) for one in request.adapters),
    }
    return provenance.model_copy(update={"request": request.model_copy(update=names)})


def last_name(name: str) -> str:
    """A catalogue name or hub id as it is; the end of a path."""
    return Path(name).name if Path(name).is_absolute() or name.startswith(("~", ".")) else name


def printable(text: str) -> str:
    """One line without control characters, which some tag formats cannot hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def tagged(content: bytes, format_: str, title: str | None, provenance: Provenance | None) -> bytes:
    """The bytes of an audio file with its tags."""
    file = io.BytesIO(content)
    TAGGERS[format_](file, facts_of(title, provenance))
    return file.getvalue()


def tag_id3(file: io.BytesIO, facts: Mapping[str, str], kind: type[WAVE] | type[MP3]) -> None:
    """wav and mp3."""
    audio = kind(file)
    if audio.tags is None:
        audio.add_tags()
    frames = {
        "encoder": lambda text: TSSE(encoding=3, text=text),
        "title": lambda text: TIT2(encoding=3, text=text),
        "comment": lambda text: COMM(encoding=3, lang="eng", desc="", text=text),
        "lyrics": lambda text: USLT(encoding=3, lang="und", desc="", text=text),
        "source": lambda text: TXXX(encoding=3, desc=SOURCE_KEY, text=text),
        "story": lambda text: TXXX(encoding=3, desc=KEY, text=text),
    }
    for name, text in facts.items():
        audio.tags.add(frames[name](text))
    file.seek(0)
    audio.save(file)


def tag_vorbis(file: io.BytesIO, facts: Mapping[str, str], kind: type[FLAC] | type[OggVorbis] | type[OggOpus]) -> None:
    """flac, ogg and opus."""
    audio = kind(file)
    if audio.tags is None:
        audio.add_tags()
    names = {"source": SOURCE_KEY, "story": KEY}
    for name, text in facts.items():
        audio[names.get(name, name)] = text
    file.seek(0)
    audio.save(file)


def tag_mp4(file: io.BytesIO, facts: Mapping[str, str]) -> None:
    """m4a."""
    audio = MP4(file)
    names = {"encoder": "\xa9too", "title": "\xa9nam", "comment": "\xa9cmt", "lyrics": "\xa9lyr"}
    keys = {"source": SOURCE_KEY, "story": KEY}
    for name, text in facts.items():
        if name in names:
            audio[names[name]] = text
        else:
            audio[MP4_FOLDER + keys[name]] = MP4FreeForm(text.encode())
    file.seek(0)
    audio.save(file)


TAGGERS: Mapping[str, Callable[[io.BytesIO, Mapping[str, str]], None]] = {
    "wav": lambda file, facts: tag_id3(file, facts, WAVE),
    "mp3": lambda file, facts: tag_id3(file, facts, MP3),
    "flac": lambda file, facts: tag_vorbis(file, facts, FLAC),
    "ogg": lambda file, facts: tag_vorbis(file, facts, OggVorbis),
    "opus": lambda file, facts: tag_vorbis(file, facts, OggOpus),
    "m4a": tag_mp4,
}


def read_provenance(path: Path | str) -> Provenance | None:
    """How a file came about; None if melisma did not write it.

    Raises BadRequest if there is no such file, or if the tag is there but cannot be understood.
    """
    path = Path(path)
    if not path.is_file():
        raise BadRequest(f"no such file: {path}. Check the path")
    story = story_of(path)
    if story is None:
        return None
    try:
        return Provenance.model_validate_json(story)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "as a whole"
        raise BadRequest(
            f"{path} says how it was made, but this version cannot read it ({place}: {problem['msg']}): "
            "a newer melisma may have written it, or another program changed the tag"
        ) from error


def story_of(path: Path) -> str | None:
    """The provenance as it stands in the tags, if it does."""
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
        found = tags.get(MP4_FOLDER + KEY)
        return bytes(found[0]).decode(errors="replace") if found else None
    try:
        found = tags.get(KEY)
    except ValueError:  # a tag format with rules of its own for names, such as APEv2
        return None
    return str(found[0]) if found else None
