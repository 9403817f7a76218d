"""200 short takes of every kind: none may be silent, clipped, broken or of another length than promised.

Each take adds a line to `soundness.jsonl`, so the run can be stopped at any time. Takes are judged as they leave the
engine, mastered or untouched as their task wants it.
"""

import json
from collections import Counter
from random import Random
from typing import Any

import numpy as np

from benchmarks.quality.stage import HeldOut, Stage
from benchmarks.quality.table import Figure, Findings, number, table
from melisma.audio import Waveform, read, true_peak
from melisma.errors import MelismaError
from melisma.score import STYLES
from melisma.score.grammar import MAJOR_KEYS, MINOR_KEYS
from melisma.song import (
    AudioRef,
    Complete,
    Compose,
    Cover,
    Edit,
    Extend,
    Extract,
    Lego,
    Repaint,
    Retake,
    SongRequest,
)

RUNS = 200
SILENT_DBFS, QUIET_DBFS = -60.0, -40.0
LENGTH_S = 0.05
WORDS = (
    "[verse]\nWe walk along the river side\nThe moon is low, the water wide",
    "[chorus]\nSing it loud, sing it clear\nEverybody wants to hear",
    "[verse]\nNothing here to say\n[chorus]\nGo on, go on, go on today",
)
KINDS = ("compose",) * 9 + ("sung",) * 4 + (
    "repaint", "extend", "cover", "extract", "lego", "complete", "edit",
)  # fmt: skip


