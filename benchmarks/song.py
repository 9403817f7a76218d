"""A whole song, from words to waveform, side by side with diffusers' AceStepPipeline: same weights, words and noise.

    python benchmarks/song.py                                     # mid-size networks on this machine's CPU
    python benchmarks/song.py --size 2b --device cuda --dtype bfloat16 --memory one

Both play from the folder that the pipeline writes, alternately in one process; the median of the repeats counts. The
text encoder is a toy in both: it reads once per song and is the same library. On CUDA the peak of allocated memory is
printed per side; with `--memory one` ours keeps one part on the device at a time. Prints Markdown.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from engine import HEAD_DIM, KV_HEADS, SIZES, Circumstances, forget_peak, machine, peak

from melisma.engine import Band, Rehearsal, rehearse
from melisma.models.store import Store
from melisma.sampling import seeded_noise
from melisma.song import SongRequest
from melisma.toys import TEXT_WIDTH, write_toy_text_encoder

LENGTHS_S = (30, 120, 240)
STEPS, SEED = 8, 7
WORDS = {"caption": "slow waltz", "lyrics": "[verse]\nrain on the window\nstay a while", "language": "en"}
VAE_WIDTH = {"mid": 16, "2b": 128}


def write_pipeline(folder: Path, size: str) -> None:
    """A complete diffusers pipeline with random weights."""
    from diffusers import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
        AceStepPipeline,
        AceStepTransformer1DModel,
        AutoencoderOobleck,
        FlowMatchEulerDiscreteScheduler,
    )
    from transformers import PreTrainedTokenizerFast, Qwen3Model

    torch.manual_seed(0)
    text = folder / "words"
    write_toy_text_encoder(text)
    decoder = {**SIZES[size], "num_key_value_heads": KV_HEADS[size], "head_dim": HEAD_DIM[size]}
    encoder = {key: value for key, value in decoder.items() if key != "num_hidden_layers"}
    condition = AceStepConditionEncoder(**encoder, text_hidden_dim=TEXT_WIDTH)
    condition.silence_latent = torch.randn(1, 15000, 64)
    AceStepPipeline(
        vae=AutoencoderOobleck(
            decoder_channels=VAE_WIDTH[size], downsampling_ratios=[2, 4, 4, 6, 10], sampling_rate=48000
        ),
        text_encoder=Qwen3Model.from_pretrained(text),
        tokenizer=PreTrainedTokenizerFast(tokenizer_file=str(text / "tokenizer.json"), pad_token="<|endoftext|>"),
        transformer=AceStepTransformer1DModel(**decoder, is_turbo=True),
        condition_encoder=condition,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        audio_tokenizer=AceStepAudioTokenizer(**encoder, fsq_dim=decoder["hidden_size"]),
        audio_token_detokenizer=AceStepAudioTokenDetokenizer(**encoder),
    ).save_pretrained(folder / "pipeline")


class Ours:
    """melisma: everything from the request to the decoded waveform."""

    def __init__(self, folder: Path, at: Circumstances, memory: str | None) -> None:
        self.store = Store(at.device, memory, dtype=at.dtype)
        self.model = str(folder / "pipeline")

    def play(self, seconds: int) -> np.ndarray:
        sampling = {"steps": STEPS, "shift": 3.0}
        request = SongRequest.of(
            **WORDS, duration_s=seconds, seeds=(SEED,), sampling=sampling, finish={"master": False}, model=self.model
        )
        rehearsal: Rehearsal = rehearse(request, Band.of(request, self.store))
        return rehearsal.take(SEED).waveform.samples


class Theirs:
    """diffusers."""

    def __init__(self, folder: Path, at: Circumstances) -> None:
        from diffusers import AceStepPipeline

        pipeline: Any = AceStepPipeline.from_pretrained(folder / "pipeline", torch_dtype=at.dtype).to(at.device)
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline, self.at = pipeline, at

    @torch.inference_mode()
    def play(self, seconds: int) -> np.ndarray:
        noise = seeded_noise((SEED,), 25 * seconds, 64).to(self.at.device, self.at.dtype)
        words = {"prompt": WORDS["caption"], "lyrics": WORDS["lyrics"], "vocal_language": WORDS["language"]}
        options = {"num_inference_steps": STEPS, "shift": 3.0, "guidance_scale": 1.0, "audio_duration": seconds}
        out = self.pipeline(latents=noise, **words, **options)
        return np.asarray(torch.as_tensor(out.audios[0]).float().cpu())


def measured(player: Ours | Theirs, seconds: int, device: torch.device) -> tuple[float, float, np.ndarray]:
    """Seconds, peak memory in GB above nothing (CUDA) and samples of one song."""
    forget_peak(device)
    start = time.perf_counter()
    samples = player.play(seconds)
    return time.perf_counter() - start, peak(device) / 1e9, samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="mid")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--memory", help="our memory policy: keep, one, budget:GB")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS_S)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    at = Circumstances(
        given.size, torch.device(given.device), getattr(torch, given.dtype), tuple(given.lengths), given.repeats, STEPS
    )
    with TemporaryDirectory() as name:
        write_pipeline(Path(name), at.size)
        ours, theirs = Ours(Path(name), at, given.memory), Theirs(Path(name), at)
        print(f"# A song of {STEPS} steps with decoding, {at.size} networks\n\n{machine(at)}\n")
        print("| song | melisma | diffusers | ratio | largest difference | melisma peak | diffusers peak |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for seconds in at.lengths_s:
            rounds = [
                (measured(ours, seconds, at.device), measured(theirs, seconds, at.device)) for _ in range(at.repeats)
            ]
            a, b = (statistics.median(side[i][0] for side in rounds) for i in range(2))
            mine, other = rounds[0][0][2], rounds[0][1][2]
            difference = np.abs(mine - other * np.abs(mine).max() / np.abs(other).max()).max()
            peaks = f"{rounds[0][0][1]:.1f} GB | {rounds[0][1][1]:.1f} GB" if at.device.type == "cuda" else "– | –"
            print(
                f"| {seconds} s | {a:.2f} s | {b:.2f} s | **{b / a:.2f}×** | {difference:.1e} | {peaks} |", flush=True
            )


if __name__ == "__main__":
    main()
