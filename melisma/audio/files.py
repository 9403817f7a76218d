"""Audio files, in and out.

FFmpeg (inside PyAV) reads: one decoder knows every format, where its channels stand and what an encoder padded.
A file is refused from its header where that is possible, folded down block by block, and resampled once. libsndfile
writes what is lossless, FFmpeg the rest. A file is made in memory, tags and all, then written beside its target and
renamed: a name never holds half a song, and every failure of the disk is met in one place.
"""

import contextlib
import io
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile

from melisma.audio.tags import tagged
from melisma.audio.waveform import PLACES, Samples, Waveform, fold_down, within_full_scale
from melisma.errors import BadRequest, UnsoundResult
from melisma.listen import Listener, quiet
from melisma.song import Provenance

MAX_S = 30 * 60.0
SILENT_PEAK = 1e-5  # -100 dBFS

# --- Reading --------------------------------------------------------------------------------------------------------

READABLE = "wav, flac, mp3, ogg, opus, m4a, aac, aiff and the sound of videos are understood"
AAC_FRAME = 1024


@dataclass(frozen=True)
class Facts:
    """What a file's header says. `duration_s` is None where it does not say."""

    format: str
    rate_hz: int
    channels: int
    duration_s: float | None


def probe(path: Path | str) -> Facts:
    """Format, rate, channels and length of a file, without decoding it. Raises BadRequest if it is no audio."""
    with opened(existing(Path(path))) as container:
        return facts_of(container)


def read(path: Path | str, rate_hz: int | None = 48000, channels: int | None = 2, max_s: float = MAX_S) -> Waveform:
    """Read any audio, at `rate_hz` and with `channels` 1 or 2; None leaves either as it is.

    Raises BadRequest for a file that is missing, empty, damaged, longer than `max_s`, no audio, or not finite.
    """
    path = existing(Path(path))
    with opened(path) as container:
        facts = facts_of(container)
        refuse_long(path, facts.duration_s, max_s)
        blocks, count = [], 0
        for block in decoded(path, container, channels):
            count += block.shape[1]
            refuse_long(path, count / facts.rate_hz, max_s)
            blocks.append(block)
    if not count:
        raise BadRequest(f"{path} holds no sound (0 samples): choose another file")
    sound = whole(path, Waveform(np.concatenate(blocks, axis=1), facts.rate_hz), facts)
    if not np.isfinite(sound.samples).all():
        raise BadRequest(f"{path} holds samples that are not finite (NaN or infinite): export it again")
    if facts.channels > 2 and channels is not None:
        sound = within_full_scale(sound)
    return sound if rate_hz is None else sound.resampled(rate_hz)


def existing(path: Path) -> Path:
    """The path, if there is a file with anything in it."""
    if not os.path.exists(path):  # unlike Path.exists, this answers for any name
        raise BadRequest(f"no such file: {path}. Check the path")
    if path.is_dir():
        raise BadRequest(f"{path} is a folder: name an audio file in it")
    if path.stat().st_size == 0:
        raise BadRequest(f"{path} is empty (0 bytes): copy or export it again")
    return path


@contextlib.contextmanager
def opened(path: Path) -> Iterator[av.container.InputContainer]:
    """A file with sound, through FFmpeg; its errors become ours.

    FFmpeg gets bytes, never a name, and no protocol: a playlist sent as a song cannot make it fetch other files.
    """
    try:
        options = {"protocol_whitelist": "none"}
        with path.open("rb") as file, av.open(file, metadata_errors="replace", options=options) as container:
            if not container.streams.audio:
                raise BadRequest(f"{path} has no sound in it: choose an audio file, or a video with a sound track")
            if container.streams.audio[0].codec_context is None:
                raise BadRequest(f"{path} holds sound in a coding that nobody knows here, or is damaged: {READABLE}")
            yield container
    except av.FFmpegError as error:
        raise BadRequest(f"{path} cannot be read as audio ({error.strerror}), or is damaged: {READABLE}") from error
    except OSError as error:
        raise BadRequest(f"{path} cannot be opened ({error.strerror}): check its permissions") from error


