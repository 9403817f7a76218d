"""Reading checkpoints from disk: configs, weights, and a name for what was read.

Weights are safetensors, in one file or in shards with an index, and are memory-mapped: nothing is copied before a
network takes it. A `.pt` file is only ever read as plain tensors (`weights_only=True`); code from a checkpoint is never
run. Whatever cannot be read is explained with the file's name and the next step.
"""

import hashlib
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from melisma.errors import BadCheckpoint, MissingModel

WEIGHT_NAMES = ("model", "diffusion_pytorch_model")
PICKLED = (".bin", ".ckpt", ".pth")
AGAIN = "Fetch it again: `melisma models pull`, then `melisma models verify`"


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a checkpoint folder."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingModel(
            f"{folder} holds no config.json: give a checkpoint folder, or `melisma models pull` one"
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadCheckpoint(f"{path} is not JSON ({error}). {AGAIN}") from error
    if not isinstance(config, dict):
        raise BadCheckpoint(f"{path} holds a {type(config).__name__}, expected an object. {AGAIN}")
    return config


def weight_files(path: Path) -> list[Path]:
    """The safetensors files of a folder (or the file itself), in a stable order; every shard is there."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise MissingModel(f"no checkpoint at {path}: check the path, or `melisma models list` for names")
    for name in WEIGHT_NAMES:
        index = path / f"{name}.safetensors.index.json"
        if (path / f"{name}.safetensors").is_file():
            return [path / f"{name}.safetensors"]
        if index.is_file():
            shards = sorted({path / shard for shard in _weight_map(index).values()})
            gone = [shard.name for shard in shards if not shard.is_file()]
            if gone:
                raise BadCheckpoint(
                    f"{path} lacks {len(gone)} of {len(shards)} weight files ({', '.join(gone[:3])}). {AGAIN}"
                )
            return shards
    pickled = sorted(file.name for suffix in PICKLED for file in path.glob(f"*{suffix}"))
    raise MissingModel(
        f"no weights in {path}: expected {' or '.join(f'{n}.safetensors' for n in WEIGHT_NAMES)}, or shards with an index"
        + (
            f". {pickled[0]} is pickled, can run code and is not opened: look for a safetensors version"
            if pickled
            else ""
        )
    )


def _weight_map(index: Path) -> dict[str, str]:
    try:
        mapping = dict(json.loads(index.read_text(encoding="utf-8"))["weight_map"])
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadCheckpoint(f"{index} is no index of weight files ({error}). {AGAIN}") from error
    if not mapping or not all(isinstance(name, str) for name in mapping.values()):
        raise BadCheckpoint(f"{index} is no index of weight files (its weight_map names none). {AGAIN}")
    # A name with a folder in it would reach outside the checkpoint.
    strange = [name for name in mapping.values() if Path(name).name != name]
    if strange:
        raise BadCheckpoint(f"{index} names files outside its folder ({strange[0]}): do not use this checkpoint")
    return mapping


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint folder or file, memory-mapped."""
    weights: dict[str, Tensor] = {}
    for file in weight_files(path):
        if file.suffix != ".safetensors":
            raise BadCheckpoint(
                f"{file.name} is not a safetensors file: pickled weights can run code and are not opened. "
                "Look for a safetensors version of this checkpoint"
            )
        try:
            with safe_open(file, framework="pt") as tensors:
                weights |= {key: tensors.get_tensor(key) for key in tensors.keys()}  # noqa: SIM118 (no iterator)
        except (SafetensorError, OSError) as error:
            raise BadCheckpoint(f"{file} cannot be read ({_reason(file, error)}). {AGAIN}") from error
    return weights


def _reason(file: Path, error: Exception) -> str:
    """What a broken file looks like to a person."""
    stand_in, start = _stand_in(file)
    if stand_in:
        return stand_in
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return "it is a pickle with another name"
    return f"truncated or corrupt: {error}"


def _stand_in(file: Path) -> tuple[str | None, bytes]:
    """What lies in place of weights, if it can be told from the first bytes, which come along."""
    try:
        with file.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        return f"{error.strerror}", b""
    if not start:
        return "the file is empty", start
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the weights themselves", start
    if start.lstrip()[:1] == b"<":
        return "it is a web page, not weights", start
    return None, start


def read_tensor(path: Path) -> Tensor:
    """The one tensor in a `.safetensors` or `.pt` file, such as a silence latent."""
    if path.suffix == ".safetensors":
        weights = read_weights(path)
        if len(weights) != 1:
            raise BadCheckpoint(f"{path} holds {len(weights)} tensors, expected one. {AGAIN}")
        return next(iter(weights.values()))
    try:
        tensor = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise MissingModel(f"no such file: {path}. {AGAIN}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        what = _stand_in(path)[0] or "it may be corrupt or hold code"
        raise BadCheckpoint(f"{path} is not a plain tensor and was not opened: {what}. {AGAIN}") from error
    if not isinstance(tensor, Tensor):
        raise BadCheckpoint(f"{path} holds a {type(tensor).__name__}, expected one tensor. {AGAIN}")
    return tensor


SAMPLE = 1 << 16
SAMPLES = 64
LONGEST_HEADER = 100_000_000  # the format's own limit


def fingerprint(path: Path) -> str:
    """A short name for the content of a checkpoint: its config, and headers and samples of its weights.

    Reading ten gigabytes to name them would take longer than a song, so 64 stretches of each file stand for the whole.
    """
    digest = hashlib.blake2b(digest_size=8)
    config = path / "config.json"
    if config.is_file():
        digest.update(config.read_bytes())
    for file in weight_files(path):
        size = file.stat().st_size
        digest.update(size.to_bytes(8, "little"))
        with file.open("rb") as stream:
            # The header (its length comes first) names every tensor; it counts in full.
            length = int.from_bytes(stream.read(8), "little")
            digest.update(stream.read(min(length, LONGEST_HEADER)))
            for i in range(SAMPLES):
                stream.seek(i * max(0, size - SAMPLE) // (SAMPLES - 1))
                digest.update(stream.read(SAMPLE))
    return digest.hexdigest()
