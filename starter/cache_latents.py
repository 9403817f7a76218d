"""Songs as latents, ready to learn from: `python -m starter.cache_latents --data DIR --vae DIR --out DIR`.

For each song the mix, its guide track, every stem and the mix without one of its stems are encoded and kept as half
precision, about 12 MB an hour and track. What is there already is left alone, so the folder of songs may still grow.
"""

from pathlib import Path
from random import Random

import click
import numpy as np
import soundfile
import torch
from torch import Tensor

from melisma.models.autoencoders import load
from melisma.score.guide import render_guide
from melisma.score.lanes import lanes
from melisma.score.telling import plainly
from melisma.training.data import songs
from melisma.training.dit import GUIDE, LANES, MIX, REST, STEM, VOICE, SongLatents
from starter.songs import SongSheet, read_sheet

HOP = 1920
"""Samples per latent frame."""


def sounds_of(folder: Path, sheet: SongSheet, with_stems: bool) -> dict[str, np.ndarray]:
    """All that is to be encoded of a song, each (2, s), as long as its mix."""
    mix = _read(folder / "mix.flac")
    guide = guide_of(sheet, mix.shape[1])
    if not with_stems:
        return {MIX: mix, GUIDE: guide}
    stems = {stem.track: _fitted(_read(folder / stem.file), mix.shape[1]) for stem in sheet.stems}
    found = {MIX: mix, GUIDE: guide}
    found |= {f"{STEM}{track}": sound for track, sound in stems.items()}
    if len(stems) > 1:
        together = sum(stems.values())
        # the mix is mastered, the stems are not: the rest is brought to the level it has in the mix
        level = np.std(mix) / max(float(np.std(together)), 1e-6)
        # the voice, because a guide voice may sing in its place; and one more
        for left_out in {Random(sheet.seed).choice(sorted(stems)), *({VOICE} & set(stems))}:
            found[f"{REST}{left_out}"] = ((together - stems[left_out]) * level).astype(np.float32)
    return found


def players_of(sheet: SongSheet) -> tuple[str, ...]:
    """Who plays the tune and who accompanies, as the score of a request would say it."""
    by_role = {player.role: player.instrument for stem in sheet.stems for player in stem.players}
    return tuple(by_role[role] for role in ("lead", "comp0") if role in by_role)


def guide_of(sheet: SongSheet, samples: int) -> np.ndarray:
    """The guide track of a song, (2, samples)."""
    score = sheet.score.model_copy(update={"band": players_of(sheet)})
    return _fitted(render_guide(score).samples, samples)


def lanes_of(sheet: SongSheet, frames: int) -> Tensor:
    """(t, 47): what sounds in each latent frame, from the score."""
    return torch.from_numpy(lanes(sheet.score, frames).plain())


def _read(path: Path) -> np.ndarray:
    sound, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return sound.T


def _fitted(sound: np.ndarray, samples: int) -> np.ndarray:
    return np.pad(sound, ((0, 0), (0, max(0, samples - sound.shape[1]))))[:, :samples]


def song_of(sheet: SongSheet, latents: dict[str, Tensor]) -> SongLatents:
    """Latents with what is known of the song."""
    return SongLatents(
        latents,
        captions=sheet.captions,
        lyrics=sheet.lyrics,
        language=sheet.language,
        bpm=sheet.bpm,
        key=sheet.key,
        meter=sheet.meter,
        style=sheet.style,
        lead=next(iter(players_of(sheet)), ""),
        plain=plainly(sheet.style, players_of(sheet), sheet.voice),
    )


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--vae", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--stems", type=float, default=1.0, show_default=True, help="Share of songs whose stems are encoded too.")
@click.option("--guides", is_flag=True, help="Encode the guide track of cached songs again.")
@click.option("--device", default="cpu", show_default=True)
def main(data: Path, vae: Path, out: Path, stems: float, guides: bool, device: str) -> None:
    """Encode every song below DATA that is not in OUT yet."""
    out.mkdir(parents=True, exist_ok=True)
    autoencoder = load(vae, device)

    def encode(sound: np.ndarray) -> Tensor:
        return autoencoder.encode(torch.from_numpy(sound)[None])[0]

    found = songs(data)
    Random(0).shuffle(found)  # whoever stops early has some of every kind
    for folder in found:
        path = out / f"{folder.name}.safetensors"
        if path.is_file() and not guides:
            continue
        sheet = read_sheet(folder)
        if path.is_file():
            latents = dict(SongLatents.load(path).latents)
            latents[GUIDE] = encode(guide_of(sheet, len(latents[MIX]) * HOP))
            song_of(sheet, latents).save(path)
            continue
        with_stems = Random(f"{sheet.seed}/stems").random() < stems
        latents = {name: encode(sound) for name, sound in sounds_of(folder, sheet, with_stems).items()}
        latents[LANES] = lanes_of(sheet, len(latents[MIX]))
        song_of(sheet, latents).save(path)
        click.echo(path.name)


if __name__ == "__main__":
    main()
