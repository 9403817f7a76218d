"""`melisma understand`: from a sound file to a blueprint, with toys of every real class."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from melisma.audio import Waveform, write
from melisma.cli.understand import understand
from melisma.errors import MissingModel
from melisma.models.planner.toy import write_toy_planner
from melisma.song import Blueprint
from melisma.toys import write_toy


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("melisma.planning.drafting.LONGEST_FREE", 20)
    song = tmp_path / "song.wav"
    write(song, Waveform(np.random.default_rng(0).normal(0, 0.1, (2, 3 * 48_000)).astype(np.float32), 48_000))
    return song


def test_a_file_is_described(song: Path, tmp_path: Path) -> None:
    bundle = write_toy(tmp_path / "toy", planner=True)
    arguments = [str(song), "--model", str(bundle), "--json"]
    heard = Blueprint(**json.loads(CliRunner().invoke(understand, arguments, catch_exceptions=False).stdout))
    assert (heard.duration_s, len(heard.codes or ())) == (3.0, 15)
    assert heard.bpm
    assert heard.decided_by["codes"] == "source"
    assert max(heard.codes or ()) < 64


def test_a_planner_of_other_codes_is_refused(song: Path, tmp_path: Path) -> None:
    bundle = write_toy(tmp_path / "toy")
    planner = write_toy_planner(tmp_path / "planner", codes=16)
    arguments = [str(song), "--model", str(bundle), "--planner", str(planner)]
    with pytest.raises(MissingModel, match="planner writes 16 audio codes, .* knows 64: they do not belong together"):
        CliRunner().invoke(understand, arguments, catch_exceptions=False)
