"""Takes on their way out: any format, trimmed and faded as the person left them, tagged with how they were made; and
whole songs as a zip that is made while it is sent.

What was made once is kept in a cache by content and edit, the oldest going first. Two are made at a time: a server
with many listeners stays one.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Literal

from pydantic import ValidationError
from zipstream import ZipStream

from melisma import audio
from melisma.audio import Encoding, Waveform
from melisma.audio.files import encoded
from melisma.audio.tags import tagged
from melisma.song import Provenance
from melisma.studio.cards import Card
from melisma.studio.files import Files
from melisma.studio.problems import Refused
from melisma.studio.shapes import Line, TakeEdit
from melisma.studio.tables import Song, Take

Format = Literal["flac", "wav", "mp3", "opus", "m4a"]
MEDIA_TYPES = {
    "flac": "audio/flac",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
}
CACHE_BYTES = 2 << 30
CEILING_DBTP = -1.0
STEMS = ("extract", "lego")
AT_ONCE = BoundedSemaphore(2)

# --- One take -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """What part of a take leaves, and how. Times are the take's own."""

    format: Format
    edit: TakeEdit
    start_s: float | None = None
    end_s: float | None = None

    def span(self, duration_s: float) -> tuple[float, float]:
        """From when to when. Raises Refused if nothing is left."""
        start = max(self.edit.start_s or 0.0, self.start_s or 0.0)
        end = min([duration_s, *(end for end in (self.edit.end_s, self.end_s) if end is not None)])
        if end <= start:
            raise Refused(
                f"Nothing is left between {start:g} s and {end:g} s of {duration_s:.2f} s: choose another stretch."
            )
        return start, end


def provenance_of(take: Take) -> Provenance | None:
    """How a take was made, in the engine's words; None for brought audio, or words of another version."""
    if not take.provenance or not take.request or not take.blueprint:
        return None
    story = {**take.provenance, "request": take.request, "blueprint": take.blueprint, "reasons": take.reasons}
    try:
        return Provenance.model_validate(story)
    except ValidationError:
        return None


def name_of(song: Song, take: Take) -> str:
    """What a take is called outside."""
    return f"{song.title} – {take.title}" if take.title else song.title


def exported(files: Files, source: Path, song: Song, take: Take, cut: Cut) -> Path:
    """A file with a take in a format; made now, or found in the cache. Raises Refused where nothing would be left."""
    start_s, end_s = cut.span(take.duration_s)
    story = provenance_of(take)
    title = name_of(song, take)
    key = json.dumps(
        [take.sha256, cut.format, start_s, end_s, cut.edit.model_dump(), title, take.provenance, take.reasons]
    )
    place = files.folder / "cache" / f"{hashlib.sha256(key.encode()).hexdigest()}.{cut.format}"
    if place.is_file():
        os.utime(place)
        return place
    with AT_ONCE:
        sound = edited(audio.read(source, rate_hz=None), cut.edit, start_s, end_s)
        content = tagged(encoded(sound, Encoding(cut.format)), cut.format, title, story)
    place.parent.mkdir(parents=True, exist_ok=True)
    make_room(place.parent, CACHE_BYTES - len(content))
    files.require_room(len(content))
    fresh = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        fresh.write_bytes(content)
        fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)
    return place


def edited(sound: Waveform, edit: TakeEdit, start_s: float, end_s: float) -> Waveform:
    """A stretch of a sound with gain and fades; what gain would lift too high is limited, not clipped."""
    sound = sound.between(start_s, end_s)
    if edit.gain_db:
        sound = sound.louder(edit.gain_db)
        if edit.gain_db > 0:
            sound = audio.limited(sound, CEILING_DBTP)
    return audio.fade(sound, edit.fade_in_s, edit.fade_out_s)


def make_room(folder: Path, allowed: int) -> None:
    """Remove what was asked for longest ago until the folder holds no more than `allowed` bytes."""
    there = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("[!.]*")), reverse=True)
    total = 0
    for _, size, path in there:
        total += size
        if total > allowed:
            path.unlink(missing_ok=True)


# --- Words ----------------------------------------------------------------------------------------------------------


def lrc(song: Song, take: Take, edit: TakeEdit | None = None) -> str | None:
    """Lines in time as an LRC file, as every player reads it; None without times. `edit` shifts them with its trim."""
    if not take.lines:
        return None
    start = (edit.start_s if edit else None) or 0.0
    end = (edit.end_s if edit else None) or take.duration_s
    rows = [f"[ti:{one_line(name_of(song, take))}]", f"[length:{stamp(end - start)}]", "[re:melisma]"]
    for line in (Line.model_validate(line) for line in take.lines):
        if start <= line.start_s < end:
            rows.append(f"[{stamp(line.start_s - start)}]{one_line(line.text)}")
    return "\n".join(rows) + "\n"


def stamp(seconds: float) -> str:
    """62.345 → 01:02.34.

    >>> stamp(62.345)
    '01:02.34'
    """
    hundredths = int(seconds * 100)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


# --- Whole songs ----------------------------------------------------------------------------------------------------


def file_name(text: str, fallback: str = "song") -> str:
    """A title as a file name that every system takes.

    >>> file_name('AC/DC: "Live"\\n..')
    'AC DC Live'
    """
    kept = "".join(letter if letter.isprintable() and letter not in '<>:"/\\|?*' else " " for letter in text)
    name = " ".join(kept.split()).strip(". ")[:100].strip(". ")
    reserved = re.fullmatch(r"(?i)con|prn|aux|nul|(com|lpt)\d", name)
    return fallback if not name or reserved else name


def take_names(song: Song, takes: Sequence[Take], suffixes: dict[str, str]) -> dict[str, str]:
    """Take id → name within the song's folder: numbered, stems in a folder of their own. suffixes: by take id."""
    names = {}
    for number, take in enumerate(takes, 1):
        label = file_name(take.title or (stem_of(take) if take.kind in STEMS else song.title))
        folder = "stems/" if take.kind in STEMS else ""
        names[take.id] = f"{folder}{number:02d} {label}{suffixes[take.id]}"
    return names


def stem_of(take: Take) -> str:
    """Which track a stem is."""
    task = (take.request or {}).get("task") or {}
    return str(task.get("track") or take.kind)


def words_files(song: Song, takes: Sequence[Take], names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Name and text of every file of words that goes with a song."""
    if song.lyrics:
        yield "lyrics.txt", song.lyrics + "\n"
    for take in takes:
        text = lrc(song, take)
        if text:
            yield str(Path(names[take.id]).with_suffix(".lrc")), text


def zipped(song: Song, takes: Sequence[Take], places: dict[str, Path], card: Card, artwork: Path | None) -> ZipStream:
    """A zip with all takes as they were made, stems, lyrics and the song as JSON. Its length is known before it is made.

    places: sha256 → file.
    """
    folder = file_name(song.title)
    names = take_names(song, takes, {take.id: places[take.sha256].suffix for take in takes})
    stream = ZipStream(sized=True)
    for take in takes:
        stream.add_path(str(places[take.sha256]), f"{folder}/{names[take.id]}")
    for name, text in words_files(song, takes, names):
        stream.add(text.encode(), f"{folder}/{name}")
    if artwork:
        stream.add_path(str(artwork), f"{folder}/cover{artwork.suffix}")
    stream.add(card.model_dump_json(indent=1, exclude_none=True).encode(), f"{folder}/song.json")
    return stream
