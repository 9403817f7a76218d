"""Finding out what a checkpoint folder holds, and loading it with the library asked for."""

import json
from pathlib import Path
from typing import Any, Literal

import torch

from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models.planner.language import LanguageModel
from melisma.models.planner.vocabulary import Vocabulary, read_vocabulary

CONTEXT = 8192
Library = Literal["torch", "mlx", "vllm"]


def load_language(
    folder: Path,
    device: torch.device | str = "cpu",
    library: Library = "torch",
    bits: Literal[4, 8] | None = None,
    dtype: torch.dtype | None = None,
) -> LanguageModel:
    """The language model of a planner checkpoint in the official layout.

    bits: weights as 8- or 4-bit integers, None as they are. dtype: None is what the device is good at (`dtype_for`).
    Raises MissingModel or BadCheckpoint, and says what to do.
    """
    config = read_planner_config(folder)
    vocabulary = read_vocabulary(folder)
    _check_sizes(folder, config, vocabulary)
    context = min(CONTEXT, int(config.get("max_position_embeddings", CONTEXT)))
    if library == "mlx":
        try:
            from melisma.models.planner.mlx import load_mlx
        except ImportError as error:
            raise MissingModel(
                f"the planner's MLX backend is not installed ({error}): pip install 'melisma[mlx]'"
            ) from error
        return load_mlx(folder, vocabulary, context, bits)
    if library == "vllm":
        if bits:
            raise BadRequest(
                f"{bits}-bit weights are PyTorch's and MLX's: vLLM takes a checkpoint that is packed already"
            )
        try:
            from melisma.models.planner.vllm import load_vllm
        except ImportError as error:
            raise MissingModel(
                f"the planner's vLLM backend is not installed ({error}): pip install 'melisma[vllm]'"
            ) from error
        return load_vllm(folder, vocabulary, context, config["vocab_size"])
    from melisma.models.planner.qwen import load_qwen

    return load_qwen(folder, vocabulary, context, torch.device(device), dtype or dtype_for(device), bits)


def dtype_for(device: torch.device | str) -> torch.dtype:
    """The precision that planners are run with: float16 overflows in these checkpoints, and in bfloat16 the same words
    are not the same tokens in another batch or backend."""
    return torch.bfloat16 if torch.device(device).type == "cuda" else torch.float32


def read_planner_config(folder: Path) -> dict[str, Any]:
    """The config of a planner checkpoint. Raises where the folder holds something else."""
    path = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingModel(
            f"no planner in {folder}: it has no config.json. `melisma models list` shows them"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadCheckpoint(f"cannot read {path}: {error}. Fetch the checkpoint again") from error
    if config.get("model_type") != "qwen3" or "Qwen3ForCausalLM" not in config.get(
        "architectures", ["Qwen3ForCausalLM"]
    ):
        kind = config.get("model_type") or config.get("_class_name") or "something else"
        raise BadCheckpoint(
            f"{folder} holds {kind} ({', '.join(config.get('architectures', [])) or 'no architecture named'}), not a "
            "planner: planners are Qwen3ForCausalLM. `melisma models list` shows them"
        )
    if set(config.get("layer_types") or ["full_attention"]) != {"full_attention"}:
        raise BadCheckpoint(
            f"{folder} uses sliding attention, which no ACE-Step planner does: choose another checkpoint"
        )
    return config


def _check_sizes(folder: Path, config: dict[str, Any], vocabulary: Vocabulary) -> None:
    """Raise BadCheckpoint if the network has no row for every code."""
    needed = vocabulary.first_code + vocabulary.codes
    if config.get("vocab_size", 0) < needed:
        raise BadCheckpoint(
            f"{folder}: the network knows {config.get('vocab_size')} tokens, its vocabulary needs {needed}: "
            "config.json and tokenizer.json are of different checkpoints. Fetch the checkpoint again"
        )
