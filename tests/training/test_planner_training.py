"""Lessons for the planner, and a short run of it."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers import Qwen3ForCausalLM

from melisma.models.planner.toy import write_toy_planner
from melisma.models.planner.vocabulary import read_vocabulary
from melisma.planning.codes import parse_codes
from melisma.planning.parse import parse_blueprint
from melisma.training.loop import TrainingOptions, train
from melisma.training.planner import (
    IGNORED,
    SHORT_ANSWERS,
    Plan,
    PlanLessons,
    Shares,
    conversation,
    objective,
    repeated,
)

WALTZ = Plan(("waltz", "A slow waltz with piano."), "[verse]\nla la la", "en", 90, "C minor", 3, 4.0, tuple(range(20)))
MARCH = Plan(("march", "A fast march with brass."), "[Instrumental]", "unknown", 120, "G major", 2, 10.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_toy_planner(tmp_path_factory.mktemp("planner"), codes=64)


def only(mode: str) -> Shares:
    return Shares(**{field.name: float(field.name == mode) for field in dataclasses.fields(Shares)})


@pytest.mark.parametrize("mode", ["compose", "inspire", "format", "understand"])
@pytest.mark.parametrize("plan", [WALTZ, MARCH])
def test_answers_are_what_the_reader_of_answers_understands(mode, plan):
    question, answer = conversation(plan, mode, np.random.default_rng(0))
    fields = parse_blueprint(str(answer))
    assert fields["bpm"] == plan.bpm
    assert fields["key"] == plan.key
    assert fields["meter"] == plan.meter
    assert fields.get("caption", plan.captions[0]) in plan.captions
    if mode != "compose":
        assert fields["lyrics"] == plan.lyrics
    assert question.startswith("<|im_start|>system\n# Instruction\n")


def test_codes_follow_the_plan_or_nothing():
    asked = [conversation(WALTZ, "codes", np.random.default_rng(i)) for i in range(40)]
    assert all(parse_codes(str(answer)) == list(WALTZ.codes) for _, answer in asked)
    nobody = ["NO USER INPUT" in question for question, _ in asked]
    assert 0 < sum(nobody) < 20


def test_only_answers_are_learned(folder):
    vocabulary = read_vocabulary(folder)
    lessons = PlanLessons([WALTZ, MARCH], [WALTZ], vocabulary, 6, seed=1, shares=only("compose"))
    batch = lessons(0)
    for tokens, targets in zip(batch["tokens"], batch["targets"], strict=True):
        learned = targets[targets != IGNORED]
        assert vocabulary.decode(learned.tolist()).startswith("<think>\nbpm: ")
        assert learned[-1] == vocabulary.end
        assert torch.equal(tokens[targets != IGNORED], learned)
    assert len(batch["tokens"]) == 6 * SHORT_ANSWERS
    assert torch.equal(lessons(4)["tokens"], lessons(4)["tokens"])


def test_facts_are_told_from_words(folder):
    vocabulary = read_vocabulary(folder)
    batch = PlanLessons([WALTZ], [WALTZ], vocabulary, 2, seed=1, shares=only("understand"))(0)
    facts = vocabulary.decode(batch["targets"][0][batch["facts"][0] > 0].tolist())
    assert facts.startswith("<think>\nbpm: 90\n")
    assert facts.endswith("</think>")
    rest = batch["targets"][0][(batch["facts"][0] == 0) & (batch["targets"][0] != IGNORED)]
    assert vocabulary.decode(rest.tolist()).startswith("\n# Lyric\n[verse]")


def test_a_song_played_again_is_longer_and_the_same():
    twice = repeated(WALTZ, 2)
    assert twice.duration_s == 8
    assert twice.codes == WALTZ.codes * 2


def test_a_short_run_lowers_the_loss(folder, tmp_path):
    model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    lessons = PlanLessons([WALTZ, MARCH], [WALTZ], read_vocabulary(folder), 4, seed=1)
    with torch.no_grad():
        before = torch.stack([objective(model, lessons(10_000 + i), torch.Generator())[0] for i in range(5)]).mean()
    train(model, objective, lessons, TrainingOptions(seed=1, peak_rate=1e-2, steps=60, warmup_steps=5), tmp_path)
    with torch.no_grad():
        after = torch.stack([objective(model, lessons(10_000 + i), torch.Generator())[0] for i in range(5)]).mean()
    assert after < 0.5 * before
