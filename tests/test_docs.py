"""The documentation says what the code does: generated pages are up to date, and nothing asked for goes undescribed."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def generator() -> ModuleType:
    """docs/generate.py, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generator()


@pytest.mark.parametrize("page", GENERATE.PAGES)
def test_generated_pages_are_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / "reference" / page).read_text()
    assert written == GENERATE.PAGES[page](), f"docs/reference/{page} is out of date: run python docs/generate.py"


def test_every_field_is_described() -> None:
    rows = [row for row in GENERATE.request_page().splitlines() if row.startswith("| `")]
    bare = {row.split("`")[1] for row in rows if row.endswith("|  |")}
    # these hold a type that describes itself, or say all by their name
    assert bare <= {"planning", "sampling", "finish", "request", "blueprint", "takes", "tags", "artwork"}


def test_every_setting_is_described() -> None:
    rows = [row for row in GENERATE.settings_page().splitlines() if row.startswith("| `")]
    assert len(rows) == len(GENERATE.Settings.model_fields)
    assert [row for row in rows if row.endswith("|  |") or "| – | `MELISMA" in row] == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "integer", "exclusiveMaximum": 2**63, "minimum": 0}, "whole number, at least 0, below 2⁶³"),
        ({"anyOf": [{"type": "number", "maximum": -5, "minimum": -40}, {"type": "null"}]}, "number, −40 to −5"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 3}, "list, at most 3 of them: text"),
        ({"enum": ["a", "b"], "type": "string"}, "one of `a`, `b`"),
        ({"$ref": "#/$defs/AudioRef"}, "[AudioRef](#audioref)"),
    ],
)
def test_schemas_are_put_in_words(field: dict, words: str) -> None:
    assert GENERATE.kind_of(field) == words
