"""Where the measured songs come from: held-out songs, the same through the codec, and takes; all kept on disk.

Held-out songs are made from seeds that no training uses (500,000 and above, sung ones 600,000 and above), so they do not
depend on which songs a training left out. What a model made lies in a folder named after its fingerprint: new weights
begin anew, and a run that was stopped goes on where it was.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from melisma.audio import Waveform, read, write
from melisma.engine import Band, perform
from melisma.models.store import Store
from melisma.notation import Score
from melisma.score.telling import plainly
from melisma.song import AudioRef, Blueprint, SamplingOptions, SongRequest
from melisma.training.data import songs
from starter.cache_latents import players_of
from starter.songs import SongSheet, make_many, read_sheet

FONTS = ("musescore", "fluid")
CODEC_BLOCK_S = 10.24


@dataclass(frozen=True)
class HeldOut:
    """A song made from a seed, known in every part."""

    folder: Path
    sheet: SongSheet

    @property
    def mix(self) -> Waveform:
        return read(self.folder / "mix.flac")

    def ref(self, name: str = "mix") -> AudioRef:
        return AudioRef(path=self.folder / f"{name}.flac")

    @property
    def tracks(self) -> list[str]:
        return [stem.track for stem in self.sheet.stems]

    def stem(self, track: str) -> Waveform:
        return read(self.folder / "stems" / f"{track}.flac")

    def without(self, track: str) -> Waveform:
        """The mix less one track."""
        mix, stem = self.mix, self.stem(track)
        return Waveform(mix.samples - stem.samples[:, : mix.count], mix.rate_hz)

    def rest(self, track: str) -> Path:
        """A file of the mix less one track, written when first asked for."""
        path = self.folder / f"without-{track}.flac"
        if not path.exists():
            write(path, self.without(track), allow_silence=True)
        return path

    @property
    def lead(self) -> str | None:
        """The instrument that plays the tune."""
        return next(
            (player.instrument for stem in self.sheet.stems for player in stem.players if player.role == "lead"), None
        )

    @property
    def caption(self) -> str:
        """Style, who plays and who sings, plainly: what a fixed prompt should say."""
        return plainly(self.sheet.style, players_of(self.sheet), self.sheet.voice)

    @property
    def blueprint(self) -> Blueprint:
        score = self.sheet.score.model_copy(update={"band": players_of(self.sheet)})
        return plan_of(score, self.caption, self.sheet.lyrics, self.sheet.language)


def plan_of(score: Score, caption: str, lyrics: str, language: str = "unknown") -> Blueprint:
    """A blueprint with nothing left open."""
    return Blueprint(
        caption=caption,
        lyrics=lyrics,
        language=language,
        score=score,
        bpm=score.bpm,
        key=score.key,
        meter=score.meter,
        duration_s=score.duration_s,
    )


@dataclass(frozen=True)
class Stage:
    """Everything the measurements need. out: what may be thrown away; training_songs: what probes learn from."""

    out: Path
    training_songs: Path
    model: str | None = None
    device: str = "cpu"
    sampling: SamplingOptions = field(default_factory=SamplingOptions)

    @cached_property
    def store(self) -> Store:
        return Store(self.device)

    @cached_property
    def band(self) -> Band:
        return Band.of(SongRequest(model=self.model), self.store)

    @cached_property
    def settings(self) -> SamplingOptions:
        return self.sampling.over(self.band.generator.preferred)

    @cached_property
    def codec_folder(self) -> Path:
        return self._made(f"codec-{self.band.autoencoder.fingerprint[:12]}")

    @cached_property
    def folder(self) -> Path:
        """What belongs to this model, sampled in this way."""
        own = f"{self.band.generator.fingerprint[:12]}-{self.band.autoencoder.fingerprint[:12]}"
        plain = self.settings == self.band.generator.preferred
        return self._made(own if plain else f"{own}-{self.settings.steps}-{self.settings.guidance:g}")

    def _made(self, name: str) -> Path:
        (self.out / name).mkdir(parents=True, exist_ok=True)
        return self.out / name

    # --- Held-out songs

    @cached_property
    def plans(self) -> list[HeldOut]:
        """96 instrumentals of 16 s: of 48, a share of nine tenths is known to within nine hundredths only."""
        return self._songs("plans", (*range(500_000, 500_048), *range(500_200, 500_248)), 16.0)

    @cached_property
    def sung(self) -> list[HeldOut]:
        """16 sung songs of 16 s."""
        return self._songs("sung", range(600_000, 600_016), 16.0, sung=True)

    @cached_property
    def whole(self) -> list[HeldOut]:
        """8 instrumentals of a minute."""
        return self._songs("whole", range(500_100, 500_108), 60.0)

    @cached_property
    def judging(self) -> list[HeldOut]:
        """200 instrumentals of 16 s that nothing but the judges learns from."""
        return self._songs("judging", range(510_000, 510_200), 16.0)

    def _songs(self, name: str, seeds: Sequence[int], seconds: float, sung: bool = False) -> list[HeldOut]:
        place = self.out / "songs" / name
        for _ in make_many(place, seeds, seconds, FONTS, 1, sung):
            pass
        return [HeldOut(place / f"{seed:07d}", read_sheet(place / f"{seed:07d}")) for seed in seeds]

    def learnt(self, count: int, sung: bool | None = None) -> list[HeldOut]:
        """Songs for probes to learn from, evenly picked; sung: only those that are, or are not."""
        found = [HeldOut(folder, read_sheet(folder)) for folder in songs(self.training_songs)]
        fit = [song for song in found if sung is None or (song.sheet.voice is not None) == sung]
        if len(fit) <= count:
            return fit
        return [fit[i] for i in np.linspace(0, len(fit) - 1, count).round().astype(int)]

    # --- Sounds

    def coded(self, song: Waveform) -> Waveform:
        """A song through the autoencoder; the last part of a frame is left out."""
        codec = self.band.autoencoder
        samples = torch.from_numpy(song.samples[:, : song.count // codec.hop * codec.hop])[None].to(self.device)
        with torch.inference_mode():
            decoded = codec.decode(codec.encode(samples))[0].float().cpu().numpy()
        return Waveform(decoded, song.rate_hz)

    def coded_songs(self, name: str, held_out: Sequence[HeldOut]) -> list[Waveform]:
        """Held-out songs through the autoencoder."""
        place = self.codec_folder / name
        return [kept(place / f"{song.folder.name}.flac", lambda song=song: self.coded(song.mix)) for song in held_out]

    def take(self, name: str, request: SongRequest, blueprint: Blueprint | None = None) -> Waveform:
        """The single take of a request, made once."""
        return kept(self.folder / f"{name}.flac", lambda: self.play(request, blueprint))

    def play(self, request: SongRequest, blueprint: Blueprint | None = None) -> Waveform:
        """The single take of a request, made now."""
        asked = request.model_copy(update={"sampling": self.sampling})
        return perform(asked, self.band, blueprint).takes[0].waveform

    def followed(self, name: str, held_out: Sequence[HeldOut]) -> list[Waveform]:
        """One take per held-out plan, from its plain caption and its score."""
        return [
            self.take(f"{name}/{song.folder.name}", SongRequest(seeds=(song.sheet.seed,)), song.blueprint)
            for song in held_out
        ]

    # --- Arrays that take long to compute

    def array(self, place: Path, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """An array kept on disk."""
        path = place / f"{name}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new.npy")
            np.save(fresh, make())
            fresh.replace(path)
        return np.load(path)


def kept(path: Path, make: Callable[[], Waveform]) -> Waveform:
    """A sound kept on disk as FLAC."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, limited(make()), allow_silence=True)
    return read(path)


def limited(song: Waveform) -> Waveform:
    """As loud as a file can hold without clipping."""
    peak = song.peak
    return Waveform(song.samples / np.float32(peak * 1.001), song.rate_hz) if peak > 1 else song


def save_json(path: Path, content: Any) -> None:
    """Write JSON under a temporary name first."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content, indent=1))
    fresh.replace(path)
