"""The network: cached reading, batches and copies say what the plain network says; so do the other libraries."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Qwen3ForCausalLM

from melisma.errors import BadCheckpoint, BadRequest, Cancelled, MissingModel
from melisma.listen import Listener
from melisma.models.memory import move_in, move_out
from melisma.models.planner import LanguageModel, load_language
from melisma.models.planner.qwen import Qwen
from melisma.models.planner.toy import write_toy_planner
from melisma.planning.writing import write_codes
from melisma.sampling.tokens import Taste

PROMPT = [5, 300, 7, 290, 11, 320]
OTHER = [40, 41, 42]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_planner(tmp_path_factory.mktemp("planner"))


@pytest.fixture(scope="module")
def language(folder: Path) -> Qwen:
    language = load_language(folder)
    assert isinstance(language, Qwen)
    return language


def plain(language: Qwen, ids: list[int]) -> torch.Tensor:
    """Logits (v,) after ids, without any cache."""
    return language.network(torch.tensor([ids]))[0, -1].float()


def sources(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def test_reading_with_a_cache_is_reading(language: Qwen) -> None:
    reader = language.open([PROMPT, OTHER], copies=2, room=8)
    assert reader.sequences == 4
    after = [[61], [62, 63, 64], [65]]
    for i in range(len(after) + 1):
        said = reader.logits(slice(0, None))
        read = [token for step in after[:i] for token in step]
        for row, prompt in enumerate([PROMPT, PROMPT, OTHER, OTHER]):
            assert torch.allclose(said[row], plain(language, prompt + read), atol=1e-5)
        if i < len(after):
            reader.read(torch.tensor([after[i]] * 4))


def test_candidates_are_rows_of_the_whole(language: Qwen) -> None:
    reader = language.open([PROMPT], 1, 1)
    whole = reader.logits(slice(0, None))
    assert torch.allclose(reader.logits([3, 400, 17]), whole[:, [3, 400, 17]], atol=1e-6)
    assert torch.allclose(reader.logits(slice(405, 469)), whole[:, 405:469], atol=1e-6)


def test_a_window_larger_than_what_was_read_changes_nothing(language: Qwen) -> None:
    """What CUDA graphs rely on: columns that are not written yet stay unseen."""
    reader = language.open([PROMPT, OTHER], 1, 40)
    tokens, columns = torch.tensor([[61], [61]]), torch.tensor([len(PROMPT)])
    with torch.inference_mode():
        for buffer in reader._cache.keys + reader._cache.values:
            buffer[:, :, len(PROMPT) :] = 7.0
        hidden = language.walk(tokens, reader._cache, columns, window=len(PROMPT) + 40)
        said = language.score(hidden[:, -1], slice(0, None))
    for row, prompt in enumerate([PROMPT, OTHER]):
        assert torch.allclose(said[row], plain(language, [*prompt, 61]), atol=1e-5)


def test_a_network_that_travels_keeps_one_table_for_reading_and_writing(folder: Path) -> None:
    language = load_language(folder)
    assert isinstance(language, Qwen)
    network, said = language.network, language.surprise(PROMPT, OTHER)
    before = network.lm_head.weight.data_ptr()
    home = move_in(network, lambda tensor: tensor.clone())
    assert network.lm_head.weight.data_ptr() == network.model.embed_tokens.weight.data_ptr() != before
    assert torch.equal(language.surprise(PROMPT, OTHER), said)
    move_out(network, home)
    assert network.lm_head.weight.data_ptr() == network.model.embed_tokens.weight.data_ptr() == before
    assert torch.equal(language.surprise(PROMPT, OTHER), said)


def test_surprise_is_the_plain_network(language: Qwen) -> None:
    logits = language.surprise(PROMPT, OTHER)
    assert logits.shape == (3, 469)
    for i in range(3):
        assert torch.allclose(logits[i], plain(language, PROMPT + OTHER[:i]), atol=1e-5)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_greedy_codes_are_those_of_plain_generate(folder: Path, language: Qwen, guidance: float) -> None:
    """Against transformers' own generate, masked to codes, with its own guidance."""
    first, count = language.vocabulary.first_code, 40

    def only_codes(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores.index_fill(1, torch.arange(first), -torch.inf)

    ids = list(PROMPT)
    if guidance == 1:
        theirs: Any = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
        out = theirs.generate(
            torch.tensor([ids]), max_new_tokens=count, do_sample=False, eos_token_id=None, logits_processor=[only_codes]
        )
        expected = out[0, len(PROMPT) :].tolist()
    else:
        expected = []
        for _ in range(count):
            conditional, against = plain(language, ids + expected), plain(language, OTHER + expected)
            guided = against + guidance * (conditional - against)
            expected.append(int(guided[first:].argmax()) + first)
    (codes,) = write_codes(language, PROMPT, OTHER, count, sources(0), Taste(0.0), guidance)
    assert [code + first for code in codes] == expected


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_take_is_the_same_in_any_company(language: Qwen, guidance: float) -> None:
    taste = Taste(0.85, None, 0.9)
    together = write_codes(language, PROMPT, OTHER, 50, sources(1, 2, 3), taste, guidance)
    assert len(set(together)) == 3
    for seed, codes in zip((1, 2, 3), together, strict=True):
        assert len(codes) == 50
        assert write_codes(language, PROMPT, OTHER, 50, sources(seed), taste, guidance) == [codes]
    assert write_codes(language, PROMPT, OTHER, 20, sources(2), taste, guidance) == [together[1][:20]]


def test_a_penalty_keeps_a_take_from_repeating_itself(language: Qwen) -> None:
    taste = Taste(0.0)
    plain, wearied = (
        write_codes(language, PROMPT, OTHER, 30, sources(1), taste, 2.0, repetition_penalty=penalty)[0]
        for penalty in (1.0, 1.8)
    )
    assert plain[0] == wearied[0]
    assert len(set(wearied)) > len(set(plain))
    # each take remembers its own codes only
    both = write_codes(language, PROMPT, OTHER, 30, sources(1, 2), Taste(0.9), repetition_penalty=1.5)
    assert write_codes(language, PROMPT, OTHER, 30, sources(2), Taste(0.9), repetition_penalty=1.5) == both[1:]


def test_stopping_takes_effect_within_a_token(language: Qwen) -> None:
    class Impatient(Listener):
        steps = 0

        def step(self) -> None:
            self.steps += 1
            if self.steps == 7:
                raise Cancelled("enough")

    listen = Impatient()
    with pytest.raises(Cancelled):
        write_codes(language, PROMPT, None, 1000, sources(0), Taste(0.0), listen=listen)
    assert listen.steps == 7


def test_more_than_the_context_is_refused(language: Qwen) -> None:
    with pytest.raises(BadRequest, match="6 tokens of words and 9000 to be written are more than the planner's 8192"):
        language.open([PROMPT], 1, 9000)


@pytest.mark.skipif(find_spec("mlx_lm") is None, reason="needs the extra mlx")
def test_mlx_writes_the_same(folder: Path, language: Qwen) -> None:
    mlx = load_language(folder, library="mlx")
    for candidates in (slice(405, 469), [3, 400, 17]):
        ours = language.open([PROMPT, OTHER], 2, 4).logits(candidates)
        assert torch.allclose(mlx.open([PROMPT, OTHER], 2, 4).logits(candidates), ours, atol=1e-4)
    assert torch.allclose(mlx.surprise(PROMPT, OTHER), language.surprise(PROMPT, OTHER), atol=1e-4)
    for taste, guidance in ((Taste(0.0), 1.0), (Taste(0.0), 2.0), (Taste(0.85, 20, 0.9), 2.0)):
        ours = write_codes(language, PROMPT, OTHER, 25, sources(1, 2), taste, guidance)
        assert write_codes(mlx, PROMPT, OTHER, 25, sources(1, 2), taste, guidance) == ours


@pytest.mark.skipif(find_spec("mlx_lm") is None, reason="needs the extra mlx")
def test_greedy_tokens_are_the_same_everywhere(folder: Path, language: Qwen) -> None:
    """PyTorch and MLX, cached and read anew each time, batched and alone."""
    count, everything = 12, slice(0, None)

    def cached(model: LanguageModel, prompts: list[list[int]]) -> list[list[int]]:
        reader = model.open(prompts, 1, count)
        written = [reader.logits(everything).argmax(-1)]
        while len(written) < count:
            reader.read(written[-1][:, None])
            written.append(reader.logits(everything).argmax(-1))
        return torch.stack(written, dim=1).tolist()

    def uncached(model: LanguageModel, prompt: list[int]) -> list[int]:
        written: list[int] = []
        for _ in range(count):
            # what stands in the last place does not matter: what is expected there was said before
            written.append(int(model.surprise(prompt + written, [0])[0].argmax()))
        return written

    prompts = [PROMPT, OTHER, PROMPT[::-1]]
    expected = cached(language, prompts)
    assert len({tuple(tokens) for tokens in expected}) == 3
    for model in (language, load_language(folder, library="mlx")):
        assert cached(model, prompts) == expected
        for prompt, tokens in zip(prompts, expected, strict=True):
            assert cached(model, [prompt]) == [tokens]
            assert uncached(model, prompt) == tokens


@pytest.mark.skipif(find_spec("mlx_lm") is None, reason="needs the extra mlx")
@pytest.mark.parametrize("bits", [8, 4])
def test_mlx_with_packed_weights(tmp_path: Path, bits: int) -> None:
    folder = write_toy_planner(tmp_path, width=64)
    packed = load_language(folder, library="mlx", bits=bits).surprise(PROMPT, OTHER)
    whole = load_language(folder).surprise(PROMPT, OTHER)
    error = (packed - whole).pow(2).mean().sqrt() / whole.std()
    assert 0 < error < (0.05 if bits == 8 else 0.5)


@pytest.mark.skipif(find_spec("torchao") is None, reason="needs the extra quantized")
def test_torch_with_packed_weights(folder: Path) -> None:
    packed = load_language(folder, bits=8).surprise(PROMPT, OTHER)
    whole = load_language(folder).surprise(PROMPT, OTHER)
    assert 0 < (packed - whole).pow(2).mean().sqrt() / whole.std() < 0.05


def test_wrong_kinds_are_told_apart(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(MissingModel, match=r"no planner in .*no config\.json"):
        load_language(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "acestep", "architectures": ["AceStepModel"]}')
    with pytest.raises(BadCheckpoint, match="holds acestep"):
        load_language(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadCheckpoint, match="cannot read"):
        load_language(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(BadCheckpoint, match=r"no tokenizer\.json"):
        load_language(tmp_path)
    plain_words = (folder / "tokenizer.json").read_text().replace("<|audio_code_", "<|nothing_")
    (tmp_path / "tokenizer.json").write_text(plain_words)
    with pytest.raises(BadCheckpoint, match="plain language model"):
        load_language(tmp_path)
    (tmp_path / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
    with pytest.raises(MissingModel, match=r"no weights in .*model\.safetensors"):
        load_language(tmp_path)
    (tmp_path / "config.json").write_text(
        (folder / "config.json").read_text().replace('"vocab_size": 469', '"vocab_size": 99')
    )
    with pytest.raises(BadCheckpoint, match="knows 99 tokens, its vocabulary needs 469"):
        load_language(tmp_path)
