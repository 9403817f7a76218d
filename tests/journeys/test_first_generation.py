"""Every task of ACE-Step v1 on a toy, through the same door as 1.5."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from melisma.audio import read
from melisma.cli import main, melisma
from melisma.engine import Band, perform
from melisma.errors import BadRequest, MissingModel
from melisma.generators.v1 import V1
from melisma.models.store import Store
from melisma.models.v1.checkpoint import DCAE, TEXT, TRANSFORMER, VOCODER
from melisma.models.v1.toy import write_toy_v1
from melisma.song import (
    Adapter,
    AudioRef,
    Compose,
    Cover,
    Edit,
    Extend,
    FinishOptions,
    Repaint,
    Retake,
    SamplingOptions,
    SongRequest,
)

QUICK = SamplingOptions(steps=6)
DRY = FinishOptions(master=False)
WORDS = {"caption": "slow waltz, accordion", "lyrics": "[Verse 1]\nturn around\n[Chorus]\nonce more", "language": "en"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_v1(tmp_path_factory.mktemp("v1") / "toy")


@pytest.fixture(scope="module")
def band(toy: Path) -> Band:
    return Band.of(SongRequest(model=str(toy)), Store("cpu", dtype=torch.float32))


def play(band: Band, task: object = None, sampling: SamplingOptions = QUICK, **fields: object):  # type: ignore[no-untyped-def]
    words = WORDS | {"duration_s": 3.0, "seeds": (1,), "finish": DRY} | fields
    return perform(SongRequest(task=task or Compose(), sampling=sampling, **words), band).takes


def test_compose(band: Band) -> None:
    one, two = play(band, seeds=(1, 2))
    assert one.waveform.rate_hz == 44100
    assert one.waveform.samples.shape == (2, 3 * 44100)
    assert one.latents.shape == (33, 128)
    (again,) = play(band, seeds=(2,))
    assert np.array_equal(again.waveform.samples, two.waveform.samples)
    assert not np.array_equal(one.waveform.samples, two.waveform.samples)


@pytest.mark.parametrize(
    "change",
    [
        {"solver": "heun"},
        {"solver": "pingpong"},
        {"solver": "dpm2m"},
        {"guidance": 1.0},
        {"guidance_method": "cfg"},
        {"guidance_method": "cfg_star"},
        {"guidance_method": "adg"},
        {"guidance_share": 1.0},
        {"guidance_decay": 1.0},
        {"guidance_interval": (0.0, 0.6)},
        {"guidance_text": 5.0, "guidance_lyrics": 1.5},
        {"weakened": ()},
        {"weakened": ("text", "lyrics")},
        {"weakened": ("lyrics", "blocks")},
        {"granularity": 0.0},
        {"solver": "heun", "compat": "official"},
        {"timesteps": (1.0, 0.8, 0.3)},
        {"shift": 5.0},
    ],
    ids=str,
)
def test_every_control_is_heard(band: Band, change: dict) -> None:
    (plain,), (changed,) = play(band), play(band, sampling=SamplingOptions(steps=6, **change))
    frames = 32 if "compat" in change else 33
    assert changed.latents.shape == (frames, 128)
    assert float((plain.latents[:frames] - changed.latents).abs().max()) > 1e-4


def test_words_are_heard(band: Band) -> None:
    plain = play(band)[0].latents
    for fields in ({"caption": "fast techno"}, {"lyrics": "la la"}, {"lyrics": None}, {"language": "de"}, {"bpm": 90}):
        assert float((play(band, **fields)[0].latents - plain).abs().max()) > 1e-5


def test_retake_stays_near(band: Band) -> None:
    first = play(band)[0].latents
    same = play(band, Retake(seed=1, variance=0.0), seeds=(5,))[0].latents
    near = play(band, Retake(seed=1, variance=0.1), seeds=(5,))[0].latents
    far = play(band, Retake(seed=1, variance=1.0), seeds=(5,))[0].latents
    torch.testing.assert_close(same, first)
    assert 0 < float((near - first).norm()) < float((far - first).norm())


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_repaint_keeps_the_rest_to_the_sample(band: Band, tune: Path, strength: float) -> None:
    source = AudioRef(path=tune)
    (take,) = play(band, Repaint(source=source, start_s=1.0, end_s=2.0, strength=strength))
    rendered, original = take.waveform.samples, band_hears(band, tune)
    assert rendered.shape == original.shape
    assert np.array_equal(rendered[:, : int(0.9 * 44100)], original[:, : int(0.9 * 44100)])
    assert np.array_equal(rendered[:, int(2.1 * 44100) :], original[:, int(2.1 * 44100) :])
    assert not np.allclose(rendered[:, 44100 : 2 * 44100], original[:, 44100 : 2 * 44100])


def band_hears(band: Band, path: Path) -> np.ndarray:
    return read(path, rate_hz=band.autoencoder.sample_rate).samples


@pytest.mark.parametrize(("before", "after"), [(0.0, 1.5), (1.0, 0.0), (1.0, 1.5), (6.0, 1.0)])
def test_extensions_have_the_length_asked_for(band: Band, tune: Path, before: float, after: float) -> None:
    (take,) = play(band, Extend(source=AudioRef(path=tune), before_s=before, after_s=after))
    original = band_hears(band, tune)
    assert take.waveform.duration_s == pytest.approx(4 + before + after)
    start = round(before * 44100)
    inside = take.waveform.samples[:, start + 4410 : start + original.shape[1] - 4410]
    assert np.array_equal(inside, original[:, 4410:-4410])


def test_officially_lengths_are_wrong(band: Band, tune: Path) -> None:
    official = SamplingOptions(steps=2, compat="official")
    assert len(play(band, sampling=official)[0].latents) == 32  # whole frames in 3 s; 33 cover them
    both = Extend(source=AudioRef(path=tune), before_s=0.5, after_s=1.5)
    (take,) = play(band, both, official)
    original = band_hears(band, tune)
    assert take.waveform.duration_s == pytest.approx(4 + 0.5 + 1.5 - 0.5)
    inside = take.waveform.samples[:, 22050 + 4410 : 22050 + original.shape[1] - 4410]
    assert np.array_equal(inside, original[:, 4410:-4410])
    with pytest.raises(BadRequest, match="cannot extend by 1 s before and 0.5 s after"):
        play(band, Extend(source=AudioRef(path=tune), before_s=1.0, after_s=0.5), official)


def test_officially_an_edit_with_pingpong_does_nothing(band: Band, tune: Path) -> None:
    task = Edit(source=AudioRef(path=tune), source_caption="two tones", source_lyrics="[inst]")
    heard = band.autoencoder.encode(torch.from_numpy(band_hears(band, tune))[None])[0]
    official, own = (
        play(band, task, SamplingOptions(steps=3, solver="pingpong", compat=compat))[0].latents
        for compat in ("official", None)
    )
    torch.testing.assert_close(official, heard)
    assert float((own - heard).abs().max()) > 1e-3


def test_a_cover_is_nearer_to_its_source_the_stronger(band: Band, tune: Path) -> None:
    source = AudioRef(path=tune)
    covers = [play(band, Cover(source=source, noise_strength=s))[0].latents for s in (0.2, 0.8, 0.97)]
    heard = band.autoencoder.encode(torch.from_numpy(band_hears(band, tune))[None])[0]
    distances = [float((cover - heard).norm()) for cover in covers]
    assert distances == sorted(distances, reverse=True)
    left_open, half = (play(band, Cover(source=source, **said))[0].latents for said in ({}, {"noise_strength": 0.5}))
    assert torch.equal(left_open, half)
    official = SamplingOptions(steps=6, compat="official")
    there = play(band, Cover(source=source, noise_strength=0.5), official)[0].latents
    assert not torch.allclose(there, half)


def test_edits_change_words_and_style(band: Band, tune: Path) -> None:
    task = Edit(source=AudioRef(path=tune), source_caption="two tones", source_lyrics="[inst]")
    one, two = play(band, task, seeds=(1, 2))
    assert one.waveform.duration_s == pytest.approx(4)
    assert not torch.equal(one.latents, two.latents)
    late = play(band, task.model_copy(update={"window": (0.8, 1.0), "draws": 2}))[0].latents
    heard = band.autoencoder.encode(torch.from_numpy(band_hears(band, tune))[None])[0]
    assert float((late - heard).norm()) < float((one.latents - heard).norm())
    official = play(band, task, SamplingOptions(steps=6, compat="official"))[0].latents
    assert not torch.allclose(official, one.latents)


def test_what_it_cannot_do_is_said(band: Band, tune: Path, toys: dict[str, Path]) -> None:
    with pytest.raises(BadRequest, match="cannot borrow a timbre"):
        play(band, reference=AudioRef(path=tune))
    with pytest.raises(BadRequest, match=r"not for a share \(0.5\) of its steps"):
        play(band, Cover(source=AudioRef(path=tune), strength=0.5))
    with pytest.raises(BadRequest, match="does not sing in 'sv'"):
        play(band, language="sv")
    later = Band.of(SongRequest(model=str(toys["turbo"])), Store("cpu", dtype=torch.float32))
    with pytest.raises(BadRequest, match="only the first generation knows granularity"):
        play(later, sampling=SamplingOptions(steps=2, granularity=5.0))
    with pytest.raises(BadRequest, match="cfg_star"):
        play(later, sampling=SamplingOptions(steps=2, guidance_method="cfg_star"))


def test_a_part_names_the_folder_around_it(toy: Path) -> None:
    with pytest.raises(MissingModel, match=f"one part of ACE-Step v1: give the folder around it, {toy}"):
        Band.of(SongRequest(model=str(toy / TRANSFORMER)), Store("cpu", dtype=torch.float32))


def test_adapters_are_merged(toy: Path, band: Band, tmp_path: Path) -> None:
    layers = ("speaker_embedder", "lyric_encoder.encoders.1.self_attn.linear_q", "transformer_blocks.3.attn.to_out.0")
    weights = {}
    for layer in layers:
        out, into = band.generator.net.get_submodule(layer).weight.shape
        weights |= {f"{layer}.lora_A.weight": torch.randn(2, into), f"{layer}.lora_B.weight": torch.randn(out, 2)}
    save_file(weights, tmp_path / "pytorch_lora_weights.safetensors")
    adapters = (Adapter(name=str(tmp_path), weight=0.5),)
    adapted = Band.of(SongRequest(model=str(toy), adapters=adapters), Store("cpu", dtype=torch.float32))
    assert not torch.allclose(play(band)[0].latents, play(adapted)[0].latents)
    assert adapted.generator.fingerprint.endswith("@0.5")


def test_one_file_plays_as_the_folder_does(
    toy: Path, band: Band, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ComfyUI files bring no configs; the toy's stand in for the published sizes."""
    import json

    from melisma.models.v1 import checkpoint as module

    places = {
        "model.diffusion_model.": TRANSFORMER,
        "vae.dcae.": DCAE,
        "vae.vocoder.": VOCODER,
        "text_encoders.umt5base.transformer.": TEXT,
    }
    packed = {
        f"{place}{name}": tensor
        for place, part in places.items()
        for name, tensor in load_file(next((toy / part).glob("*.safetensors"))).items()
    }
    save_file(packed, tmp_path / "one.safetensors")
    config = {part: json.loads((toy / part / "config.json").read_text()) for part in places.values()}
    monkeypatch.setattr(module, "HEAD_DIM", config[TRANSFORMER]["attention_head_dim"])
    monkeypatch.setattr(module, "PUBLISHED_DCAE", config[DCAE])
    monkeypatch.setattr(module, "PUBLISHED_VOCODER", config[VOCODER])
    monkeypatch.setattr(module, "PUBLISHED_TEXT", config[TEXT])
    (tmp_path / TEXT).mkdir()
    for name in ("lyric_vocab.json", f"{TEXT}/tokenizer.json"):
        (tmp_path / name).write_bytes((toy / name).read_bytes())
    single = Band.of(SongRequest(model=str(tmp_path / "one.safetensors")), Store("cpu", dtype=torch.float32))
    assert isinstance(single.generator, V1)
    # Mapped tensors lie differently in both, which moves the last bit.
    assert np.allclose(play(single)[0].waveform.samples, play(band)[0].waveform.samples, atol=1e-5)
    (tmp_path / "lyric_vocab.json").unlink()
    with pytest.raises(MissingModel, match="lyric vocabulary"):
        Band.of(SongRequest(model=str(tmp_path / "one.safetensors")), Store("cpu", dtype=torch.float32))


