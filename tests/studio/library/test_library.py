"""Songs, takes, permissions, trash and files: nothing is lost that was not deleted, nothing stays that was."""

import threading
from datetime import timedelta

import pytest
from shelf import Shelf, provenance, score, tone
from sqlalchemy import func, select, update

from melisma.studio import files, library
from melisma.studio.problems import NotHere
from melisma.studio.sounds import Origin, keep_sound, origin_of
from melisma.studio.tables import File, Job, Song, Take, now


def test_a_take_is_stored_once_per_job_and_number(shelf: Shelf) -> None:
    song_id = shelf.song()
    origin = Origin(song_id, "compose", 1, job_id="a" * 32, song_title="Waltz")
    for pitch in (220.0, 330.0):  # the second run of a job may even sound different
        sound = keep_sound(shelf.files, tone(pitch), origin)
        with shelf.database.transaction() as session:
            library.add_take(session, shelf.files, sound)
    song = shelf.client.get(f"/api/songs/{song_id}").json()
    assert [take["number"] for take in song["all_takes"]] == [1]
    assert shelf.events("take") == [{"id": origin.take_id, "song_id": song_id, "what": "added"}]


def test_a_song_takes_on_what_its_first_take_brings(shelf: Shelf) -> None:
    song_id = shelf.song(caption="folk")
    before = shelf.client.get(f"/api/songs/{song_id}").json()
    take_id = shelf.take(song_id, seconds=2.0, provenance=provenance(score=score()))
    song = shelf.client.get(f"/api/songs/{song_id}").json()
    assert (song["chosen_take_id"], song["bpm"], song["key"], song["duration_s"]) == (take_id, 120, "C major", 2.0)
    assert song["lyrics"] == "[verse]\nHello there"
    assert song["artwork"]
    assert song["revision"] == before["revision"], "a take that lands must not get in the way of somebody who edits"
    take = song["all_takes"][0]
    assert take["lines"] == [{"start_s": 0.5, "end_s": 3.0, "text": "Hello there", "section": "verse"}]
    assert [(part["name"], part["start_s"], part["end_s"]) for part in take["sections"]] == [
        ("verse", 0.0, 2.0),
        ("chorus", 2.0, 5.0),
    ]
    assert take["seed"] == "7"
    assert take["reasons"] == ["ends cleanly"]
    assert take["blueprint"]["bpm"] == 120
    assert shelf.client.get("/api/songs", params={"q": "hello"}).json()["total"] == 1


