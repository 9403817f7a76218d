"""A checkpoint of ACE-Step 1.5 on disk → network: find, read the config, translate the names, load.

The network is built without memory and takes the mapped tensors as they are, so a checkpoint is never held twice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.files import read_config, read_tensor, read_weights
from melisma.models.v15.config import AceStep15Config
from melisma.models.v15.model import AceStep15
from melisma.models.v15.weights import PARTS, config_of, from_diffusers, from_single_file

SILENCE_NAMES = ("silence_latent.safetensors", "silence_latent.pt")


@dataclass(frozen=True)
class Checkpoint:
    """A network and what lies beside it: its config.json, and its silence (t, c) where it brought one."""

    net: AceStep15
    config: dict[str, Any]
    silence: Tensor | None


def load_checkpoint(path: Path, dtype: torch.dtype | None = None) -> Checkpoint:
    """Load an official folder, a diffusers folder or a single file; `dtype` None keeps that of the weights.

    Raises MissingModel where nothing is found, and BadCheckpoint where it does not fit together.
    """
    if not path.exists():
        raise MissingModel(f"no checkpoint at {path}: check the path, or `melisma models list` for names")
    if path.is_file():
        weights = from_single_file(read_weights(path))
        # Shapes do not tell a distilled checkpoint from another; file names do.
        config = {**config_of(weights), "is_turbo": "turbo" in path.name.lower()}
        silence = _silence_beside(path.parent)
    elif (path / "transformer" / "config.json").is_file():
        parts = {part: read_weights(path / part) for part in PARTS}
        silence = _frames_first(parts["condition_encoder"].get("silence_latent"))
        weights, config = from_diffusers(parts), _diffusers_config(path)
    else:
        config, weights, silence = read_config(path), read_weights(path), _silence_beside(path)
        if config.get("model_type") not in (None, "acestep"):
            raise BadCheckpoint(f"{path} holds a {config['model_type']!r} model, expected ACE-Step 1.5 ('acestep')")
    with torch.device("meta"):
        net = AceStep15(AceStep15Config.from_dict(config))
    net.load_official(weights, source=str(path))
    return Checkpoint(net.to(dtype).eval().requires_grad_(False), config, silence)


def _diffusers_config(path: Path) -> dict[str, Any]:
    """Official entries from the configs of the parts; those of encoders speak of the encoder's sizes."""
    parts = {part: read_config(path / part) for part in PARTS}
    encoder, tokenizer = parts["condition_encoder"], parts["audio_tokenizer"]
    transformer = {key: value for key, value in parts["transformer"].items() if not key.startswith("_")}
    shared = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
    own = {f"encoder_{name}": encoder[name] for name in shared if encoder[name] != transformer[name]}
    if own or transformer.get("encoder_hidden_size") not in (None, transformer["hidden_size"]):
        transformer |= {f"encoder_{name}": encoder[name] for name in shared}
    else:
        transformer.pop("encoder_hidden_size", None)
    counts = {key: value for key, value in encoder.items() if key.startswith("num_") and key.endswith("hidden_layers")}
    dims: dict[str, Any] = {key: encoder[key] for key in ("text_hidden_dim", "timbre_hidden_dim") if key in encoder}
    names = ("pool_window_size", "fsq_input_levels", "num_attention_pooler_hidden_layers")
    codes = {key: tokenizer[key] for key in names if tokenizer.get(key) is not None}
    return transformer | counts | dims | codes


def _silence_beside(folder: Path) -> Tensor | None:
    """(t, c), from a file that stores it channel first."""
    found = next((folder / name for name in SILENCE_NAMES if (folder / name).is_file()), None)
    return None if found is None else read_tensor(found).squeeze(0).transpose(0, 1).float().contiguous()


def _frames_first(silence: Tensor | None) -> Tensor | None:
    """(t, c), from the buffer that diffusers stores with frames first."""
    return None if silence is None else silence.squeeze(0).float()