def request_of(run: int, sources: list[HeldOut]) -> tuple[str, SongRequest, float]:
    """What run number `run` asks for, its kind, and how long the take must be. All styles and keys come round."""
    rng = Random(f"soundness/{run}")
    styles = sorted(STYLES)
    style = styles[run % len(styles)]
    keys = [f"{note} {mode}" for notes, mode in ((MAJOR_KEYS, "major"), (MINOR_KEYS, "minor")) for note in notes]
    kind = KINDS[run % len(KINDS)]
    seconds = round(rng.uniform(6.0, 10.0), 1)
    facts: dict[str, Any] = {
        "caption": rng.choice(STYLES[style].words) + rng.choice(("", ", quiet", ", loud and fast", ", dreamy")),
        "key": keys[run % 24] if rng.random() < 0.8 else None,
        "bpm": rng.randrange(60, 181) if rng.random() < 0.8 else None,
        "meter": rng.choice((None, 2, 3, 4, 4, 6)),
        "seeds": (rng.randrange(2**32),),
    }
    if kind in ("compose", "sung"):
        words = rng.choice(WORDS) if kind == "sung" else None
        task: Any = Retake(again=Compose(), seed=run, variance=0.3) if run % 50 == 0 else Compose()
        asked = SongRequest(task=task, lyrics=words, language="en" if words else None, duration_s=seconds, **facts)
        return kind, asked, seconds
    source = sources[run // len(KINDS) % len(sources)]
    there = source.mix.duration_s
    file, track = source.ref(), rng.choice(source.tracks)
    lasts = there
    if kind == "repaint":
        start = round(rng.uniform(-1, there / 2), 1)
        end = rng.choice((None, start + 3.0, there + 1.5))
        task = Repaint(source=file, start_s=start, end_s=end, strength=rng.random())
        lasts = max(there, end or there) - min(0.0, start)
    elif kind == "extend":
        before, after = rng.choice(((0.0, 4.0), (2.0, 0.0), (1.5, 2.5)))
        task, lasts = Extend(source=file, before_s=before, after_s=after), there + before + after
    elif kind == "cover":
        task = Cover(
            source=file, strength=rng.random(), semantic=rng.random() < 0.5, noise_strength=rng.choice((0.0, 0.4))
        )
    elif kind == "extract":
        task = Extract(source=file, track=track)
    elif kind == "lego":
        task = Lego(source=AudioRef(path=source.rest(track)), track=track)
    elif kind == "complete":
        task = Complete(source=AudioRef(path=source.folder / "stems" / f"{track}.flac"))
    else:
        task = Edit(source=file, source_caption=source.caption)
    return kind, SongRequest(task=task, **facts), lasts


def judged(song: Waveform, lasts: float) -> dict[str, Any]:
    """Everything that could be wrong with a take."""
    samples = song.samples
    finite = bool(np.isfinite(samples).all())
    clean = np.nan_to_num(samples)
    level = float(10 * np.log10(np.mean(np.square(clean)) + 1e-20))
    peak = true_peak(Waveform(clean, song.rate_hz)) if finite else float("inf")
    top = np.abs(clean) >= 0.999
    flat = float((top[:, 2:] & top[:, 1:-1] & top[:, :-2]).mean())
    tenths = clean[:, : clean.shape[1] // 4800 * 4800].reshape(2, -1, 4800)
    quiet = float((10 * np.log10(np.square(tenths).mean(axis=(0, 2)) + 1e-20) < SILENT_DBFS).mean())
    return {
        "finite": finite,
        "level_dbfs": round(level, 1),
        "true_peak_dbtp": round(peak, 2),
        "flat": flat,
        "quiet_share": round(quiet, 3),
        "length_off_s": round(song.duration_s - lasts, 4),
    }


def peak_kept(request: SongRequest) -> float:
    """True peak in dBTP of what an edit leaves as it was: its own, which may lie above full scale; none is −∞."""
    kept = isinstance(request.task, (Repaint, Extend)) and request.task.source.path
    return round(true_peak(read(kept)), 2) if kept else float("-inf")


def faults_of(run: dict[str, Any]) -> list[str]:
    """What is wrong with a judged run, in words."""
    if run.get("error"):
        return ["failed"]
    faults = {
        "not finite": not run["finite"],
        "silent": run["level_dbfs"] < SILENT_DBFS,
        "clipped": run["flat"] > 1e-5 or run["true_peak_dbtp"] > max(0.0, run["source_dbtp"]),
        "wrong length": abs(run["length_off_s"]) > LENGTH_S,
    }
    return [name for name, wrong in faults.items() if wrong]


def soundness_figures(stage: Stage) -> Findings:
    """Make and judge what is not judged yet, then count."""
    path = stage.folder / "soundness.jsonl"
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    sources = [*stage.plans[:6], *stage.sung[:4]]
    with path.open("a") as log:
        for run in range(len(done), RUNS):
            kind, request, lasts = request_of(run, sources)
            told: dict[str, Any] = {"run": run, "kind": kind, "caption": request.caption}
            told["source_dbtp"] = peak_kept(request)
            try:
                told |= judged(stage.play(request), lasts)
            except MelismaError as error:  # a refusal is a result here, not the end of the count
                told["error"] = str(error)
            log.write(json.dumps(told) + "\n")
            log.flush()
            done.append(told)
    return counted(done)


def counted(runs: list[dict[str, Any]]) -> Findings:
    """How many runs have which fault, and the worst of each kind."""
    faults = Counter(fault for run in runs for fault in faults_of(run))
    sound = [run for run in runs if not run.get("error")]
    found = [
        Figure(
            f"runs that are {fault}" if fault != "failed" else "runs refused or failed", faults[fault], len(runs), "≤ 0"
        )
        for fault in ("not finite", "silent", "clipped", "wrong length", "failed")
    ]
    kinds = sorted({run["kind"] for run in runs})
    rows = []
    for kind in kinds:
        ones = [run for run in sound if run["kind"] == kind]
        quietest = min(ones, key=lambda run: run["level_dbfs"])
        rows.append(
            [
                kind,
                str(sum(run["kind"] == kind for run in runs)),
                str(sum(bool(faults_of(run)) for run in runs if run["kind"] == kind)),
                number(quietest["level_dbfs"]),
                number(max(run["true_peak_dbtp"] for run in ones)),
                number(max(run["quiet_share"] for run in ones)),
                number(max(abs(run["length_off_s"]) for run in ones)),
            ]
        )
    header = ("200 runs", "runs", "faulty", "quietest, dBFS", "highest peak, dBTP", "most silence", "length off by, s")
    faulty = [
        f"- {run['kind']}, “{run['caption']}”: {', '.join(faults_of(run))} {run.get('error', '')}"
        for run in runs
        if faults_of(run)
    ]
    return Findings(found, [table(header, rows), "\n".join(faulty[:20])])
