"""The vLLM backend against a stand-in with vLLM's documented interface, behind which the toy's own network answers.

vLLM itself is not installed: what is tested is that it is asked as documented and that its answers are read rightly.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from melisma.errors import BadRequest, MissingModel
from melisma.models.planner import LanguageModel, load_language
from melisma.models.planner.qwen import Qwen
from melisma.models.planner.toy import write_toy_planner
from melisma.planning import draft, load_planner
from melisma.planning.scores import mean_log_probability, recall
from melisma.planning.writing import write_codes
from melisma.sampling.tokens import Taste
from melisma.song import SongRequest

PROMPT, OTHER = [5, 300, 7, 290, 11, 320], [40, 41, 42]


@dataclass
class SamplingParams:
    """The documented fields that matter here; any other is an error, as it is there."""

    max_tokens: int | None = 16
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    detokenize: bool = True
    allowed_token_ids: list[int] | None = None


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class CompletionOutput:
    token_ids: Sequence[int]
    logprobs: list[dict[int, Logprob]] | None


@dataclass
class RequestOutput:
    prompt_logprobs: list[dict[int, Logprob] | None] | None
    outputs: list[CompletionOutput]


class LLM:
    """Answers as documented: candidates are limited first, then log-probabilities are taken (processed_logprobs)."""

    def __init__(
        self,
        model: str,
        *,
        skip_tokenizer_init: bool = False,
        enable_prefix_caching: bool | None = None,
        max_model_len: int | None = None,
        logprobs_mode: str = "raw_logprobs",
        max_logprobs: int = 20,
    ) -> None:
        assert skip_tokenizer_init
        assert enable_prefix_caching
        language = load_language(Path(model))
        assert isinstance(language, Qwen)
        self.network, self.mode, self.most, self.length = language.network, logprobs_mode, max_logprobs, max_model_len

    def generate(
        self, prompts: Any, sampling_params: SamplingParams | None = None, *, use_tqdm: bool = True
    ) -> list[RequestOutput]:
        assert sampling_params is not None
        assert not use_tqdm
        return [self.answer(prompt["prompt_token_ids"], sampling_params) for prompt in prompts]

    def answer(self, ids: list[int], params: SamplingParams) -> RequestOutput:
        assert params.max_tokens == 1
        assert len(ids) < (self.length or 0)
        assert self.most == -1 or (params.logprobs or 0) <= self.most
        with torch.no_grad():
            logits = self.network(torch.tensor([ids]))[0].float()
        read = None
        if params.prompt_logprobs is not None:
            rows = logits.log_softmax(-1)
            read = [None, *(self.best(rows[i], params.prompt_logprobs, ids[i + 1]) for i in range(len(ids) - 1))]
        last = logits[-1].clone()
        if params.allowed_token_ids is not None and self.mode == "processed_logprobs":
            banned = torch.ones_like(last, dtype=torch.bool)
            banned[params.allowed_token_ids] = False
            last[banned] = -torch.inf
        drawn = int(last.softmax(-1).multinomial(1, generator=torch.Generator().manual_seed(0)))
        known = None if params.logprobs is None else [self.best(last.log_softmax(-1), params.logprobs, drawn)]
        return RequestOutput(read, [CompletionOutput([drawn], known)])

    def best(self, row: torch.Tensor, count: int, also: int) -> dict[int, Logprob]:
        order = row.argsort(descending=True).tolist()
        return {n: Logprob(float(row[n]), order.index(n) + 1) for n in {*order[:count], also}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_planner(tmp_path_factory.mktemp("planner"))


@pytest.fixture
def vllm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    stand_in, inputs = ModuleType("vllm"), ModuleType("vllm.inputs")
    vars(stand_in).update(LLM=LLM, SamplingParams=SamplingParams, inputs=inputs)
    vars(inputs).update(TokensPrompt=dict)
    monkeypatch.setitem(sys.modules, "vllm", stand_in)
    monkeypatch.setitem(sys.modules, "vllm.inputs", inputs)
    monkeypatch.delitem(sys.modules, "melisma.models.planner.vllm", raising=False)
    return load_language(folder, library="vllm")


def sources(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


@pytest.mark.parametrize(("taste", "guidance"), [(Taste(0.0), 1.0), (Taste(0.0), 2.0), (Taste(0.85, 20, 0.9), 2.0)])
def test_codes_are_the_same(vllm: LanguageModel, folder: Path, taste: Taste, guidance: float) -> None:
    ours = write_codes(load_language(folder), PROMPT, OTHER, 12, sources(1, 2), taste, guidance)
    assert write_codes(vllm, PROMPT, OTHER, 12, sources(1, 2), taste, guidance) == ours


def test_scores_are_the_same(vllm: LanguageModel, folder: Path) -> None:
    target = torch.tensor(OTHER)
    theirs, ours = vllm.surprise(PROMPT, OTHER), load_language(folder).surprise(PROMPT, OTHER)
    assert theirs.shape == ours.shape
    assert mean_log_probability(theirs, target) == pytest.approx(mean_log_probability(ours, target), abs=1e-4)
    likely = ours.argmax(-1)
    assert recall(theirs, likely) == recall(ours, likely) == 1
    assert recall(theirs, target) == recall(ours, target)


def test_a_plan_is_the_same(vllm: LanguageModel, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("melisma.planning.slots.LONGEST_CAPTION", 4)
    request = SongRequest(caption="folk", lyrics="la", duration_s=1, seeds=(1,), planning={"enrich_caption": False})
    assert draft(request, load_planner(folder, library="vllm")) == draft(request, load_planner(folder))


def test_what_it_cannot_do_is_said(folder: Path, vllm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRequest, match="words and 9000 to be written"):
        vllm.open([PROMPT], 1, 9000)
    with pytest.raises(BadRequest, match="4-bit weights"):
        load_language(folder, library="vllm", bits=4)
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.delitem(sys.modules, "melisma.models.planner.vllm")
    with pytest.raises(MissingModel, match=r"pip install 'melisma\[vllm\]'"):
        load_language(folder, library="vllm")
