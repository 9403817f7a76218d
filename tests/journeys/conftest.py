"""Toy checkpoints that every journey plays: real classes, official layout, a few thousand weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from melisma.audio import Waveform, write
from melisma.engine import Band
from melisma.models.store import Store
from melisma.song import SongRequest
from melisma.toys import write_toy


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundle folders by kind."""
    folder = tmp_path_factory.mktemp("toys")
    return {kind: write_toy(folder / kind, kind=kind) for kind in ("turbo", "base", "xl-turbo")}


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a planner that speaks of the same codes."""
    return write_toy(tmp_path_factory.mktemp("planned"), planner=True)


@pytest.fixture(scope="session")
def turbo(toys: dict[str, Path]) -> Band:
    return Band.of(SongRequest(model=str(toys["turbo"])), Store("cpu", dtype=torch.float32))


@pytest.fixture(scope="session")
def base(toys: dict[str, Path]) -> Band:
    return Band.of(SongRequest(model=str(toys["base"])), Store("cpu", dtype=torch.float32))


@pytest.fixture(scope="session")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of two detuned tones at 44.1 kHz."""
    t = np.arange(4 * 44100) / 44100
    samples = np.stack([np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 331 * t)]).astype(np.float32) * 0.3
    path = tmp_path_factory.mktemp("audio") / "tune.flac"
    write(path, Waveform(samples, 44100))
    return path


@pytest.fixture
def quiet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder and no network."""
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MELISMA_OFFLINE", "1")
    return tmp_path / "home"
