"""The flow-matching objective: its draws, its maths, and the official loss on recorded draws."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from melisma.models.v15.config import AceStep15Config
from melisma.models.v15.model import AceStep15
from melisma.training.flow import DROPOUT, draw_dropped, draw_times, flow_loss, without

DATA = Path(__file__).parent.parent / "data" / "v15"


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_true_direction_costs_nothing_and_standing_still_costs_its_square():
    music, noise = torch.randn(2, 3, 7, 5, generator=seeded())
    times = torch.tensor([0.1, 0.5, 0.9])
    assert flow_loss(lambda x, t: noise - music, music, noise, times) == 0
    still = flow_loss(lambda x, t: torch.zeros_like(x), music, noise, times)
    assert torch.isclose(still, (noise - music).square().mean())


def test_the_network_sees_the_point_on_the_line_and_its_time():
    music, noise = torch.randn(2, 2, 4, 3, generator=seeded())
    times = torch.tensor([0.0, 1.0])
    seen = {}

    def velocity(x, t):
        seen.update(x=x, t=t)
        return x

    flow_loss(velocity, music, noise, times)
    assert torch.equal(seen["x"][0], music[0])
    assert torch.equal(seen["x"][1], noise[1])
    assert seen["t"] is times


def test_padding_counts_only_without_a_mask():
    music, noise = torch.randn(2, 2, 6, 3, generator=seeded())
    times, mask = torch.full((2,), 0.5), torch.ones(2, 6)
    mask[1, 3:] = 0

    def wrong_on_padding(x, t):
        return noise - music + (1 - mask)[..., None]

    assert flow_loss(wrong_on_padding, music, noise, times, mask) == 0
    assert flow_loss(wrong_on_padding, music, noise, times) == pytest.approx(3 / 12)


def test_times_are_the_larger_of_two_draws():
    times = draw_times(20_000, seeded())
    assert times.min() > 0
    assert times.max() < 1
    # the median of the larger of two is the 1/√2 quantile of one: sigmoid(−0.4 + 0.5450)
    assert float(times.median()) == pytest.approx(0.5362, abs=0.01)


def test_dropout_replaces_whole_conditions():
    dropped = draw_dropped(10_000, seeded())
    assert float(dropped.float().mean()) == pytest.approx(0.15, abs=0.02)
    condition, null = torch.randn(3, 4, 2), torch.full((1, 1, 2), 9.0)
    out = without(condition, null, torch.tensor([False, True, False]))
    assert torch.equal(out[[0, 2]], condition[[0, 2]])
    assert torch.equal(out[1], torch.full((4, 2), 9.0))


@pytest.fixture(scope="module")
def recorded():
    model = AceStep15(AceStep15Config.from_dict(json.loads((DATA / "config_2b.json").read_text())))
    model.load_official(load_file(DATA / "weights_2b.safetensors"))
    return model.train(), load_file(DATA / "training_2b.safetensors")


def test_the_official_loss_and_gradients_on_recorded_draws(recorded):
    model, r = recorded
    condition = model.encode(
        r["text_hidden_states"],
        r["text_attention_mask"],
        r["lyric_hidden_states"],
        r["lyric_attention_mask"],
        r["refer_latents"],
        r["refer_order_mask"],
    ).hidden
    quantised, _ = model.tokenize(r["src_latents"], r["silence_latent"])
    hints = model.detokenize(quantised)[:, : r["src_latents"].shape[1]]
    source = torch.where(r["is_covers"][:, None, None] > 0, hints, r["src_latents"])
    context = torch.cat([source, r["chunk_masks"]], -1)
    condition = without(condition, model.null_condition_emb, r["u_drop"] < DROPOUT)
    loss = flow_loss(lambda x, t: model.velocity(x, t, condition, context, r["r"]), r["x0"], r["noise"], r["t"])
    assert float(loss.detach()) == pytest.approx(float(r["loss"]), abs=1e-5)
    loss.backward()
    for name, parameter in model.named_parameters():
        if f"grad.{name}" in r:
            assert torch.allclose(parameter.grad, r[f"grad.{name}"], atol=1e-4), name
