"""What comes in: any file a stranger may send is heard, stored or refused in words, soon, and never breaks the server."""

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from httpx import Response
from shelf import Shelf, provenance, tone

from melisma import audio
from melisma.audio import Encoding
from melisma.audio.files import encoded
from melisma.studio import hearing, uploads
from melisma.studio.hearing import Heard, counted
from melisma.studio.problems import NotAudio, TooLarge

ENCODED = {name: encoded(tone(seconds=1.0), Encoding(name)) for name in ("wav", "flac", "mp3", "opus", "m4a", "ogg")}


def send(shelf: Shelf, content: bytes, name: str = "song.wav", **options: str) -> Response:
    return shelf.client.post("/api/uploads", files={"file": (name, content)}, **options)  # type: ignore[arg-type,return-value]


def test_a_sound_is_brought_heard_played_and_deleted(shelf: Shelf) -> None:
    brought = send(shelf, ENCODED["flac"], "../../My Töne?.flac")
    assert brought.status_code == 201
    upload = brought.json()
    assert (upload["name"], upload["format"], upload["sample_rate"], upload["channels"]) == (
        "My Töne .flac",
        "flac",
        48000,
        2,
    )
    path = f"/api/uploads/{upload['id']}"
    assert shelf.client.get(f"{path}/audio").content == ENCODED["flac"]
    assert shelf.client.get(f"{path}/audio", headers={"Range": "bytes=0-3"}).content == b"fLaC"
    again = send(shelf, ENCODED["flac"], "other.flac").json()
    assert again["id"] == upload["id"]
    ann = {"X-User": "Ann"}
    assert shelf.client.get(f"{path}/audio", headers=ann).status_code == 404
    assert shelf.client.delete(path, headers=ann).status_code == 404
    hers = send(shelf, ENCODED["flac"], headers=ann).json()  # type: ignore[arg-type]
    assert hers["id"] != upload["id"]
    assert shelf.client.delete(path).status_code == 204
    assert shelf.client.get("/api/uploads").json() == []
    assert shelf.files.place(upload["sha256"], ".flac").is_file(), "Ann still has it"
    assert shelf.client.delete(f"/api/uploads/{hers['id']}", headers=ann).status_code == 204
    assert list(shelf.files.all()) == []


def test_an_upload_becomes_a_song_that_remembers_how_it_was_made(shelf: Shelf, tmp_path: Path) -> None:
    path = audio.write(tmp_path / "x.opus", tone(seconds=1.0), provenance=provenance(), title="Old song")
    upload = send(shelf, path.read_bytes(), "x.opus").json()
    song = shelf.client.post("/api/songs/import", json={"upload_id": upload["id"]}).json()
    assert (song["title"], song["bpm"], song["caption"]) == ("Old song", 120, "folk")
    take = song["all_takes"][0]
    assert (take["kind"], take["format"], take["seed"], take["sha256"]) == ("import", "opus", "7", upload["sha256"])
    assert shelf.client.delete(f"/api/uploads/{upload['id']}").status_code == 204
    sent = shelf.client.get(f"/api/takes/{take['id']}/audio")
    assert (sent.content, sent.headers["content-type"]) == (path.read_bytes(), "audio/ogg")
    assert shelf.client.post("/api/songs/import", json={"upload_id": upload["id"]}).status_code == 404


def test_a_foreign_file_becomes_a_song_by_its_name(shelf: Shelf) -> None:
    upload = send(shelf, ENCODED["mp3"], "Holiday tape.mp3").json()
    song = shelf.client.post("/api/songs/import", json={"upload_id": upload["id"]}).json()
    assert song["title"] == "Holiday tape"
    assert song["all_takes"][0]["request"] is None


def test_the_sound_says_what_a_file_is_not_its_name(shelf: Shelf) -> None:
    assert send(shelf, ENCODED["mp3"], "song.wav").json()["format"] == "mp3"
    assert send(shelf, b"MZ\x90\x00" + bytes(5000), "song.mp3").status_code == 415


def refused(shelf: Shelf, answer: Response, *statuses: int) -> None:
    """A refusal in words, after which nothing is left lying about."""
    assert answer.status_code in statuses, answer.text
    assert len(answer.json()["detail"]) > 20
    assert str(shelf.files.folder) not in answer.text
    assert list(shelf.files.all()) == []
    incoming = shelf.files.folder / "incoming"
    assert not incoming.exists() or list(incoming.iterdir()) == []


def test_files_larger_than_the_limit_are_refused_unread(shelf: Shelf) -> None:
    refused(shelf, send(shelf, bytes(3_000_000)), 413)

    def endless() -> object:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(100):
            yield bytes(100_000)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(shelf, shelf.client.post("/api/uploads", content=endless(), headers=headers), 413)  # type: ignore[arg-type,call-overload]


