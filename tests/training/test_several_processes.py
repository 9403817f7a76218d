"""Processes that train together take the same steps on batches of their own, and end together."""

import json
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from melisma.training.loop import train
from tests.training import several


def run_two(out: Path, bound: str) -> list[Tensor]:
    """The weight that each of two processes ends with."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*command, several.__file__, str(out), bound], check=True, timeout=120, capture_output=True)
    return [load_file(out / f"rank{rank}.safetensors")["weight"] for rank in (0, 1)]


def both(step: int) -> dict[str, Tensor]:
    """What two processes learn from in one step."""
    one, other = several.batches(2 * step), several.batches(2 * step + 1)
    return {name: torch.cat([one[name], other[name]]) for name in one}


def test_two_processes_learn_as_one_would_from_both_batches(tmp_path: Path) -> None:
    first, second = run_two(tmp_path / "two", "steps=6")
    alone = several.Line()
    train(alone, several.objective, both, several.options(steps=6), tmp_path / "one")
    assert torch.equal(first, second)
    torch.testing.assert_close(first, alone.weight.detach(), atol=1e-5, rtol=1e-5)
    lines = [json.loads(line) for line in (tmp_path / "two" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6]  # one of them writes


def test_a_run_bounded_by_time_ends_after_the_same_step(tmp_path: Path) -> None:
    first, second = run_two(tmp_path, "minutes=0.03")
    assert torch.equal(first, second)
