"""Speed and memory of ACE-Step v1 with random weights: one step against its floor, and whole songs against real time.

    python benchmarks/v1.py                                           # a mid-size network on this machine's CPU
    python benchmarks/v1.py --size full --device cuda --dtype bfloat16

Per minute counts processor time on a CPU, which other work on the machine disturbs less than the clock.

The floor of a step is the larger of its arithmetic and its weights read once, at the rates that this device reaches with
one large matrix product and one large copy, measured beside each length (or given with --tflops and --gb-per-s). The
peak is what a step needs beyond the network and its inputs. A whole song is 27 or 60 steps, guided in the middle half as
the checkpoint prefers, and decoding; --decode tells what decoding alone takes. Prints Markdown.
"""

import argparse
import gc
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable

import torch
from engine import forget_peak, peak
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from melisma.models.autoencoders.dcae import CHANNELS, ROWS, MusicDCAE, as_image, as_sequence, network_of
from melisma.models.autoencoders.vocoder import Vocoder, VocoderConfig
from melisma.models.v1 import AceStep1, AceStep1Config, Condition
from melisma.models.v1.checkpoint import PUBLISHED_DCAE
from melisma.models.v1.toy import AUTOENCODER, SINGER
from melisma.sampling import Guidance, Plan, solve
from melisma.sampling.schedules import twice_shifted
from melisma.sampling.solvers import Euler
from melisma.sampling.steering import Steered, Steering

LENGTHS_S = (60, 120, 240, 480)
LATENT_HZ = 44100 / 4096
CONDITION = 1000  # tokens of text and lyrics: a song with three verses
SHARED = {
    "mlp_ratio": 2.5,
    "rope_theta": 1e6,
    "speaker_embedding_dim": 512,
    "text_embedding_dim": 768,
    "lyric_encoder_vocab_size": 6693,
    "ssl_encoder_depths": [],
    "ssl_names": [],
    "ssl_latent_dims": [],
}
SIZES = {
    "small": SHARED | {"num_layers": 4, "attention_head_dim": 64, "num_attention_heads": 4, "lyric_hidden_size": 256},
    "mid": SHARED | {"num_layers": 8, "attention_head_dim": 64, "num_attention_heads": 8, "lyric_hidden_size": 256},
    "full": SHARED
    | {"num_layers": 24, "attention_head_dim": 128, "num_attention_heads": 20, "lyric_hidden_size": 1024},
}
LYRICS = {
    "small": {"output_size": 256, "attention_heads": 4, "linear_units": 512},
    "mid": {"output_size": 256, "attention_heads": 4, "linear_units": 512},
    "full": {},
}
# Audio seconds per second for songs, as published with the checkpoint: 27 and 60 steps.
PUBLISHED = {"RTX 4090": (34.48, 15.63), "A100": (27.27, 12.27), "RTX 3090": (12.76, 6.48), "M2 Max": (2.27, 1.03)}


def network(size: str, device: torch.device, dtype: torch.dtype) -> AceStep1:
    """Random weights, made where they are used."""
    torch.manual_seed(0)
    with device:
        net = AceStep1(AceStep1Config.from_dict(SIZES[size], LYRICS[size]))
    return net.to(dtype).eval().requires_grad_(False)


def autoencoder(size: str, device: torch.device, dtype: torch.dtype) -> MusicDCAE:
    """Decoder and vocoder with random weights."""
    config, singer = (PUBLISHED_DCAE, {}) if size == "full" else (AUTOENCODER, SINGER)
    network_ = network_of(config).to_empty(device=device)
    with device:
        vocoder = Vocoder(VocoderConfig.from_dict(singer))
    for parameter in (*network_.parameters(), *vocoder.parameters()):
        torch.nn.init.normal_(parameter, std=0.02)
    return MusicDCAE(network_, vocoder).to(device).to_type(dtype).eval().requires_grad_(False)


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> tuple[float, float]:
    """Median time, and the least processor time (all threads), after one run to warm up."""

    def once() -> tuple[float, float]:
        start, spent = time.perf_counter(), time.process_time()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start, time.process_time() - spent

    once()
    found = [once() for _ in range(repeats)]
    return statistics.median(wall for wall, _ in found), min(spent for _, spent in found)


