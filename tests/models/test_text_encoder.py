"""The text encoder: what is appended, what is cut, what is heard."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import Qwen3Model

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.text import TextEncoder
from melisma.toys import write_toy_text_encoder

END = "<|endoftext|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text")
    write_toy_text_encoder(path)
    return path


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TextEncoder:
    return TextEncoder.from_pretrained(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "text")


def end_of(encoder: TextEncoder) -> tuple[int, int]:
    tokenizer = encoder._tokenizer
    return tokenizer.token_to_id(END), tokenizer.encode("\n", add_special_tokens=False).ids[0]


def test_prompts_end_as_the_checkpoint_was_trained(encoder: TextEncoder) -> None:
    end, newline = end_of(encoder)
    assert encoder.tokens(f"# Metas\n{END}\n", 256)[-3:] == [end, newline, end]
    assert encoder.tokens(f"# Lyric\nla{END}", 256)[-2:] == [end, end]
    assert encoder.tokens("la", 256).count(end) == 1


def test_a_tokenizer_that_appends_nothing_is_helped(copy: Path, encoder: TextEncoder) -> None:
    content = json.loads((copy / "tokenizer.json").read_text())
    (copy / "tokenizer.json").write_text(json.dumps(content | {"post_processor": None}))
    plain = TextEncoder.from_pretrained(copy)
    for text in ("la", f"la{END}", f"la{END}\n", ""):
        assert plain.tokens(text, 256) == encoder.tokens(text, 256)


def test_a_long_text_loses_words_and_keeps_its_end(encoder: TextEncoder) -> None:
    whole = encoder.tokens("one two three four five six seven", 256)
    cut = encoder.tokens("one two three four five six seven", 5)
    assert cut == [*whole[:4], whole[-1]]


def test_hidden_states_are_those_of_the_network_alone(encoder: TextEncoder) -> None:
    texts = ["a slow waltz", "rock"]
    hidden, mask = encoder.hidden(texts, 64)
    assert mask.sum(1).tolist() == [len(encoder.tokens(text, 64)) for text in texts]
    for i, text in enumerate(texts):
        numbers = torch.tensor([encoder.tokens(text, 64)])
        alone = encoder.module(numbers)[0]
        assert torch.allclose(hidden[i, : len(alone)], alone, atol=1e-5)
        assert mask[i].tolist() == [1] * len(alone) + [0] * (mask.shape[1] - len(alone))
    assert hidden[1, -1].abs().max() > 0  # padding is heard by the decoder, so it holds what the network says


def test_reads_what_the_library_reads(folder: Path, encoder: TextEncoder) -> None:
    theirs = Qwen3Model.from_pretrained(folder)
    numbers = torch.tensor([encoder.tokens("a slow waltz", 64)])
    torch.testing.assert_close(encoder.hidden(["a slow waltz"], 64)[0], theirs(input_ids=numbers).last_hidden_state)


def test_half_precision_is_near(folder: Path, encoder: TextEncoder) -> None:
    half = TextEncoder.from_pretrained(folder, dtype=torch.bfloat16)
    hidden, _ = half.hidden(["la la la"], 64)
    assert hidden.dtype == torch.bfloat16
    assert (hidden - encoder.hidden(["la la la"], 64)[0]).abs().max() < 0.1


def test_embeddings_are_rows_of_the_table(encoder: TextEncoder) -> None:
    rows, mask = encoder.embed(["la la", "la"], 64)
    table = encoder.module.embed_tokens.weight
    numbers = encoder.tokens("la", 64)
    assert torch.equal(rows[1, : len(numbers)], table[numbers])
    assert torch.equal(rows[1, len(numbers) :], table[[end_of(encoder)[0]] * int((mask[1] == 0).sum())])


def test_weight_names_may_begin_with_model(copy: Path, encoder: TextEncoder) -> None:
    weights = load_file(copy / "model.safetensors")
    assert not any(key.startswith("model.") for key in weights)
    save_file({f"model.{key}": tensor for key, tensor in weights.items()}, copy / "model.safetensors", {"format": "pt"})
    prefixed = TextEncoder.from_pretrained(copy)
    assert torch.equal(prefixed.hidden(["la"], 9)[0], encoder.hidden(["la"], 9)[0])


def test_tokenizers_limits_of_their_own_are_lifted(copy: Path, encoder: TextEncoder) -> None:
    tokenizer = Tokenizer.from_file(str(copy / "tokenizer.json"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50)
    tokenizer.save(str(copy / "tokenizer.json"))
    assert TextEncoder.from_pretrained(copy).tokens("one two three", 99) == encoder.tokens("one two three", 99)


def test_broken_folders_are_explained(copy: Path) -> None:
    tokenizer = (copy / "tokenizer.json").read_bytes()
    shutil.copy(Path(__file__), copy / "tokenizer.json")
    with pytest.raises(BadCheckpoint, match="not a tokenizer"):
        TextEncoder.from_pretrained(copy)
    (copy / "tokenizer.json").write_bytes(tokenizer)
    weights = load_file(copy / "model.safetensors")
    del weights["norm.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadCheckpoint, match=r"1 missing \(norm\.weight\)"):
        TextEncoder.from_pretrained(copy)
    (copy / "model.safetensors").write_bytes(b"{" * 40)
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        TextEncoder.from_pretrained(copy)
    (copy / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(BadCheckpoint, match="'t5'.*'qwen3'"):
        TextEncoder.from_pretrained(copy)
    (copy / "config.json").unlink()
    with pytest.raises(MissingModel):
        TextEncoder.from_pretrained(copy)
