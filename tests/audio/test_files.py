"""Audio files: round trips in every format, and what bad files and bad places answer."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from melisma.audio import FORMATS, Encoding, Facts, Waveform, files, probe, read, write
from melisma.errors import BadRequest, UnsoundResult
from melisma.listen import Listener

RATE = 48000


def tone(seconds: float = 1.5, rate: int = RATE, hz: tuple[float, float] = (440.0, 660.0)) -> Waveform:
    t = np.arange(round(seconds * rate)) / rate
    return Waveform(np.stack([0.5 * np.sin(2 * np.pi * f * t) for f in hz]).astype(np.float32), rate)


def loudest_hz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_keeps_the_sound(format_: str, channels: int, tmp_path: Path) -> None:
    path = tmp_path / f"söng.{format_}"
    sound = tone() if channels == 2 else tone().mono()
    assert write(path, sound, title="Wälzer") == path
    again = read(path, channels=None)
    assert (again.rate_hz, again.channels) == (RATE, 2 if format_ == "mp3" else channels)
    # what an encoder padded is trimmed; FFmpeg also loses the last 128 samples of mono Vorbis
    assert again.count == sound.count - (128 if (format_, channels) == ("ogg", 1) else 0)
    sound = Waveform(sound.samples[:, : again.count], RATE)
    middle = slice(RATE // 2, RATE)
    error = (again.samples - sound.samples)[:, middle]
    assert np.sqrt(np.mean(error**2)) < 0.02 * np.sqrt(np.mean(sound.samples[:, middle] ** 2))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("format_", ["mp3", "ogg", "opus", "m4a"])
def test_more_kilobits_are_nearer_to_the_song(format_: str, tmp_path: Path) -> None:
    noise = Waveform(np.random.default_rng(0).normal(0, 0.1, (2, RATE)), RATE)
    few, many = (
        write(tmp_path / f"{kbps}.{format_}", noise, encoding=Encoding(kbps=kbps)).stat().st_size for kbps in (64, 256)
    )
    assert many > 2 * few


def test_a_rate_that_a_codec_does_not_take_is_resampled(tmp_path: Path) -> None:
    assert read(write(tmp_path / "x.opus", tone(rate=44100)), rate_hz=None).rate_hz == RATE
    assert read(write(tmp_path / "x.mp3", tone(rate=44100)), rate_hz=None).rate_hz == 44100
    assert loudest_hz(read(write(tmp_path / "x.m4a", tone(rate=96000))).samples[0], RATE) == pytest.approx(440, abs=1)


def test_files_may_be_read_as_they_are(tmp_path: Path) -> None:
    sound = Waveform(np.random.default_rng(0).uniform(-1, 1, (6, 500)), 22050)
    soundfile.write(tmp_path / "x.wav", sound.samples.T, 22050, subtype="FLOAT")
    assert read(tmp_path / "x.wav", rate_hz=None, channels=None) == sound


@pytest.mark.parametrize(
    ("format_", "bits", "step"), [("wav", 16, 2**-15), ("wav", 24, 2**-23), ("flac", 16, 2**-15), ("flac", 24, 2**-23)]
)
def test_lossless_formats_keep_their_bits(format_: str, bits: int, step: float, tmp_path: Path) -> None:
    write(tmp_path / "x", tone(), encoding=Encoding(format_, bits=bits))
    assert np.abs(read(tmp_path / "x").samples - tone().samples).max() <= (1.5 if bits == 16 else 0.5) * step
    again = write(tmp_path / "y", tone(), encoding=Encoding(format_, bits=bits))
    assert again.read_bytes() == (tmp_path / "x").read_bytes()


def test_sixteen_bits_survive_another_round(tmp_path: Path) -> None:
    first = read(write(tmp_path / "a.wav", tone(), encoding=Encoding(bits=16)))
    assert read(write(tmp_path / "b.flac", first, encoding=Encoding(bits=16))) == first
    assert read(write(tmp_path / "c.flac", first)) == first


def test_dither_keeps_what_is_quieter_than_a_step(tmp_path: Path) -> None:
    faint = Waveform(tone().samples * np.float32(0.9 / 32768), RATE)
    kept = read(write(tmp_path / "a.wav", faint, encoding=Encoding(bits=16)))
    assert loudest_hz(kept.samples[0], RATE) == pytest.approx(440, abs=1)
    lost = read(write(tmp_path / "b.wav", faint, encoding=Encoding(bits=16, dither=False)))
    assert not lost.samples.any()


def test_clipping_is_told(tmp_path: Path) -> None:
    told = []

    class Ear(Listener):
        def note(self, message: str) -> None:
            told.append(message)

    loud = tone().louder(12)
    clipped = read(write(tmp_path / "loud.flac", loud, listen=Ear()))
    assert clipped.peak == pytest.approx(1.0, abs=1e-6)
    assert "loud.flac" in told[0]
    assert "clipped" in told[0]
    write(tmp_path / "loud.wav", loud, encoding=Encoding(bits=32), listen=Ear())
    assert len(told) == 1


def test_float_wav_keeps_what_exceeds_full_scale(tmp_path: Path) -> None:
    loud = Waveform(tone().samples * 4, RATE)
    write(tmp_path / "loud.wav", loud, encoding=Encoding("wav", bits=32))
    assert np.array_equal(read(tmp_path / "loud.wav").samples, loud.samples)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_any_rate_is_resampled_without_changing_the_tone(rate: int, tmp_path: Path) -> None:
    write(tmp_path / "x.wav", tone(rate=rate), encoding=Encoding("wav", bits=32))
    sound = read(tmp_path / "x.wav")
    assert loudest_hz(sound.samples[0], RATE) == pytest.approx(440, abs=1)
    assert np.abs(sound.samples[:, RATE // 4 : -RATE // 4]).max() == pytest.approx(0.5, abs=2e-3)


# channel: what of it is heard left and right, by ITU-R BS.775
SIDE = 0.5**0.5


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (1, [(1, 1)]),
        (3, [(1, 0), (0, 1), (SIDE, SIDE)]),
        (4, [(1, 0), (0, 1), (SIDE, 0), (0, SIDE)]),
        (6, [(1, 0), (0, 1), (SIDE, SIDE), (0, 0), (SIDE, 0), (0, SIDE)]),
        (8, [(1, 0), (0, 1), (SIDE, SIDE), (0, 0), (SIDE, 0), (0, SIDE), (SIDE, 0), (0, SIDE)]),
        (10, [(0.1, 0.1)] * 10),
    ],
)
def test_any_channel_count_becomes_stereo(channels: int, expected: list[tuple[float, float]], tmp_path: Path) -> None:
    samples = np.kron(np.eye(channels, dtype=np.float32), np.full(100, 0.25, np.float32))  # one channel after another
    soundfile.write(tmp_path / "x.wav", samples.T, RATE)
    stereo = read(tmp_path / "x.wav").samples
    assert stereo == pytest.approx(0.25 * np.repeat(np.array(expected).T, 100, axis=1), abs=1e-4)
    assert read(tmp_path / "x.wav", channels=1).samples[0] == pytest.approx(stereo.mean(axis=0), abs=1e-6)
    assert Waveform(samples, RATE).stereo().samples == pytest.approx(stereo, abs=1e-4)


def test_channels_stand_where_the_file_says(tmp_path: Path) -> None:
    # by their count alone, the third of three channels would stand in the middle
    samples = np.zeros((3, 4800), np.float32)
    samples[2] = 0.5
    with av.open(str(tmp_path / "x.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="2.1")
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray((samples.T * 32767).astype(np.int16).reshape(1, -1)), format="s16", layout="2.1"
        )
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert read(tmp_path / "x.wav").peak == 0.0


def test_what_folds_to_more_than_full_scale_is_turned_down(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.full((1000, 6), 0.9), RATE)
    folded = read(tmp_path / "x.wav")
    assert folded.peak == pytest.approx(1.0)


def test_the_sound_of_a_video_is_read(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width = picture.height = 32
        sound = container.add_stream("aac", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(tone().samples[:, :1024].copy(), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
        container.mux(picture.encode(None))
    assert read(tmp_path / "clip.mkv").channels == 2
    with av.open(str(tmp_path / "mute.mkv"), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width = picture.height = 32
        container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(picture.encode(None))
    with pytest.raises(BadRequest, match="no sound in it"):
        read(tmp_path / "mute.mkv")


def test_probe_reads_only_the_header(tmp_path: Path) -> None:
    write(tmp_path / "x.flac", tone())
    facts = probe(tmp_path / "x.flac")
    assert facts == Facts("flac", RATE, 2, 1.5)
    write(tmp_path / "x.opus", tone())
    assert probe(tmp_path / "x.opus").format == "opus"
    (tmp_path / "x.flac").write_bytes((tmp_path / "x.flac").read_bytes()[:9000])
    assert probe(tmp_path / "x.flac") == facts


def broken(kind: str, folder: Path) -> Path:
    path = folder / "bad.wav"
    whole = write(folder / "whole.flac", tone()).read_bytes()
    match kind:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("this is no music at all\n" * 50)
        case "picture":
            path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
        case "head only":
            path.write_bytes(whole[:30])
        case "cut":
            path.write_bytes(whole[:-10_000])
        case "holed":
            path.write_bytes(whole[: len(whole) // 2] + bytes(4000) + whole[len(whole) // 2 + 4000 :])
        case "damaged":
            mp3 = write(folder / "whole.mp3", tone()).read_bytes()
            path.write_bytes(mp3[:20_000] + np.random.default_rng(0).bytes(3000) + mp3[23_000:])
        case "nan":
            soundfile.write(path, np.full((100, 2), np.nan, np.float32), RATE, subtype="FLOAT")
        case "infinite":
            soundfile.write(path, np.full((100, 2), np.inf, np.float32), RATE, subtype="FLOAT")
        case "no samples":
            soundfile.write(path, np.zeros((0, 2), np.float32), RATE)
        case "long":
            with path.open("wb") as file:  # a header that promises three hours, and nothing that could be decoded
                soundfile.write(file, np.zeros(8, np.int16), 8000, subtype="PCM_U8", format="WAV")
                file.truncate(44 + 8000 * 3 * 3600)
            head = bytearray(path.read_bytes()[:44])
            head[40:44] = (8000 * 3 * 3600).to_bytes(4, "little")
            with path.open("r+b") as file:
                file.write(head)
        case "playlist":
            path.write_text(f"ffconcat version 1.0\nfile {folder / 'whole.flac'}\n")
    return path


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("empty", "0 bytes"),
        ("text", "wav, flac, mp3"),
        ("picture", "has no sound in it|cannot be read"),
        ("head only", "cannot be read as audio"),
        ("cut", "damaged"),
        ("holed", r"is damaged: only 1\.\d\d s of its 1\.50 s"),
        ("damaged", "damaged"),
        ("nan", "not finite"),
        ("infinite", "not finite"),
        ("no samples", "0 samples"),
        ("long", "180 min long, the limit is 30 min"),
        ("playlist", "cannot be read as audio"),
    ],
)
def test_bad_files_are_named_with_the_next_step(kind: str, told: str, tmp_path: Path) -> None:
    path = broken(kind, tmp_path)
    with pytest.raises(BadRequest, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_too_long_is_told_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = broken("long", tmp_path)
    monkeypatch.setattr(files, "decoded", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BadRequest, match="180 min"):
        read(path)
    with pytest.raises(BadRequest, match=r"is 1\.5 s long, the limit is 0\.6 s"):
        read(write(tmp_path / "x.wav", tone()), max_s=0.6)


def test_only_what_is_there_can_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="ask for 1, 2"):
        read(write(tmp_path / "x.wav", tone()), channels=3)


@pytest.mark.parametrize("samples", [np.full((2, 100), np.nan), np.full((2, 100), np.inf), np.zeros((2, 100))])
def test_what_is_no_music_is_never_written(samples: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(UnsoundResult):
        write(tmp_path / "x.flac", Waveform(samples.astype(np.float32), RATE))
    assert not list(tmp_path.iterdir())


def test_silence_is_written_where_it_is_meant(tmp_path: Path) -> None:
    silence = Waveform.silence(0.5, RATE)
    assert read(write(tmp_path / "x.flac", silence, allow_silence=True)) == silence


class FullDisk(io.FileIO):
    """Takes half of what it is given."""

    failure: BaseException

    def write(self, content: Any) -> int:
        super().write(content[: len(content) // 2])
        raise self.failure


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file(
    step: str, failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "x.flac", tone())
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise failure

    FullDisk.failure = failure
    if step == "write":
        monkeypatch.setattr(Path, "open", lambda self, mode: FullDisk(self, mode))
    else:
        monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else BadRequest) as caught:
        write(path, tone(0.5))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.flac"]
    if isinstance(failure, OSError):
        assert "No space left" in str(caught.value)
        assert "make room or choose another place" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [("folder", "Is a directory"), ("x.flac/y.flac", "cannot write"), ("z" * 300 + ".wav", "cannot write")],
)
def test_bad_places_are_told(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write(tmp_path / "x.flac", tone(0.1))
    with pytest.raises(BadRequest, match=told):
        write(tmp_path / name, tone(0.1), encoding=Encoding("flac"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "x.flac"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    assert write(tmp_path / "new" / "folder" / "x.flac", tone(0.1)).exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "aiff"}, "cannot write 'aiff' files: use one of wav, flac"),
        ({"format": "flac", "bits": 32}, "16 or 24"),
        ({"format": "flac", "kbps": 128}, "no bit rate"),
        ({"format": "mp3", "bits": 16}, "no bits per sample"),
        ({"format": "mp3", "kbps": 4}, "64–320"),
        ({"bits": 8}, "cannot hold 8 bits"),
    ],
)
def test_impossible_encodings_are_refused(fields: dict, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=told):
        write(tmp_path / "x.wav", tone(0.1), encoding=Encoding(**fields))


@pytest.mark.parametrize(("name", "told"), [("song", "no suffix"), ("song.xyz", r"the suffix \.xyz")])
def test_unknown_suffixes_are_refused(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=told):
        write(tmp_path / name, tone(0.1))


def test_surround_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="fold them down first"):
        write(tmp_path / "x.wav", Waveform(np.ones((6, 100)), RATE))
