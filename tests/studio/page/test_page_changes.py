"""The page in a real browser: what is made of a song that is there, and what happens when something goes wrong."""

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect
from staged import BASE, LISTENING, NEEDS, TOY, Hub, Studio, choose, goes_on, player, position, shot, until

pytestmark = NEEDS


def made(studio: Studio, song: dict[str, Any], kind: str) -> dict[str, Any]:
    """The take of a kind, once it is there."""
    takes = until(lambda: [take for take in studio.song(song["id"])["all_takes"] if take["kind"] == kind], 90)
    assert takes[0]["parent_id"] == song["chosen_take_id"]
    return takes[0]


def tool(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).click()


# --- Tools ----------------------------------------------------------------------------------------------------------


def test_stems_are_taken_out_added_and_mixed(page: Page, studio: Studio) -> None:
    song = studio.sing("Layers", model=BASE)
    page.goto(f"/songs/{song['id']}")
    tool(page, "Take out a stem")
    choose(page, "Track", "Drums")
    page.get_by_role("button", name="Take it out").click()
    assert made(studio, song, "extract")["request"]["task"]["track"] == "drums"
    tool(page, "Add a track")
    choose(page, "Track", "Bass")
    page.get_by_role("textbox", name="In words").fill("a walking bass")
    shot(page, "lego")
    page.get_by_role("button", name="Add it").click()
    task = made(studio, song, "lego")["request"]["task"]
    assert (task["track"], task["part"]) == ("bass", "a walking bass")

    page.get_by_role("tab", name="Stems").click()
    stems = page.get_by_role("tabpanel").get_by_role("listitem")
    expect(stems).to_have_count(3)
    page.get_by_role("button", name="Load the stems").click()
    page.get_by_role("button", name="Play together").click()
    at = page.get_by_role("slider", name="Position in Drums")
    until(lambda: (at.get_attribute("aria-valuetext") or "").startswith("0:01"))
    mix = page.get_by_role("button", name="Mute The mix")
    # What was taken out of the mix would sound twice.
    expect(mix).to_have_attribute("aria-pressed", "true")
    alone = page.get_by_role("button", name="Only Bass")
    alone.click()
    expect(alone).to_have_attribute("aria-pressed", "true")
    page.get_by_role("slider", name="Gain of Bass").press("ArrowRight")
    expect(page.get_by_role("slider", name="Gain of Bass")).to_have_attribute("aria-valuetext", "0.5 dB")
    shot(page, "mixer")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download Bass").click()
    assert coming.value.suggested_filename.endswith(".wav")


def test_a_band_is_added(page: Page, studio: Studio) -> None:
    song = studio.sing("Alone", model=BASE)
    page.goto(f"/songs/{song['id']}")
    tool(page, "Add a band")
    for track in ("Strings", "Brass"):
        page.get_by_role("button", name=track, exact=True).click()
    shot(page, "complete")
    page.get_by_role("button", name="Add the band").click()
    assert made(studio, song, "complete")["request"]["task"]["tracks"] == ["strings", "brass"]


def test_a_cover_is_as_near_as_asked(page: Page, studio: Studio) -> None:
    song = studio.sing("Clothes")
    page.goto(f"/songs/{song['id']}")
    tool(page, "Restyle")
    strength = page.get_by_role("slider", name="Source strength")
    strength.press("Home")
    for _ in range(6):
        strength.press("ArrowRight")
    expect(strength).to_have_attribute("aria-valuetext", "30 %")
    page.get_by_role("textbox", name="Style").fill("a fast polka")
    shot(page, "cover")
    page.get_by_role("button", name="Restyle", exact=True).click()
    request = made(studio, song, "cover")["request"]
    assert (request["task"]["strength"], request["caption"]) == (pytest.approx(0.3), "a fast polka")


