"""What a step is trained on: the order is a function of seed and step."""

import json

import numpy as np
import pytest
import soundfile
import torch

from melisma.errors import BadRequest
from melisma.training.data import AudioCrops, held_out, random_crop, songs


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name in ("b", "a", "unfinished"):
        (tmp_path / name / "stems").mkdir(parents=True)
        soundfile.write(tmp_path / name / "mix.flac", random.normal(0, 0.1, (9000, 2)), 48000)
        if name != "unfinished":
            (tmp_path / name / "song.json").write_text(json.dumps({"seed": 1}))
    return tmp_path


def crops(folder, seed=1, **changes):
    files = [song / "mix.flac" for song in songs(folder)]
    return AudioCrops(
        **({"files": files, "weights": [1, 1], "rate_hz": 48000, "samples": 1920, "takes": 4, "seed": seed} | changes)
    )


def test_songs_are_finished_folders_in_order(folder, tmp_path):
    assert [song.name for song in songs(folder)] == ["a", "b"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRequest, match=r"song\.json"):
        songs(tmp_path / "empty")


def test_a_step_always_has_the_same_batch(folder):
    first, again = crops(folder), crops(folder)
    assert first(7)["waveform"].shape == (4, 2, 1920)
    assert first(7)["waveform"].dtype == torch.float32
    assert torch.equal(first(7)["waveform"], again(7)["waveform"])
    assert not torch.equal(first(7)["waveform"], first(8)["waveform"])
    assert not torch.equal(first(7)["waveform"], crops(folder, seed=2)(7)["waveform"])


def test_weights_choose_the_files(folder):
    quiet = folder / "silence.flac"
    soundfile.write(quiet, np.zeros((4000, 2)), 48000)
    files = [folder / "a" / "mix.flac", quiet]
    assert crops(folder, files=files, weights=[0, 1])(3)["waveform"].abs().max() == 0
    assert crops(folder, files=files, weights=[1, 0])(3)["waveform"].abs().max() > 0


def test_a_detuned_crop_keeps_level_and_moves_pitch(folder):
    tone = folder / "tone.flac"
    soundfile.write(tone, 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000), 48000)
    batch = crops(folder, files=[tone], weights=[1], samples=19200, detuned=1.0, takes=8)(0)["waveform"]
    peaks = torch.fft.rfft(batch[:, 0] * torch.hann_window(19200)).abs().argmax(-1) * 2.5
    assert peaks.min() > 1000 / 1.07
    assert peaks.max() < 1000 * 1.07
    assert len(set(peaks.tolist())) > 4


def test_short_and_mono_files_are_filled(folder):
    short = folder / "short.flac"
    soundfile.write(short, np.full(100, 0.5), 48000)
    crop = random_crop(short, 300, 48000, np.random.default_rng(0))
    assert crop.shape == (2, 300)
    assert np.allclose(crop[:, :100], 0.5, atol=1e-3)
    assert not crop[:, 100:].any()
    soundfile.write(short, np.zeros(100), 44100)
    with pytest.raises(BadRequest, match="44100"):
        random_crop(short, 300, 48000, np.random.default_rng(0))


def test_held_out_songs_are_never_learned_from(tmp_path):
    found = [tmp_path / f"{i:07d}" for i in range(400)]
    learn, measure = held_out(found)
    assert 10 <= len(measure) <= 30
    assert set(learn) | set(measure) == set(found)
    assert not set(learn) & set(measure)
    assert set(held_out(found[:137])[1]) <= set(measure)  # a folder may grow
