"""Windowed attention: equal to a dense mask, and linear in length."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from melisma.models.v15 import AceStep15, AceStep15Config
from melisma.models.v15.layers import full_attention, windowed_attention


def heads(n: int, seed: int, b: int = 2, h: int = 4, g: int = 2, d: int = 8) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(b, count, n, d, generator=generator) for count in (h, g, g))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 30), st.integers(0, 99))
def test_windows_equal_a_dense_mask(n: int, window: int, seed: int) -> None:
    q, k, v = heads(n, seed)
    place = torch.arange(n)
    mask = (place[:, None] - place).abs() <= window
    torch.testing.assert_close(windowed_attention(q, k, v, window), full_attention(q, k, v, mask), atol=1e-5, rtol=0)


def test_gradients_flow_through_padded_blocks() -> None:
    q, k, v = (x.requires_grad_() for x in heads(21, 0))
    windowed_attention(q, k, v, 8).sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in (q, k, v))


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation made."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return out


@pytest.mark.parametrize("attend", ["step", "window"])
def test_memory_grows_with_length_not_its_square(attend: str) -> None:
    largest = []
    for n in (512, 2048):
        with Largest() as mode, torch.inference_mode():
            if attend == "window":
                windowed_attention(*heads(n, 0, b=1), window=16)
            else:
                tiny = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
                tiny |= {"num_key_value_heads": 1, "head_dim": 8, "sliding_window": 16, "in_channels": 6}
                tiny |= {"audio_acoustic_hidden_dim": 2, "timbre_hidden_dim": 2, "text_hidden_dim": 8}
                net = AceStep15(AceStep15Config.from_dict(tiny))
                prepared = net.prepare(torch.randn(1, 3, 16), torch.randn(1, 2 * n, 4))
                mode.elements = 0
                net.step(torch.randn(1, 2 * n, 2), 0.5, prepared)
        largest.append(mode.elements)
    assert largest[1] <= 4.2 * largest[0]
