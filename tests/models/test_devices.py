"""Which precision a CPU computes in."""

import pytest
import torch

from melisma.models.devices import choose_dtype
from melisma.models.planner.load import dtype_for

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("able", "dtype"),
    [
        ({}, torch.float32),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
    ],
)
def test_a_cpu_computes_bfloat16_if_it_has_instructions_for_it(
    able: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert choose_dtype(CPU) == dtype
    assert dtype_for(CPU) == torch.float32  # planners choose tokens: one flipped is another song


def test_a_library_that_cannot_tell_what_the_cpu_has_leaves_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_dtype(CPU) == torch.float32
