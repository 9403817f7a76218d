"""How well the starter keeps to what it is asked, on held-out plans, beside chance and a ceiling.

    python benchmarks/quality.py --songs 24

Plans come from seeds that no training used. Each is rendered by the song generator (real), passed through the
autoencoder (the ceiling of anything it decodes), and sung by the model from one of the generator's captions along the
same score. The judges are those of `melisma.ranking`: tempo within 4 %, exactly and with half, double (and the dotted
pulse in threes) allowed; key exactly, with relatives, and by the MIREX weights. Chance compares the model's songs with
other songs' plans. Needs the extra `starter`; prints Markdown.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from melisma.audio import Waveform, listen_for_faults
from melisma.engine import Band, perform
from melisma.models.store import Store
from melisma.ranking import measures
from melisma.ranking.measures import Sound
from melisma.song import INSTRUMENTAL, Blueprint, SamplingOptions, SongRequest
from starter.sampler import open_sampler
from starter.songs import SongSheet, make_instrumental

FIRST_SEED = 500_000
TOLERANCE = 0.04


@dataclass(frozen=True)
class Heard:
    """What the judges hear in a song."""

    tempo: measures.Tempo | None
    key: measures.Key | None
    faults: int

    @classmethod
    def of(cls, song: Waveform) -> "Heard":
        sound = Sound.of(song)
        return cls(measures.tempo(sound), measures.key(sound), len(listen_for_faults(song)))


def scores(heard: list[Heard], sheets: list[SongSheet]) -> dict[str, float]:
    """Shares over all songs."""
    pairs = list(zip(heard, sheets, strict=True))
    kinships = [measures.kinship(sheet.key, one.key.name) if one.key else 0.0 for one, sheet in pairs]
    return {
        "tempo": mean(one.tempo is not None and one.tempo.agrees(sheet.bpm, sheet.meter) for one, sheet in pairs),
        "tempo, strict": mean(
            one.tempo is not None and abs(one.tempo.bpm / sheet.bpm - 1) <= TOLERANCE for one, sheet in pairs
        ),
        "key": mean(value == 1.0 for value in kinships),
        "key or relative": mean(value in (1.0, 0.3) for value in kinships),
        "key, MIREX": mean(kinships),
        "faulty": mean(one.faults > 0 for one in heard),
    }


def mean(values: Iterator[float] | list[float]) -> float:
    return float(np.mean(list(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=16.0)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="another one for choosing settings")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--model", help="name or path; default: the starter")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    sampler = open_sampler("musescore")
    made = [make_instrumental(given.first_seed + i, given.seconds, sampler) for i in range(given.songs)]
    sheets = [sheet for sheet, _, _ in made]
    real = [Waveform(np.asarray(mix, np.float32), 48000) for _, mix, _ in made]
    band = Band.of(SongRequest(model=given.model), Store(given.device))
    start = time.perf_counter()
    sampling = SamplingOptions(steps=given.steps, guidance=given.guidance)
    sung = [play(sheet, band, sampling) for sheet in sheets]
    seconds = time.perf_counter() - start
    rows = {
        "real renders": [Heard.of(song) for song in real],
        "through the autoencoder": [Heard.of(coded(song, band)) for song in real],
        f"**{band.generator.name}**": [Heard.of(song) for song in sung],
    }
    model = list(rows.values())[-1]
    print(f"# {given.songs} held-out plans of {given.seconds:g} s, one take each\n")
    used, speed = sampling.over(band.generator.preferred), given.songs * given.seconds / seconds
    circumstances = f"{used.steps} steps, guidance {used.guidance:g}, {given.device}, {torch.get_num_threads()} threads"
    print(f"{circumstances}: {speed:.1f}× real time\n")
    columns = list(scores(model, sheets))
    print(f"| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for name, heard in rows.items():
        print(row(name, scores(heard, sheets)))
    shifted = [scores(model[i:] + model[:i], sheets) for i in range(1, given.songs)]
    print(
        row("chance", {column: mean([one[column] for one in shifted]) for column in columns} | {"faulty": float("nan")})
    )


def play(sheet: SongSheet, band: Band, sampling: SamplingOptions) -> Waveform:
    """One take from words and score."""
    music = {
        "bpm": sheet.score.bpm,
        "key": sheet.score.key,
        "meter": sheet.score.meter,
        "duration_s": sheet.score.duration_s,
    }
    blueprint = Blueprint(caption=sheet.captions[0], lyrics=INSTRUMENTAL, score=sheet.score, **music)
    return perform(SongRequest(seeds=(sheet.seed,), sampling=sampling), band, blueprint).takes[0].waveform


def coded(song: Waveform, band: Band) -> Waveform:
    """A song through the autoencoder."""
    hop = band.autoencoder.hop
    samples = torch.from_numpy(song.samples[:, : song.count // hop * hop])[None]
    return Waveform(band.autoencoder.decode(band.autoencoder.encode(samples))[0].numpy(), song.rate_hz)


def row(name: str, values: dict[str, float]) -> str:
    return f"| {name} | {' | '.join('–' if np.isnan(value) else f'{value:.2f}' for value in values.values())} |"


if __name__ == "__main__":
    main()
