"""The text encoder of the first generation against recorded tensors."""

import io
import itertools
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sentencepiece import SentencePieceTrainer

from melisma.errors import BadCheckpoint
from melisma.models.text.umt5 import UMT5, SentencePieces, network_of
from melisma.models.v1.toy import toy_vocabulary, write_toy_v1

DATA = Path(__file__).parents[1] / "data/v1"
CONFIG = json.loads((DATA / "cases.json").read_text())["umt5"] | {"model_type": "umt5"}


def test_hidden_states() -> None:
    t = load_file(DATA / "umt5.safetensors")
    weights = {name.removeprefix("w."): w for name, w in t.items() if name.startswith("w.")}
    weights |= {"decoder.final_layer_norm.weight": torch.zeros(24)}  # of a whole UMT5, not needed
    network = network_of(CONFIG, weights, "the recording", torch.float32)
    encoder = UMT5(network, toy_vocabulary(), "")
    for name, weak in (("", False), ("_erg", True), ("", False)):
        hidden = encoder.read(t["in.input_ids"], t["in.attention_mask"], weak)
        torch.testing.assert_close(hidden, t[f"out.last_hidden_state{name}"], atol=1e-4, rtol=1e-5)


def test_words_are_read_to_the_end_token(tmp_path: Path) -> None:
    encoder = UMT5.from_pretrained(write_toy_v1(tmp_path) / "umt5-base")
    assert encoder.tokens("ab")[-1] == 1
    assert encoder.tokens("x" * 300)[-1] == 1
    assert len(encoder.tokens("x" * 300)) == 256
    hidden, mask = encoder.hidden(["a long prompt", "short"])
    assert hidden.shape == (2, 14, 16)
    assert mask.sum(1).tolist() == [14, 6]
    alone, _ = encoder.hidden(["short"])
    torch.testing.assert_close(hidden[1, :6], alone[0], atol=1e-5, rtol=0)


def test_the_tokenizer_of_a_single_file(tmp_path: Path) -> None:
    written = io.BytesIO()
    lines = [" ".join(words) for words in itertools.permutations(["slow", "waltz", "with", "accordion"])]
    SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=written,
        vocab_size=20,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    carried = SentencePieces(written.getvalue(), "one.safetensors")
    folder = UMT5.from_pretrained(write_toy_v1(tmp_path) / "umt5-base")
    encoder = UMT5(folder.module, carried, "")
    numbers = encoder.tokens("slow waltz")
    assert numbers[-1] == 1
    assert carried._model.decode(numbers[:-1]) == "slow waltz"
    hidden, mask = encoder.hidden(["slow waltz", "accordion with accordion"])
    assert hidden.shape[:2] == mask.shape
    with pytest.raises(BadCheckpoint, match="inside one.safetensors cannot be read"):
        SentencePieces(b"nothing", "one.safetensors")


def test_other_models_are_refused() -> None:
    with pytest.raises(BadCheckpoint, match="'t5', expected"):
        network_of({"model_type": "t5"}, {}, "here", torch.float32)
    with pytest.raises(BadCheckpoint, match="no embedding table"):
        network_of(CONFIG, {}, "here", torch.float32)
