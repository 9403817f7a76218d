"""Log-mel spectrograms of real songs, the same through the codec, and takes, side by side, to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.quality import figures
from benchmarks.quality.stage import Stage
from benchmarks.quality.table import Findings
from melisma.audio import Waveform

SHOWN_S = 8.0


def draw(rows: Sequence[tuple[str, Mapping[str, Waveform]]], path: Path, seconds: float = SHOWN_S) -> None:
    """One row per song, one column per version of it; levels in dB, 30 Hz to 18 kHz."""
    from matplotlib.figure import Figure

    wide = max(len(versions) for _, versions in rows)
    figure = Figure(figsize=(6 * wide, 3.2 * len(rows)))
    for i, (name, versions) in enumerate(rows):
        for j, (version, song) in enumerate(versions.items()):
            axes = figure.add_subplot(len(rows), wide, i * wide + j + 1, title=f"{name}: {version}")
            mel = figures.log_mel(song.between(0.0, seconds))
            axes.imshow(
                mel.T, origin="lower", aspect="auto", cmap="magma", vmin=mel.max() - 70, vmax=mel.max(),
                extent=(0, len(mel) * figures.HOP / figures.RATE_HZ, 0, figures.MELS),
            )  # fmt: skip
    figure.tight_layout()
    fresh = path.with_suffix(".new.png")
    figure.savefig(fresh, dpi=60)
    fresh.replace(path)


def picture_findings(stage: Stage) -> Findings:
    """Four instrumentals and two sung songs."""
    plans, sung = stage.plans[1:9:2], stage.sung[:2]
    rows = []
    for name, songs in (("plans", plans), ("sung", sung)):
        takes, coded = stage.followed(name, songs), stage.coded_songs(name, songs)
        for song, take, through in zip(songs, takes, coded, strict=True):
            rows.append((song.sheet.style, {"real": song.mix, "through the codec": through, "take": take}))
    draw(rows, stage.folder / "spectrograms.png")
    return Findings([], [f"Spectrograms: {stage.folder / 'spectrograms.png'}"])