def test_a_song_grows_at_both_ends(page: Page, studio: Studio) -> None:
    song = studio.sing("Longer")
    page.goto(f"/songs/{song['id']}")
    tool(page, "Extend")
    page.get_by_role("textbox", name="Before").fill("2")
    page.get_by_role("textbox", name="After").fill("3")
    page.get_by_role("textbox", name="After").press("Tab")
    page.get_by_role("button", name="Extend", exact=True).click()
    longer = made(studio, song, "extend")
    assert longer["duration_s"] == pytest.approx(11, abs=0.1)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Take 2")).to_be_visible()
    expect(page.get_by_role("region", name="Waveform")).to_contain_text("0:11")
    shot(page, "extended")


def test_words_are_edited_and_the_tune_stays(page: Page, studio: Studio) -> None:
    song = studio.sing("Words", lyrics="[verse]\nla la la\nlo lo lo")
    page.goto(f"/songs/{song['id']}")
    tool(page, "Edit words")
    page.get_by_role("textbox", name="Lyrics").fill("[verse]\nla la la\nnever again")
    shot(page, "edit")
    page.get_by_role("button", name="Edit", exact=True).click()
    request = made(studio, song, "edit")["request"]
    assert request["task"]["source_lyrics"] == "[verse]\nla la la\nlo lo lo"
    assert request["lyrics"] == "[verse]\nla la la\nnever again"
    # The same from a selected line: other words for that stretch alone.
    tool(page, "Sing again")
    page.get_by_role("button", name="Select a stretch here").click()
    page.get_by_role("button", name=re.compile("^Words and style")).click()
    page.get_by_role("textbox", name="Lyrics").fill("[verse]\nhey hey\nlo lo lo")
    page.get_by_role("button", name="Sing again", exact=True).click()
    assert made(studio, song, "repaint")["request"]["lyrics"] == "[verse]\nhey hey\nlo lo lo"


def test_a_retake_is_as_near_as_asked(page: Page, studio: Studio) -> None:
    song = studio.sing("Once more")
    page.goto(f"/songs/{song['id']}")
    tool(page, "Retake")
    page.get_by_role("slider", name="Nearness").press("Home")
    page.get_by_role("button", name="Retake", exact=True).click()
    take = made(studio, song, "retake")
    assert take["request"]["task"]["variance"] == pytest.approx(1)
    expect(page.get_by_role("region", name="Versions").get_by_role("button")).to_have_count(2)


# --- Trim, fades and gain ---------------------------------------------------------------------------------------------


