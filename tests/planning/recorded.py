"""Cases recorded from the official implementation."""

import json
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "data" / "planner"


def golden(name: str) -> dict[str, Any]:
    """Recorded cases of the official implementation."""
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
