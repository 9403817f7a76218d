"""One studio, one browser and a page in it for all tests of the page.

Playwright is imported where it is used: without it the tests are skipped and say so.
"""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from staged import Hub, Studio


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of melisma with toy models."""
    from melisma.toys import write_toy

    home = tmp_path_factory.mktemp("home")
    write_toy(home / "models" / "toy")
    write_toy(home / "models" / "toy", kind="base")
    return home


@pytest.fixture(scope="package")
def hub(home: Path) -> "Iterator[Hub]":
    """A hub that holds the same models."""
    from staged import Hub

    with Hub(home / "models" / "toy") as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()


@pytest.fixture(scope="package")
def studio(home: Path, hub: "Hub", tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Studio]":
    from staged import start, stop

    studio = start(home, tmp_path_factory.mktemp("studio"), hub=hub.endpoint)
    yield studio
    stop(studio)


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright
    from staged import CHROMIUM

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(params=["desktop"])
def page(request: pytest.FixtureRequest, browser: "Browser", studio: "Studio") -> "Iterator[Page]":
    from staged import SIZES, opened

    context, page, wrong = opened(browser, studio.url, SIZES[request.param])
    yield page
    context.close()
    sys.stdout.write("".join(studio.said[-60:]))  # seen where a test fails
    assert wrong == []
