"""Audio files, in and out.

libsndfile reads and writes wav, flac, ogg and most mp3 and opus; FFmpeg (inside PyAV) does the rest, m4a and the sound
of videos among them. A file is read once, resampled once, and refused with a reason a person can act on. Files are
written beside their target and renamed, so a name never holds half a song.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile

from melisma.audio.tags import write_tags
from melisma.audio.waveform import Samples, Waveform
from melisma.errors import BadRequest, MelismaError, UnsoundResult
from melisma.song import AudioRef, Provenance

MAX_S = 30 * 60.0
SILENT_PEAK = 1e-5
FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "m4a")


# --- Reading --------------------------------------------------------------------------------------------------------


def probe(path: Path | str) -> AudioRef:
    """Format, rate and length of a file, from its header. Raises BadRequest if it is no audio."""
    path = existing(Path(path))
    try:
        info = soundfile.info(path)
        return AudioRef(path=path, format=info.format.lower(), sample_rate=info.samplerate, duration_s=info.duration)
    except soundfile.LibsndfileError:
        with opened(path) as container:
            stream = container.streams.audio[0]
            duration_s = container.duration / av.time_base if container.duration else None
            return AudioRef(
                path=path, format=container.format.name.split(",")[0], sample_rate=stream.rate, duration_s=duration_s
            )


def read(path: Path | str, rate_hz: int | None = 48000, channels: int | None = 2, max_s: float = MAX_S) -> Waveform:
    """Read any audio, at `rate_hz` and with `channels` 1 or 2; None leaves either as it is.

    Raises BadRequest for a file that is missing, empty, longer than `max_s`, no audio, or not finite.
    """
    path = existing(Path(path))
    facts = probe(path)
    if facts.duration_s is not None and facts.duration_s > max_s:
        raise BadRequest(
            f"{path} is {facts.duration_s / 60:.0f} min long, the limit is {max_s / 60:.0f} min: cut the part you need"
        )
    samples, rate = decode(path)
    if samples.shape[1] == 0:
        raise BadRequest(f"{path} holds no sound (0 samples): choose another file")
    if not np.isfinite(samples).all():
        raise BadRequest(f"{path} holds samples that are not finite (NaN or infinite): export it again")
    sound = Waveform(samples, rate)
    if channels is not None:
        sound = sound.stereo() if channels == 2 else sound.mono()
    return sound if rate_hz is None else sound.resampled(rate_hz)


def existing(path: Path) -> Path:
    """The path, if there is a file with anything in it."""
    if not path.exists():
        raise BadRequest(f"no such file: {path}. Check the path")
    if path.is_dir():
        raise BadRequest(f"{path} is a folder: name an audio file in it")
    if path.stat().st_size == 0:
        raise BadRequest(f"{path} is empty (0 bytes): copy or export it again")
    return path


def decode(path: Path) -> tuple[Samples, int]:
    """(c, s) samples and their rate, as they are in the file."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return np.ascontiguousarray(samples.T), rate
    except soundfile.LibsndfileError:
        return decode_with_ffmpeg(path)


def decode_with_ffmpeg(path: Path) -> tuple[Samples, int]:
    """As `decode`, for what libsndfile does not know."""
    with opened(path) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", rate=stream.rate)
        pieces = [frame.to_ndarray() for packet in container.decode(stream) for frame in resampler.resample(packet)]
        pieces += [frame.to_ndarray() for frame in resampler.resample(None)]
        if not pieces:
            raise BadRequest(f"{path} holds no sound (0 samples): choose another file")
        return np.concatenate(pieces, axis=1, dtype=np.float32), stream.rate


