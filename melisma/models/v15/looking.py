"""Where the decoder looks while it plays: cross-attention read off a finished network, from outside.

Fused attention never writes its weights out, and the network is not asked to. A hook sees what enters the
cross-attention of a layer; the weights of the wanted heads are computed from that once more. The pass ends behind the
last layer that was asked for.

Axes: h head, n token of the decoder (two frames), l condition token, d head width, t latent frame, c channel.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from melisma.models.v15.decoder import Decoder, Prepared
from melisma.models.v15.layers import Attention


class _SeenEnough(Exception):
    """Ends a pass behind the last layer that was asked for."""


@torch.inference_mode()
def looks(decoder: Decoder, x: Tensor, t: float, prepared: Prepared, heads: Mapping[int, Sequence[int]]) -> Tensor:
    """How much the wanted heads look at each condition token, (h, l, n) in float32; sums to 1 over l.

    x: latents (1, t, c) at time t, as for a velocity. heads: layer → heads of it, at least one; they come out in this
    order.
    """
    seen: dict[int, Tensor] = {}
    hooks = [_on_arrival(decoder.layers[layer], _looking(layer, prepared, some, seen)) for layer, some in heads.items()]
    hooks.append(decoder.layers[max(heads)].register_forward_hook(_enough))
    try:
        decoder(x, torch.full((1,), t, device=x.device, dtype=torch.float32), prepared)
    except _SeenEnough:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([seen[layer] for layer in heads])


def _on_arrival(layer: Any, look: Callable[[nn.Module, Any, Tensor], None]) -> Any:
    """Call `look` with what the layer's cross-attention is about to see."""
    return layer.cross_attn_norm.register_forward_hook(
        lambda norm, inputs, output: look(layer.cross_attn, inputs, output)
    )


def _looking(
    layer: int, prepared: Prepared, heads: Sequence[int], seen: dict[int, Tensor]
) -> Callable[[Any, Any, Tensor], None]:
    def look(attention: Attention, _: Any, x: Tensor) -> None:
        keys, _values = prepared.memory[layer]
        shared = attention.heads // attention.kv_heads
        queries = attention.query(x)[0, list(heads)].float()
        chosen = keys[0, [head // shared for head in heads]].float()
        weights = (queries @ chosen.transpose(1, 2) * attention.head_dim**-0.5).softmax(dim=-1)
        seen[layer] = weights.transpose(1, 2)

    return look


def _enough(layer: nn.Module, inputs: Any, output: Tensor) -> None:
    raise _SeenEnough
