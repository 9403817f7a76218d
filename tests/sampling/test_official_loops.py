"""Whole generation loops, against latents recorded from the official code on a tiny random network."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from melisma.models.v15 import AceStep15, AceStep15Config
from melisma.sampling import (
    Guidance,
    Kept,
    Plan,
    advanced,
    draws,
    flow_edit,
    guided,
    hand_over_time,
    handed_over,
    near,
    solve,
)
from melisma.sampling.schedules import schedule, snapped
from melisma.sampling.solvers import Euler, Heun, PingPong
from melisma.song import Wavelets

DATA = Path(__file__).parents[1] / "data/v15"
RECORDED = json.loads((DATA / "sampling_cases.json").read_text())
CASES = [(file, name) for file, cases in RECORDED["cases"].items() for name in cases]
FRAMES = 19


@pytest.fixture(scope="module")
def nets() -> dict[str, AceStep15]:
    loaded = {}
    for size in ("2b", "xl"):
        net = AceStep15(AceStep15Config.from_dict(json.loads((DATA / f"config_{size}.json").read_text())))
        net.load_official(load_file(DATA / f"weights_{size}.safetensors"))
        loaded[size] = net.eval().requires_grad_(False)
    return loaded


class Case:
    """One recorded loop: its inputs, and velocities as the official code would condition them."""

    def __init__(self, file: str, name: str, nets: dict[str, AceStep15]) -> None:
        self.tensors, self.name = load_file(DATA / file), name
        self.params = {**RECORDED["defaults"], **RECORDED["cases"][file][name]["params"]}
        self.turbo, self.net = "turbo" in file, nets["xl" if "_xl_" in file else "2b"]
        self.silence = self.tensors["silence_latent"][0]

    def condition(self, text: str = "", lyric: str = "") -> Tensor:
        t = self.tensors
        words = (t[f"{text}text_hidden_states"], t[f"{text}text_attention_mask"])
        lyrics = (t[f"{lyric}lyric_hidden_states"], t[f"{lyric}lyric_attention_mask"])
        timbre = (t["refer_audio_acoustic_hidden_states_packed"], t["refer_audio_order_mask"])
        return self.net.encode(*words, *lyrics, *timbre).hidden

    def context(self, heard: Tensor, mask: Tensor | None = None) -> Tensor:
        mask = torch.ones(len(heard), FRAMES) if mask is None else mask.float()
        return torch.cat([heard, mask[..., None].expand_as(heard)], dim=-1)

    def quiet(self) -> Tensor:
        return self.silence[:FRAMES].expand(2, -1, -1)

    def heard(self) -> Tensor:
        """Source latents of the case, through the codes where it is a cover."""
        source = self.tensors["audio_latents"]
        if self.name.startswith("t2m"):
            return self.quiet()
        if self.name.startswith("repaint"):
            return self.tensors["repaint_src_latents"]
        if self.name in ("cover_nofsq", "extract_apg"):
            return source
        if self.name == "cover_hints":
            return self.tensors["hints_25hz"][:, :FRAMES]
        hints = self.net.detokenize(self.net.tokenize(source, self.silence)[0])[:, :FRAMES]
        return torch.stack([source[0], hints[1]]) if self.name == "cover_mixed_batch" else hints

    def flow(self, condition: Tensor, context: Tensor) -> tuple[Callable, Callable]:
        prepared, null = self.net.prepare(condition, context), self.net.prepare_null(context)
        return (lambda x, t: self.net.step(x, t, prepared)), (lambda x, t: self.net.step(x, t, null))

    def flows(self) -> tuple[Callable, Callable]:
        """With and without words, the source falling silent where the cover strength says so."""
        mask = self.tensors["repaint_mask"].bool() if self.name.startswith("repaint") else None
        first = self.flow(self.condition(), self.context(self.heard(), mask))
        strength = self.params["audio_cover_strength"]
        if strength == 1:
            return first
        second = self.flow(self.condition(text="non_cover_"), self.context(self.quiet()))
        at = hand_over_time(self.plan().times, strength)
        return handed_over(first[0], second[0], at), handed_over(first[1], second[1], at)

    def plan(self) -> Plan:
        p = self.params
        if "timesteps" in p:
            times = snapped(p["timesteps"]) if self.turbo else p["timesteps"]
        else:
            times = schedule(p.get("infer_steps", 8), p["shift"])
        interval = (p.get("cfg_interval_start", 0.0), p.get("cfg_interval_end", 1.0))
        method = "adg" if p.get("use_adg") else "apg"
        dcw = Wavelets(
            mode=p["dcw_mode"], scale=p["dcw_scaler"], high_scale=p["dcw_high_scaler"], wavelet=p["dcw_wavelet"]
        )
        plan = Plan(
            tuple(times),
            Euler(),
            Guidance(1.0 if self.turbo else p["diffusion_guidance_scale"], method, interval),
            p["velocity_norm_threshold"],
            p["velocity_ema_factor"],
            dcw if p["dcw_enabled"] else None,
        )
        plan, _ = advanced(plan, self.noise(), self.tensors["audio_latents"], p["cover_noise_strength"])
        if p["infer_method"] == "sde":
            return replace(plan, solver=PingPong(unshifted=None if self.turbo else plan.steps))
        if p["sampler_mode"] == "heun":
            return replace(plan, solver=Heun(corrects_at_zero=not self.turbo))
        return plan

    def noise(self) -> Tensor:
        noise, variance = self.tensors["noise"], self.params["retake_variance"]
        return near(noise, self.tensors["retake_noise"], variance) if variance else noise

    def fresh(self, kind: str) -> Callable[[], Tensor]:
        recorded: Iterator[Tensor] = iter(self.tensors.get(f"{self.name}.{kind}", ()))
        return lambda: next(recorded)

    def kept(self) -> Kept | None:
        if not self.name.startswith("repaint"):
            return None
        p = self.params
        made, source = self.tensors["repaint_mask"].bool(), self.tensors["audio_latents"]
        return Kept(made, source, p["repaint_injection_ratio"], p["repaint_crossfade_frames"])

    def edited(self) -> Tensor:
        p, context = self.params, self.context(self.quiet())
        plan = self.plan()
        origin = guided(*self.flow(self.condition(), context), plan.guidance)
        target = guided(*self.flow(self.condition("target_", "target_"), context), plan.guidance)
        window, music = (p["edit_n_min"], p["edit_n_max"]), self.tensors["audio_latents"]
        return flow_edit(
            origin, target, music, plan, fresh=self.fresh("fwd_noise"), window=window, draws=p["edit_n_avg"]
        )

    def walked(self) -> Tensor:
        plan, noise = self.plan(), self.noise()
        x = noise
        if self.params["cover_noise_strength"]:
            t = plan.times[0]
            x = t * noise + (1 - t) * self.tensors["audio_latents"]
        with_words, without = self.flows()
        return solve(
            guided(with_words, without, plan.guidance),
            x,
            plan,
            fresh=self.fresh("renoise"),
            noise=noise,
            kept=self.kept(),
        )


@pytest.mark.parametrize(("file", "name"), CASES, ids=lambda value: value.removesuffix(".safetensors"))
@torch.inference_mode()
def test_loops_end_where_the_official_ones_do(file: str, name: str, nets: dict[str, AceStep15]) -> None:
    case = Case(file, name, nets)
    out = case.edited() if name.startswith("flow_edit") else case.walked()
    assert out.shape == case.tensors[f"{name}.out"].shape
    torch.testing.assert_close(out, case.tensors[f"{name}.out"], atol=5e-4, rtol=0)


@torch.inference_mode()
def test_takes_of_a_batch_get_their_own_noise() -> None:
    together, alone = draws((1, 2, 3), 5, 4), draws((2,), 5, 4)
    for _ in range(3):
        assert torch.equal(together()[1:2], alone())
