"""Photographs every screen of a running studio for the documentation: `python docs/pictures.py http://127.0.0.1:7788`.

Needs Chromium and Playwright. The studio should hold a few songs; the one to be shown large is named with `--song`.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "images" / "studio"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


def keep(page: Page, name: str) -> None:
    """A small WebP of what is on screen."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(FOLDER / f"{name}.webp", quality=72, method=6)


def photograph(page: Page, size: str, song: str, theme: str) -> None:
    """All screens at one size."""
    suffix = size if theme == "light" else f"{size}-{theme}"
    page.goto("/")
    page.wait_for_timeout(2500)
    keep(page, f"create-{suffix}")
    page.goto(f"/songs/{song}")
    page.wait_for_timeout(2500)
    lines = page.get_by_role("list", name="Lyrics").get_by_role("button")
    if lines.count():
        lines.nth(min(1, lines.count() - 1)).click()
    page.get_by_role("button", name="Play", exact=True).first.click()
    page.wait_for_timeout(1500)
    keep(page, f"song-{suffix}")
    # Going by link keeps the player.
    page.keyboard.press("y")
    page.wait_for_url("**/player")
    page.wait_for_timeout(1500)
    keep(page, f"player-{suffix}")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Library").click()
    page.wait_for_timeout(1500)
    keep(page, f"library-{suffix}")
    page.goto(f"/songs/{song}/compare")
    page.wait_for_timeout(1500)
    keep(page, f"compare-{suffix}")
    page.goto("/settings/models")
    page.wait_for_timeout(1200)
    keep(page, f"models-{suffix}")
    page.goto("/settings/machine")
    page.wait_for_timeout(1200)
    keep(page, f"machine-{suffix}")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--song", required=True, help="Id of the song to show large.")
    asked = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        for theme in ("light", "dark"):
            for size, (width, height) in SIZES.items():
                if theme == "dark" and size == "phone":
                    continue
                context = browser.new_context(
                    base_url=asked.url,
                    viewport={"width": width, "height": height},
                    has_touch=size == "phone",
                    is_mobile=size == "phone",
                    locale="en-GB",
                )
                context.add_init_script(f"localStorage.setItem('melisma.theme', '{theme}')")
                photograph(context.new_page(), size, asked.song, theme)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