def facts_of(container: av.container.InputContainer) -> Facts:
    """What the header says of the first audio stream."""
    stream = container.streams.audio[0]
    duration_s = None
    if stream.duration is not None:
        duration_s = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration_s = container.duration / av.time_base
    name = container.format.name.split(",")[0]
    name = {"mov": "m4a", "matroska": "webm"}.get(name, name)
    return Facts("opus" if stream.codec_context.name == "opus" else name, stream.rate, stream.channels, duration_s)


def decoded(path: Path, container: av.container.InputContainer, channels: int | None) -> Iterator[Samples]:
    """(c, s) blocks of the first audio stream, folded to `channels`."""
    if channels not in (None, 1, 2):
        raise BadRequest(f"cannot read {path} with {channels} channels: ask for 1, 2, or None for as many as it has")
    stream = container.streams.audio[0]
    as_floats = av.AudioResampler(format="flt")  # interleaved: PyAV reads past its planes where there are more than two
    try:
        for frame in (*container.decode(stream), None):  # None: what the resampler still holds
            for piece in as_floats.resample(frame):
                places = [channel.name for channel in piece.layout.channels]
                yield folded(piece.to_ndarray().reshape(-1, len(places)).T, places, channels)
    except ValueError as error:
        if isinstance(error, (av.FFmpegError, BadRequest)):
            raise
        raise BadRequest(f"{path} changes its rate or channels half-way ({error}): export it again") from error


def folded(samples: Samples, places: Sequence[str], channels: int | None) -> Samples:
    """One block (c, s) with as many channels as asked for; `places` as FFmpeg names them, "NONE" where it knows none."""
    if channels is None or len(samples) == channels:
        return samples
    if len(samples) > 2:
        samples = fold_down(samples, PLACES.get(len(places)) if "NONE" in places else places)
    return samples.mean(axis=0, keepdims=True) if channels == 1 else np.broadcast_to(samples, (2, samples.shape[1]))


def refuse_long(path: Path, seconds: float | None, max_s: float) -> None:
    """Longer than what fits is told before it fills the memory."""
    if seconds is not None and seconds > max_s:
        raise BadRequest(
            f"{path} is {in_words(seconds)} long, the limit is {in_words(max_s)}: cut out the part you need"
        )


def in_words(seconds: float) -> str:
    """A length for people."""
    return f"{seconds:.4g} s" if seconds < 120 else f"{seconds / 60:.4g} min"


def whole(path: Path, sound: Waveform, facts: Facts) -> Waveform:
    """What was decoded, held against what the header counts.

    FFmpeg skips the frames of a flac file that are damaged; it leaves what AAC padded at the end of an m4a file.
    """
    if facts.duration_s is None:
        return sound
    counted = round(facts.duration_s * facts.rate_hz)
    if facts.format == "flac" and sound.count < counted:
        raise BadRequest(
            f"{path} is damaged: only {sound.duration_s:.2f} s of its {facts.duration_s:.2f} s can be read. "
            "Copy or download it again"
        )
    if facts.format == "m4a" and counted < sound.count < counted + AAC_FRAME:
        return Waveform(sound.samples[:, :counted], sound.rate_hz)
    return sound


# --- Writing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lossy:
    """A codec: rates it takes, kbit/s it can make of stereo, those it makes unasked, and its names in FFmpeg."""

    rates: tuple[int, ...]
    kbps_range: tuple[int, int]
    kbps: int
    codec: str = ""
    container: str = ""


