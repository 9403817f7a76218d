"""The house: imports point one way, and help and engine start quickly."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import melisma

PACKAGE = Path(melisma.__file__).parent
# Top first: a part may import what stands below it, never above (docs/concepts/architecture.md).
FLOORS = [
    "cli",
    "studio",
    "scale",
    "training",
    "toys",
    "engine",
    "ranking",
    "planning",
    "generators",
    "tasks",
    "models",
    "sampling",
    "score",
    "audio",
    "song",
    "notation",
    "listen",
    "errors",
]
STRANGERS = [("models.v15", "models.v1")]


def imports(path: Path) -> set[str]:
    """Modules of this package that a file imports, without the package's name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix("melisma.") for name in names if name.startswith("melisma.") and "__" not in name}


def place(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


FILES = {place(path): path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"}


def test_every_part_has_a_floor() -> None:
    assert {name.split(".")[0] for name in FILES} - {"__main__"} <= set(FLOORS)


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name: str) -> None:
    here = FLOORS.index(name.split(".")[0])
    upward = {target for target in imports(FILES[name]) if FLOORS.index(target.split(".")[0]) < here}
    assert not upward, f"melisma.{name} imports {sorted(upward)}, which stand above it"


@pytest.mark.parametrize(("one", "other"), STRANGERS)
def test_families_stay_strangers(one: str, other: str) -> None:
    for mine, theirs in ((one, other), (other, one)):
        files = [path for name, path in FILES.items() if f"{name}.".startswith(f"{mine}.")]
        assert not [path for path in files if any(f"{t}.".startswith(f"{theirs}.") for t in imports(path))]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from melisma.cli import melisma\n"
        "melisma.main(['--help'], standalone_mode=False)\n"
        "print(sorted({'torch', 'numpy', 'pydantic', 'transformers', 'diffusers'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "compose" in done.stdout
    assert done.stderr.strip() == "[]"


def test_the_engine_imports_no_library_before_it_is_needed() -> None:
    """transformers alone costs more than torch: a request that cannot be played is told so without it."""
    late = {
        "transformers",
        "diffusers",
        "scipy",
        "pyloudnorm",
        "huggingface_hub",
        "onnxruntime",
        "sqlalchemy",
        "rich",
        "pywt",
    }
    script = f"import sys, melisma.engine; print(sorted({late!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
