"""Levels of harmonics are measured as they are."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from melisma.score.timbres import DB_PER_STEP, HARMONICS, MOMENTS_S, REGISTERS
from starter.measure_timbres import PROGRAMS, harmonics, main
from starter.sampler import RATE_HZ


@pytest.mark.parametrize("pitch", REGISTERS)
def test_harmonics_of_a_known_tone(pitch: int) -> None:
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    hz = 440 * 2 ** ((pitch - 69) / 12)
    fading = np.exp(-seconds)
    tone = np.sin(2 * np.pi * hz * seconds) * 0.5 + fading * 0.1 * np.sin(2 * np.pi * 3 * hz * seconds)
    levels = harmonics(tone.astype(np.float32), pitch)
    assert levels.shape == (len(MOMENTS_S), HARMONICS)
    third = levels[:, 2] - levels[:, 0]
    expected = 20 * np.log10(0.2 * np.exp(-np.array(MOMENTS_S)))
    np.testing.assert_allclose(third, expected, atol=0.3)
    assert (levels[:, [1, 3, 4]] < levels[:, :1] - 40).all()


def test_the_table_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.npy", "other.npy"):
        made = CliRunner().invoke(main, ["--soundfont", "plain", "--out", str(tmp_path / name)])
        assert made.exit_code == 0, made.output
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "other.npy").read_bytes()
    table = np.load(tmp_path / "one.npy")
    assert table.dtype == np.uint8
    assert table.shape == (PROGRAMS, len(REGISTERS), len(MOMENTS_S), HARMONICS)
    assert (table.max(axis=(2, 3)) == 255).all()
    assert DB_PER_STEP * 255 > 70
    assert not list(tmp_path.glob("*.part"))
