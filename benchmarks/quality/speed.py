"""From the command to the file: how many times as fast as the music plays, and in how much memory.

Each song is made by a process of its own with the machine's own number of threads, so imports and loading count. The
second figure leaves them out: it is the engine's own time within that process.
"""

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.stage import Stage
from benchmarks.quality.table import Figure, Findings, number, table

WORDS = "[verse]\nThe morning light is on my face\nI leave the city and this place\n[chorus]\nSo come along and sing with me\nWe will be young, we will be free"
CASES = (
    ("30 s, instrumental", 30.0, None, "≥ 4"),
    ("30 s, with words", 30.0, WORDS, "≥ 2"),
    ("60 s, instrumental", 60.0, None, "≥ 4"),
)
MOST_GB = 2.0
UNUSUAL = ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")
"""Settings of the environment that somebody who makes a song has not."""
SCRIPT = """
import json, resource, sys, time
from melisma.cli import main
started = time.perf_counter()
try:
    main()
except SystemExit as left:
    assert not left.code, left.code
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": time.perf_counter() - started, "gb": kilobytes / 1e6}), file=sys.stderr)
"""


@dataclass(frozen=True)
class Run:
    """One song from the command line."""

    wall_s: float
    engine_s: float
    gb: float


def sung_by_a_process(stage: Stage, seconds: float, words: str | None) -> Run:
    """Compose with the command line in a fresh process."""
    out = (stage.folder / "speed.flac").absolute()
    caption = "upbeat folk with acoustic guitar and flute, 120 bpm"
    command = ["compose", caption, "--duration", f"{seconds:g}", "--seed", "7", "-o", str(out), "--json"]
    if words:
        lyrics = out.with_suffix(".txt")
        lyrics.write_text(words)
        command += ["--lyrics", str(lyrics)]
    else:
        command.append("--instrumental")
    if stage.model:
        command += ["--model", stage.model]
    free = {name: value for name, value in os.environ.items() if name not in UNUSUAL}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *command], env=free, capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    wall = time.perf_counter() - start
    told = json.loads(done.stderr.splitlines()[-1])
    report = json.loads(done.stdout)
    engine = sum(report["timings"].values()) + sum(sum(take["timings"].values()) for take in report["takes"])
    out.unlink(missing_ok=True)
    return Run(wall, engine, told["gb"])


def speed_figures(stage: Stage) -> Findings:
    """Median of three runs of each case."""
    found, rows = [], []
    for name, seconds, words, aim in CASES:
        runs = sorted((sung_by_a_process(stage, seconds, words) for _ in range(3)), key=lambda run: run.wall_s)
        middle = runs[1]
        found += [
            Figure(f"times real time, from command to file, {name}", seconds / middle.wall_s, 3, aim),
            Figure(f"peak memory in GB, {name}", max(run.gb for run in runs), 3, f"≤ {MOST_GB:g}"),
        ]
        rows.append([name, number(middle.wall_s), number(middle.engine_s), number(seconds / middle.engine_s)])
    load = os.getloadavg()[0]
    remark = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the end."
    return Findings(
        found, [table(("", "seconds in all", "seconds in the engine", "times real time in the engine"), rows), remark]
    )
