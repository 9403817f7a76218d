"""Which device computes, and in which precision.

The best accelerator is taken unless one is named: CUDA (and ROCm, which calls itself CUDA), Apple's MPS, Intel's XPU,
then the CPU. Weights are bfloat16 where the hardware computes it and a tiny product comes out right, float16 on older
CUDA cards, float32 elsewhere: the released weights are bfloat16, whose range float16 does not cover everywhere. A CPU
computes bfloat16 if it has instructions for it; one that has not would only pretend, and be slower.
"""

from dataclasses import dataclass

import psutil
import torch

from melisma.errors import BadRequest

AMPERE = (8, 0)


@dataclass(frozen=True)
class Room:
    """Memory in bytes."""

    total: int
    free: int


def choose_device(name: str | None = None) -> torch.device:
    """The device of a name such as "cuda:1"; without one the best that is here. Raises BadRequest if it is not here."""
    here = available()
    if name is None:
        return torch.device(here[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadRequest(f"no such device: {name!r}. On this machine: {', '.join(here)}") from error
    counts = {"cuda": torch.cuda.device_count, "xpu": torch.xpu.device_count}
    count = counts[device.type]() if device.type in counts and device.type in here else 1
    if device.type not in here or (device.index or 0) >= count:
        raise BadRequest(f"device {name!r} is not here. On this machine: {', '.join(here)}")
    return device


def available() -> list[str]:
    """Kinds of device on this machine, best first."""
    accelerators = {"cuda": torch.cuda, "mps": torch.backends.mps, "xpu": torch.xpu}
    return [*(kind for kind, library in accelerators.items() if library.is_available()), "cpu"]


def choose_dtype(device: torch.device) -> torch.dtype:
    """The precision networks run in on a device."""
    if device.type == "cuda":
        old = torch.version.hip is None and torch.cuda.get_device_capability(device) < AMPERE
        return torch.float16 if old else _proven(device, torch.bfloat16)
    if device.type == "xpu" or (device.type == "cpu" and _multiplies_bfloat16()):
        return _proven(device, torch.bfloat16)
    return torch.float32


def _multiplies_bfloat16() -> bool:
    """Whether the CPU has units (AMX) or instructions (AVX-512 BF16) for products of bfloat16."""
    able = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.8 cannot tell yet
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def _proven(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """`dtype` if the device multiplies in it, else float32."""
    try:
        ones = torch.ones(16, 16, device=device, dtype=dtype)
        right = bool((ones @ ones == 16).all())
    except (RuntimeError, NotImplementedError):
        right = False
    return dtype if right else torch.float32


def room(device: torch.device) -> Room:
    """Memory of a device; for those that share it with the CPU, the machine's."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return Room(total, free)
    if device.type == "xpu":
        free, total = torch.xpu.mem_get_info(device)
        return Room(total, free)
    memory = psutil.virtual_memory()
    return Room(memory.total, memory.available)


def describe(device: torch.device) -> str:
    """A device's name for people."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    return {"mps": "Apple GPU", "cpu": f"CPU, {psutil.cpu_count(logical=False) or psutil.cpu_count()} cores"}[
        device.type
    ]
