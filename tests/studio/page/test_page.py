"""The page in a real browser, against a real studio with a toy model: what a person does, from the first song on.

Without Playwright, Chromium or the built page the tests are skipped and say which. A test fails if the page writes an
error to the console, whatever else it shows.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
from playwright.sync_api import Browser, Page, expect
from staged import (
    DESKTOP,
    LISTENING,
    NEEDS,
    PHONE,
    ROOT,
    SIZES,
    TOY,
    Studio,
    goes_on,
    opened,
    player,
    position,
    shot,
    start,
    stop,
    until,
)

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = NEEDS
both_sizes = pytest.mark.parametrize("page", ["desktop", "phone"], indirect=True)


# --- Making ---------------------------------------------------------------------------------------------------------


@both_sizes
def test_a_song_is_described_watched_and_played(page: Page, studio: Studio) -> None:
    studio.empty()
    page.goto("/")
    page.get_by_role("radio", name="Custom").click()
    page.get_by_role("textbox", name="Style", exact=True).fill("a slow waltz, accordion")
    page.get_by_role("button", name="Model and adapters").click()
    page.get_by_role("button", name=re.compile("Model")).last.click()
    page.get_by_role("option", name=TOY).click()
    page.get_by_role("button", name=re.compile("^Music")).click()
    page.get_by_role("textbox", name=re.compile("Own length")).fill("0:06")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("article").first).to_be_visible()
    song = until(lambda: studio.http.get("/songs").json()["items"])[0]
    until(lambda: studio.song(song["id"])["takes"] == 2, 90)

    page.goto(f"/songs/{song['id']}")
    page.get_by_role("button", name="Play", exact=True).first.click()
    expect(player(page)).to_be_visible()
    goes_on(page)
    page.goto("/library")
    expect(page.get_by_role("row")).to_have_count(1)


def test_a_region_is_sung_again_and_undone_by_going_back(page: Page, studio: Studio) -> None:
    song = studio.sing("Region")
    page.goto(f"/songs/{song['id']}")
    wave = page.get_by_test_id("waveform")
    expect(wave.locator("canvas").first).to_be_attached()
    box = wave.bounding_box()
    assert box
    left, top = box["x"], box["y"] + 50
    page.mouse.move(left + box["width"] / 3, top)
    page.mouse.down()
    page.mouse.move(left + box["width"] / 2, top + 4, steps=5)
    page.mouse.move(left + box["width"] * 2 / 3, top + 4, steps=5)
    page.mouse.up()
    start = page.get_by_role("textbox", name="From")
    expect(start).to_have_value(re.compile(r"0:0[12]\.\d\d"))
    start.fill("0:02")
    start.press("Enter")
    page.get_by_role("textbox", name="To", exact=True).fill("4")
    page.get_by_role("textbox", name="To", exact=True).press("Enter")
    page.get_by_role("button", name="Sing again", exact=True).click()

    made = until(lambda: [take for take in studio.song(song["id"])["all_takes"] if take["kind"] == "repaint"], 90)[0]
    assert made["parent_id"] == song["all_takes"][0]["id"]
    assert (made["request"]["task"]["start_s"], made["request"]["task"]["end_s"]) == (2.0, 4.0)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Take 2")).to_be_visible()
    page.get_by_role("button", name="Back to take 1").click()
    expect(page.get_by_role("heading", name="Take 1")).to_be_visible()
    versions = page.get_by_role("region", name="Versions")
    expect(versions.get_by_role("button")).to_have_count(2)


@pytest.mark.parametrize(
    ("tool", "kind"), [("Extend", "extend"), ("Retake", "retake"), ("Restyle", "cover"), ("Edit words", "edit")]
)
def test_every_offered_tool_makes_a_version(page: Page, studio: Studio, tool: str, kind: str) -> None:
    song = studio.sing(f"Tool {kind}", lyrics="[verse]\nla la")
    page.goto(f"/songs/{song['id']}")
    page.get_by_role("radio", name=tool).click()
    if kind == "extend":
        page.get_by_role("textbox", name="After").fill("2")
    if kind == "edit":
        expect(page.get_by_role("button", name="Edit", exact=True)).to_be_disabled()
        page.get_by_role("textbox", name="Style").fill("a fast polka")
    page.get_by_role("button", name={"cover": "Restyle", "edit": "Edit"}.get(kind, tool), exact=True).click()
    made = until(lambda: [take for take in studio.song(song["id"])["all_takes"] if take["kind"] == kind], 90)[0]
    assert made["parent_id"] == song["chosen_take_id"]


def test_tools_that_the_model_cannot_do_are_not_offered(page: Page, studio: Studio) -> None:
    song = studio.sing("Offered")
    page.goto(f"/songs/{song['id']}")
    expect(page.get_by_role("radio", name="Sing again")).to_be_visible()
    expect(page.get_by_role("radio", name="Take out a stem")).to_have_count(0)


def test_takes_are_compared_and_one_is_kept(page: Page, studio: Studio) -> None:
    song = studio.sing("Pair", takes=2, duration_s=30.0)
    page.goto(f"/songs/{song['id']}/compare")
    page.get_by_role("button", name=re.compile("Play")).first.click()
    goes_on(page)
    page.keyboard.press("b")
    second = song["all_takes"][1]["id"]
    # The other take goes on at the same instant.
    until(lambda: second in page.evaluate("performance.getEntriesByType('resource').map(one => one.name).join()"))
    assert not position(page).startswith("0:00")


# --- Keeping --------------------------------------------------------------------------------------------------------


def shelf(studio: Studio) -> list[dict[str, Any]]:
    """Three songs that differ, made from one."""
    studio.empty()
    first = studio.sing("Harbour lights", bpm=90)
    songs = [first]
    for title in ("Northern waltz", "Slow train"):
        copy = studio.http.post(f"/songs/{first['id']}/duplicate").json()
        songs.append(studio.http.patch(f"/songs/{copy['id']}", json={"title": title}).json())
    studio.http.patch(f"/songs/{songs[1]['id']}", json={"tags": ["dance"], "favourite": True})
    return songs


@both_sizes
def test_songs_are_found_while_one_types(page: Page, studio: Studio) -> None:
    shelf(studio)
    page.goto("/library")
    expect(page.get_by_role("row")).to_have_count(3)
    search = page.get_by_role("main").get_by_role("searchbox")
    search.press_sequentially("north")
    expect(page.get_by_role("row")).to_have_count(1)
    page.reload()
    expect(search).to_have_value("north")
    search.fill("nothing like this")
    page.get_by_role("button", name="Show all songs").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name=re.compile("^dance")).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("row")).to_have_count(1)
    page.get_by_role("button", name="Remove the filter dance").click()
    expect(page.get_by_role("row")).to_have_count(3)


def test_a_song_is_renamed_rated_trashed_and_taken_back_by_keyboard(page: Page, studio: Studio) -> None:
    songs = shelf(studio)
    page.goto("/library")
    page.get_by_role("row", name="Slow train").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Fast train")
    page.keyboard.press("Enter")
    row = page.get_by_role("row", name="Fast train")
    expect(row).to_be_visible()
    row.get_by_role("button", name="4 stars").click()
    until(lambda: studio.song(songs[2]["id"])["rating"] == 4)
    row.focus()
    page.keyboard.press("Delete")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row")).to_have_count(3)

    row.focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Trash").click()
    page.get_by_role("button", name="Actions for Fast train").click()
    page.get_by_role("menuitem", name="Delete forever").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete forever").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    assert studio.http.get(f"/songs/{songs[2]['id']}").status_code == 404


def test_a_playlist_is_filled_ordered_and_played(page: Page, studio: Studio) -> None:
    songs = shelf(studio)
    page.goto("/library")
    for title in ("Harbour lights", "Northern waltz"):
        page.get_by_role("checkbox", name=f"Select {title}").check(force=True)
    page.get_by_role("toolbar").get_by_role("button", name="Add to a playlist").click()
    page.get_by_role("textbox", name="New playlist").fill("Evening")
    page.keyboard.press("Enter")
    place = page.get_by_role("link", name=re.compile("Evening"))
    expect(place).to_contain_text("2")

    page.get_by_role("row", name="Slow train").drag_to(place)
    expect(place).to_contain_text("3")
    place.click()
    expect(page.get_by_role("heading", name="Evening")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(3)
    before = until(lambda: studio.http.get("/playlists").json()[0]["song_ids"])
    page.get_by_role("row").last.drag_to(page.get_by_role("row").first, target_position={"x": 300, "y": 4})
    until(lambda: studio.http.get("/playlists").json()[0]["song_ids"] == [before[2], before[0], before[1]])
    expect(page.get_by_role("row").first).to_have_attribute("aria-label", "Slow train")

    # The same without a pointer.
    page.get_by_role("button", name="Actions for Slow train").click()
    page.get_by_role("menuitem", name="Move down").click()
    until(lambda: studio.http.get("/playlists").json()[0]["song_ids"] == [before[0], before[2], before[1]])
    page.get_by_role("main").get_by_role("button", name="Play", exact=True).click()
    titles = {song["id"]: song["title"] for song in songs}
    expect(player(page).get_by_role("link", name=titles[before[0]])).to_be_visible()
    page.keyboard.press("Shift+ArrowRight")
    expect(player(page).get_by_role("link", name=titles[before[2]])).to_be_visible()


def test_a_long_library_shows_only_what_is_in_sight(page: Page, studio: Studio) -> None:
    first = shelf(studio)[0]
    for _ in range(240):
        studio.http.post(f"/songs/{first['id']}/duplicate").raise_for_status()
    page.goto("/library")
    expect(page.get_by_role("status").first).to_contain_text("243")
    assert page.get_by_role("row").count() < 60
    listing = page.get_by_role("grid")
    for _ in range(12):
        listing.evaluate("list => list.scrollTo(0, list.scrollHeight)")
        page.wait_for_timeout(120)
    # The oldest song is the last one.
    expect(page.get_by_role("row", name="Harbour lights").last).to_be_visible()
    assert page.get_by_role("row").count() < 60
    studio.empty()


# --- Listening ------------------------------------------------------------------------------------------------------


def test_a_new_song_starts_at_zero_and_keys_lead(page: Page, studio: Studio) -> None:
    shelf(studio)
    page.goto("/library")
    page.get_by_role("button", name="Play Harbour lights").click(force=True)
    goes_on(page)
    page.keyboard.press("l")
    page.get_by_role("button", name="Play Northern waltz").click(force=True)
    expect(player(page).get_by_role("link", name="Northern waltz")).to_be_visible()
    assert position(page)[:4] < "0:04"
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(player(page).get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert position(page).startswith(("0:05", "0:06", "0:07", "0:08"))
    page.keyboard.press("j")
    assert position(page).startswith("0:00")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.get_by_text("Play or pause")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("main").get_by_role("searchbox")).to_be_focused()
    # It sounds on through every page.
    player(page).get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    expect(player(page).get_by_role("button", name="Pause")).to_be_visible()
    assert page.evaluate("navigator.mediaSession.metadata.title") == "Northern waltz"


def test_the_queue_is_put_in_order(page: Page, studio: Studio) -> None:
    shelf(studio)
    page.goto("/library")
    page.get_by_role("button", name="Play Harbour lights").click(force=True)
    player(page).get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Actions for Slow train").click()
    page.get_by_role("menuitem", name="Play next").click()
    player(page).get_by_role("button", name="Lyrics and queue").click()
    page.get_by_role("radio", name="Up next").click()
    titles = [row.get_attribute("aria-label") for row in page.get_by_role("row").all()]
    at = titles.index("Harbour lights")
    assert titles[at + 1] == "Slow train"
    page.get_by_role("button", name="Remove Slow train from the queue").last.click()
    expect(page.get_by_role("row")).to_have_count(len(titles) - 1)


def test_lines_light_up_while_they_are_sung(page: Page, studio: Studio) -> None:
    take = studio.sing("Follow me", lyrics="[verse]\nhello world\nla la la\n\n[chorus]\nyeah yeah")["all_takes"][0]
    # Tags are headings, not lines.
    assert [line["text"] for line in take["lines"]] == ["hello world", "la la la", "yeah yeah"]
    # A toy tells all lines at once; these are times that a trained model tells.
    spans = [(0.5, 1.5), (2.0, 3.0), (3.5, 5.5)]
    lines = [line | {"start_s": start, "end_s": end} for line, (start, end) in zip(take["lines"], spans, strict=True)]
    with closing(sqlite3.connect(studio.data / "melisma.db")) as database, database:
        database.execute("UPDATE takes SET lines = ? WHERE id = ?", (json.dumps(lines), take["id"]))
    page.add_init_script(LISTENING)
    page.goto("/library")
    page.get_by_role("button", name="Play Follow me").click(force=True)
    player(page).get_by_role("button", name="Pause").click()
    player(page).get_by_role("button", name="Lyrics and queue").click()
    words = page.get_by_role("list", name="Lyrics")
    expect(words.get_by_role("button")).to_have_count(3)
    for index, (begin, end) in enumerate(spans):
        page.evaluate("at => { sounding[0].currentTime = at }", (begin + end) / 2)
        expect(words.get_by_role("button").nth(index)).to_have_attribute("aria-current", "true")
        expect(words.locator("[aria-current]")).to_have_count(1)
    shot(page, "lyrics")
    # A line leads to its moment.
    words.get_by_role("button").nth(1).click()
    until(lambda: page.evaluate("sounding[0].currentTime") == pytest.approx(2.0, abs=0.01))


# --- Taking home ----------------------------------------------------------------------------------------------------


def test_a_song_is_exported_whole_and_in_part(page: Page, studio: Studio, tmp_path: Path) -> None:
    from melisma import audio

    song = studio.sing("Export me")
    page.goto(f"/songs/{song['id']}")
    page.get_by_role("button", name="Select a stretch here").click()
    page.get_by_role("tab", name="Export").click()
    page.get_by_role("switch", name=re.compile("Only 0:00.00")).click(force=True)
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download", exact=True).click()
    assert coming.value.suggested_filename == "Export me.flac"
    coming.value.save_as(tmp_path / "part.flac")
    assert audio.read(tmp_path / "part.flac").duration_s == pytest.approx(2.0, abs=0.02)
    with page.expect_download() as coming:
        page.get_by_role("link", name="Everything (zip)").click()
    assert coming.value.suggested_filename == "Export me.zip"


def test_trim_and_fade_leave_the_sound_alone(page: Page, studio: Studio) -> None:
    song = studio.sing("Edges")
    take = song["all_takes"][0]
    page.goto(f"/songs/{song['id']}")
    page.get_by_role("tab", name="Sound").click()
    page.get_by_role("textbox", name="Begin at").fill("1")
    page.get_by_role("textbox", name="Begin at").press("Enter")
    page.get_by_role("slider", name="Fade out").press("PageUp")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    after = until(lambda: [one for one in studio.song(song["id"])["all_takes"] if one["edit"]["start_s"] == 1.0])[0]
    assert after["edit"]["fade_out_s"] > 0
    assert after["sha256"] == take["sha256"]
    page.get_by_role("button", name="Undo").click()
    until(lambda: studio.song(song["id"])["all_takes"][0]["edit"]["start_s"] is None)


# --- Settings and people --------------------------------------------------------------------------------------------


def test_theme_language_and_report(page: Page, studio: Studio) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/settings")
    page.get_by_role("radio", name="Dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("link", name="This machine").click()
    page.get_by_role("button", name="Copy").click()
    assert "melisma: " in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="starter")).to_be_visible()
    page.get_by_role("link", name="Page", exact=True).click()
    page.get_by_role("button", name=re.compile("English")).click()
    page.get_by_role("option", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()


@pytest.mark.parametrize("language", ["de", "es", "ja", "zh"])
def test_every_language_speaks(browser: Browser, studio: Studio, language: str) -> None:
    context, page, wrong = opened(browser, studio.url, DESKTOP)
    page.add_init_script(f"localStorage.setItem('melisma.language', '{language}')")
    page.goto("/library")
    page.get_by_role("searchbox").first.wait_for()
    english = json.loads((ROOT / "web/src/i18n/en/library.json").read_text())
    own = json.loads((ROOT / f"web/src/i18n/{language}/library.json").read_text())
    expect(page.get_by_role("main").get_by_role("searchbox")).to_have_attribute("placeholder", own["searchHint"])
    assert own["searchHint"] != english["searchHint"]
    assert page.evaluate("document.documentElement.lang") == language
    context.close()
    assert wrong == []


@pytest.fixture
def shared(home: Path, tmp_path: Path) -> Iterator[Studio]:
    """A studio on the network that has no owner yet."""
    studio = start(home, tmp_path / "shared", "--lan")
    yield studio
    stop(studio)


def signed_out(wrong: list[str]) -> list[str]:
    """Errors, but for a browser's note that it was refused while nobody was signed in."""
    return [text for text in wrong if "401" not in text]


