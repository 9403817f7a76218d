"""The schema of the API: what clients are made from."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from melisma.studio.schema import schema

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "web" / "src" / "api" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return json.loads(schema())


def operations(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [item[method] for item in found["paths"].values() for method in METHODS if method in item]


def test_the_pages_copy_is_this_one(found: dict[str, Any]) -> None:
    assert json.loads(KEPT.read_text()) == found, (
        "out of date: python -m melisma.studio.schema > web/src/api/openapi.json, then npm run api in web/"
    )


def test_operations_are_called_as_their_functions_are(found: dict[str, Any]) -> None:
    names = Counter(operation["operationId"] for operation in operations(found))
    assert {name for name, count in names.items() if count > 1} == set()
    assert {"me", "list_songs", "log_in", "get_machine", "list_models"} <= set(names)
    assert all(name.isidentifier() for name in names)


def test_every_operation_says_what_it_does(found: dict[str, Any]) -> None:
    assert [operation["operationId"] for operation in operations(found) if not operation.get("description")] == []


def test_no_shape_takes_or_gives_a_path_of_this_machine(found: dict[str, Any]) -> None:
    given = {
        f"{shape}.{name}"
        for shape, parts in found["components"]["schemas"].items()
        for name, field in parts.get("properties", {}).items()
        if '"format": "path"' in json.dumps(field)
    }
    # of the central type; a path that comes over the network is refused
    assert given <= {"AudioRef.path", "AudioRef-Input.path", "AudioRef-Output.path"}


def test_the_command_prints_it(found: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "melisma.studio.schema"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == found