def test_a_file_says_where_it_belongs(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    row = shelf.take_row(take_id)
    origin = origin_of(shelf.files.place(row.sha256, ".flac"))
    assert origin is not None
    assert (origin.song_id, origin.take_id, origin.job_id) == (song_id, take_id, row.job_id)


def test_a_take_of_a_song_that_is_gone_finds_no_place(shelf: Shelf) -> None:
    sound = keep_sound(shelf.files, tone(), Origin("0" * 32, "compose", 1, job_id="b" * 32))
    with pytest.raises(NotHere, match="deleted"), shelf.database.transaction() as session:
        library.add_take(session, shelf.files, sound)


def test_titles_come_from_words() -> None:
    assert library.title_of("a slow waltz about my dog, accordion", "") == "A slow waltz about my dog"
    assert library.title_of("folk", "[verse]\nrain on the roof,\nagain") == "Rain on the roof"
    assert library.title_of("", "[Instrumental]") == "Untitled"
    assert len(library.title_of("word " * 100, "")) <= library.LONGEST_TITLE + 1


def test_two_browsers_edit_the_same_song(shelf: Shelf) -> None:
    song_id = shelf.song(title="Waltz")
    revision = shelf.client.get(f"/api/songs/{song_id}").json()["revision"]
    first = shelf.client.patch(f"/api/songs/{song_id}", json={"revision": revision, "title": "Tango"})
    second = shelf.client.patch(f"/api/songs/{song_id}", json={"revision": revision, "tags": ["dog"]})
    assert first.status_code == 200
    assert second.status_code == 409
    assert str(first.json()["revision"]) in second.json()["detail"]
    again = shelf.client.patch(f"/api/songs/{song_id}", json={"revision": first.json()["revision"], "tags": ["dog"]})
    assert (again.json()["title"], again.json()["tags"]) == ("Tango", ["dog"])


def test_of_many_edits_at_once_each_is_told_or_kept(shelf: Shelf) -> None:
    song_id = shelf.song()
    revision = shelf.client.get(f"/api/songs/{song_id}").json()["revision"]
    answers: list[tuple[int, str]] = []

    def edit(number: int) -> None:
        body = {"revision": revision, "title": f"Title {number}"}
        answers.append((shelf.client.patch(f"/api/songs/{song_id}", json=body).status_code, f"Title {number}"))

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [title for status, title in answers if status == 200]
    assert len(kept) == 1
    assert sorted(status for status, _ in answers) == [200] + [409] * 7
    assert shelf.client.get(f"/api/songs/{song_id}").json()["title"] == kept[0]


def test_every_field_can_be_changed_and_is_told(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    other = shelf.take(song_id, 330.0, seconds=2.0)
    patch = {
        "title": "New",
        "tags": ["b", " a  c ", "b"],
        "favourite": True,
        "rating": 4,
        "lyrics": "la",
        "chosen_take_id": other,
    }
    song = shelf.client.patch(f"/api/songs/{song_id}", json=patch).json()
    assert song["tags"] == ["a c", "b"]
    assert {name: song[name] for name in ("title", "favourite", "rating", "lyrics")} == {
        name: patch[name] for name in ("title", "favourite", "rating", "lyrics")
    }
    assert song["duration_s"] == 2.0, "a song is as long as the take it plays"
    assert shelf.events("song")[-1] == {"id": song_id, "what": "changed"}
    assert shelf.client.patch(f"/api/songs/{song_id}", json={"rating": None}).json()["rating"] is None
    assert shelf.client.patch(f"/api/songs/{song_id}", json={"tags": []}).json()["tags"] == []
    assert shelf.client.patch(f"/api/songs/{song_id}", json={"chosen_take_id": "nope"}).status_code == 404
    assert take_id


def test_keep_discards_the_others_and_they_come_back(shelf: Shelf) -> None:
    song_id, first = shelf.played_song()
    second = shelf.take(song_id, 330.0)
    kept = shelf.client.post(f"/api/songs/{song_id}/keep", json={"take_ids": [second]}).json()
    assert (kept["chosen_take_id"], kept["takes"]) == (second, 1)
    assert shelf.client.patch(f"/api/songs/{song_id}", json={"chosen_take_id": first}).status_code == 409
    assert shelf.client.post(f"/api/takes/{first}/restore").json()["discarded_at"] is None
    assert shelf.client.delete(f"/api/takes/{second}").status_code == 204
    song = shelf.client.get(f"/api/songs/{song_id}").json()
    assert (song["chosen_take_id"], song["takes"]) == (first, 1)
    assert shelf.client.post(f"/api/songs/{song_id}/keep", json={"take_ids": ["x"]}).status_code == 404


def test_trash_and_back(shelf: Shelf) -> None:
    song_id, _ = shelf.played_song()
    assert shelf.client.delete(f"/api/songs/{song_id}").status_code == 204
    assert shelf.client.get("/api/songs").json()["total"] == 0
    assert shelf.client.get("/api/songs", params={"trash": True}).json()["items"][0]["id"] == song_id
    assert shelf.client.post(f"/api/songs/{song_id}/restore").json()["deleted_at"] is None
    assert shelf.client.get("/api/songs").json()["total"] == 1
    assert [event["what"] for event in shelf.events("song")][-2:] == ["trashed", "restored"]


def test_files_go_when_nothing_needs_them_any_more(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    sha = shelf.take_row(take_id).sha256
    twin = shelf.client.post(f"/api/songs/{song_id}/duplicate").json()
    assert twin["title"] == "Waltz (copy)"
    assert shelf.client.delete(f"/api/songs/{song_id}", params={"forever": True}).status_code == 204
    assert shelf.files.place(sha, ".flac").is_file(), "the copy still plays it"
    assert shelf.client.get(f"/api/takes/{twin['chosen_take_id']}/audio").status_code == 200
    assert shelf.client.delete(f"/api/songs/{twin['id']}").status_code == 204
    assert shelf.client.delete("/api/trash").status_code == 204
    assert list(shelf.files.all()) == []
    assert list((shelf.files.folder / "cards").iterdir()) == []
    with shelf.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(File)) == 0
        assert session.scalar(select(func.count()).select_from(Take)) == 0


def test_old_trash_is_emptied(shelf: Shelf) -> None:
    old, _ = shelf.played_song("Old")
    young, _ = shelf.played_song("Young", pitch_hz=330.0)
    for song_id in (old, young):
        shelf.client.delete(f"/api/songs/{song_id}")
    with shelf.database.transaction() as session:
        session.execute(update(Song).where(Song.id == old).values(deleted_at=now() - timedelta(days=31)))
    for days, gone in ((0, 0), (30, 1), (30, 0)):
        with shelf.database.transaction() as session:
            assert library.empty_old_trash(session, shelf.files, days) == gone
    assert [song["id"] for song in shelf.client.get("/api/songs?trash=true").json()["items"]] == [young]
    assert len([path for path in shelf.files.all() if path.suffix == ".flac"]) == 1


def test_a_full_disk_loses_nothing_and_can_be_tidied(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    song_id, take_id = shelf.played_song()
    before = sorted(shelf.files.all())
    with monkeypatch.context() as full:
        full.setattr(files, "RESERVE", 1 << 60)
        with pytest.raises(OSError, match="space"):
            shelf.take(song_id, 330.0)
        with pytest.raises(OSError, match="space"):
            shelf.client.get(f"/api/takes/{take_id}/audio?format=mp3")
        assert sorted(shelf.files.all()) == before
        assert shelf.client.get(f"/api/takes/{take_id}/audio").status_code == 200
        assert shelf.client.delete(f"/api/songs/{song_id}?forever=true").status_code == 204
    assert list(shelf.files.all()) == []


def test_one_can_look_and_listen_while_somebody_writes(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    with shelf.database.transaction() as session:
        session.execute(update(Song).where(Song.id == song_id).values(title="Not yet"))
        assert shelf.client.get("/api/songs").json()["items"][0]["title"] == "Waltz"
        assert shelf.client.get(f"/api/songs/{song_id}").json()["title"] == "Waltz"
        assert shelf.client.get(f"/api/takes/{take_id}/audio").status_code == 200
        assert shelf.client.get(f"/api/songs/{song_id}/zip").status_code == 200
    assert shelf.client.get(f"/api/songs/{song_id}").json()["title"] == "Not yet"


def test_nothing_is_removed_when_a_deletion_does_not_land(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    with shelf.database.sessions() as session:
        song = library.song_to_change(session, shelf.people["You"], song_id)
        library.delete_forever(session, shelf.files, [song])
        session.rollback()
    assert shelf.files.place(shelf.take_row(take_id).sha256, ".flac").is_file()
    assert shelf.client.get(f"/api/songs/{song_id}").status_code == 200


def test_private_songs_do_not_exist_for_others(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song(owner="You")
    ann = {"X-User": "Ann"}
    gets = ("", "/artwork", "/zip")
    for path in [f"/api/songs/{song_id}{part}" for part in gets] + [
        f"/api/takes/{take_id}/{part}" for part in ("audio", "peaks", "lyrics.lrc")
    ]:
        assert shelf.client.get(path, headers=ann).status_code == 404, path
    for verb in ("restore", "duplicate", "played"):
        assert shelf.client.post(f"/api/songs/{song_id}/{verb}", headers=ann).status_code == 404
    assert shelf.client.patch(f"/api/songs/{song_id}", json={"title": "x"}, headers=ann).status_code == 404
    assert shelf.client.delete(f"/api/songs/{song_id}?forever=true", headers=ann).status_code == 404
    assert shelf.client.patch(f"/api/takes/{take_id}", json={"rating": 1}, headers=ann).status_code == 404
    assert shelf.client.get("/api/songs", headers=ann).json()["total"] == 0
    sha = shelf.take_row(take_id).sha256
    with shelf.database.reading() as session, pytest.raises(NotHere):
        library.audible(session, shelf.files, shelf.people["Ann"], sha)


def test_shared_songs_are_heard_by_all_and_changed_by_their_owner(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song(owner="You")
    ann = {"X-User": "Ann"}
    shelf.client.patch(f"/api/songs/{song_id}", json={"shared": True})
    card = shelf.client.get("/api/songs", headers=ann).json()["items"][0]
    assert (card["id"], card["mine"]) == (song_id, False)
    assert shelf.client.get("/api/songs", params={"shared": False}, headers=ann).json()["total"] == 0
    assert shelf.client.get(f"/api/takes/{take_id}/audio", headers=ann).status_code == 200
    assert shelf.client.patch(f"/api/songs/{song_id}", json={"title": "x"}, headers=ann).status_code == 403
    assert shelf.client.delete(f"/api/takes/{take_id}", headers=ann).status_code == 403
    assert shelf.client.post(f"/api/songs/{song_id}/duplicate", headers=ann).json()["mine"] is True
    with shelf.database.reading() as session:
        path = library.audible(session, shelf.files, shelf.people["Ann"], shelf.take_row(take_id).sha256)
        assert path.is_file()
    shelf.client.delete(f"/api/songs/{song_id}")
    assert shelf.client.get(f"/api/songs/{song_id}", headers=ann).status_code == 404


def test_an_administrator_changes_what_is_shared_but_does_not_see_what_is_private(shelf: Shelf) -> None:
    private, _ = shelf.played_song("Secret", owner="Ann")
    shared, _ = shelf.played_song("Open", owner="Ann", pitch_hz=330.0)
    shelf.client.patch(f"/api/songs/{shared}", json={"shared": True}, headers={"X-User": "Ann"})
    assert shelf.client.get(f"/api/songs/{private}").status_code == 404
    assert shelf.client.patch(f"/api/songs/{shared}", json={"title": "Opened"}).status_code == 200


def test_a_song_tells_of_its_unfinished_jobs_and_their_place(shelf: Shelf) -> None:
    song_id = shelf.song()
    owner = shelf.people["You"].id
    with shelf.database.transaction() as session:
        for number, (state, priority) in enumerate([("queued", 0), ("queued", 5), ("queued", 0), ("done", 9)]):
            job = Job(
                owner_id=owner, kind="sing", state=state, priority=priority, request={"takes": 3}, title=str(number)
            )
            job.song_id = song_id if number in (2, 3) else None
            session.add(job)
            session.flush()
    jobs = shelf.client.get(f"/api/songs/{song_id}").json()["jobs"]
    assert [(job["title"], job["position"], job["takes"], job["mine"]) for job in jobs] == [("2", 2, 3, True)]


def test_playing_a_song_is_remembered_but_is_no_edit(shelf: Shelf) -> None:
    song_id, _ = shelf.played_song()
    before = shelf.client.get(f"/api/songs/{song_id}").json()
    assert shelf.client.post(f"/api/songs/{song_id}/played").status_code == 204
    after = shelf.client.get(f"/api/songs/{song_id}").json()
    assert after["played_at"] is not None
    assert (after["revision"], after["updated_at"]) == (before["revision"], before["updated_at"])


def test_lineage_is_kept(shelf: Shelf) -> None:
    song_id, take_id = shelf.played_song()
    twin = shelf.client.post(f"/api/songs/{song_id}/duplicate").json()
    assert (twin["parent_take_id"], twin["parent_song_id"]) == (take_id, song_id)
    part = shelf.client.post(f"/api/takes/{take_id}/selection", json={"start_s": 0.2, "end_s": 0.7}).json()
    assert (part["parent_id"], part["kind"], part["duration_s"]) == (take_id, "selection", 0.5)
    assert shelf.client.post(f"/api/takes/{take_id}/selection", json={"start_s": 2, "end_s": 3}).status_code == 422


@pytest.mark.parametrize("text", ["\\u0000", "a\\ud800b"])
def test_texts_that_no_database_holds_are_refused(shelf: Shelf, text: str) -> None:
    song_id, take_id = shelf.played_song()
    playlist = shelf.client.post("/api/playlists", json={"name": "x"}).json()["id"]
    for method, path, body in (
        ("PATCH", f"/api/songs/{song_id}", '{"title": "%s"}'),
        ("PATCH", f"/api/songs/{song_id}", '{"tags": ["%s"]}'),
        ("PATCH", f"/api/songs/{song_id}", '{"chosen_take_id": "%s"}'),
        ("POST", f"/api/songs/{song_id}/keep", '{"take_ids": ["%s"]}'),
        ("PATCH", f"/api/takes/{take_id}", '{"title": "%s"}'),
        ("PATCH", f"/api/playlists/{playlist}", '{"song_ids": ["%s"]}'),
        ("POST", "/api/playlists", '{"name": "%s"}'),
        ("POST", "/api/songs/import", '{"upload_id": "%s"}'),
    ):
        answer = shelf.client.request(method, path, content=body % text, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, path


@pytest.mark.parametrize("edit", [{"start_s": 1.0}, {"start_s": 0.5, "end_s": 0.4}])
def test_a_trim_leaves_something(shelf: Shelf, edit: dict[str, float]) -> None:
    _, take_id = shelf.played_song()
    answer = shelf.client.patch(f"/api/takes/{take_id}", json={"edit": edit})
    assert answer.status_code == 422
    assert "leaves nothing" in answer.json()["detail"]
