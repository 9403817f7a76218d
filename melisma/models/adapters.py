"""Adapters: small changes to a finished network, merged into its weights.

    LoRA    ΔW = scale · B · A                 two thin matrices per layer (arXiv 2106.09685)
    LoKr    ΔW = scale · kron(W1, W2)          a Kronecker product, either side possibly factored (LyCORIS)

Three kinds of files are read: a PEFT folder, a single file as ComfyUI uses it, and LyCORIS' LoKr. All name layers of
the decoder, each in its own spelling; spellings are resolved against the network's own names, so nothing is guessed.
The network does not know that it was adapted.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.files import fingerprint, read_weights

PREFIXES = ("base_model.model.", "diffusion_model.", "lycoris_", "decoder.", "transformer.")
DOWN, UP = ("lora_A", "lora_down"), ("lora_B", "lora_up")
_PART = re.compile(r"\.(lora_[A-Za-z]+|lokr_\w+|alpha|dora_scale)(?:\.default)?(?:\.weight)?$")


@dataclass(frozen=True)
class Adapter:
    """An adapter as it was read: parts of each layer by their spelling, and the scale where a file states none."""

    name: str
    fingerprint: str
    layers: Mapping[str, Mapping[str, Tensor]]
    scale: float | None


def read_adapter(path: Path) -> Adapter:
    """Read a PEFT folder (or one that holds it in `adapter/`), or a single safetensors file.

    Raises MissingModel or BadCheckpoint with the file and the next step.
    """
    if not path.exists():
        raise MissingModel(f"no adapter at {path}: give the path of a LoRA or LoKr file, or of a PEFT folder")
    scale = None
    if path.is_dir():
        path = path / "adapter" if (path / "adapter" / "adapter_config.json").is_file() else path
        if (path / "adapter_config.json").is_file():
            scale = peft_scale(path)
        path = next((p for p in sorted(path.glob("*.safetensors"))), path / "adapter_model.safetensors")
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in read_weights(path).items():
        part = _PART.search(key)
        if part is None:
            raise BadCheckpoint(f"{path} holds {key}, which is no part of a LoRA or LoKr: it is not an adapter")
        if part[1] == "dora_scale":
            raise BadCheckpoint(f"{path} is a DoRA adapter, which cannot be merged: use its LoRA version")
        layers.setdefault(key[: part.start()], {})[part[1]] = tensor.float()
    return Adapter(path.stem, fingerprint(path), layers, scale)


def peft_scale(folder: Path) -> float:
    """alpha / r of a PEFT folder."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        rank, alpha = config["r"], config["lora_alpha"]
    except (json.JSONDecodeError, KeyError) as error:
        raise BadCheckpoint(
            f"{folder}/adapter_config.json states no rank and alpha ({error}): export it again"
        ) from error
    for unsupported in ("rank_pattern", "alpha_pattern", "use_dora"):
        if config.get(unsupported):
            raise BadCheckpoint(f"{folder} uses {unsupported}, which cannot be merged: export a plain LoRA")
    return float(alpha) / (rank**0.5 if config.get("use_rslora") else rank)


def merge(network: nn.Module, adapter: Adapter, weight: float = 1.0) -> None:
    """Add `weight` times the adapter to the network's weights. Raises BadCheckpoint if it does not belong to it.

    Weights are replaced, not written to: what they came from may be a mapped file or shared.
    """
    modules = dict(network.named_modules())
    for name, delta in changes(network, adapter):
        module = modules[name]
        assert isinstance(module, nn.Linear | nn.Conv1d | nn.ConvTranspose1d)
        old = module.weight
        changed = old.float() + weight * delta.to(old.device).reshape(old.shape)
        module.weight = nn.Parameter(changed.to(old.dtype), requires_grad=old.requires_grad)


def changes(network: nn.Module, adapter: Adapter) -> Iterator[tuple[str, Tensor]]:
    """(module name, ΔW) of each layer; everything is checked before the first is given out."""
    weighted = {
        name: module for name, module in network.named_modules() if isinstance(getattr(module, "weight", None), Tensor)
    }
    spelled = {name: name for name in weighted} | {name.replace(".", "_"): name for name in weighted}
    names = {layer: spelled.get(bare(layer)) for layer in adapter.layers}
    strangers = [layer for layer, name in names.items() if name is None]
    if strangers:
        raise BadCheckpoint(
            f"adapter {adapter.name} changes {len(strangers)} layers this checkpoint does not have "
            f"({', '.join(strangers[:3])}): it was trained for another one"
        )
    for layer, parts in adapter.layers.items():
        name = names[layer]
        assert name is not None
        delta, weight = change(parts, adapter, layer), weighted[name].weight
        assert isinstance(weight, Tensor)
        if delta.numel() != weight.numel():
            raise BadCheckpoint(
                f"adapter {adapter.name} has {tuple(delta.shape)} for {name}, which is {tuple(weight.shape)} here: "
                "it was trained for a checkpoint of another size"
            )
        yield name, delta


def bare(layer: str) -> str:
    """A layer's spelling without what exporters put before it."""
    shorter = next((layer.removeprefix(prefix) for prefix in PREFIXES if layer.startswith(prefix)), layer)
    return layer if shorter == layer else bare(shorter)


def change(parts: Mapping[str, Tensor], adapter: Adapter, layer: str) -> Tensor:
    """ΔW of one layer, in float32."""
    down, up = (next((parts[name] for name in names if name in parts), None) for names in (DOWN, UP))
    if down is not None and up is not None:
        rank = down.shape[0]
        return scale_of(parts, adapter, rank) * (up.flatten(1) @ down.flatten(1))
    first, first_rank = factor(parts, "lokr_w1")
    second, second_rank = factor(parts, "lokr_w2")
    if first is None or second is None:
        raise BadCheckpoint(f"adapter {adapter.name} is incomplete at {layer}: it has only {', '.join(sorted(parts))}")
    factored = second_rank or first_rank
    # LyCORIS leaves alpha out of play where neither side is factored.
    scale = scale_of(parts, adapter, factored) if factored else 1.0
    return scale * torch.kron(first.contiguous(), second.flatten(1).contiguous())


def factor(parts: Mapping[str, Tensor], side: str) -> tuple[Tensor | None, int | None]:
    """One side of a Kronecker product, and its rank where it is itself a product."""
    if side in parts:
        return parts[side], None
    left, right = parts.get(f"{side}_a"), parts.get(f"{side}_b")
    if left is None or right is None:
        return None, None
    if f"{side.replace('w2', 't2')}" in parts:
        raise BadCheckpoint("a LoKr adapter with a Tucker core cannot be merged: export it without `use_tucker`")
    return left @ right.flatten(1), right.shape[0]


def scale_of(parts: Mapping[str, Tensor], adapter: Adapter, rank: int) -> float:
    """alpha / rank where a layer states alpha, else what the folder states, else 1."""
    if "alpha" in parts:
        return float(parts["alpha"]) / rank
    return 1.0 if adapter.scale is None else adapter.scale
