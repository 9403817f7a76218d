"""The planner's network in vLLM, for servers that have it running anyway.

vLLM's offline interface is all that is used: `LLM.generate` with prompts as token ids, for one token at a time, of which
only the log-probabilities of the candidates are kept; tokens are chosen by the same code as everywhere. Prefix caching
makes that a step and not a reading from the start. Log-probabilities differ from logits by one number per sequence, which
neither choosing nor guidance sees.

Everything passes through Python objects, so a step with few candidates is quick and one with all audio codes is not: plans,
words and scores are what this is for (docs/decisions/052-our-walk-through-qwen3.md).

Axes: r sequence, n token, v candidate.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from vllm import LLM, SamplingParams
from vllm.inputs import TokensPrompt

from melisma.models.planner.language import Candidates, check_room
from melisma.models.planner.vocabulary import Vocabulary

# Of a reading's log-probabilities the likeliest are known; what scores count by rank lies within.
RANKED = 10


class Vllm:
    """A planner's network in vLLM. `size` is the length of its vocabulary."""

    def __init__(self, engine: Any, vocabulary: Vocabulary, context: int, size: int) -> None:
        self.engine = engine
        self.vocabulary = vocabulary
        self.context = context
        self.size = size

    def open(self, prompts: Sequence[Sequence[int]], copies: int, room: int) -> "VllmReader":
        """See `LanguageModel.open`."""
        check_room(max(len(prompt) for prompt in prompts), room, self.context)
        return VllmReader(self, [list(prompt) for prompt in prompts for _ in range(copies)])

    def surprise(self, prompt: Sequence[int], target: Sequence[int]) -> Tensor:
        """See `LanguageModel.surprise`. What lies behind the likeliest tokens shares the rest of the probability."""
        ids = [*prompt, *target]
        check_room(len(ids), 1, self.context)
        (answer,) = self.ask([ids], prompt_logprobs=RANKED)
        rows = [self._spread(known) for known in answer.prompt_logprobs[len(prompt) :]]
        return torch.stack(rows)

    def ask(self, sequences: list[list[int]], **wanted: Any) -> list[Any]:
        """One more token for each sequence, drawn from what the network says without any limit."""
        params = SamplingParams(max_tokens=1, temperature=1.0, top_p=1.0, detokenize=False, **wanted)
        prompts = [TokensPrompt(prompt_token_ids=ids) for ids in sequences]
        answers: list[Any] = self.engine.generate(prompts, params, use_tqdm=False)
        return answers

    def _spread(self, known: dict[int, Any]) -> Tensor:
        said = torch.tensor([one.logprob for one in known.values()])
        rest = max(1.0 - float(said.exp().sum()), 1e-12) / max(self.size - len(known), 1)
        row = torch.full((self.size,), math.log(rest))
        row[torch.tensor(list(known))] = said
        return row


class VllmReader:
    """Sequences being read in vLLM; see `Reader`. The server keeps what it has read, by its beginning."""

    def __init__(self, language: Vllm, sequences: list[list[int]]) -> None:
        self.sequences = len(sequences)
        self._language = language
        self._read = sequences

    def read(self, tokens: Tensor) -> None:
        """See `Reader.read`. Nothing is computed before something is asked."""
        for sequence, more in zip(self._read, tokens.tolist(), strict=True):
            sequence += more

    def logits(self, candidates: Candidates) -> Tensor:
        """See `Reader.logits`: log-probabilities among the candidates."""
        whole = range(self._language.size)
        ids = candidates if isinstance(candidates, list) else list(whole[candidates])
        answers = self._language.ask(self._read, logprobs=len(ids), allowed_token_ids=ids)
        place = {number: i for i, number in enumerate(ids)}
        logits = torch.full((self.sequences, len(ids)), -torch.inf)
        for row, answer in zip(logits, answers, strict=True):
            for number, said in answer.outputs[0].logprobs[0].items():
                if number in place:
                    row[place[number]] = said.logprob
        return logits


def load_vllm(folder: Path, vocabulary: Vocabulary, context: int, size: int) -> Vllm:
    """The network of a checkpoint folder in the official layout; vLLM chooses device and precision."""
    engine = LLM(
        model=str(folder),
        skip_tokenizer_init=True,
        enable_prefix_caching=True,
        max_model_len=context,
        # By default log-probabilities are those before candidates are limited, and twenty at most.
        logprobs_mode="processed_logprobs",
        max_logprobs=-1,
    )
    return Vllm(engine, vocabulary, context, size)
