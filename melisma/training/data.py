"""What a step is trained on: crops of songs and of cached latents, in an order that is a function of the seed.

Each batch is drawn by a generator seeded with (seed, step), so there is no state to save and no epoch to finish;
a folder that has grown is simply drawn from more widely after a restart. Axes: b take, s sample, t latent frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from melisma.errors import BadRequest

Floats = NDArray[np.float32]


def songs(folder: Path) -> list[Path]:
    """Folders below `folder` that hold a finished song (`song.json`), sorted by name."""
    # a folder that begins with a dot is still being written
    found = sorted(path.parent for path in folder.rglob("song.json") if not path.parent.name.startswith("."))
    if not found:
        raise BadRequest(f"no song found under {folder}: a song is a folder with song.json, mix.flac and stems/")
    return found


def held_out(found: Sequence[Path], every: int = 20) -> tuple[list[Path], list[Path]]:
    """Split songs into those to learn from and those to measure with, one in `every`.

    A song's name decides, so it stays on its side while a folder grows.
    """

    def measured(path: Path) -> bool:
        return crc32(path.stem.encode()) % every == 0

    return [path for path in found if not measured(path)], [path for path in found if measured(path)]


@dataclass(frozen=True)
class AudioCrops:
    """Batches of random crops of audio files, chosen with the given weights, at random levels.

    Level −12..+3 dB; in half of the takes left and right are exchanged; in a share `detuned` of them pitch and tempo
    move together by up to a semitone, so that the codec does not depend on one tuning.
    """

    files: Sequence[Path]
    weights: Sequence[float]
    rate_hz: int
    samples: int
    takes: int
    seed: int
    detuned: float = 0.3

    def __call__(self, step: int) -> dict[str, Tensor]:
        """`waveform` (b, 2, s)."""
        random = np.random.default_rng([self.seed, step])
        share = np.asarray(self.weights, np.float64)
        chosen = random.choice(len(self.files), self.takes, p=share / share.sum())
        return {"waveform": torch.from_numpy(np.stack([self._crop(self.files[i], random) for i in chosen]))}

    def _crop(self, path: Path, random: np.random.Generator) -> Floats:
        ratio = 2 ** random.uniform(-1 / 12, 1 / 12) if random.random() < self.detuned else 1.0
        wanted = round(self.samples * ratio)
        crop = random_crop(path, wanted, self.rate_hz, random)
        if wanted != self.samples:
            crop = _stretched(crop, self.samples)
        if random.random() < 0.5:
            crop = crop[::-1]
        return np.ascontiguousarray(crop * np.float32(10 ** (random.uniform(-12, 3) / 20)))


def random_crop(path: Path, samples: int, rate_hz: int, random: np.random.Generator) -> Floats:
    """(2, samples) from anywhere in the file; silence follows where the file is too short."""
    with soundfile.SoundFile(path) as file:
        if file.samplerate != rate_hz:
            raise BadRequest(f"{path} has {file.samplerate} samples per second, training needs {rate_hz}: convert it")
        file.seek(int(random.integers(0, max(1, file.frames - samples))))
        read = file.read(samples, dtype="float32", always_2d=True, fill_value=0.0)
    stereo = np.repeat(read, 2, 1) if read.shape[1] == 1 else read[:, :2]
    return np.ascontiguousarray(stereo.T)


def _stretched(wave: Floats, samples: int) -> Floats:
    """Play (2, s) faster or slower so that it lasts `samples`: band-limited, by its spectrum."""
    spectrum = np.fft.rfft(wave)
    wanted = samples // 2 + 1
    fitted = np.zeros((2, wanted), spectrum.dtype)
    kept = min(wanted, spectrum.shape[1])
    fitted[:, :kept] = spectrum[:, :kept]
    stretched: Floats = (np.fft.irfft(fitted, samples) * (samples / wave.shape[1])).astype(np.float32)
    return stretched
