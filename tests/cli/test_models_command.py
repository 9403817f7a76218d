"""`melisma models` and `melisma doctor`, as a person or a script meets them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from melisma.cli import melisma
from melisma.errors import BadCheckpoint, MissingModel
from melisma.models import hub
from melisma.models.catalogue import ALL, named
from melisma.models.devices import choose_dtype
from melisma.models.places import place_of
from melisma.toys import write_toy


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MELISMA_OFFLINE", "1")
    return tmp_path / "home"


@pytest.fixture
def turbo(home: Path, tmp_path: Path) -> Path:
    place = place_of(named("turbo"))
    place.parent.mkdir(parents=True)
    shutil.copytree(write_toy(tmp_path / "toy") / "acestep-v15-turbo", place)
    return place


def run(*words: str, **options: Any) -> Result:
    return CliRunner().invoke(melisma, list(words), **options)


def test_list_shows_all_and_marks_what_is_here(turbo: Path) -> None:
    said = run("models", "list").stdout
    assert all(entry.name in said for entry in ALL)
    assert len([line for line in said.splitlines() if line.startswith("●") and "turbo" in line]) == 1
    rows = json.loads(run("models", "list", "--json").stdout)
    assert {row["name"]: row["here"] for row in rows}["turbo"] is True
    assert sum(row["here"] for row in rows) == 1
    assert [row["name"] for row in json.loads(run("models", "list", "--here", "--json").stdout)] == ["turbo"]
    planners = json.loads(run("models", "list", "--family", "planner", "--json").stdout)
    assert {row["family"] for row in planners} == {"planner"}


def test_show_tells_where_and_what(turbo: Path) -> None:
    facts = json.loads(run("models", "show", "acestep-v15-turbo", "--json").stdout)
    assert facts["path"] == str(turbo)
    assert facts["sampling"] == {"steps": 8, "shift": 3.0, "guidance": 1.0}
    assert "compose" in facts["tasks"]
    assert "licence: MIT" in run("models", "show", "base").stdout


def test_path_is_for_scripts(turbo: Path, home: Path) -> None:
    assert run("models", "path", "turbo").stdout.strip() == str(turbo)
    assert run("models", "path").stdout.strip() == str(home / "models")
    assert isinstance(run("models", "path", "base").exception, MissingModel)


def test_pull_fetches_what_is_needed_and_offline_is_said(turbo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = run("models", "pull", "turbo")
    assert isinstance(failed.exception, MissingModel)
    assert "vae is not here and the network is not to be used" in str(failed.exception)
    asked: list[tuple[str, bool]] = []

    def pull(entry, source, listen, again) -> Path:
        asked.append((entry.name, again))
        return Path("/somewhere") / entry.name

    monkeypatch.setattr(hub, "pull", pull)
    done = run("models", "pull", "turbo", "--planner", "planner-0.6b", "--json")
    assert json.loads(done.stdout)["vae"] == "/somewhere/vae"
    assert asked == [("vae", False), ("text-encoder", False), ("turbo", False), ("planner-0.6b", False)]
    asked.clear()
    run("models", "pull", "xl-base", "--alone", "--again")
    assert asked == [("xl-base", True)]


def test_verify_finds_what_is_broken(turbo: Path) -> None:
    assert run("models", "verify").stdout == "turbo: sound\n"
    weights = turbo / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    done = run("models", "verify", "turbo", "--json")
    assert "header says" in json.loads(done.stdout)["turbo"][0]
    assert isinstance(done.exception, BadCheckpoint)
    assert "--again" in str(done.exception)


def test_remove_asks_first(turbo: Path) -> None:
    run("models", "remove", "turbo", input="n\n")
    assert turbo.exists()
    assert "freed" in run("models", "remove", "turbo", "--yes").stdout
    assert not turbo.exists()
    assert isinstance(run("models", "remove", "turbo", "--yes").exception, MissingModel)


def test_doctor_examines_and_advises(turbo: Path, home: Path) -> None:
    facts = json.loads(run("doctor", "--device", "cpu", "--no-play", "--json").stdout)
    assert f"torch.{facts['device']['precision']}" == str(choose_dtype(torch.device("cpu")))
    assert facts["device"]["memory"] > facts["device"]["free"] > 0
    assert facts["data_folder"] == str(home)
    assert facts["offline"] is True
    assert "torch" in facts["packages"]
    assert "libavcodec" in facts["libraries"]["ffmpeg"]
    rows = {row["name"]: row for row in facts["models"]}
    assert rows["turbo"]["here"]
    assert rows["turbo"]["whole"] < rows["base"]["whole"] < rows["xl-base"]["whole"]
    assert set(rows) == {entry.name for entry in ALL if entry.generates or entry.family == "planner"}


def test_doctor_speaks_to_people(home: Path) -> None:
    said = run("doctor", "--device", "cpu", "--no-play", "--duration", "60").stdout
    assert "What fits (60 s of music)" in said
    assert "melisma models pull turbo" in said


def test_doctor_plays() -> None:
    played = json.loads(run("doctor", "--device", "cpu", "--json").stdout)["played"]
    assert played["sound"] is True, played
    assert played["duration_s"] == pytest.approx(1.0)


def test_importing_the_commands_loads_nothing_heavy() -> None:
    script = (
        "import sys, melisma.cli.models, melisma.cli.doctor\n"
        "print(sorted({'torch', 'numpy', 'transformers', 'huggingface_hub', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
