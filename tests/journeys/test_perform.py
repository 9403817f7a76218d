"""From a request to mastered takes, through the real classes at toy size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from melisma import audio
from melisma.engine import Band, perform, rehearse
from melisma.errors import Cancelled, MissingModel, UnsoundResult
from melisma.listen import Listener
from melisma.models.catalogue import named
from melisma.models.places import place_of
from melisma.models.store import Store
from melisma.song import Blueprint, FinishOptions, SamplingOptions, SongRequest
from melisma.toys import write_toy


def ask(task: dict | None = None, **fields: object) -> SongRequest:
    few = {"steps": 2} if "sampling" not in fields else {}
    return SongRequest.of(
        **{"caption": "folk", "duration_s": 2.0, "sampling": few, "task": task or {"kind": "compose"}, **fields}
    )


def tasks_on(tune: Path) -> list[dict]:
    source = {"path": str(tune)}
    return [
        {"kind": "compose"},
        {"kind": "cover", "source": source, "strength": 0.5, "noise_strength": 0.3},
        {"kind": "cover", "source": source, "semantic": False},
        {"kind": "repaint", "source": source, "start_s": 1, "end_s": 2},
        {"kind": "extend", "source": source, "before_s": 1, "after_s": 1},
        {"kind": "extract", "source": source, "track": "vocals"},
        {"kind": "lego", "source": source, "track": "bass", "start_s": 1},
        {"kind": "complete", "source": source, "tracks": ["drums"]},
        {"kind": "edit", "source": source, "source_caption": "slow", "draws": 2},
        {"kind": "retake", "seed": 3, "variance": 0.4},
    ]


@pytest.mark.parametrize("which", range(10))
def test_base_plays_every_task(which: int, base: Band, tune: Path) -> None:
    task = tasks_on(tune)[which]
    performance = perform(ask(task, seeds=(1,)), base)
    (take,) = performance.takes
    expected_s = {"extend": 6.0}.get(task["kind"], 4.0 if "source" in task else 2.0)
    assert take.waveform.samples.shape == (2, round(expected_s * 48000))
    assert take.waveform.rate_hz == 48000
    assert np.isfinite(take.waveform.samples).all()
    assert np.abs(take.waveform.samples).max() > 1e-4


def test_the_same_seed_is_the_same_take_alone_or_among_others(base: Band) -> None:
    alone = perform(ask(seeds=(7,), takes=1), base).takes[0]
    among = perform(ask(seeds=(3, 7, 9)), base).takes[1]
    assert np.array_equal(alone.waveform.samples, among.waveform.samples)
    other = perform(ask(seeds=(8,)), base).takes[0]
    assert not np.array_equal(alone.waveform.samples, other.waveform.samples)


@pytest.mark.parametrize("solver", ["euler", "heun", "dpm2m", "pingpong"])
def test_every_solver_repeats_itself(solver: str, turbo: Band) -> None:
    request = ask(seeds=(5,), sampling={"steps": 3, "solver": solver})
    first, second = (perform(request, turbo).takes[0] for _ in range(2))
    assert torch.equal(first.latents, second.latents)


def test_open_seeds_are_drawn_once_and_kept(turbo: Band) -> None:
    performance = perform(ask(takes=2), turbo)
    seeds = [take.provenance.seed for take in performance.takes]
    assert seeds == list(performance.request.seeds)
    assert len(set(seeds)) == 2


def test_repaint_changes_the_region_and_nothing_else(turbo: Band, tune: Path) -> None:
    task = {"kind": "repaint", "source": {"path": str(tune)}, "start_s": 1.0, "end_s": 2.0, "crossfade_s": 0.02}
    rehearsal = rehearse(ask(task, seeds=(1,)), turbo)
    take = rehearsal.take(1)
    original = audio.read(tune, rate_hz=48000).samples
    made = slice(round(0.98 * 48000), round(2.02 * 48000))
    outside = np.ones(original.shape[1], bool)
    outside[made] = False
    assert np.array_equal(take.waveform.samples[:, outside], original[:, outside])
    assert np.abs(take.waveform.samples[:, 48000:96000] - original[:, 48000:96000]).max() > 1e-3
    kept = ~rehearsal.canvas.made
    assert torch.equal(take.latents[kept], rehearsal.canvas.source[kept])


@pytest.mark.parametrize("kind", ["repaint", "lego", "extract"])
def test_parts_that_are_not_mastered_do_not_clip_either(kind: str, base: Band, tune: Path) -> None:
    class Loud:
        def __getattr__(self, name: str) -> object:
            return getattr(base.autoencoder, name)

        def decode(self, latents: torch.Tensor) -> torch.Tensor:
            return 50 * base.autoencoder.decode(latents)

    task = {"repaint": {"start_s": 1.0, "end_s": 2.0}, "lego": {"track": "bass"}, "extract": {"track": "bass"}}[kind]
    request = ask({"kind": kind, "source": {"path": str(tune)}, **task}, seeds=(1,))
    loud = replace(base, autoencoder=Loud())
    assert audio.true_peak(perform(request, loud).takes[0].waveform) < 0
    as_decoded = request.model_copy(update={"finish": FinishOptions(master=False)})
    assert audio.true_peak(perform(as_decoded, loud).takes[0].waveform) > 3


def test_cover_strength_decides_how_long_the_source_is_heard(turbo: Band, tune: Path) -> None:
    def cover(strength: float) -> torch.Tensor:
        task = {"kind": "cover", "source": {"path": str(tune)}, "strength": strength}
        return perform(ask(task, instrumental=True, seeds=(1,), sampling={"steps": 4}), turbo).takes[0].latents

    never, half, always = cover(0.0), cover(0.5), cover(1.0)
    composed = perform(ask(seeds=(1,), duration_s=4.0, sampling={"steps": 4}), turbo).takes[0].latents
    assert torch.allclose(never, composed, atol=1e-5)
    assert not torch.allclose(half, always, atol=1e-4)
    assert not torch.allclose(half, never, atol=1e-4)


def test_retake_variance_zero_is_the_same_take(turbo: Band) -> None:
    original = perform(ask(seeds=(4,)), turbo).takes[0]
    same = perform(ask({"kind": "retake", "seed": 4, "variance": 0.0}, seeds=(99,)), turbo).takes[0]
    near = perform(ask({"kind": "retake", "seed": 4, "variance": 0.1}, seeds=(99,)), turbo).takes[0]
    far = perform(ask({"kind": "retake", "seed": 4, "variance": 0.9}, seeds=(99,)), turbo).takes[0]
    assert torch.equal(original.latents, same.latents)
    distance = [(take.latents - original.latents).norm() for take in (near, far)]
    assert 0 < distance[0] < distance[1]


def test_guidance_and_adapters_of_sampling_reach_the_sound(base: Band) -> None:
    plain, guided = (perform(ask(seeds=(1,), sampling={"steps": 2, "guidance": w}), base).takes[0] for w in (1.0, 6.0))
    assert not torch.allclose(plain.latents, guided.latents, atol=1e-3)


def test_reference_changes_the_timbre_condition(turbo: Band, tune: Path) -> None:
    plain = perform(ask(seeds=(1,)), turbo).takes[0]
    borrowed = perform(ask(seeds=(1,), reference={"path": str(tune)}), turbo).takes[0]
    assert not torch.equal(plain.latents, borrowed.latents)


def test_codes_of_a_blueprint_are_heard(turbo: Band) -> None:
    blueprint = Blueprint(
        caption="folk", lyrics="[Instrumental]", duration_s=2.0, codes=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    )
    with_codes = perform(ask(seeds=(1,)), turbo, blueprint).takes[0]
    without = perform(ask(seeds=(1,)), turbo, blueprint.model_copy(update={"codes": None})).takes[0]
    assert not torch.equal(with_codes.latents, without.latents)


def test_takes_of_a_planner_have_codes_of_their_own(tmp_path: Path) -> None:
    bundle = write_toy(tmp_path, planner=True)
    band = Band.of(SongRequest(model=str(bundle)), Store("cpu", dtype=torch.float32))
    assert band.planner is not None
    request = ask(seeds=(1, 2), planning={"seed": 3}, bpm=100)
    first, second = perform(request, band).takes
    assert first.provenance.blueprint.codes != second.provenance.blueprint.codes
    assert len(first.provenance.blueprint.codes or ()) == 10
    assert first.provenance.blueprint.bpm == second.provenance.blueprint.bpm == 100
    alone = perform(ask(seeds=(2,), planning={"seed": 3}, bpm=100), band).takes[0]
    assert alone.provenance.blueprint.codes == second.provenance.blueprint.codes
    assert torch.equal(alone.latents, second.latents)


def test_a_single_file_plays_with_silence_of_the_autoencoder(toys: dict[str, Path], tmp_path: Path) -> None:
    weights = load_file(toys["turbo"] / "acestep-v15-turbo/model.safetensors")
    save_file(
        {f"model.diffusion_model.{key}": value for key, value in weights.items()}, tmp_path / "my-turbo.safetensors"
    )
    store = Store("cpu", home=tmp_path / "home")
    for name, part in (("vae", "vae"), ("text-encoder", "Qwen3-Embedding-0.6B")):
        place = place_of(named(name), tmp_path / "home")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(toys["turbo"] / part)
    band = Band.of(SongRequest(model=str(tmp_path / "my-turbo.safetensors")), store)
    assert perform(ask(seeds=(1,)), band).takes[0].waveform.duration_s == 2.0


def test_adapters_change_the_sound_by_their_weight(toys: dict[str, Path], tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = "base_model.model.layers.0.self_attn.q_proj"
    save_file(
        {f"{layer}.lora_A.weight": torch.randn(2, 32), f"{layer}.lora_B.weight": torch.randn(32, 2)},
        tmp_path / "a.safetensors",
    )
    store, model = Store("cpu", dtype=torch.float32), str(toys["turbo"])

    def sung(*weights: float) -> tuple[torch.Tensor, str]:
        adapters = [{"name": str(tmp_path / "a.safetensors"), "weight": weight} for weight in weights]
        request = ask(seeds=(1,), model=model, adapters=adapters)
        rehearsal = rehearse(request, Band.of(request, store))
        return rehearsal.take(1).latents, rehearsal.fingerprint

    (plain, mark), (whole, marked), (none, _) = sung(), sung(1.0), sung(1.0, -1.0)
    assert not torch.allclose(plain, whole, atol=1e-3)
    torch.testing.assert_close(plain, none, atol=1e-3, rtol=0)
    assert mark != marked
    with pytest.raises(MissingModel, match="no adapter is called 'ghost'"):
        Band.of(ask(model=model, adapters=[{"name": "ghost"}]), store)


def test_xl_plays_too(toys: dict[str, Path]) -> None:
    band = Band.of(SongRequest(model=str(toys["xl-turbo"])), Store("cpu", dtype=torch.float32))
    assert perform(ask(seeds=(1,)), band).takes[0].waveform.duration_s == 2.0


def test_turbo_refuses_what_it_was_not_trained_for(turbo: Band, tune: Path) -> None:
    task = {"kind": "extract", "source": {"path": str(tune)}, "track": "vocals"}
    with pytest.raises(MissingModel, match="cannot extract.*compose.*--model base"):
        rehearse(ask(task), turbo)


def test_loudness_is_brought_to_listening_level(turbo: Band) -> None:
    take = perform(ask(seeds=(1,), duration_s=5.0), turbo).takes[0]
    assert audio.true_peak(take.waveform) <= -0.9
    assert abs((audio.loudness(take.waveform) or 0) + 14) < 2
    raw = perform(ask(seeds=(1,), duration_s=5.0, finish={"master": False}), turbo).takes[0]
    assert not np.array_equal(raw.waveform.samples, take.waveform.samples)


class Impatient(Listener):
    """Cancels after a number of steps."""

    def __init__(self, patience: int) -> None:
        self.left = patience

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("stopped by the listener")


def test_cancel_acts_within_one_step(turbo: Band) -> None:
    impatient = Impatient(3)
    with pytest.raises(Cancelled):
        perform(ask(seeds=(1,), sampling={"steps": 50}), turbo, listen=impatient)
    assert impatient.left == -1


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_latents_that_are_not_finite_are_reported(poison: float, toys: dict[str, Path]) -> None:
    band = Band.of(SongRequest(model=str(toys["turbo"])), Store("cpu", dtype=torch.float32))
    with torch.no_grad():
        band.generator.net.decoder.scale_shift_table.fill_(poison)
    with pytest.raises(UnsoundResult, match="finite"):
        perform(ask(seeds=(1,)), band)


def test_silence_is_reported(turbo: Band) -> None:
    class Mute:
        sample_rate, hop, channels, fingerprint = 48000, 1920, turbo.autoencoder.channels, "mute"

        def decode(self, latents: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(latents), 2, latents.shape[1] * 1920)

    with pytest.raises(UnsoundResult, match="silent"):
        perform(ask(seeds=(1,)), replace(turbo, autoencoder=Mute()))


def test_half_precision_that_overflows_is_retried_in_float32(toys: dict[str, Path]) -> None:
    band = Band.of(SongRequest(model=str(toys["turbo"])), Store("cpu", dtype=torch.float32))
    wide = perform(ask(seeds=(1,)), band).takes[0]
    generator = band.generator
    generator.net.half()
    generator.dtype = torch.float16
    with torch.no_grad():
        generator.net.decoder.norm_out.weight.mul_(0).add_(6e4)
    generator_wide = Band.of(SongRequest(model=str(toys["turbo"])), Store("cpu", dtype=torch.float32))
    assert wide.latents.isfinite().all()
    heard: list[str] = []

    class Notes(Listener):
        def note(self, message: str) -> None:
            heard.append(message)

    take = perform(ask(seeds=(1,)), band, listen=Notes()).takes[0]
    assert take.latents.isfinite().all()
    assert any("float32" in message for message in heard)
    assert generator_wide.generator.widen() is False


def test_sampling_is_resolved_from_the_checkpoint(turbo: Band, base: Band) -> None:
    for band in (turbo, base):
        performance = perform(ask(seeds=(1,), sampling={"steps": 1}), band)
        assert performance.sampling == SamplingOptions(steps=1).over(band.generator.preferred)
    assert turbo.generator.preferred.guidance == 1.0
    assert base.generator.preferred.guidance == 7.0
