"""Measure a model: `python -m benchmarks.quality --songs SONGS --out DIR [PART …]`.

SONGS are the songs that training used (see starter/README.md); probes learn from them. Held-out songs are rendered once
into DIR, and what a part has found is kept there under the model's fingerprint: a run that was stopped goes on, and new
weights are measured anew. `report` prints everything found so far as Markdown.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.quality import choosing, codec, editing, following, pictures, report, singing, soundness, speed, wording
from benchmarks.quality.stage import Stage
from benchmarks.quality.table import Findings
from melisma.song import SamplingOptions

PARTS: dict[str, Callable[[Stage], Findings]] = {
    "plan": following.plan_figures,
    "style": following.style_figures,
    "codec": codec.codec_figures,
    "form": following.form_figures,
    "variety": following.variety_figures,
    "voice": singing.voice_figures,
    "words": singing.word_figures,
    "free": wording.wording_figures,
    "repaint": editing.repaint_figures,
    "cover": editing.cover_figures,
    "extract": editing.extract_figures,
    "lego": editing.lego_figures,
    "complete": editing.complete_figures,
    "sound": soundness.soundness_figures,
    "speed": speed.speed_figures,
    "planning": choosing.planning_figures,
    "choice": choosing.choice_figures,
    "pictures": pictures.picture_findings,
}


@click.command(help=__doc__)
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS, "report"]))
@click.option("--songs", type=click.Path(path_type=Path, exists=True), required=True, help="Songs that training used.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for what is made; may be deleted.")
@click.option("--model", help="Name or path; the starter unless given.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--steps", type=int, help="Other than the model prefers.")
@click.option("--guidance", type=float, help="Other than the model prefers.")
@click.option("--again", is_flag=True, help="Measure parts again that were measured before.")
@click.option("--nice", default=10, show_default=True, help="How much to give way to other programs, 0–19.")
def main(
    parts: tuple[str, ...], songs: Path, out: Path, model: str | None, device: str, steps: int | None,
    guidance: float | None, again: bool, nice: int,
) -> None:  # fmt: skip
    os.nice(nice)
    stage = Stage(out, songs, model, device, SamplingOptions(steps=steps, guidance=guidance))
    if parts == ("report",):
        click.echo(report.page(stage), nl=False)
        return
    for name in [part for part in parts if part != "report"] or list(PARTS):
        path = stage.folder / f"{name}.json"
        if again or not path.exists():
            start = time.perf_counter()
            found = PARTS[name](stage)
            Findings(found.figures, found.more, time.perf_counter() - start).save(path)
        found = Findings.load(path)
        click.echo(f"## {name}, {found.seconds:.0f} s\n\n{found.markdown()}\n")


if __name__ == "__main__":
    main()