def test_people_are_invited_sign_in_and_give_keys_to_programs(browser: Browser, shared: Studio) -> None:
    passcode = until(lambda: re.search(r"Passcode for the first account: (\S+)", "".join(shared.said)))
    context, page, wrong = opened(browser, shared.url, PHONE)
    page.goto("/")
    page.get_by_role("textbox", name="Name").fill("Ann")
    page.get_by_role("textbox", name="Password").fill("correct horse")
    page.get_by_role("textbox", name="Passcode").fill(passcode.group(1))
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="New song")).to_be_visible()
    page.goto("/settings/people")
    invitation = page.request.get("/api/users/invitation").json()
    if "url" in invitation:
        expect(page.get_by_role("img", name="QR code of the address")).to_be_visible()
        expect(page.get_by_role("code")).to_have_text(invitation["url"])
        assert "127.0.0.1" not in invitation["url"]
    else:
        expect(page.get_by_text(invitation["detail"])).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("Bob")
    page.get_by_role("textbox", name="Their first password").fill("battery staple")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("listitem").filter(has_text="Bob")).to_be_visible()
    shot(page, "people")

    bobs, bob, also_wrong = opened(browser, shared.url, DESKTOP)
    bob.goto("/")
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()
    bob.get_by_role("textbox", name="Name").fill("Bob")
    bob.get_by_role("textbox", name="Password").fill("battery staple")
    bob.get_by_role("button", name="Sign in").click()
    expect(bob.get_by_role("heading", name="New song")).to_be_visible()
    bob.goto("/settings")
    expect(bob.get_by_role("link", name="People")).to_have_count(0)
    bob.get_by_role("link", name="My account").click()
    bob.get_by_role("textbox", name="Name of the new key").fill("Radio")
    bob.get_by_role("button", name="Make a key").click()
    secret = bob.get_by_role("code").text_content()
    key = {"Authorization": f"Bearer {secret}"}
    assert shared.http.get("/songs", headers=key).status_code == 200
    body = {"request": {"caption": "x"}, "title": "x"}
    assert shared.http.post("/jobs", json=body, headers=key).status_code == 403
    shot(bob, "account")
    bob.get_by_role("button", name="Revoke Radio").click()
    expect(bob.get_by_role("listitem").filter(has_text="Radio")).to_have_count(0)
    assert shared.http.get("/songs", headers=key).status_code == 401
    bob.get_by_role("textbox", name="Old password").fill("battery staple")
    bob.get_by_role("textbox", name="New password").fill("staple battery")
    bob.get_by_role("button", name="Save").click()
    expect(bob.get_by_text("The password is changed")).to_be_visible()

    page.get_by_role("button", name="Remove Bob").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("listitem").filter(has_text="Bob")).to_have_count(0)
    bob.goto("/library")
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/settings/account")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()
    bobs.close()
    assert signed_out(wrong + also_wrong) == []