def rates(at: argparse.Namespace) -> tuple[float, float]:
    """What the device reaches: FLOP/s of a matrix product and byte/s of a copy (read and written), in the type asked for."""
    on = {"device": at.device, "dtype": getattr(torch, at.dtype)}
    cuda = at.device.type == "cuda"
    n = 8192 if cuda else 1024
    a, b = torch.randn(n, n, **on), torch.randn(n, n, **on)
    product = seconds(lambda: a @ b, at.device, 10)[0 if cuda else 1]
    held = torch.zeros(2**28, **on) if cuda else torch.zeros(2**26, **on)
    copied = seconds(held.clone, at.device, 5)[0 if cuda else 1]
    flops = at.tflops * 1e12 or 2 * n**3 / product
    return flops, at.gb_per_s * 1e9 or 2 * held.nbytes / copied


def attending(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], *_: object, **__: object) -> int:
    """Arithmetic of softmax attention, which torch does not count on a CPU: two products per query and key."""
    b, h, t, d = q
    return 2 * b * h * t * k[2] * (d + v[3])


UNCOUNTED = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attending}


def condition_of(net: AceStep1) -> Condition:
    weight = net.lyric_proj.weight
    hidden = torch.randn(1, CONDITION, net.config.inner_dim, device=weight.device, dtype=weight.dtype)
    return Condition(hidden, torch.ones(1, CONDITION, device=weight.device))


def step_of(net: AceStep1, length_s: int) -> Callable[[], Tensor]:
    """One step of a song, its words read."""
    weight, frames = net.lyric_proj.weight, int(length_s * LATENT_HZ)
    x = torch.randn(1, CHANNELS, ROWS, frames, device=weight.device, dtype=weight.dtype)
    prepared = net.prepare(condition_of(net), frames)
    return lambda: net.step(x, 0.5, prepared)


def decoding_of(codec: MusicDCAE, length_s: int) -> Callable[[], Tensor]:
    """Decoding of a song."""
    weight, frames = next(codec.parameters()), int(length_s * LATENT_HZ)
    latents = torch.randn(1, frames, codec.channels, device=weight.device, dtype=weight.dtype)
    return lambda: codec.decode(latents)


def beyond(work: Callable[[], object], device: torch.device) -> float:
    """Peak memory in MB that work needs beyond what is held."""
    gc.collect()
    before = forget_peak(device)
    work()
    return (peak(device) - before) / 1e6


@torch.inference_mode()
def _alone(what: str, length_s: int, at: argparse.Namespace) -> float:
    torch.set_num_threads(at.threads)
    dtype = getattr(torch, at.dtype)
    if what == "step":
        return beyond(step_of(network(at.size, at.device, dtype), length_s), at.device)
    return beyond(decoding_of(autoencoder(at.size, at.device, dtype), length_s), at.device)


def peak_of(what: str, work: Callable[[], object], length_s: int, at: argparse.Namespace) -> str:
    """On a CPU measured in a process of its own, as this one keeps what it has freed."""
    if at.no_memory:
        return "–"
    if at.device.type == "cuda":
        return f"{beyond(work, at.device):.0f}"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return f"{pool.apply(_alone, (what, length_s, at)):.0f}"


