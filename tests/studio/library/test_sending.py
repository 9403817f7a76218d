"""What leaves: ranges, formats, edits, tags, zips."""

import io
import json
import zipfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from shelf import RATE, Shelf, provenance, score

from melisma import audio
from melisma.studio import exports
from melisma.studio.exports import file_name


def heard(content: bytes, tmp_path: Path, name: str) -> audio.Waveform:
    path = tmp_path / name
    path.write_bytes(content)
    return audio.read(path, rate_hz=None)


def test_a_stored_take_is_sent_as_it_is_in_ranges(shelf: Shelf) -> None:
    _, take_id = shelf.played_song()
    path = f"/api/takes/{take_id}/audio"
    row = shelf.take_row(take_id)
    stored = shelf.files.place(row.sha256, ".flac").read_bytes()
    whole = shelf.client.get(path)
    assert whole.content == stored
    assert whole.headers["content-type"] == "audio/flac"
    assert whole.headers["accept-ranges"] == "bytes"
    part = shelf.client.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, stored[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(stored)}"
    assert shelf.client.get(path, headers={"Range": "bytes=-10"}).content == stored[-10:]
    assert shelf.client.get(path, headers={"Range": f"bytes={len(stored)}-"}).status_code == 416
    assert shelf.client.get(path, headers={"Range": "nonsense"}).status_code in (200, 400)


@pytest.mark.parametrize("format_", ["wav", "flac", "mp3", "opus", "m4a"])
def test_every_format_carries_sound_and_story(shelf: Shelf, tmp_path: Path, format_: str) -> None:
    song_id = shelf.song("Grüße / 你好")
    take_id = shelf.take(song_id, seconds=1.5, provenance=provenance())
    sent = shelf.client.get(f"/api/takes/{take_id}/audio", params={"format": format_, "download": True})
    assert sent.status_code == 200
    assert sent.headers["content-type"] == exports.MEDIA_TYPES[format_]
    assert unquote(sent.headers["content-disposition"]) == f"attachment; filename*=utf-8''Grüße 你好.{format_}"
    sound = heard(sent.content, tmp_path, f"x.{format_}")
    assert abs(sound.duration_s - 1.5) < 0.05
    story = audio.read_provenance(tmp_path / f"x.{format_}")
    assert story is not None
    assert (story.seed, story.reasons) == (7, ("ends cleanly",))


