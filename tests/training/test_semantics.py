"""Semantic codes that say what the score says."""

import pytest
import torch

from melisma.models.v15 import AceStep15, AceStep15Config
from melisma.song import INSTRUMENTAL
from melisma.toys import DIT
from melisma.training.dit import LANES, MIX, SongLatents
from melisma.training.loop import TrainingOptions, train
from melisma.training.semantics import Crops, Semantics, objective, spread

CHANNELS, LANE_CHANNELS = 8, 47


def song(seed: int, frames: int = 200) -> SongLatents:
    """Music in which the first four channels say which of four chords sounds, for 25 frames each."""
    random = torch.Generator().manual_seed(seed)
    chords = torch.randint(0, 4, (frames // 25,), generator=random).repeat_interleave(25)
    music = torch.randn(frames, CHANNELS, generator=random)
    music[:, :4] = 3 * torch.nn.functional.one_hot(chords, 4).float()
    lanes = torch.zeros(frames, LANE_CHANNELS)
    lanes[torch.arange(frames), 7 + 3 * chords] = 1
    return SongLatents({MIX: music, LANES: lanes}, ("x",), INSTRUMENTAL, "unknown", 90, "C major", 4)


@pytest.fixture
def model() -> Semantics:
    torch.manual_seed(0)
    net = AceStep15(AceStep15Config.from_dict(DIT))
    for parameter in net.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    return Semantics(net, torch.ones(CHANNELS))


def test_spread_is_zero_only_where_numbers_reach_all_levels_apart():
    numbers = 0.7 * torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0))
    assert spread(numbers) < 0.01
    assert spread(numbers * 0.1) > 0.5
    assert spread(numbers[:, :1].expand(-1, 3)) > 0.5
    assert spread(numbers + 1) > 1


def test_crops_hold_music_and_what_the_score_says_of_it():
    kept = song(0)
    batch = Crops([kept], 40, 6, seed=3)(7)
    for music, lanes in zip(batch["music"], batch["lanes"], strict=True):
        assert torch.equal(music[:, :4].argmax(-1) * 3, lanes[:, 7:19].argmax(-1))
    assert torch.equal(batch["music"], Crops([kept], 40, 6, seed=3)(7)["music"])


def test_a_short_run_finds_the_chords_and_uses_many_codes(model, tmp_path):
    learn, other = Crops([song(i) for i in range(8)], 50, 8, seed=1), Crops([song(i) for i in range(8, 12)], 50, 8, 2)
    before = objective(model, other(0), torch.Generator())[1]
    train(model, objective, learn, TrainingOptions(seed=1, peak_rate=3e-3, steps=80, warmup_steps=5), tmp_path)
    after = objective(model, other(0), torch.Generator())[1]
    assert after["tones"] < 0.5 * before["tones"]
    assert after["chord_f1"] > 0.8
    assert after["used"] > 10


def test_only_the_codes_and_their_reader_learn(model):
    learning = {
        name.split(".")[0] + "." + name.split(".")[1] for name, p in model.named_parameters() if p.requires_grad
    }
    assert {name for name in learning if name.startswith("net")} == {"net.tokenizer", "net.detokenizer"}
