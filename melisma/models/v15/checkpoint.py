"""A checkpoint of ACE-Step 1.5 on disk → config and weights by official names, whichever layout it has.

The weights stay maps of their files: nothing is copied before the network takes them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.files import read_config, read_tensor, read_weights
from melisma.models.v15.weights import PARTS, Weights, config_of, from_diffusers, from_single_file

SILENCE_NAMES = ("silence_latent.safetensors", "silence_latent.pt")


@dataclass(frozen=True)
class Stored:
    """What lies at a path: config.json, weights by official names, and silence (t, c) where there is one."""

    path: Path
    config: dict[str, Any]
    weights: Weights
    silence: Tensor | None


def read_stored(path: Path) -> Stored:
    """Read an official folder, a diffusers folder or a single file.

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
    return Stored(path, config, weights, silence)


def _diffusers_config(path: Path) -> dict[str, Any]:
    """Official entries from the configs of the parts; those of encoders speak of the encoder's sizes."""
    parts = {part: read_config(path / part) for part in PARTS}
    encoder, tokenizer = parts["condition_encoder"], parts["audio_tokenizer"]
    transformer = {key: value for key, value in parts["transformer"].items() if not key.startswith("_")}
    shared = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
    unsaid = [name for name in shared if name not in encoder or name not in transformer]
    if unsaid:
        raise BadCheckpoint(f"the configs in {path} do not say {', '.join(unsaid)}: this is no diffusers ACE-Step 1.5")
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