def test_an_edit_is_heard_in_the_download_and_nowhere_else(shelf: Shelf, tmp_path: Path) -> None:
    song_id = shelf.song()
    take_id = shelf.take(song_id, seconds=2.0)
    path = f"/api/takes/{take_id}/audio"
    before = shelf.client.get(path).content
    edit = {"start_s": 0.5, "end_s": 1.5, "fade_in_s": 0.1, "fade_out_s": 0.2, "gain_db": -6.0}
    assert shelf.client.patch(f"/api/takes/{take_id}", json={"edit": edit}).json()["edit"] == edit
    assert shelf.client.get(path).content == before
    original = heard(before, tmp_path, "a.flac").samples
    cut = heard(shelf.client.get(path, params={"format": "wav"}).content, tmp_path, "b.wav").samples
    assert cut.shape == (2, RATE)
    middle = slice(RATE // 4, RATE // 2)
    expected = original[:, RATE // 2 :][:, middle] * 10 ** (-6 / 20)
    assert np.abs(cut[:, middle] - expected).max() < 2e-7
    assert np.abs(cut[:, :10]).max() < 1e-3 < np.abs(cut[:, middle]).max()
    plain = shelf.client.get(path, params={"format": "wav", "plain": True}).content
    assert heard(plain, tmp_path, "c.wav").samples.shape == (2, 2 * RATE)
    part = shelf.client.get(path, params={"format": "wav", "start_s": 1.0, "end_s": 9.0}).content
    assert heard(part, tmp_path, "d.wav").duration_s == 0.5
    assert shelf.client.get(path, params={"format": "wav", "start_s": 1.6}).status_code == 422
    assert shelf.client.patch(f"/api/takes/{take_id}", json={"edit": None}).json()["edit"]["start_s"] is None


def test_gain_is_limited_not_clipped(shelf: Shelf, tmp_path: Path) -> None:
    _, take_id = shelf.played_song()
    shelf.client.patch(f"/api/takes/{take_id}", json={"edit": {"gain_db": 20}})
    sent = shelf.client.get(f"/api/takes/{take_id}/audio", params={"format": "wav"})
    assert audio.true_peak(heard(sent.content, tmp_path, "x.wav")) <= -0.99


def test_an_export_is_made_once_and_the_cache_has_an_end(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    _, take_id = shelf.played_song()
    path = f"/api/takes/{take_id}/audio"
    first = shelf.client.get(path, params={"format": "mp3"}).content
    cache = shelf.files.folder / "cache"
    assert len(list(cache.iterdir())) == 1

    def never(*_: object, **__: object) -> None:
        raise AssertionError("made twice")

    with monkeypatch.context() as patched:
        patched.setattr(exports, "edited", never)
        assert shelf.client.get(path, params={"format": "mp3"}).content == first
    monkeypatch.setattr(exports, "CACHE_BYTES", len(first))
    shelf.client.get(path, params={"format": "opus"})
    assert [kept.suffix for kept in cache.iterdir()] == [".opus"]


@pytest.mark.parametrize(
    "asked", [{"format": "exe"}, {"start_s": "nan"}, {"start_s": "inf"}, {"end_s": -1}, {"start_s": 0.8, "end_s": 0.2}]
)
def test_what_cannot_be_sent_is_refused(shelf: Shelf, asked: dict[str, object]) -> None:
    _, take_id = shelf.played_song()
    assert shelf.client.get(f"/api/takes/{take_id}/audio", params=asked).status_code == 422  # type: ignore[arg-type]


def test_peaks_follow_the_sound(shelf: Shelf) -> None:
    _, take_id = shelf.played_song()
    shown = shelf.client.get(f"/api/takes/{take_id}/peaks").json()
    assert shown["duration_s"] == 1.0
    assert len(shown["peaks"]) == 800
    assert max(shown["peaks"]) == pytest.approx(0.3, abs=0.01)


def test_lyrics_in_time_follow_the_trim(shelf: Shelf) -> None:
    song_id = shelf.song()
    take_id = shelf.take(song_id, seconds=4.0, provenance=provenance(score=score()))
    path = f"/api/takes/{take_id}/lyrics.lrc"
    assert "[00:00.50]Hello there" in shelf.client.get(path).text
    shelf.client.patch(f"/api/takes/{take_id}", json={"edit": {"start_s": 0.25}})
    assert "[00:00.25]Hello there" in shelf.client.get(path).text
    assert "[00:00.50]Hello there" in shelf.client.get(path, params={"plain": True}).text
    silent = shelf.take(song_id, 330.0)
    assert shelf.client.get(f"/api/takes/{silent}/lyrics.lrc").status_code == 404


def test_a_zip_holds_everything_of_a_song(shelf: Shelf) -> None:
    song_id = shelf.song('Wal/tz: "1"', lyrics="[verse]\nHello there")
    take_id = shelf.take(song_id, seconds=1.0, provenance=provenance(score=score()))
    stem = shelf.take(song_id, 330.0, kind="extract", title="drums")
    gone = shelf.take(song_id, 440.0)
    shelf.client.delete(f"/api/takes/{gone}")
    sent = shelf.client.get(f"/api/songs/{song_id}/zip")
    assert int(sent.headers["content-length"]) == len(sent.content)
    with zipfile.ZipFile(io.BytesIO(sent.content)) as archive:
        assert archive.testzip() is None
        folder = "Wal tz 1"
        assert sorted(archive.namelist()) == sorted(
            f"{folder}/{name}"
            for name in (
                f"01 {folder}.flac",
                f"01 {folder}.lrc",
                "stems/02 drums.flac",
                "lyrics.txt",
                "cover.webp",
                "song.json",
            )
        )
        card = json.loads(archive.read(f"{folder}/song.json"))
        assert [take["id"] for take in card["takes"]] == [take_id, stem, gone]
        stored = shelf.files.place(shelf.take_row(take_id).sha256, ".flac").read_bytes()
        assert archive.read(f"{folder}/01 {folder}.flac") == stored


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("CON", "song"),
        ("...", "song"),
        ("", "song"),
        ("a\x00b\r\nc", "a b c"),
        ("x" * 300, "x" * 100),
        ("C:\\Windows", "C Windows"),
        ("你好", "你好"),
    ],
)
def test_titles_make_harmless_file_names(title: str, name: str) -> None:
    assert file_name(title) == name


def test_artwork_is_a_picture_and_follows_the_sound(shelf: Shelf) -> None:
    first, _ = shelf.played_song(pitch_hz=220.0)
    second, _ = shelf.played_song(pitch_hz=555.0)
    pictures = [shelf.client.get(f"/api/songs/{song_id}/artwork") for song_id in (first, second)]
    assert [picture.headers["content-type"] for picture in pictures] == ["image/webp"] * 2
    assert pictures[0].content[8:12] == b"WEBP"
    assert pictures[0].content != pictures[1].content
    assert shelf.client.get(f"/api/songs/{shelf.song()}/artwork").status_code == 404