def test_trim_fade_and_gain_are_heard_in_the_player(page: Page, studio: Studio) -> None:
    song = studio.sing("Shaped")
    edit = {"start_s": 2.0, "end_s": 4.0, "fade_in_s": 0.0, "fade_out_s": 0.5, "gain_db": -6.0}
    studio.http.patch(f"/takes/{song['chosen_take_id']}", json={"edit": edit}).raise_for_status()
    page.add_init_script(LISTENING)
    page.goto(f"/songs/{song['id']}")
    page.get_by_role("button", name="Play", exact=True).first.click()
    until(lambda: page.evaluate("sounding.length"))
    until(lambda: page.evaluate("sounding[0].currentTime") > 2)
    assert position(page).endswith("/ 0:02")
    gains = [page.evaluate("[sounding[0].currentTime, gains[0].gain.value]") for _ in range(3)]
    assert all(gain == pytest.approx(0.5, abs=0.01) for at, gain in gains if at < 3.3)
    # It ends where it is cut, and begins there again.
    expect(player(page).get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert 3.9 < page.evaluate("sounding[0].currentTime") < 4.3
    shot(page, "trimmed")
    player(page).get_by_role("button", name="Play", exact=True).click()
    until(lambda: 2 <= page.evaluate("sounding[0].currentTime") < 3.5)


def test_a_page_rests_while_a_song_plays(page: Page, studio: Studio) -> None:
    """Nothing of the library is drawn anew while the player moves: a click would have to wait for it."""
    studio.sing("Resting")
    page.goto("/library")
    page.get_by_role("button", name="Play Resting").click(force=True)
    goes_on(page)
    changes = page.evaluate(
        """async () => {
            let seen = 0
            const watch = new MutationObserver((all) => { seen += all.length })
            const all = { subtree: true, childList: true, attributes: true, characterData: true }
            watch.observe(document.querySelector('main'), all)
            await new Promise((done) => setTimeout(done, 1200))
            return seen
        }"""
    )
    assert changes == 0


# --- What goes wrong ------------------------------------------------------------------------------------------------


def test_a_failed_job_says_why_and_is_tried_again(page: Page, studio: Studio, home: Path) -> None:
    from melisma.toys import write_toy

    weights = write_toy(home / "models" / "spare") / "acestep-v15-turbo" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(b"not weights")
    # It fails at once: the page must be listening before, and have its first lists.
    with page.expect_response(re.compile("/api/events")):
        page.goto("/")
    expect(page.get_by_role("grid", name="Library")).to_be_visible()
    page.wait_for_timeout(500)
    request = {
        "caption": "a slow waltz",
        "duration_s": 6.0,
        "model": "spare/acestep-v15-turbo",
        "sampling": {"steps": 2},
    }
    job = studio.http.post("/jobs", json={"request": request, "title": "Broken"}).raise_for_status().json()
    card = page.get_by_role("region", name="Making").get_by_role("article", name="Broken")
    expect(card.get_by_text("Failed")).to_be_visible(timeout=90_000)
    expect(card).to_contain_text("model.safetensors")
    shot(page, "failed")
    weights.write_bytes(whole)
    with page.expect_response(re.compile(f"/jobs/{job['id']}/retry")):
        card.get_by_role("button", name="Try again").click()
    studio.wait(job["id"])
    expect(card.get_by_role("button", name="Try again")).to_have_count(0)
    expect(card.get_by_role("button", name=re.compile("^Play"))).to_be_visible()


def test_a_cancelled_job_leaves_every_list(page: Page, studio: Studio) -> None:
    page.goto("/")
    # long enough not to be done before somebody has found the button
    request = {"caption": "a slow waltz", "duration_s": 60.0, "model": TOY, "sampling": {"steps": 200}, "takes": 8}
    first = studio.http.post("/jobs", json={"request": request, "title": "Running"}).raise_for_status().json()
    studio.http.post("/jobs", json={"request": request, "title": "Waiting"}).raise_for_status()
    ours = re.compile("^(Running|Waiting)")
    making = page.get_by_role("region", name="Making").get_by_role("article", name=ours)
    expect(making).to_have_count(2)
    page.get_by_role("button", name=re.compile("^Queue")).first.click()
    queue = page.get_by_role("dialog", name="Queue").get_by_role("region", name="In progress")
    expect(queue.get_by_role("article")).to_have_count(2)
    shot(page, "queue")
    queue.get_by_role("button", name="Cancel Waiting").click()
    expect(queue.get_by_role("article")).to_have_count(1)
    queue.get_by_role("button", name="Cancel Running").click()
    until(lambda: studio.http.get(f"/jobs/{first['id']}").json()["state"] == "cancelled")
    expect(queue).to_have_count(0)
    page.keyboard.press("Escape")
    expect(making).to_have_count(0)


# --- Models -----------------------------------------------------------------------------------------------------------


def test_a_model_is_fetched_used_and_removed(page: Page, studio: Studio, hub: Hub) -> None:
    hub.going.clear()
    page.goto("/settings/models")
    row = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="turbo", exact=True))
    row.get_by_role("button", name="Download").click()
    expect(row.get_by_role("progressbar", name="Download of turbo")).to_be_visible()
    shot(page, "pulling")
    hub.going.set()
    expect(row.get_by_role("button", name="Remove")).to_be_visible(timeout=90_000)
    shot(page, "pulled")
    assert studio.sing("From the hub", model="turbo")["takes"] == 1
    for name in ("turbo", "vae", "text-encoder"):
        row = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))
        row.get_by_role("button", name="Remove").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
        expect(row.get_by_role("button", name="Download")).to_be_visible()
    here = {model["name"]: model["here"] for model in studio.http.get("/models").json()}
    assert [here[name] for name in ("turbo", "vae", "text-encoder")] == [False, False, False]