def steps_table(net: AceStep1, at: argparse.Namespace) -> None:
    """One step per length: arithmetic, time, share of the floor, memory."""
    held = sum(p.numel() * p.element_size() for p in net.transformer_blocks.parameters())
    clock = "step, ms" if at.device.type == "cuda" else "step (processor), ms"
    print(f"| song | TFLOP | {clock} | per minute, ms | TFLOP/s, GB/s | floor, ms | times the floor | peak, MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for length_s in at.lengths:
        step = step_of(net, length_s)
        with FlopCounterMode(display=False, custom_mapping=UNCOUNTED) as counter:
            step()
        spent = counter.get_total_flops()
        flops, bytes_per_s = rates(at)
        floor = max(spent / flops, held / bytes_per_s)
        took, busy = seconds(step, at.device, at.repeats)
        share = took if at.device.type == "cuda" else busy
        print(
            f"| {length_s} s | {spent / 1e12:.3f} | {share * 1e3:.1f} | {share * 6e4 / length_s:.1f} "
            f"| {flops / 1e12:.3g}, {bytes_per_s / 1e9:.3g} | {floor * 1e3:.1f} | {share / floor:.2f} "
            f"| {peak_of('step', step, length_s, at)} |",
            flush=True,
        )


def decoding_table(codec: MusicDCAE, at: argparse.Namespace) -> None:
    """Decoding alone per length: time and memory, the waveform of the song among it."""
    clock = "decoding, ms" if at.device.type == "cuda" else "decoding (processor), ms"
    print(f"\n| song | {clock} | per minute, ms | peak, MB | waveform, MB |\n|---:|---:|---:|---:|---:|")
    size = next(codec.parameters()).element_size()
    for length_s in at.lengths:
        decode = decoding_of(codec, length_s)
        took, busy = seconds(decode, at.device, 1)
        share = took if at.device.type == "cuda" else busy
        print(
            f"| {length_s} s | {share * 1e3:.0f} | {share * 6e4 / length_s:.0f} "
            f"| {peak_of('decode', decode, length_s, at)} | {2 * length_s * 44100 * size / 1e6:.0f} |",
            flush=True,
        )


def songs_table(net: AceStep1, codec: MusicDCAE, at: argparse.Namespace) -> None:
    """Whole songs against real time."""
    weight, frames = net.lyric_proj.weight, int(at.song_s * LATENT_HZ)
    noise = torch.randn(1, frames, codec.channels, device=weight.device, dtype=weight.dtype)
    prepared = net.prepare(condition_of(net), frames)
    found = []
    decoding, _ = seconds(lambda: codec.decode(noise), at.device, 1)
    for steps in (27, 60):
        times = twice_shifted(steps, 3.0)

        def velocity(x: Tensor, t: float) -> Tensor:
            return as_sequence(net.step(as_image(x), t, prepared))

        def song(times: list[float] = times) -> None:
            steered = Steered(velocity, velocity, Steering(15.0, share=0.5, rows=ROWS), times)
            solve(steered, noise, Plan(tuple(times), Euler(), Guidance()), fresh=lambda: noise)

        took, _ = seconds(song, at.device, 1)
        found.append(at.song_s / (took + decoding))
        print(f"\n{steps} steps: {took:.2f} s of walking, {decoding:.2f} s of decoding for {at.song_s} s of music")
    print("\n| device | 27 steps | 60 steps |\n|---|---|---|")
    for name, (few, many) in PUBLISHED.items():
        print(f"| {name} (published) | {few} | {many} |")
    print(f"| here, {at.size} network, {at.song_s} s of music | {found[0]:.2f} | {found[1]:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="mid")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS_S)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tflops", type=float, default=0.0, help="arithmetic of the device at this type; 0: measured")
    parser.add_argument("--gb-per-s", type=float, default=0.0, help="memory of the device; 0: measured")
    parser.add_argument("--song-s", type=int, default=240, help="length of the whole songs")
    parser.add_argument("--decode", action="store_true", help="decoding alone, per length")
    parser.add_argument("--no-memory", action="store_true", help="leave out peak memory")
    parser.add_argument("--songs", action="store_true", help="whole songs too (minutes on a CPU)")
    at = parser.parse_args()
    at.threads = torch.get_num_threads()
    dtype = getattr(torch, at.dtype)
    name = (
        torch.cuda.get_device_name(at.device)
        if at.device.type == "cuda"
        else platform.processor() or platform.machine()
    )
    print(f"{at.size} network, {at.dtype}, {name}, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    with torch.inference_mode():
        net = network(at.size, at.device, dtype)
        steps_table(net, at)
        codec = autoencoder(at.size, at.device, dtype) if at.decode or at.songs else None
        if at.decode and codec:
            decoding_table(codec, at)
        if at.songs and codec:
            songs_table(net, codec, at)


if __name__ == "__main__":
    main()