@contextlib.contextmanager
def opened(path: Path) -> Iterator[av.container.InputContainer]:
    """A file through FFmpeg; its errors become ours."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise BadRequest(f"{path} has no sound in it: choose an audio file")
            yield container
    except av.FFmpegError as error:
        known = "wav, flac, mp3, ogg, opus, m4a and the sound of videos"
        raise BadRequest(f"{path} cannot be read as audio ({error.strerror}): {known} are understood") from error


# --- Writing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Encoding:
    """How a file is written: its format, bits per sample (wav, flac) or kilobits per second (mp3, opus, m4a, ogg)."""

    format: str
    bits: int = 24
    kbps: int = 192

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise BadRequest(f"cannot write {self.format!r} files: use one of {', '.join(FORMATS)}")
        allowed = {"wav": (16, 24, 32), "flac": (16, 24)}.get(self.format)
        if allowed and self.bits not in allowed:
            raise BadRequest(
                f"{self.format} cannot hold {self.bits} bits per sample: use {' or '.join(map(str, allowed))}"
            )
        if not 16 <= self.kbps <= 512:
            raise BadRequest(f"{self.kbps} kbit/s is out of range: use 16–512")


def write(
    path: Path | str,
    sound: Waveform,
    *,
    encoding: Encoding | None = None,
    provenance: Provenance | None = None,
    title: str | None = None,
    allow_silence: bool = False,
) -> Path:
    """Write a file with its tags; the suffix decides the format where `encoding` is None.

    Raises UnsoundResult rather than writing samples that are not finite, or silence.
    """
    path = Path(path)
    encoding = encoding or Encoding(path.suffix.removeprefix(".").lower())
    if not np.isfinite(sound.samples).all():
        raise UnsoundResult(f"{path.name} would hold samples that are not finite: nothing was written")
    if not allow_silence and np.abs(sound.samples).max(initial=0.0) < SILENT_PEAK:
        raise UnsoundResult(f"{path.name} would be silent: nothing was written")
    with landing(path) as temporary:
        encode(temporary, sound, encoding)
        write_tags(temporary, encoding.format, title, provenance)
    return path


@contextlib.contextmanager
def landing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; renamed to it at the end, removed if anything goes wrong."""
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MelismaError(
                f"no space left for {path}: free some on that disk, or write elsewhere with -o"
            ) from error
        raise BadRequest(f"cannot write {path} ({error.strerror or error}): choose another place with -o") from error
    finally:
        temporary.unlink(missing_ok=True)


SUBTYPES = {
    ("wav", 16): "PCM_16",
    ("wav", 24): "PCM_24",
    ("wav", 32): "FLOAT",
    ("flac", 16): "PCM_16",
    ("flac", 24): "PCM_24",
}
CODECS = {"mp3": ("libmp3lame", "mp3"), "opus": ("libopus", "ogg"), "m4a": ("aac", "ipod")}  # codec, container
# Rates that a codec takes; anything else is resampled to the first.
RATES = {"opus": (48000, 24000, 16000, 12000, 8000), "mp3": (48000, 44100, 32000)}


def encode(path: Path, sound: Waveform, encoding: Encoding) -> None:
    """Samples only, no tags. Whatever exceeds full scale is clipped in formats that cannot hold it."""
    if encoding.format in CODECS:
        encode_with_ffmpeg(path, sound, encoding)
        return
    subtype = SUBTYPES.get((encoding.format, encoding.bits), "VORBIS")
    samples = sound.samples if subtype == "FLOAT" else np.clip(sound.samples, -1.0, 1.0)
    if subtype == "PCM_16":
        samples = dithered(samples)
    # 0 is best for libsndfile; 192 kbit/s lands near Vorbis quality 6
    level = max(0.0, 1 - encoding.kbps / 500) if subtype == "VORBIS" else None
    kind = {"format": encoding.format.upper(), "subtype": subtype, "compression_level": level}
    with soundfile.SoundFile(path, "w", sound.rate_hz, sound.channels, **kind) as file:
        for start in range(0, samples.shape[1], BLOCK):  # the Vorbis encoder overruns its stack on long blocks
            file.write(samples[:, start : start + BLOCK].T)


BLOCK = 1 << 16


def dithered(samples: Samples) -> Samples:
    """Triangular noise of one 16-bit step, so that quiet fades do not turn into distortion; the same for the same song."""
    draw = np.random.default_rng(0)
    noise = draw.random(samples.shape, np.float32) - draw.random(samples.shape, np.float32)
    return np.clip(samples + noise / np.float32(32768), -1.0, 1.0)


def encode_with_ffmpeg(path: Path, sound: Waveform, encoding: Encoding) -> None:
    """mp3, opus and m4a."""
    codec, container_format = CODECS[encoding.format]
    rates = RATES.get(encoding.format, (sound.rate_hz,))
    sound = sound if sound.rate_hz in rates else sound.resampled(rates[0])
    layout = "mono" if sound.channels == 1 else "stereo"
    samples = np.ascontiguousarray(np.clip(sound.samples, -1.0, 1.0))
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=sound.rate_hz, layout=layout)
        stream.bit_rate = encoding.kbps * 1000
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=sound.rate_hz)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = sound.rate_hz
        fifo = av.AudioFifo()
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            piece.pts = None
            fifo.write(piece)
        size = stream.codec_context.frame_size or 1024
        position = 0
        while (chunk := fifo.read(size, partial=True)) is not None:
            chunk.pts, chunk.sample_rate = position, sound.rate_hz
            position += chunk.samples
            container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