def test_from_the_command_line(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "song.flac"
    arguments = ["compose", "slow waltz", "--model", str(toy), "--duration", "2", "--steps", "2", "-o", str(out)]
    result = CliRunner().invoke(melisma, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert out.stat().st_size > 1000


class Terminal:
    """Runs commands on the toy, as a person does: with what the whole program prints, and its exit code."""

    def __init__(self, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.model, self.capsys, self.monkeypatch = model, capsys, monkeypatch

    def __call__(self, *words: object) -> tuple[int, str]:
        line = ["melisma", *map(str, words), "--model", str(self.model), "--device", "cpu", "--steps", "2"]
        self.monkeypatch.setattr(sys, "argv", line)
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        said = self.capsys.readouterr()
        return code, " ".join(f"{said.out} {said.err}".split())


@pytest.fixture
def terminal(
    toy: Path, quiet_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    return Terminal(toy, capsys, monkeypatch)


def test_every_task_is_a_command(terminal: Terminal, tune: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("[verse]\nturn around")
    sung = ("--lyrics", words, "--language", "en", "--seed", 3)
    first = tmp_path / "first.flac"
    commands = {
        "first": (("compose", "slow waltz", *sung, "--duration", 2), 2.0),
        "retake": (("retake", first, "--variance", 0.2, "--seed", 4), 2.0),
        "again": (("again", first), 2.0),
        "repaint": (("repaint", tune, "brass", "--start", 1, "--end", 2), 4.0),
        "extend": (("extend", tune, "brass", "--before", 0.5, "--after", 1), 5.5),
        "edit": (("edit", tune, "brass", "--from", "two tones", *sung), 4.0),
        "cover": (("cover", tune, "brass", "--noise-strength", 0.4), 4.0),
    }
    made = {}
    for name, (arguments, seconds) in commands.items():
        out = tmp_path / f"{name}.flac"
        code, said = terminal(*arguments, "-o", out)
        assert code == 0, said
        made[name] = read(out, rate_hz=None)
        assert (made[name].rate_hz, made[name].duration_s) == (44100, pytest.approx(seconds, abs=1e-3))
    assert np.array_equal(made["first"].samples, made["again"].samples)
    assert not np.allclose(made["first"].samples, made["retake"].samples)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compose", "x", "--duration", 2, "--lyrics", "{words}", "--language", "sv"), "does not sing in 'sv'"),
        (("compose", "x", "--duration", 2, "--set", "sampling.compat=offical"), "'official'"),
        (("compose", "x", "--duration", 2, "--guidance-method", "cfg-star"), "'cfg_star'"),
        (("compose", "x", "--duration", 2, "--set", "sampling.weakened=text"), "give a list, such as [a, b]: 'text'"),
        (("compose", "x", "--duration", 900), "900"),
        (("compose", "x", "--duration", 0), "duration_s"),
        (("repaint", "{tune}", "x", "--start", 9), "lies outside the source"),
        (("extend", "{tune}", "x"), "before"),
        (("cover", "{tune}", "x", "--noise-strength", 1.5), "noise_strength"),
        (("edit", "{tune}", "x"), "--from"),
        (("lego", "{tune}", "drums"), "cannot lego"),
        (("extract", "{tune}", "drums"), "cannot extract"),
        (("retake", "{tune}"), "tune.flac"),
        (("compose", "x", "--duration", 2, "--adapter", "{tune}"), "tune.flac"),
    ],
    ids=lambda case: case if isinstance(case, str) else case[0],
)
def test_what_cannot_be_done_is_said_in_words(
    terminal: Terminal, tune: Path, tmp_path: Path, arguments: tuple[object, ...], said: str
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("la la")
    filled = [str(argument).format(tune=tune, words=words) for argument in arguments]
    code, output = terminal(*filled, "-o", tmp_path / "out.flac")
    assert code not in (0, 130)
    assert said in output
    assert not (tmp_path / "out.flac").exists()
