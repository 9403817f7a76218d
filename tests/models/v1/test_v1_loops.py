"""All recorded loops of the official code, its mistakes included, through the generator with compat="official".

Stubs stand for the text encoder and the vocabulary, whose outputs were recorded beside the loops. Noise comes from the
recorded seeds, but for what was mixed from two noises.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from melisma.audio import Waveform
from melisma.engine import kept_of, sing
from melisma.generators.v1 import V1
from melisma.generators.v1.official import official_draws
from melisma.listen import quiet
from melisma.models.autoencoders.dcae import as_image, as_sequence
from melisma.models.v1 import AceStep1
from melisma.sampling import Draw, Plan, near, solve
from melisma.sampling.granularity import Grained
from melisma.sampling.schedules import picked
from melisma.song import AudioRef, Blueprint, Compose, Cover, Edit, Extend, Repaint, SamplingOptions
from melisma.tasks.canvas import Canvas, Keeping, Near, Region, Words

DATA = Path(__file__).parents[2] / "data/v1"
RECORDED = json.loads((DATA / "cases.json").read_text())
HZ = 44100 / 4096
SOURCE = AudioRef(path=Path("recorded.wav"))


@dataclass
class Read:
    """What the text encoder made of both descriptions."""

    t: dict[str, Tensor]
    module: nn.Module

    def hidden(self, texts: list[str], weak: bool = False) -> tuple[Tensor, Tensor]:
        name = "in.target_text" if texts == ["target"] else "in.text"
        return self.t["in.text_null_erg" if weak else name], self.t[f"{name}_mask"]


@dataclass
class Sung:
    """The ids of both lyrics."""

    t: dict[str, Tensor]

    def encode(self, text: str, language: str | None) -> list[int]:
        return self.t["in.target_lyric_ids" if text == "target" else "in.lyric_ids"][0].tolist()


@dataclass
class Mixing(V1):
    """A generator whose first noise was mixed from two."""

    mixed: Tensor | None = None

    def draws(self, seed: int, frames: int, plan: Plan) -> Draw:
        fresh = super().draws(seed, frames, plan)
        return fresh if self.mixed is None else lambda: cast(Tensor, self.mixed)


@dataclass
class Stage:
    """As much of a rehearsal as singing needs."""

    band: Any
    canvas: Canvas
    plan: Plan
    conditioning: Any


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    found = load_file(DATA / "sample_loops.safetensors")
    assert all(bool(found[f"in.{which}lyric_mask"].all()) for which in ("", "target_"))  # sung without padding
    return found


@pytest.fixture
def generator(net: AceStep1, tensors: dict[str, Tensor]) -> Mixing:
    read, sung = Read(tensors, nn.Identity()), Sung(tensors)
    return Mixing(net, read, sung, "recorded", "", torch.device("cpu"), torch.float32)  # type: ignore[arg-type]


def options(p: dict[str, Any]) -> SamplingOptions:
    weakened = {"text": p["erg_tag"], "lyrics": p["use_erg_lyric"], "blocks": p["use_erg_diffusion"]}
    return SamplingOptions(
        steps=p["infer_steps"],
        shift=3.0,
        timesteps=tuple(picked(p["oss_steps"], 3.0)) if p["oss_steps"] else None,
        solver=p["scheduler_type"],
        guidance=p["guidance_scale"],
        guidance_method=p["cfg_type"],
        guidance_share=p["guidance_interval"],
        guidance_decay=p["guidance_interval_decay"],
        guidance_floor=p["min_guidance_scale"],
        guidance_text=p["guidance_scale_text"],
        guidance_lyrics=p["guidance_scale_lyric"],
        weakened=tuple(name for name, weak in weakened.items() if weak),
        granularity=p["omega_scale"],
        compat="official",
    )


def blueprint(words: str, duration_s: float) -> Blueprint:
    return Blueprint(caption=words, lyrics=words, duration_s=duration_s)


def repainting(p: dict[str, Any], source: Tensor) -> Canvas:
    """A region of the source, or its extension, as the official code counts frames."""
    frames = len(source)
    start, end = (int(p[f"repaint_{side}"] * HZ) for side in ("start", "end"))
    before, after = max(0, -start), max(0, end - frames)
    spans = [(start, end)] if not before and not after else [(0, before), (before + frames, before + frames + after)]
    spans = [(a, b) for a, b in spans if b > a]
    source = torch.nn.functional.pad(source, (0, 0, before, after))
    kept = Waveform(np.zeros((2, len(source) * 4096), np.float32), 44100)
    keeping = Keeping(0.0, 0, 0.01, kept, tuple((a / HZ, b / HZ) for a, b in spans))
    task = (
        Extend(source=SOURCE, before_s=before / HZ, after_s=after / HZ)
        if before or after
        else Repaint(source=SOURCE, start_s=start / HZ, end_s=end / HZ, strength=p["retake_variance"])
    )
    regions = tuple(Region(a, b) for a, b in spans)
    return Canvas(
        task, blueprint("origin", len(source) / HZ), len(source), source, regions, erase=True, keeping=keeping
    )


def canvas_of(name: str, p: dict[str, Any], t: dict[str, Tensor]) -> Canvas:
    source, reference = (as_sequence(t[f"in.{which}_latents"])[0] for which in ("src", "ref"))
    if p.get("task") == "edit":
        task = Edit(source=SOURCE, source_caption="origin", source_lyrics="origin")
        words = Words("origin", "origin", (p["n_min"], p["n_max"]), p["n_avg"])
        return Canvas(task, blueprint("target", len(source) / HZ), len(source), source, edit=words)
    if p["src"]:
        return repainting(p, source)
    if p["ref"]:
        cover = Cover(source=SOURCE, noise_strength=p["ref_audio_strength"], semantic=False)
        return Canvas(cover, blueprint("origin", len(reference) / HZ), len(reference), reference)
    turned = Near(p["seeds"][0], p["retake_variance"]) if p["add_retake_noise"] else None
    # One frame too many: the official code counts whole frames only.
    return Canvas(Compose(), blueprint("origin", p["duration"]), int(p["duration"] * HZ) + 1, near=turned)


def mixed_noise(p: dict[str, Any], canvas: Canvas, frames: int) -> Tensor:
    """Officially two noises as long as the source: the second inside, as far as the variance says, the first outside."""
    one, two = (official_draws(p[seeds][0], frames)() for seeds in ("seeds", "retake_seeds"))
    made = canvas.made[None, :, None]
    if isinstance(canvas.task, Repaint):
        return torch.where(made, near(one, two, p["retake_variance"]), one)
    left = canvas.regions[0].end if canvas.made[0] else 0
    right = canvas.frames - left - frames
    return torch.cat([two[:, :left], one, two[:, frames - right :]], dim=1)


@pytest.mark.parametrize("name", RECORDED["loops"])
@torch.inference_mode()
def test_loops_end_where_the_official_ones_do(name: str, generator: Mixing, tensors: dict[str, Tensor]) -> None:
    p: dict[str, Any] = RECORDED["loop_defaults"] | RECORDED["loops"][name]
    plan = generator.plan(options(p))
    canvas = generator.suited(canvas_of(name, p, tensors), plan)
    conditioning = generator.prepare(canvas)
    seeds = p["retake_seeds"] if p["add_retake_noise"] or canvas.edit else p["seeds"]
    if canvas.keeping:
        generator.mixed = mixed_noise(p, canvas, tensors["in.src_latents"].shape[-1])
    if len(seeds) == 1:
        band = type("Band", (), {"generator": generator})
        out = sing(Stage(band, canvas, plan, conditioning), seeds[0], quiet)  # type: ignore[arg-type]
    else:
        # Officially takes that are made together share one mean.
        noise = torch.cat([official_draws(seed, canvas.frames)() for seed in seeds])
        velocity = cast(Grained, generator.guide(conditioning.song, plan))
        out = solve(replace(velocity, together=True), noise, plan, fresh=lambda: noise)
    out = canvas.restore(out)
    assert not canvas.keeping or kept_of(canvas) is not None
    expected = tensors[f"{name}.out"]
    torch.testing.assert_close(as_image(out), expected, atol=1e-3, rtol=1e-4)
