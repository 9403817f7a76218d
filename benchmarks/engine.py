"""Speed and memory of the acoustic engine, side by side with diffusers' AceStepPipeline on the same random weights.

    python benchmarks/engine.py                       # a mid-size network on this machine's CPU
    python benchmarks/engine.py --size 2b --device cuda --dtype bfloat16

Both sides run in one process, alternately, and the median of the repeats counts; what matters is the ratio. Peak memory
is measured in a process of its own per side. Prints Markdown.
"""

import argparse
import gc
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from melisma.models.v15 import AceStep15, load_checkpoint

LENGTHS_S = (30, 120, 240, 600)
LATENT_HZ = 25
CONDITION = 400  # tokens of lyrics, timbre and text: a song with two verses

SIZES = {
    "mid": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8},
    "2b": {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_attention_heads": 16},
}
KV_HEADS = {"mid": 4, "2b": 8}
HEAD_DIM = {"mid": 64, "2b": 128}


@dataclass(frozen=True)
class Circumstances:
    """What was measured on."""

    size: str
    device: torch.device
    dtype: torch.dtype
    lengths_s: tuple[int, ...]
    repeats: int
    steps: int


def write_rival(folder: Path, size: str) -> None:
    """diffusers' four parts with random weights, as a folder that both sides load."""
    from diffusers import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
        AceStepTransformer1DModel,
    )

    torch.manual_seed(0)
    decoder = {**SIZES[size], "num_key_value_heads": KV_HEADS[size], "head_dim": HEAD_DIM[size]}
    encoder = {key: value for key, value in decoder.items() if key != "num_hidden_layers"}
    parts = {
        "transformer": AceStepTransformer1DModel(**decoder, is_turbo=True),
        "condition_encoder": AceStepConditionEncoder(**encoder, num_lyric_encoder_hidden_layers=2),
        "audio_tokenizer": AceStepAudioTokenizer(**encoder, fsq_dim=decoder["hidden_size"]),
        "audio_token_detokenizer": AceStepAudioTokenDetokenizer(**encoder),
    }
    for name, part in parts.items():
        part.save_pretrained(folder / name)


class Ours:
    """One denoising step of melisma."""

    def __init__(self, folder: Path, at: Circumstances) -> None:
        self.net: AceStep15 = load_checkpoint(folder, at.dtype).net.to(at.device)
        self.width = self.net.config.encoder_hidden_size

    def ready(self, x: Tensor, context: Tensor, condition: Tensor) -> Callable[[float], Tensor]:
        prepared = self.net.prepare(condition, context)
        return lambda t: self.net.step(x, t, prepared)


class Theirs:
    """One denoising step of diffusers."""

    def __init__(self, folder: Path, at: Circumstances) -> None:
        from diffusers import AceStepTransformer1DModel

        net = AceStepTransformer1DModel.from_pretrained(folder / "transformer", torch_dtype=at.dtype)
        self.net = net.to(at.device).eval().requires_grad_(False)

    def ready(self, x: Tensor, context: Tensor, condition: Tensor) -> Callable[[float], Tensor]:
        def step(t: float) -> Tensor:
            time_ = torch.full((1,), t, device=x.device, dtype=x.dtype)
            inputs = {"hidden_states": x, "encoder_hidden_states": condition, "context_latents": context}
            return self.net(timestep=time_, timestep_r=time_, return_dict=False, **inputs)[0]

        return step


def song(seconds: int, width: int, at: Circumstances) -> tuple[Tensor, Tensor, Tensor]:
    """Noise, context and condition of one song."""
    frames = seconds * LATENT_HZ
    shapes = ((1, frames, 64), (1, frames, 128), (1, CONDITION, width))
    return tuple(torch.randn(shape, device=at.device, dtype=at.dtype) for shape in shapes)  # type: ignore[return-value]


def clocked(step: Callable[[float], Tensor], t: float, device: torch.device) -> float:
    """Seconds of one call."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    step(t)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


@torch.inference_mode()
def step_seconds(folder: Path, at: Circumstances) -> list[tuple[int, float, float, float]]:
    """(length, our seconds, their seconds, largest difference of the velocities) per length."""
    ours, theirs = Ours(folder, at), Theirs(folder, at)
    rows = []
    for seconds in at.lengths_s:
        inputs = song(seconds, ours.width, at)
        a, b = ours.ready(*inputs), theirs.ready(*inputs)
        difference = float((a(0.5) - b(0.5)).abs().max())
        times: tuple[list[float], list[float]] = ([], [])
        for i in range(at.repeats):
            for step, kept in ((a, times[0]), (b, times[1])):
                kept.append(clocked(step, 1 - i / at.repeats, at.device))
        rows.append((seconds, *(statistics.median(kept) for kept in times), difference))
    return rows


def peak_of(side: str, folder: Path, seconds: int, at: Circumstances) -> float:
    """Peak memory in MB of a process that takes two steps, beyond what the loaded network needs."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return float(pool.apply(_peak, (side, folder, seconds, at)))


@torch.inference_mode()
def _peak(side: str, folder: Path, seconds: int, at: Circumstances) -> float:
    player = {"ours": Ours, "theirs": Theirs}[side](folder, at)
    inputs = song(seconds, SIZES[at.size]["hidden_size"], at)
    gc.collect()
    before = forget_peak(at.device)
    step = player.ready(*inputs)
    step(0.9), step(0.5)
    return (peak(at.device) - before) / 1e6


def forget_peak(device: torch.device) -> int:
    """Start measuring peak memory anew; returns bytes in use now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark (Linux)
    return peak(device)


def peak(device: torch.device) -> int:
    """Highest memory in bytes since `forget_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def machine(at: Circumstances) -> str:
    """Hardware and software in a line."""
    if at.device.type == "cuda":
        hardware = torch.cuda.get_device_name(at.device)
    else:
        names = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ]
        hardware = f"{names[0] if names else platform.processor()}, {torch.get_num_threads()} threads"
    import diffusers

    return f"{hardware}; torch {torch.__version__}, diffusers {diffusers.__version__}; {at.dtype}, batch 1, {at.repeats} repeats"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="mid")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS_S)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true", help="leave out peak memory")
    given = parser.parse_args()
    at = Circumstances(
        given.size, torch.device(given.device), getattr(torch, given.dtype), tuple(given.lengths), given.repeats, 8
    )
    with TemporaryDirectory() as folder:
        write_rival(Path(folder), at.size)
        rows = step_seconds(Path(folder), at)
        print(f"# One denoising step, {at.size} network\n\n{machine(at)}\n")
        print("| song | melisma | diffusers | ratio | largest difference | melisma peak | diffusers peak |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for seconds, ours, theirs, difference in rows:
            peaks = ("–", "–")
            if not given.no_memory:
                peaks = tuple(f"{peak_of(side, Path(folder), seconds, at):.0f} MB" for side in ("ours", "theirs"))  # type: ignore[assignment]
            times = f"{ours * 1000:.0f} ms | {theirs * 1000:.0f} ms | **{theirs / ours:.2f}×**"
            print(f"| {seconds} s | {times} | {difference:.1e} | {peaks[0]} | {peaks[1]} |", flush=True)


if __name__ == "__main__":
    main()