# --- For everybody --------------------------------------------------------------------------------------------------

SCREENS = ["/", "/library", "/library?trash=true", "/song", "/compare", "/player", "/playlist", "/settings/look"]
SCREENS += ["/settings/models", "/settings/machine"]


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical, with the elements."""
    # As a script of the page it would be refused by the page's own policy.
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.fixture(scope="module")
def places(studio: Studio) -> dict[str, str]:
    """Addresses of the screens that need something to show."""
    song = studio.sing("Everybody’s song", takes=2, lyrics="[verse]\nla la\n[chorus]\nla la la")
    playlist = studio.http.post("/playlists", json={"name": "Evening"}).json()["id"]
    studio.http.patch(f"/playlists/{playlist}", json={"song_ids": [song["id"]]})
    at = f"/songs/{song['id']}"
    return {"/song": at, "/compare": f"{at}/compare", "/playlist": f"/playlists/{playlist}"}


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci in web/")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_screen_is_accessible(
    browser: Browser, studio: Studio, places: dict[str, str], size: str, theme: str
) -> None:
    context, page, wrong = opened(browser, studio.url, SIZES[size])
    page.add_init_script(f"localStorage.setItem('melisma.theme', '{theme}')")
    found: dict[str, list[str]] = {}
    # With something in the player, since it is on every screen.
    page.goto(places["/song"])
    page.get_by_role("button", name="Play", exact=True).first.click()
    expect(player(page)).to_be_visible()
    page.keyboard.press("Space")
    for screen in SCREENS:
        page.evaluate(
            "to => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')) }",
            places.get(screen, screen),
        )
        page.wait_for_timeout(500)
        if problems := serious(page):
            found[screen] = problems
        wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{screen} is {wide} px too wide"
    context.close()
    assert found == {}
    assert wrong == []
