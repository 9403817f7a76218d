"""Audio files: round trips in every format, provenance, and what bad files answer."""

import errno
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from melisma.audio import Encoding, Waveform, probe, read, read_provenance, write
from melisma.audio import files as audio_files
from melisma.errors import BadRequest, MelismaError, UnsoundResult
from melisma.song import Blueprint, Provenance, SamplingOptions, SongRequest

RATE = 48000
FORMATS = ["wav", "flac", "mp3", "ogg", "opus", "m4a"]


def tone(seconds: float = 1.5, rate: int = RATE, hz: tuple[float, float] = (440.0, 660.0)) -> Waveform:
    t = np.arange(round(seconds * rate)) / rate
    return Waveform(np.stack([0.5 * np.sin(2 * np.pi * f * t) for f in hz]).astype(np.float32), rate)


def loudest_hz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


STORY = Provenance(
    version="0",
    request=SongRequest(caption="Wälzer – 円舞曲", lyrics="[verse]\nété"),
    blueprint=Blueprint(caption="Wälzer", lyrics="[verse]\nété", duration_s=3),
    seed=2**62,
    sampling=SamplingOptions(steps=3),
    fingerprint="abc",
)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_keeps_sound_and_story(format_: str, tmp_path: Path) -> None:
    path = tmp_path / f"söng.{format_}"
    write(path, tone(), provenance=STORY, title="Wälzer")
    sound = read(path)
    assert (sound.rate_hz, sound.channels) == (RATE, 2)
    assert sound.duration_s == pytest.approx(1.5, abs=0.06)
    assert [loudest_hz(c, RATE) for c in sound.samples] == pytest.approx([440, 660], abs=1)
    assert np.abs(sound.samples[:, RATE // 2 : RATE]).max() == pytest.approx(0.5, abs=0.02)
    assert read_provenance(path) == STORY
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("format_", "bits", "step"), [("wav", 16, 2**-15), ("wav", 24, 2**-23), ("flac", 16, 2**-15), ("flac", 24, 2**-23)]
)
def test_lossless_formats_keep_their_bits(format_: str, bits: int, step: float, tmp_path: Path) -> None:
    write(tmp_path / "x", tone(), encoding=Encoding(format_, bits=bits))
    assert np.abs(read(tmp_path / "x").samples - tone().samples).max() <= 2 * step
    again = write(tmp_path / "y", tone(), encoding=Encoding(format_, bits=bits))
    assert again.read_bytes() == (tmp_path / "x").read_bytes()


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


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 6, 8])
def test_any_channel_count_becomes_stereo(channels: int, tmp_path: Path) -> None:
    samples = np.zeros((channels, RATE), np.float32)
    samples[0] = 0.25
    soundfile.write(tmp_path / "x.wav", samples.T, RATE)
    stereo = read(tmp_path / "x.wav").samples
    expected = [0.25, 0.25 if channels == 1 else 0.0]
    assert stereo.mean(axis=1) == pytest.approx(expected, abs=1e-4)
    assert read(tmp_path / "x.wav", channels=1).samples[0].mean() == pytest.approx(0.25 / channels, abs=1e-4)


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
    assert (facts.format, facts.sample_rate, facts.duration_s) == ("flac", RATE, 1.5)


def broken(kind: str, folder: Path) -> Path:
    path = folder / "bad.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no music at all\n" * 50)
    elif kind == "cut":
        write(folder / "whole.flac", tone())
        path.write_bytes((folder / "whole.flac").read_bytes()[:30])
    elif kind == "nan":
        soundfile.write(path, np.full((100, 2), np.nan, np.float32), RATE, subtype="FLOAT")
    elif kind == "no samples":
        soundfile.write(path, np.zeros((0, 2), np.float32), RATE)
    elif kind == "long":
        soundfile.write(path, np.zeros(8000 * 3 * 3600, np.int16), 8000, subtype="PCM_U8")
    return path


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("empty", "0 bytes"),
        ("text", "cannot be read as audio"),
        ("cut", "cannot be read as audio"),
        ("nan", "not finite"),
        ("no samples", "0 samples"),
        ("long", "180 min long, the limit is 30 min"),
    ],
)
def test_bad_files_are_named_with_the_next_step(kind: str, told: str, tmp_path: Path) -> None:
    path = broken(kind, tmp_path)
    with pytest.raises(BadRequest, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("samples", [np.full((2, 100), np.nan), np.full((2, 100), np.inf), np.zeros((2, 100))])
def test_what_is_no_music_is_never_written(samples: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(UnsoundResult):
        write(tmp_path / "x.flac", Waveform(samples.astype(np.float32), RATE))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "told"), [(errno.ENOSPC, "no space left"), (errno.EACCES, "another place")])
def test_a_failed_write_leaves_the_old_file(
    number: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "x.flac", tone())
    before = path.read_bytes()

    def fail(temporary: Path, *_: object) -> None:
        temporary.write_bytes(b"half")
        raise OSError(number, "failed")

    monkeypatch.setattr(audio_files, "encode", fail)
    with pytest.raises(MelismaError, match=told):
        write(path, tone(0.5))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.flac"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(temporary: Path, *_: object) -> None:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(audio_files, "encode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "x.flac", tone())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "aiff"}, "aiff"),
        ({"format": "flac", "bits": 32}, "16 or 24"),
        ({"format": "mp3", "kbps": 4}, "16–512"),
    ],
)
def test_impossible_encodings_are_refused(fields: dict, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        Encoding(**fields)


def test_foreign_files_have_no_story_and_broken_stories_say_so(tmp_path: Path) -> None:
    path = write(tmp_path / "x.flac", tone())
    assert read_provenance(path) is None
    (tmp_path / "note.txt").write_text("hello")
    assert read_provenance(tmp_path / "note.txt") is None
    from mutagen.flac import FLAC

    file = FLAC(path)
    file["MELISMA_PROVENANCE"] = '{"version": "99"}'
    file.save()
    with pytest.raises(BadRequest, match="newer melisma"):
        read_provenance(path)
