"""Sounds that land in the library: tagged, stored by content, measured once, with a waveform and a picture.

All of it is slow and needs no database, so it happens before the transaction that makes the rows. Besides how it was
made, a FLAC file says where it belongs (`Origin`): song, take, parent. From these tags a lost database is made again.
"""

import io
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from mutagen import MutagenError
from mutagen.flac import FLAC

from melisma import audio
from melisma.audio import Encoding, Waveform
from melisma.audio.files import encoded, refuse_unsound
from melisma.audio.tags import tagged
from melisma.song import Provenance
from melisma.studio.artwork import artwork
from melisma.studio.files import Files, Stored
from melisma.studio.peaks import SUFFIX, peaks

KEY = "MELISMA_LIBRARY"
ARTWORK_SUFFIX = ".webp"
TAKES = UUID("0a6d1d0e-54b1-4c36-9a0f-5c2f3b0c7a11")


@dataclass(frozen=True)
class Origin:
    """Where a sound belongs. A job's takes are numbered, and have the same ids when the job runs again."""

    song_id: str
    kind: str
    number: int = 0
    job_id: str | None = None
    parent_id: str | None = None
    song_title: str = ""
    take_id: str = ""

    def __post_init__(self) -> None:
        if not self.take_id:
            known = uuid5(TAKES, f"{self.job_id}/{self.number}") if self.job_id else uuid4()
            object.__setattr__(self, "take_id", known.hex)


@dataclass(frozen=True)
class Sound:
    """A sound that landed, with its measures, but in no row yet. `artwork` is stored where a song has none."""

    origin: Origin
    stored: Stored
    format: str
    sample_rate: int
    duration_s: float
    lufs: float | None
    true_peak_dbtp: float | None
    peaks: Stored
    artwork: bytes | None
    provenance: Provenance | None = None


def keep_sound(
    files: Files,
    waveform: Waveform,
    origin: Origin,
    *,
    provenance: Provenance | None = None,
    title: str | None = None,
    picture: bool = True,
) -> Sound:
    """Store a waveform as tagged FLAC. `picture` False leaves it out, where it can wait.

    Raises UnsoundResult for silence or what is not finite, OSError for a full disk.
    """
    title = title or origin.song_title
    refuse_unsound(title or origin.kind, waveform, allow_silence=False)
    with ThreadPoolExecutor(1) as beside:
        # Compressing and measuring are libraries in C, which let each other work.
        measures = beside.submit(measures_of, waveform)
        content = tagged(encoded(waveform, Encoding("flac")), "flac", title or None, provenance)
        stored = files.put(with_origin(content, origin), ".flac")
        return measured(files, waveform, stored, "flac", origin, provenance, picture, measures.result())


def measured(
    files: Files,
    waveform: Waveform,
    stored: Stored,
    format_: str,
    origin: Origin,
    provenance: Provenance | None,
    picture: bool = True,
    measures: tuple[float | None, float] | None = None,
) -> Sound:
    """A stored file with its measures, waveform and picture. `waveform` is what is in the file."""
    lufs, peak = measures or measures_of(waveform)
    return Sound(
        origin=origin,
        stored=stored,
        format=format_,
        sample_rate=waveform.rate_hz,
        duration_s=waveform.duration_s,
        lufs=None if lufs is None else round(lufs, 2),
        true_peak_dbtp=round(peak, 2) if math.isfinite(peak) else None,
        peaks=files.put(peaks(waveform), SUFFIX),
        artwork=artwork(waveform, provenance.blueprint.key if provenance else None) if picture else None,
        provenance=provenance,
    )


def measures_of(waveform: Waveform) -> tuple[float | None, float]:
    """Loudness, LUFS, and true peak, dBTP."""
    return audio.loudness(waveform), audio.true_peak(waveform)


def with_origin(content: bytes, origin: Origin) -> bytes:
    """The bytes of a FLAC file that says where it belongs."""
    file = io.BytesIO(content)
    tags = FLAC(file)
    tags[KEY] = json.dumps({name: value for name, value in asdict(origin).items() if value not in (None, "")})
    file.seek(0)
    tags.save(file)
    return file.getvalue()


def origin_of(path: Path) -> Origin | None:
    """Where a file says that it belongs; None if it does not say, or not in our words."""
    try:
        said = json.loads(FLAC(path)[KEY][0])
        return Origin(**said) if said["song_id"] and said["take_id"] else None
    except (MutagenError, KeyError, ValueError, TypeError, OSError):
        return None
