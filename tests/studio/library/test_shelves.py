"""The library as files: out and in again, backed up, checked, and made again when the database is gone."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from shelf import Shelf, provenance, score, tone
from sqlalchemy import delete, select

from melisma import audio
from melisma.cli import melisma
from melisma.studio import checkup, library
from melisma.studio.cards import read_all
from melisma.studio.database import Database, sqlite_url
from melisma.studio.files import Files
from melisma.studio.recovery import import_folder, restore_if_lost
from melisma.studio.shelves import back_up, export_library
from melisma.studio.sounds import Origin, keep_sound
from melisma.studio.tables import File, Song, Take, User


def full(shelf: Shelf) -> dict[str, str]:
    """A small library with a bit of everything."""
    waltz = shelf.song("Waltz", caption="folk", lyrics="[verse]\nHello there")
    first = shelf.take(waltz, provenance=provenance(score=score()))
    second = shelf.take(waltz, 330.0, provenance=provenance(seed=8))
    shelf.client.post(f"/api/songs/{waltz}/keep", json={"take_ids": [second]})
    patch = {"tags": ["slow", "dog"], "rating": 5, "favourite": True}
    shelf.client.patch(f"/api/songs/{waltz}", json=patch)
    shelf.client.patch(f"/api/takes/{second}", json={"edit": {"start_s": 0.25}, "title": "Best"})
    tango, _ = shelf.played_song("Tango", pitch_hz=440.0)
    playlist = shelf.client.post("/api/playlists", json={"name": "Evening"}).json()["id"]
    shelf.client.patch(f"/api/playlists/{playlist}", json={"song_ids": [tango, waltz]})
    trashed, _ = shelf.played_song("Trashed", pitch_hz=555.0)
    shelf.client.delete(f"/api/songs/{trashed}")
    return {"waltz": waltz, "tango": tango, "trashed": trashed, "first": first, "second": second}


def known(shelf: Shelf, ids: dict[str, str]) -> dict[str, Any]:
    """All that must survive."""
    songs = {name: shelf.client.get(f"/api/songs/{ids[name]}").json() for name in ("waltz", "tango", "trashed")}
    for song in songs.values():
        for field in ("revision", "updated_at"):
            song.pop(field)
    lists = [(one["name"], one["song_ids"]) for one in shelf.client.get("/api/playlists").json()]
    return {**songs, "playlists": lists}


def forget_everything(shelf: Shelf) -> None:
    """The database is gone; the folder is there."""
    with shelf.database.transaction() as session:
        for table in (Song, File):
            session.execute(delete(table))
        session.execute(select(User))
    shelf.client.get("/api/playlists")
    with shelf.database.transaction() as session:
        from melisma.studio.search import WORDS
        from melisma.studio.tables import Playlist, Upload

        session.execute(delete(Upload))
        session.execute(delete(Playlist))
        if shelf.database.embedded:
            session.execute(delete(WORDS))


def test_a_lost_database_loses_no_song(shelf: Shelf) -> None:
    ids = full(shelf)
    before = known(shelf, ids)
    forget_everything(shelf)
    assert shelf.client.get("/api/songs").json()["total"] == 0
    findings = checkup.check(shelf.database, shelf.files)
    checkup.repair(shelf.database, shelf.files, findings, shelf.people["You"])
    assert known(shelf, ids) == before
    assert shelf.client.get("/api/songs", params={"q": "hello"}).json()["total"] == 1
    assert shelf.client.get(f"/api/takes/{ids['second']}/audio").status_code == 200
    assert checkup.check(shelf.database, shelf.files).sound


def test_a_studio_that_starts_without_its_database_has_its_songs(shelf: Shelf) -> None:
    ids = full(shelf)
    before = known(shelf, ids)
    assert restore_if_lost(shelf.database, shelf.files, shelf.people["You"]) == 0
    forget_everything(shelf)
    assert restore_if_lost(shelf.database, shelf.files, shelf.people["You"]) == 3
    assert known(shelf, ids) == before


def test_without_cards_the_tags_are_enough_for_every_take(shelf: Shelf) -> None:
    ids = full(shelf)
    forget_everything(shelf)
    for card in (shelf.files.folder / "cards").iterdir():
        card.unlink()
    findings = checkup.check(shelf.database, shelf.files)
    checkup.repair(shelf.database, shelf.files, findings, shelf.people["You"])
    song = shelf.client.get(f"/api/songs/{ids['waltz']}").json()
    assert {take["id"] for take in song["all_takes"]} == {ids["first"], ids["second"]}
    assert {take["seed"] for take in song["all_takes"]} == {"7", "8"}
    assert (song["bpm"], song["lyrics"]) == (120, "[verse]\nHello there")
    assert shelf.client.get(f"/api/songs/{ids['tango']}").status_code == 200
    assert len(read_all(shelf.files)) == 3
    assert checkup.check(shelf.database, shelf.files).sound


def test_an_older_database_gains_what_it_lacks(shelf: Shelf) -> None:
    song_id, first = shelf.played_song()
    second = shelf.take(song_id, 330.0)
    row = shelf.take_row(second)
    with shelf.database.transaction() as session:
        session.execute(delete(Take).where(Take.id == second))
        session.execute(delete(File).where(File.sha256.in_([row.sha256, row.peaks_sha256])))
    age(shelf)
    checkup.repair(shelf.database, shelf.files, checkup.check(shelf.database, shelf.files), shelf.people["You"])
    song = shelf.client.get(f"/api/songs/{song_id}").json()
    assert {take["id"] for take in song["all_takes"]} == {first, second}
    assert shelf.client.get("/api/songs").json()["total"] == 1


def test_a_take_that_a_killed_worker_left_behind_is_not_doubled(shelf: Shelf) -> None:
    song_id = shelf.song()
    origin = Origin(song_id, "compose", 1, job_id="c" * 32)
    keep_sound(shelf.files, tone(220.0), origin)  # killed here; the job runs again and sounds a little different
    with shelf.database.transaction() as session:
        library.add_take(session, shelf.files, keep_sound(shelf.files, tone(220.5), origin))
    age(shelf)
    findings = checkup.check(shelf.database, shelf.files)
    assert len([name for name in findings.orphans if name.endswith(".flac")]) == 1
    checkup.repair(shelf.database, shelf.files, findings, shelf.people["You"])
    assert len(shelf.client.get(f"/api/songs/{song_id}").json()["all_takes"]) == 1
    assert checkup.check(shelf.database, shelf.files).sound


def age(shelf: Shelf) -> None:
    """Let two hours pass for every file."""
    then = time.time() - 7200
    for path in shelf.files.folder.rglob("*"):
        os.utime(path, (then, then))


def test_what_is_wrong_is_found_and_mended(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    assert checkup.check(shelf.database, shelf.files).sound
    row, song = shelf.take_row(take_id), shelf.song_row(song_id)
    assert song is not None
    shelf.files.place(str(row.peaks_sha256), ".peaks").unlink()
    picture = shelf.files.place(str(song.artwork_sha256), ".webp")
    picture.write_bytes(b"x" + picture.read_bytes()[1:])
    unused = shelf.files.put(b"nobody needs me", ".peaks")
    with shelf.database.transaction() as session:
        session.add(File(sha256=unused.sha256, suffix=unused.suffix, size=unused.size))
    leftover = shelf.files.put(b"left over", ".webp")
    (shelf.files.folder / "incoming" / "half").write_bytes(b"half")
    (shelf.files.folder / "cards" / f"{song_id}.json").unlink()
    stray = shelf.files.put(audio.files.encoded(tone(777.0), audio.Encoding("wav")), ".wav")
    assert not checkup.check(shelf.database, shelf.files).orphans, "young files may still be on their way in"
    age(shelf)
    findings = checkup.check(shelf.database, shelf.files)
    assert len(findings.missing) == len(findings.corrupt) == 1
    assert findings.orphans == sorted([f"{leftover.sha256}.webp", f"{stray.sha256}.wav"])
    assert findings.unused == [f"{unused.sha256}.peaks"]
    assert (findings.unfinished, findings.unpictured, findings.cardless) == (["half"], [song_id], [song_id])
    assert not checkup.check(shelf.database, shelf.files, quick=True).corrupt
    checkup.repair(shelf.database, shelf.files, findings, shelf.people["You"])
    assert checkup.check(shelf.database, shelf.files).sound
    assert shelf.client.get(f"/api/takes/{take_id}/peaks").status_code == 200
    assert {song["title"] for song in shelf.client.get("/api/songs").json()["items"]} == {"Waltz", stray.sha256}


def test_a_lost_or_damaged_sound_is_named(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    path = shelf.files.place(shelf.take_row(take_id).sha256, ".flac")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    findings = checkup.check(shelf.database, shelf.files)
    assert (findings.corrupt, findings.affected) == ([path.name], {song_id: "Waltz"})
    path.unlink()
    assert checkup.check(shelf.database, shelf.files).missing == [path.name]
    assert shelf.client.get(f"/api/takes/{take_id}/audio").status_code == 404


def test_an_export_comes_back_as_it_was(shelf: Shelf, tmp_path: Path) -> None:
    ids = full(shelf)
    before = known(shelf, ids)
    folder = tmp_path / "out"
    written = export_library(shelf.database, shelf.files, folder)
    assert sorted(path.name for path in written) == ["Tango", "Waltz"]
    assert sorted(path.name for path in (folder / "Waltz").iterdir()) == [
        "01 Best.flac",
        "cover.webp",
        "lyrics.txt",
        "song.json",
    ]
    again = import_folder(shelf.database, shelf.files, shelf.people["You"], folder)
    assert (again.songs, again.known) == ([], 2)
    hers = import_folder(shelf.database, shelf.files, shelf.people["Ann"], folder)
    assert len(hers.songs) == 2
    assert {song["title"] for song in songs_of(shelf, "Ann")} == {"Waltz", "Tango"}
    forget_everything(shelf)
    back = import_folder(shelf.database, shelf.files, shelf.people["You"], folder)
    assert set(back.songs) == {ids["waltz"], ids["tango"]}
    after = {name: shelf.client.get(f"/api/songs/{ids[name]}").json() for name in ("waltz", "tango")}
    for name, song in after.items():
        for field in ("title", "tags", "rating", "favourite", "lyrics", "chosen_take_id", "bpm", "created_at"):
            assert song[field] == before[name][field]
    assert after["waltz"]["all_takes"] == [take for take in before["waltz"]["all_takes"] if not take["discarded_at"]]


def songs_of(shelf: Shelf, user: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = shelf.client.get("/api/songs", headers={"X-User": user}).json()["items"]
    return items


def test_an_encoded_export_carries_edits_and_comes_back(shelf: Shelf, tmp_path: Path) -> None:
    ids = full(shelf)
    folder = tmp_path / "out"
    export_library(shelf.database, shelf.files, folder, format_="mp3")
    path = folder / "Waltz" / "01 Best.mp3"
    assert audio.read(path).duration_s == pytest.approx(0.75, abs=0.03)
    story = audio.read_provenance(path)
    assert story is not None
    assert story.seed == 8
    assert import_folder(shelf.database, shelf.files, shelf.people["You"], folder).songs == []
    hers = import_folder(shelf.database, shelf.files, shelf.people["Ann"], folder)
    assert len(hers.songs) == 2
    assert ids["waltz"] not in hers.songs


def test_any_folder_of_audio_can_be_brought(shelf: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "deep"
    audio.write(folder / "made.opus", tone(), provenance=provenance(), title="Made here")
    audio.write(folder / "Foreign song.mp3", tone(330.0))
    (folder / "broken.wav").write_bytes(b"RIFF")
    (folder / "notes.txt").write_text("no")
    (folder / "song.json").write_text('{"format": 1, "id": "../../x"}')
    brought = import_folder(shelf.database, shelf.files, shelf.people["You"], tmp_path / "in")
    assert list(brought.refused) == ["broken.wav"]
    assert {song["title"] for song in songs_of(shelf, "You")} == {"Made here", "Foreign song"}
    assert len(import_folder(shelf.database, shelf.files, shelf.people["You"], tmp_path / "in").songs) == 0


def test_a_backup_runs_as_it_is(shelf: Shelf, tmp_path: Path) -> None:
    ids = full(shelf)
    if not shelf.database.embedded:
        pytest.skip("a database elsewhere is backed up with its own tools")
    target = tmp_path / "safe"
    with shelf.database.transaction() as session:  # somebody is writing meanwhile
        session.add(User(name="late"))
        session.flush()
        done = back_up(shelf.database, shelf.files, target)
    assert done.songs == 3
    assert back_up(shelf.database, shelf.files, target).copied == 0
    shelf.take(ids["tango"], 888.0)
    assert back_up(shelf.database, shelf.files, target).copied >= 1
    copy = Database(sqlite_url(target))
    assert checkup.check(copy, Files(target / "files")).sound
    with copy.reading() as session:
        assert {song.title for song in session.scalars(select(Song))} == {"Waltz", "Tango", "Trashed"}
    copy.close()


def test_the_command_line_does_all_of_it(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = full(shelf)
    if not shelf.database.embedded:
        pytest.skip("uses the data folder alone")
    run = CliRunner()
    home = ["--data", str(shelf.files.folder.parent), "--json"]

    def ask(*words: str) -> Any:
        done = run.invoke(melisma, ["library", *words, *home], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert len(ask("export", str(tmp_path / "out"))) == 2
    assert ask("import", str(tmp_path / "out"))["songs"] == []
    assert ask("backup", str(tmp_path / "safe"))["songs"] == 3
    assert ask("check")["missing"] == []
    other = ["library", "check", "--repair", "--data", str(tmp_path / "safe")]
    for name in ("melisma.db", "melisma.db-wal", "melisma.db-shm"):
        (tmp_path / "safe" / name).unlink(missing_ok=True)
    done = run.invoke(melisma, other, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "3 songs made again, or made whole" in done.output
    copy = Database(sqlite_url(tmp_path / "safe"))
    with copy.reading() as session:
        assert session.get(Song, ids["waltz"]) is not None
    copy.close()
