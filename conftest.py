"""Examples in the documentation are tests: each page is one, and runs from top to bottom in a new folder.

A page is a single test because its examples build upon each other, and tests that run in parallel may not.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

PAGES = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["docs/**/*.md", "README.md"])


class Page(pytest.File):
    """A Markdown file with Python in it."""

    def collect(self) -> Iterator[pytest.Item]:
        if "```python" in self.path.read_text():
            yield Examples.from_parent(self, name="examples")


class Examples(pytest.Item):
    """All Python of a page, in the order it is read."""

    def runtest(self) -> None:
        with TemporaryDirectory() as folder, contextlib.chdir(folder):
            for example in PAGES.parse(self.path).examples():
                example.evaluate()

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"examples of {self.path.name}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    """pytest asks for every file."""
    return Page.from_parent(parent, path=file_path) if PAGES.should_parse(file_path) else None
