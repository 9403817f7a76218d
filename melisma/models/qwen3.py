"""Qwen3: the causal transformer that ACE-Step's text encoder and planner are (arXiv 2505.09388, weights as published).

Sizes come from the official config.json. What no checkpoint of ours uses (biases, sliding windows, stretched positions)
is refused rather than half supported.

Axes: b sequence, n position, h head, d head width, w width, v token of the vocabulary.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.errors import BadCheckpoint
from melisma.models.blocks import MLP, Heads, RMSNorm, Width, rotate, shares_heads
from melisma.models.files import AGAIN, read_config, read_weights
from melisma.models.fill import fill
from melisma.models.rotary import Rotary, rotary

MODEL_TYPE = "qwen3"


@dataclass(frozen=True)
class Qwen3Config:
    """Sizes, by their official names."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int = 128
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10_000.0
    tie_word_embeddings: bool = False

    @classmethod
    def of(cls, official: Mapping[str, Any], source: Path | str) -> "Qwen3Config":
        """What an official config.json says; `source` is only named. Raises BadCheckpoint for what is not supported."""
        if official.get("model_type") != MODEL_TYPE:
            raise BadCheckpoint(
                f"{source} holds {official.get('model_type')!r}, expected a network of type {MODEL_TYPE!r}"
            )
        # the older layout has the positions' base beside the sizes, the newer in a table
        positions = {"rope_theta": official.get("rope_theta"), **(official.get("rope_scaling") or {})}
        positions |= official.get("rope_parameters") or {}
        kind = positions.get("rope_type") or positions.get("type") or "default"
        window = official.get("sliding_window") if official.get("use_sliding_window") else None
        refused = {
            "attention_bias": official.get("attention_bias") or None,
            "hidden_act": None if official.get("hidden_act", "silu") == "silu" else official["hidden_act"],
            "rope_type": None if kind == "default" else kind,
            "sliding_window": window
            if "sliding_attention" in official.get("layer_types", ["sliding_attention"])
            else None,
        }
        for name, value in refused.items():
            if value is not None:
                raise BadCheckpoint(
                    f"{source} has {name} {value!r}, which no text encoder or planner of ACE-Step has: choose another checkpoint"
                )
        sizes = {name: official[name] for name in cls.__dataclass_fields__ if official.get(name) is not None}
        if positions.get("rope_theta") is not None:
            sizes["rope_theta"] = float(positions["rope_theta"])
        sizes.setdefault("num_key_value_heads", sizes.get("num_attention_heads"))
        try:
            return cls(**sizes)
        except TypeError as error:
            raise BadCheckpoint(f"{source} does not say how large its network is ({error}). {AGAIN}") from error

    def official(self) -> dict[str, Any]:
        """As config.json says it, to older readers and to newer ones."""
        positions = {"rope_theta": self.rope_theta, "rope_type": "default"}
        names = {"architectures": ["Qwen3ForCausalLM"], "model_type": MODEL_TYPE, "hidden_act": "silu"}
        return {**names, **asdict(self), "rope_parameters": positions}

    @property
    def width(self) -> Width:
        """Sizes of a layer."""
        return Width(
            self.hidden_size,
            self.intermediate_size,
            self.num_attention_heads,
            self.num_key_value_heads,
            self.head_dim,
            self.rms_norm_eps,
        )


class CausalAttention(Heads):
    """Attention to what came before."""

    def forward(self, x: Tensor, turn: Rotary) -> Tensor:
        """(b, n, w) → (b, n, w)"""
        k, v = self.keys_values(x)
        q, k = rotate(self.query(x), turn), rotate(k, turn)
        if not shares_heads(q, k, v, None):
            k, v = (kept.repeat_interleave(self.heads // self.kv_heads, dim=1) for kept in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=q.shape[1] != k.shape[1])
        return self.o_proj(out.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, width: Width) -> None:
        super().__init__()
        self.self_attn = CausalAttention(width)
        self.mlp = MLP(width)
        self.input_layernorm = RMSNorm(width.hidden, width.eps)
        self.post_attention_layernorm = RMSNorm(width.hidden, width.eps)

    def forward(self, x: Tensor, turn: Rotary) -> Tensor:
        """(b, n, w) → (b, n, w)"""
        x = x + self.self_attn(self.input_layernorm(x), turn)
        return x + self.mlp(self.post_attention_layernorm(x))


class Qwen3(nn.Module):
    """The network without its head: what a text encoder is."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.config = config
        # Zeros until a checkpoint or whoever trains fills them: drawing on the meta device imports a compiler, a second.
        self.embed_tokens = nn.Embedding.from_pretrained(
            torch.zeros(config.vocab_size, config.hidden_size), freeze=False
        )
        self.layers = nn.ModuleList(Layer(config.width) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, tokens: Tensor) -> Tensor:
        """Last hidden states (b, n, w) of tokens (b, n)."""
        x: Tensor = self.embed_tokens(tokens)
        turn = rotary(tokens.shape[1], self.config.head_dim, self.config.rope_theta, x)
        for layer in self.layers:
            x = layer(x, turn)
        return self.norm(x)


class Qwen3LM(nn.Module):
    """The network with its head: what a planner is."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.config = config
        self.model = Qwen3(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.tie()

    def tie(self) -> None:
        """Let reading and writing share one table, where the checkpoint does."""
        if self.config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (b, n, v) of what follows each of tokens (b, n)."""
        return self.lm_head(self.model(tokens))


def read_qwen3(folder: Path, dtype: torch.dtype) -> Qwen3:
    """A network without its head, whether the names of its weights begin with `model.` or not."""
    with torch.device("meta"):
        network = Qwen3(Qwen3Config.of(read_config(folder), folder))
    weights = {key.removeprefix("model."): tensor for key, tensor in read_weights(folder).items()}
    weights.pop("lm_head.weight", None)
    fill(network, weights, folder)
    return network.to(dtype).eval().requires_grad_(False)


def read_qwen3_lm(folder: Path, dtype: torch.dtype) -> Qwen3LM:
    """A network with its head, whether the names of its weights begin with `model.` or not."""
    with torch.device("meta"):
        network = Qwen3LM(Qwen3Config.of(read_config(folder), folder))
    weights = {key.removeprefix("model."): tensor for key, tensor in read_weights(folder).items()}
    head = weights.pop("lm_head.weight", None)
    fill(network.model, weights, folder)
    if not network.config.tie_word_embeddings:
        fill(network.lm_head, {} if head is None else {"weight": head}, f"the head of {folder}")
    network.tie()
    return network.to(dtype).eval().requires_grad_(False)