LOSSY: Mapping[str, Lossy] = {
    "mp3": Lossy((48000, 44100, 32000), (64, 320), 320, "libmp3lame", "mp3"),
    "opus": Lossy((48000,), (32, 510), 192, "libopus", "ogg"),
    "m4a": Lossy((48000, 44100, 32000), (64, 320), 256, "aac", "ipod"),
    "ogg": Lossy((48000, 44100, 32000), (64, 500), 256),  # PyAV's FFmpeg has no good Vorbis encoder; libsndfile has
}
# Vorbis is asked for quality; what libvorbis makes of stereo at 44.1 kHz for quality 0, 0.1, … 1, in kbit/s.
VORBIS_KBPS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
LOSSLESS: Mapping[str, Mapping[int, str]] = {
    "wav": {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"},
    "flac": {16: "PCM_16", 24: "PCM_24"},
}
FORMATS = (*LOSSLESS, *LOSSY)
BLOCK = 1 << 16


@dataclass(frozen=True)
class Encoding:
    """How a file is written; None: you choose.

    `format` follows the suffix. `bits` per sample is for wav and flac: 24, which keeps what is spliced back bit for
    bit; 32 is float (wav only). `kbps` is for the others, for stereo; mono takes half. `dither` acts on 16 bits.
    """

    format: str | None = None
    bits: int | None = None
    kbps: int | None = None
    dither: bool = True

    def __post_init__(self) -> None:
        if self.format is None:
            return
        if self.format not in FORMATS:
            raise BadRequest(f"cannot write {self.format!r} files: use one of {', '.join(FORMATS)}")
        if self.format in LOSSLESS:
            allowed = LOSSLESS[self.format]
            if self.kbps is not None:
                raise BadRequest(f"{self.format} has no bit rate to choose: leave it out, or give bits per sample")
            if self.bits is not None and self.bits not in allowed:
                known = " or ".join(map(str, allowed))
                raise BadRequest(f"{self.format} cannot hold {self.bits} bits per sample: use {known}")
            return
        low, high = LOSSY[self.format].kbps_range
        if self.bits is not None:
            raise BadRequest(f"{self.format} has no bits per sample to choose: leave them out, or give kbit/s")
        if self.kbps is not None and not low <= self.kbps <= high:
            raise BadRequest(f"{self.format} at {self.kbps} kbit/s is out of range: use {low}–{high}")

    def of(self, path: Path) -> "Encoding":
        """The same, its format taken from the suffix of `path` where it was open."""
        if self.format is not None:
            return self
        suffix = path.suffix.lower().removeprefix(".")
        if suffix not in FORMATS:
            seen = f"the suffix .{suffix}" if suffix else "no suffix"
            raise BadRequest(f"{path} has {seen}: end it in one of {', '.join(f'.{name}' for name in FORMATS)}")
        return Encoding(suffix, self.bits, self.kbps, self.dither)


def write(
    path: Path | str,
    waveform: Waveform,
    *,
    encoding: Encoding | None = None,
    provenance: Provenance | None = None,
    title: str | None = None,
    allow_silence: bool = False,
    listen: Listener = quiet,
) -> Path:
    """Write a file with its tags, whole or not at all; returns its path. Missing folders are made.

    Raises UnsoundResult rather than writing samples that are not finite, or silence (unless `allow_silence`), and
    BadRequest where the place cannot be written to.
    """
    path = Path(path)
    encoding = (encoding or Encoding()).of(path)
    refuse_unsound(path.name, waveform, allow_silence)
    if waveform.peak > 1.0 and encoding.bits != 32:
        listen.note(f"{path.name}: {clipped_share(waveform):.2%} of the samples exceed full scale and are clipped.")
    content = encoded(waveform, encoding)
    land(path, tagged(content, str(encoding.format), title, provenance))
    return path


def refuse_unsound(name: str, waveform: Waveform, allow_silence: bool) -> None:
    """What is no music is not written as music."""
    if not np.isfinite(waveform.samples).all():
        raise UnsoundResult(f"{name} would hold samples that are not finite: nothing was written")
    if not allow_silence and waveform.peak < SILENT_PEAK:
        raise UnsoundResult(f"{name} would be silent: nothing was written")


def clipped_share(waveform: Waveform) -> float:
    """Share of the samples beyond full scale."""
    return float(np.mean(np.abs(waveform.samples) > 1.0))


def encoded(waveform: Waveform, encoding: Encoding) -> bytes:
    """The bytes of a file, without tags. Whatever exceeds full scale is clipped in formats that cannot hold it."""
    assert encoding.format is not None
    if waveform.channels > 2:
        raise BadRequest(f"cannot write {waveform.channels} channels: fold them down first (stereo)")
    if encoding.format in LOSSLESS:
        bits = encoding.bits or 24
        samples = waveform.samples if bits == 32 else on_steps(waveform.samples, bits, encoding.dither)
        return written(Waveform(samples, waveform.rate_hz), encoding.format, LOSSLESS[encoding.format][bits])
    lossy = LOSSY[encoding.format]
    if waveform.rate_hz not in lossy.rates:
        waveform = waveform.resampled(lossy.rates[0])
    if encoding.format == "mp3":
        waveform = waveform.stereo()  # LAME turns mono down by 5 %
    waveform = Waveform(np.clip(waveform.samples, -1.0, 1.0), waveform.rate_hz)
    kbps = encoding.kbps or lossy.kbps
    if lossy.codec:
        return written_by_ffmpeg(waveform, lossy, kbps * waveform.channels // 2)
    quality = float(np.interp(kbps, VORBIS_KBPS, np.linspace(0, 1, len(VORBIS_KBPS))))
    return written(waveform, "ogg", "VORBIS", compression_level=1 - quality)


def written(waveform: Waveform, format_: str, subtype: str, compression_level: float | None = None) -> bytes:
    """wav, flac and ogg, through libsndfile."""
    content = io.BytesIO()
    with soundfile.SoundFile(
        content,
        "w",
        waveform.rate_hz,
        waveform.channels,
        subtype,
        format=format_.upper(),
        compression_level=compression_level,
    ) as file:
        for start in range(0, waveform.count, BLOCK):  # the Vorbis encoder overruns its stack on long blocks
            file.write(waveform.samples[:, start : start + BLOCK].T)
    return content.getvalue()


def on_steps(samples: Samples, bits: int, dither: bool) -> Samples:
    """Samples rounded to the nearest of 2^bits steps (libsndfile would round down), and clipped.

    At 16 bits triangular noise of one step comes first, so that quiet fades do not turn into distortion; the same noise
    for the same song. Samples that stand on steps already pass as they are: another round changes nothing.
    """
    scale = np.float32(2 ** (bits - 1))
    exact = samples * scale
    steps = np.rint(exact)
    if dither and bits == 16 and not np.array_equal(exact, steps):
        draw = np.random.default_rng(0)
        steps = np.rint(exact + draw.random(samples.shape, np.float32) - draw.random(samples.shape, np.float32))
    rounded: Samples = np.clip(steps / scale, -1.0, 1.0)
    return rounded


def written_by_ffmpeg(waveform: Waveform, lossy: Lossy, kbps: int) -> bytes:
    """mp3, opus and m4a."""
    layout = "mono" if waveform.channels == 1 else "stereo"
    content = io.BytesIO()
    with av.open(content, "w", format=lossy.container) as container:
        stream = container.add_stream(lossy.codec, rate=waveform.rate_hz, layout=layout)
        stream.bit_rate = kbps * 1000
        for start in range(0, waveform.count, BLOCK):
            block = np.ascontiguousarray(waveform.samples[:, start : start + BLOCK])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = waveform.rate_hz, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return content.getvalue()


def land(path: Path, content: bytes) -> None:
    """Put a file in place by write-then-rename: the old one stays until the new one is whole."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise BadRequest(
            f"cannot write {path} ({error.strerror or error}, {len(content) / 1e6:.1f} MB): "
            "make room or choose another place, with -o on the command line"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
