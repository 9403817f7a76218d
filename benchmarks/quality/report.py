"""Everything found about a model, as a page."""

import os
import platform
from pathlib import Path

import torch

from benchmarks.quality.stage import Stage
from benchmarks.quality.table import Findings, figure_table

TITLES = {
    "plan": "The plan",
    "style": "Style, lead, likeness to real songs",
    "codec": "The autoencoder",
    "form": "Songs of a minute",
    "variety": "Variety",
    "voice": "Voices",
    "words": "Words",
    "free": "Free words",
    "repaint": "Repaint",
    "cover": "Cover",
    "extract": "Extract",
    "lego": "Lego",
    "complete": "Complete",
    "planning": "Plans",
    "choice": "The best of eight takes",
    "sound": "200 runs",
    "speed": "Speed",
}
INTRODUCTION = """# Quality of the starter

What the bundled starter model does with what it is asked, measured without ears. This page is printed by

```sh
pip install -e '.[starter,bench]'
python -m benchmarks.quality --songs songs --out runs/quality            # each part is kept, a stopped run goes on
python -m benchmarks.quality --songs songs --out runs/quality report > docs/concepts/starter-quality.md
```

where `songs` are those that training used: probes learn from them. What is measured comes from seeds that no training
uses. One take per plan, none chosen. Read a figure beside its neighbours:

- **chance** is guessing, or takes compared with another song's plan;
- **trivial** is the best answer that needs no model, as the line says;
- **through the codec** is the same judge on real songs that went through the autoencoder: nothing the model plays can
  be expected to score higher;
- **real** is the same judge on the real songs; where it is far from perfect, it is the judge that errs.

Tempo and key are judged by `melisma.ranking`; style by linear discriminants on a song's log-mel statistics, lead on the
levels of harmonics at the pitches of the planned tune; voice by logistic regression on two-second pieces; words by
Whisper-tiny. Words are sung by the guide voice on top of the band. Mel distances are mean absolute differences of 96
bands in dB.
"""


def circumstances(stage: Stage) -> str:
    """What was measured, on what."""
    band, used = stage.band, stage.settings
    return (
        f"Model `{band.generator.name}`, weights {band.generator.fingerprint[:12]}, autoencoder "
        f"{band.autoencoder.fingerprint[:12]}; {used.steps} steps, {used.solver}, guidance {used.guidance:g}; "
        f"{stage.device} in {str(stage.store.dtype).removeprefix('torch.')}, {torch.get_num_threads()} thread(s) on {os.cpu_count()} cores of {processor()}; "
        f"torch {torch.__version__}, Python {platform.python_version()}."
    )


def processor() -> str:
    """The processor's name, where the system tells it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def page(stage: Stage) -> str:
    """The whole page: all figures in one table, then each part's own tables."""
    found = {
        name: Findings.load(stage.folder / f"{name}.json")
        for name in TITLES
        if (stage.folder / f"{name}.json").exists()
    }
    everything = [figure for one in found.values() for figure in one.figures]
    aimed = [figure for figure in everything if figure.aim]
    seconds = sum(one.seconds for one in found.values())
    missing = [name for name in TITLES if name not in found]
    unmeasured = f" Not measured yet: {', '.join(missing)}." if missing else ""
    reached = f"{sum(bool(figure.reached) for figure in aimed)} of {len(aimed)} aims are reached. Measuring took {seconds / 60:.0f} minutes."
    parts = [
        INTRODUCTION,
        f"{circumstances(stage)} {reached}{unmeasured}\n",
        f"## All figures\n\n{figure_table(everything)}\n",
    ]
    parts += [
        f"## {TITLES[name]}\n\n" + "\n\n".join(part for part in one.more if part) + "\n"
        for name, one in found.items()
        if any(one.more)
    ]
    return "\n".join(parts)
