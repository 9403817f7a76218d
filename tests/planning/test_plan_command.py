"""`melisma plan`: the blueprint that is printed can be read back and sung."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from melisma.cli.plan import plan
from melisma.errors import BadRequest, MissingModel
from melisma.song import Blueprint

pytest.importorskip("melisma.models.places")
ARGUMENTS = ["a waltz", "--instrumental", "--duration", "3", "--bpm", "90", "--seed", "1", "--device", "cpu"]


def run(*arguments: str) -> str:
    return CliRunner().invoke(plan, arguments, catch_exceptions=False).output


def test_yaml_and_json_say_the_same(toy_folder: Path, tmp_path: Path) -> None:
    as_yaml = Blueprint(**yaml.safe_load(run(*ARGUMENTS, "--planner", str(toy_folder))))
    as_json = Blueprint(**json.loads(run(*ARGUMENTS, "--planner", str(toy_folder), "--json")))
    assert as_yaml == as_json
    assert as_yaml.bpm == 90
    assert len(as_yaml.codes or ()) == 15
    written = tmp_path / "song.yaml"
    run(*ARGUMENTS, "--planner", str(toy_folder), "-o", str(written))
    assert Blueprint(**yaml.safe_load(written.read_text())) == as_yaml
    assert list(tmp_path.iterdir()) == [written]


def test_options_reach_the_planner(toy_folder: Path) -> None:
    blueprint = yaml.safe_load(run(*ARGUMENTS, "--planner", str(toy_folder), "--no-codes", "--keep-caption"))
    assert "codes" not in blueprint
    assert blueprint["caption"] == "a waltz"
    with pytest.raises(BadRequest, match="temperature"):
        run(*ARGUMENTS, "--planner", str(toy_folder), "--temperature", "9")


def test_planners_that_are_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path))
    with pytest.raises(MissingModel, match="models pull planner-4b"):
        run("x", "--planner", "planner-4b")
    with pytest.raises(MissingModel, match="vae is no planner"):
        run("x", "--planner", "vae")
