"""Windowed attention: equal to a dense mask, and linear in length."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from melisma.models import blocks
from melisma.models.v15 import AceStep15, AceStep15Config
from melisma.models.v15.layers import windowed_attention


def heads(n: int, seed: int, b: int = 2, h: int = 4, g: int = 2, d: int = 8) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(b, count, n, d, generator=generator) for count in (h, g, g))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 30), st.integers(0, 99))
def test_windows_equal_a_dense_mask(n: int, window: int, seed: int) -> None:
    q, k, v = heads(n, seed)
    torch.testing.assert_close(windowed_attention(q, k, v, window), dense(q, k, v, window), atol=1e-5, rtol=0)


def dense(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, window: int) -> torch.Tensor:
    """The rule written out: all scores, those too far away removed, heads repeated."""
    place = torch.arange(q.shape[2])
    k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
    return scores.masked_fill((place[:, None] - place).abs() > window, -torch.inf).softmax(-1) @ v


@pytest.mark.parametrize("window", [5, 64])
def test_devices_that_do_not_share_heads_agree(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = heads(37, 1)
    shared = windowed_attention(q, k, v, window)
    monkeypatch.setattr(blocks, "shares_heads", lambda *_: False)
    torch.testing.assert_close(windowed_attention(q, k, v, window), shared, atol=1e-6, rtol=0)


def test_half_precision_stays_near() -> None:
    q, k, v = heads(37, 2)
    half = windowed_attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), 8)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), dense(q, k, v, 8), atol=0.03, rtol=0)


def test_gradients_flow_through_padded_blocks() -> None:
    gradients = []
    for attend in (windowed_attention, dense):
        q, k, v = (x.requires_grad_() for x in heads(21, 0))
        attend(q, k, v, 8).square().sum().backward()
        gradients.append((q.grad, k.grad, v.grad))
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=0)


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
