"""The loop: learns, resumes to the bit, stops when sick; the schedules it follows."""

import json
import math

import pytest
import torch
from torch import nn

from melisma.errors import BadCheckpoint, BadRequest, Cancelled, UnsoundResult
from melisma.listen import Listener
from melisma.training.loop import CHECKPOINT, TrainingOptions, averaged, load_average, train
from melisma.training.schedule import average_decay, learning_rate
from tests.training.several import batches


def line() -> nn.Module:
    torch.manual_seed(3)
    return nn.Linear(3, 1)


def objective(model, batch, generator):
    noise = 0.01 * torch.randn(batch["x"].shape, generator=generator)
    error = (model(batch["x"] + noise) - batch["y"]).square().mean()
    return error, {"error": error}


@torch.no_grad()
def score(model, batch) -> float:
    return float(objective(model, batch, torch.Generator().manual_seed(0))[0])


def options(steps: int | None, **changes) -> TrainingOptions:
    given = {"seed": 1, "peak_rate": 0.05, "steps": steps, "shape": "constant", "warmup_steps": 0, "report_every": 10}
    return TrainingOptions(**(given | changes))


def test_training_lowers_held_out_loss(tmp_path):
    model = line()
    held_out = batches(10**6)
    before = score(model, held_out)
    train(model, objective, batches, options(150, average=0.9), tmp_path)
    load_average(model, tmp_path)
    assert score(model, held_out) < before / 50
    lines = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in lines] == list(range(10, 160, 10))
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_resumed_run_is_the_same_run_to_the_bit(tmp_path):
    whole, cut, again = line(), line(), line()
    average = train(whole, objective, batches, options(6), tmp_path / "whole")
    train(cut, objective, batches, options(3), tmp_path / "cut")
    resumed = train(again, objective, batches, options(6), tmp_path / "cut")
    assert torch.equal(whole.weight, again.weight)
    assert torch.equal(average["weight"], resumed["weight"])
    assert not torch.equal(whole.weight, cut.weight)


def test_only_what_asks_for_gradients_is_trained_and_saved(tmp_path):
    model = line()
    model.bias.requires_grad_(False)
    bias = model.bias.clone()
    average = train(model, objective, batches, options(3), tmp_path)
    assert set(average) == {"weight"}
    assert torch.equal(model.bias, bias)


def test_stops_at_the_first_step_that_is_not_finite(tmp_path):
    def sick(model, batch, generator):
        loss, figures = objective(model, batch, generator)
        return (loss * float("nan") if batch["bad"] else loss), figures

    def some_bad(step):
        return batches(step) | {"bad": step == 4}

    train(line(), sick, some_bad, options(3), tmp_path)
    with pytest.raises(UnsoundResult, match=r"step 4: loss nan.*checkpoint\.safetensors \(step 3\)"):
        train(line(), sick, some_bad, options(9), tmp_path)
    model = line()
    assert load_average(model, tmp_path) == 3
    assert torch.isfinite(model.weight).all()


def test_time_bounds_a_run(tmp_path):
    train(line(), objective, batches, options(None, minutes=0.5 / 60), tmp_path)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert 0.4 < json.loads(lines[-1])["elapsed_s"] < 5
    with pytest.raises(BadRequest, match="give minutes"):
        options(None)


def test_preview_sees_the_average_and_leaves_the_model_alone(tmp_path):
    seen = {}

    def preview(model, step):
        seen[step] = model.weight.detach().clone()
        assert not model.training

    model = line()
    average = train(model, objective, batches, options(4, preview_every=4, average=0.5), tmp_path, preview=preview)
    assert torch.equal(seen[4], average["weight"])
    assert not torch.equal(model.weight, average["weight"])
    assert model.training
    with averaged(model, average):
        assert torch.equal(model.weight, average["weight"])


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    train(line(), objective, batches, options(2), tmp_path)
    with pytest.raises(BadCheckpoint, match="another model"):
        train(nn.Sequential(line()), objective, batches, options(4), tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"no tensors")
    with pytest.raises(BadCheckpoint):
        train(line(), objective, batches, options(4), tmp_path)


def test_progress_is_told_and_a_listener_can_stop_a_run_without_loss(tmp_path):
    class Counts(Listener):
        steps = 0

        def step(self) -> None:
            self.steps += 1

            if self.steps == 4:
                raise Cancelled

    with pytest.raises(Cancelled):
        train(line(), objective, batches, options(9), tmp_path, listen=Counts())
    assert load_average(line(), tmp_path) == 4
    listener = Counts()
    train(line(), objective, batches, options(7), tmp_path, listen=listener)
    assert listener.steps == 3


def test_learning_rate_shapes():
    assert learning_rate("constant", 0.5, 100, 10, 0.1) == 1
    assert learning_rate("constant", 0.0, 0, 10, 0.1) == pytest.approx(0.1)
    assert learning_rate("cosine", 0.5, 100, 10, 0.0) == pytest.approx(0.5)
    assert learning_rate("cosine", 1.0, 100, 10, 0.02) == pytest.approx(0.02)
    assert learning_rate("linear", 0.3, 100, 0, 0.0) == pytest.approx(1)
    assert learning_rate("linear", 0.65, 100, 0, 0.0) == pytest.approx(0.5)
    assert learning_rate("cosine", 1.5, 100, 0, 0.02) == pytest.approx(0.02)


def test_average_forgets_its_beginning():
    assert average_decay(0, 0.999) == pytest.approx(0.1)
    assert average_decay(10**6, 0.999) == 0.999
    kept = math.prod(average_decay(i, 0.999) for i in range(200))
    assert kept < 1e-9
