"""Lists and search: what is found, in which order, whatever is typed."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shelf import Shelf

from melisma.studio import search
from melisma.studio.tables import Song


def found(shelf: Shelf, **asked: object) -> list[str]:
    page = shelf.client.get("/api/songs", params=asked)  # type: ignore[arg-type]
    assert page.status_code == 200, page.text
    assert page.json()["total"] >= len(page.json()["items"])
    return [song["title"] for song in page.json()["items"]]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("wal", "Waltz of the dog"),
        ("WALTZ dog", "Waltz of the dog"),
        ("dog waltz", "Waltz of the dog"),
        ("accord", "Waltz of the dog"),
        ("deja", "Déjà vu"),
        ("DÉJÀ", "Déjà vu"),
        ("天安", "北京"),
        ("北京", "北京"),
        ("タワー", "東京タワー"),
        ("ﾀﾜｰ", "東京タワー"),
        ("노래", "사랑노래"),
        ("don't", "Don't stop"),
        ("dont", None),
        ("京北", None),
        ("ltz", None),
        ("waltz cat", None),
        ("straße", "Strasse"),
        ("कहान", "कहानी"),
    ],
)
def test_words_are_found_by_their_beginning_and_unspaced_scripts_anywhere(
    shelf: Shelf, typed: str, title: str | None
) -> None:
    shelf.song("Waltz of the dog", caption="slow, accordion")
    shelf.song("Déjà vu")
    shelf.song("北京", lyrics="我爱北京天安门")
    for name in ("東京タワー", "사랑노래", "Don't stop", "Strasse", "कहानी"):
        shelf.song(name)
    assert found(shelf, q=typed) == ([title] if title else [])


def test_titles_come_before_lyrics(shelf: Shelf) -> None:
    shelf.song("Rain", caption="folk")
    shelf.song("Sun", lyrics="rain rain rain")
    tagged = shelf.song("Wind")
    shelf.client.patch(f"/api/songs/{tagged}", json={"tags": ["rain"]})
    assert found(shelf, q="rain") == ["Rain", "Wind", "Sun"]
    assert found(shelf, q="rain", sort="title", order="desc") == ["Wind", "Sun", "Rain"]


def test_the_index_follows_every_change(shelf: Shelf) -> None:
    song_id = shelf.song("Waltz")
    shelf.client.patch(f"/api/songs/{song_id}", json={"title": "Tango", "tags": ["night"], "lyrics": "moon"})
    assert [found(shelf, q=word) for word in ("waltz", "tango", "night", "moon")] == [[], *[["Tango"]] * 3]
    shelf.client.delete(f"/api/songs/{song_id}")
    assert found(shelf, q="tango") == []
    assert found(shelf, q="tango", trash=True) == ["Tango"]
    shelf.client.delete(f"/api/songs/{song_id}?forever=true")
    with shelf.database.transaction() as session:
        assert search.matching(session, "tango") is not None
        assert search.reindex(session) == 0


def test_reindexing_finds_the_same(shelf: Shelf) -> None:
    shelf.song("Waltz")
    with shelf.database.transaction() as session:
        session.execute(search.delete(search.WORDS if search.embedded(session) else search.VECTORS))
    assert found(shelf, q="waltz") == []
    with shelf.database.transaction() as session:
        assert search.reindex(session) == 1
    assert found(shelf, q="waltz") == ["Waltz"]


@pytest.mark.parametrize(
    "typed",
    [
        '"',
        "'",
        "*",
        "waltz*",
        'waltz" OR "x',
        "title:waltz",
        "NEAR(waltz",
        "-waltz",
        "waltz AND",
        "^waltz",
        "%",
        "_",
        "\\",
        *[
            "'; DROP TABLE songs; --",
            "\x00",
            "waltz\x00",
            "(",
            "🎵",
            "w" * 499,
            "a " * 249,
            "{waltz}",
            "+waltz + x",
            ":*",
        ],
    ],
)
def test_nothing_that_is_typed_breaks_a_search(shelf: Shelf, typed: str) -> None:
    shelf.song("Waltz")
    assert set(found(shelf, q=typed)) <= {"Waltz"}
    assert found(shelf) == ["Waltz"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_is_a_search_and_finds_itself(shelf: Shelf, text: str) -> None:
    with shelf.database.transaction() as session:
        song = Song(title="x", caption="", lyrics=text, owner_id=shelf.people["You"].id, tags=[])
        session.add(song)
        session.flush()
        search.index(session, song)
        match = search.matching(session, text)
        if match is not None:
            numbers = session.scalars(search.select(match.number).where(match.found)).all()
            assert song.number in numbers
        session.rollback()


def test_filters_narrow_and_combine(shelf: Shelf) -> None:
    slow = shelf.song("Slow", bpm=70, key="a minor", language="de")
    fast = shelf.song("Fast", bpm=140, key="C major", language="en")
    shelf.client.patch(f"/api/songs/{fast}", json={"favourite": True, "tags": ["dance", "loud"]})
    shelf.take(slow, kind="cover")
    assert found(shelf, bpm_from=100) == ["Fast"]
    assert found(shelf, bpm_to=100) == ["Slow"]
    assert found(shelf, key="A minor") == ["Slow"]
    assert found(shelf, language="en") == ["Fast"]
    assert found(shelf, favourite=True) == ["Fast"]
    assert found(shelf, favourite=False) == ["Slow"]
    assert found(shelf, tag=["dance", "loud"]) == ["Fast"]
    assert found(shelf, tag=["dance", "quiet"]) == []
    assert found(shelf, kind="cover") == ["Slow"]
    assert found(shelf, kind="cover", favourite=True) == []
    assert shelf.client.get("/api/tags").json() == [{"name": "dance", "songs": 1}, {"name": "loud", "songs": 1}]


def test_every_order_and_pages_without_gaps(shelf: Shelf) -> None:
    draw = random.Random(1)
    titles = [f"Song {number:02d}" for number in range(23)]
    for title in draw.sample(titles, len(titles)):
        shelf.song(title, bpm=draw.choice([None, 90, 120]))
    pages = [found(shelf, sort="title", limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 3, 0]
    assert [title for page in pages for title in page] == titles
    for sort in ("created", "updated", "bpm", "duration", "rating", "played", "relevance"):
        for order in ("asc", "desc"):
            pages = [found(shelf, sort=sort, order=order, limit=10, offset=offset) for offset in (0, 10, 20)]
            assert sorted([title for page in pages for title in page]) == titles, sort


@pytest.mark.parametrize(
    "asked",
    [{"limit": 0}, {"limit": 501}, {"offset": -1}, {"sort": "x"}, {"bpm_from": 10**30}, {"tag": ""}, {"kind": "x"}],
)
def test_what_no_list_can_be_is_refused(shelf: Shelf, asked: dict[str, object]) -> None:
    assert shelf.client.get("/api/songs", params=asked).status_code == 422  # type: ignore[arg-type]


def test_playlists_keep_their_order(shelf: Shelf) -> None:
    songs = {title: shelf.song(title) for title in ("A", "B", "C")}
    playlist = shelf.client.post("/api/playlists", json={"name": "Evening"}).json()
    path = f"/api/playlists/{playlist['id']}"
    wanted = [songs["C"], songs["A"], songs["B"], songs["C"]]
    assert shelf.client.patch(path, json={"song_ids": wanted}).json()["song_ids"] == wanted[:3]
    assert found(shelf, playlist_id=playlist["id"]) == ["C", "A", "B"]
    shelf.client.delete(f"/api/songs/{songs['A']}")
    assert found(shelf, playlist_id=playlist["id"]) == ["C", "B"]
    moved = shelf.client.patch(path, json={"song_ids": [songs["B"], songs["C"]], "name": "Night"}).json()
    assert (moved["name"], moved["song_ids"]) == ("Night", [songs["B"], songs["C"]])
    shelf.client.post(f"/api/songs/{songs['A']}/restore")
    assert found(shelf, playlist_id=playlist["id"]) == ["B", "C", "A"], "out of the trash, back on the list"
    assert shelf.client.patch(path, json={"song_ids": ["nope"]}).status_code == 404
    assert shelf.client.delete(path).status_code == 204
    assert shelf.client.get(path).status_code == 404
    assert [event["what"] for event in shelf.events("playlist")] == ["added", "changed", "changed", "gone"]


def test_playlists_are_private_until_shared(shelf: Shelf) -> None:
    song_id = shelf.song("A")
    path = f"/api/playlists/{shelf.client.post('/api/playlists', json={'name': 'Mine'}).json()['id']}"
    shelf.client.patch(path, json={"song_ids": [song_id]})
    ann = {"X-User": "Ann"}
    assert shelf.client.get(path, headers=ann).status_code == 404
    assert shelf.client.get("/api/playlists", headers=ann).json() == []
    shelf.client.patch(path, json={"shared": True})
    assert shelf.client.get(path, headers=ann).json()["song_ids"] == [], "a shared list does not share its songs"
    shelf.client.patch(f"/api/songs/{song_id}", json={"shared": True})
    assert shelf.client.get(path, headers=ann).json()["song_ids"] == [song_id]
    assert shelf.client.patch(path, json={"name": "x"}, headers=ann).status_code == 403