def test_ten_hours_of_silence_are_refused_at_once(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, np.zeros(60 * 8000, np.int16), 8000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    assert len(content) < 20_000
    content[22:26] = struct.pack(">I", 36_000 * 8000)  # STREAMINFO's count of samples says ten hours
    refused(shelf, send(shelf, bytes(content), "long.flac"), 413)
    content[22:26] = bytes(4)  # or does not say: only decoding tells, and stops at the limit
    refused(shelf, send(shelf, bytes(content), "long.flac"), 413)


def test_a_header_that_promises_terabytes_is_no_reason_to_fall_over(shelf: Shelf) -> None:
    wav = bytearray(ENCODED["wav"])
    wav[4:8] = wav[40:44] = struct.pack("<I", 0xFFFFFFFE)
    assert send(shelf, bytes(wav)).status_code in (201, 413, 415)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        zlib.compress(bytes(50_000_000)),
        b"PK\x03\x04" + bytes(5000),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1:1/x\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"RIFF",
        bytes(4096),
    ],
)
def test_bombs_and_things_that_are_no_audio(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(NotAudio, match="file"):
        counted(path, 30.0)


def test_a_coding_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    content = bytearray(ENCODED["wav"])
    at = content.index(b"fmt ") + 8
    content[at : at + 2] = b"\x34\x12"
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(NotAudio, match="coding"):
        counted(path, 30.0)


def test_what_is_no_audio_leaves_nothing_behind(shelf: Shelf) -> None:
    refused(shelf, send(shelf, zlib.compress(bytes(50_000_000))), 415)


def test_tags_in_an_old_alphabet_are_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    content = encoded(tone(), Encoding("flac"))
    path.write_bytes(content.replace(b"reference libFLAC", b"r\xe9f\xe9rence libFLAC", 1))
    assert path.read_bytes() != content
    assert counted(path, 30.0).duration_s == 1.0


def outcome(path: Path) -> Heard | str:
    """What a file holds, or why it is refused; anything else is a bug. In this process, where it is quick."""
    try:
        return counted(path, 30.0)
    except (NotAudio, TooLarge) as error:
        return error.detail


@pytest.mark.parametrize("format_", ENCODED)
def test_truncated_files_are_refused_or_are_what_they_hold(shelf: Shelf, tmp_path: Path, format_: str) -> None:
    for share in (0.01, 0.1, 0.5, 0.9):
        path = tmp_path / "cut"
        path.write_bytes(ENCODED[format_][: int(share * len(ENCODED[format_]))])
        said = outcome(path)
        assert str(path) not in str(said)
        assert isinstance(said, str) or said.duration_s <= share + 0.2


@pytest.mark.parametrize("format_", ENCODED)
def test_damaged_files_are_refused_or_heard(tmp_path: Path, format_: str) -> None:
    draw = random.Random(0)
    outcomes = set()
    for _ in range(25):
        content = bytearray(ENCODED[format_])
        for _ in range(draw.choice((1, 20, 400))):
            content[draw.randrange(min(len(content), 4000) if draw.random() < 0.5 else len(content))] = draw.randrange(
                256
            )
        path = tmp_path / "damaged"
        path.write_bytes(content)
        said = outcome(path)
        outcomes.add("refused" if isinstance(said, str) else "heard")
    assert "refused" in outcomes


def test_a_file_that_breaks_or_stalls_the_decoder_breaks_only_that(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(ENCODED["wav"])
    monkeypatch.setattr(hearing, "COMMAND", ["-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"])
    with pytest.raises(NotAudio, match="broke the decoder"):
        hearing.hear(path, 30.0)
    monkeypatch.setattr(hearing, "COMMAND", ["-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(hearing, "SLOWEST_S", 0.2)
    with pytest.raises(NotAudio, match="longer than"):
        hearing.hear(path, 30.0)


def test_surround_at_high_rates_is_limited_by_what_it_unpacks_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wide.wav"
    soundfile.write(path, np.zeros((96000, 8), np.float32), 96000)
    assert counted(path, 30.0).channels == 8
    monkeypatch.setattr(hearing, "MOST_BYTES", 1 << 20)
    with pytest.raises(TooLarge, match="unpacked"):
        counted(path, 30.0)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"x", "application/json"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhi\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhi\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhi',
            "multipart/form-data; boundary=x",
        ),
        (b"--x--", "multipart/form-data; boundary=x; charset=nonsense"),
        (b"", ""),
    ],
)
def test_forms_that_hold_no_file_are_refused(shelf: Shelf, body: bytes, content_type: str) -> None:
    answer = shelf.client.post("/api/uploads", content=body, headers={"Content-Type": content_type})
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]


def test_a_full_disk_is_told(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "RESERVE", 1 << 60)
    answer = send(shelf, ENCODED["wav"])
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")


def test_mono_at_44100_stays_so(shelf: Shelf) -> None:
    content = io.BytesIO()
    soundfile.write(content, np.sin(np.arange(44100) / 20).astype(np.float32), 44100, format="WAV")
    upload = send(shelf, content.getvalue()).json()
    assert (upload["sample_rate"], upload["channels"], upload["duration_s"]) == (44100, 1, 1.0)
