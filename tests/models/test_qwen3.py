"""Our Qwen3 against transformers', an implementation of other people, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen3Config as TheirConfig
from transformers import Qwen3ForCausalLM

from melisma.errors import BadCheckpoint
from melisma.models.qwen3 import Qwen3Config, read_qwen3, read_qwen3_lm

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
TOKENS = torch.tensor([[3, 17, 42, 42, 0, 9, 31], [1, 2, 3, 4, 5, 6, 7]])


def saved(folder: Path, **changes: Any) -> Any:
    """Their network with weights large enough to tell, in the folder."""
    torch.manual_seed(0)
    network: Any = Qwen3ForCausalLM(TheirConfig(**(SIZES | {"initializer_range": 0.3} | changes))).eval()
    for name, weights in network.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(weights, 0.5, 1.5)
    network.save_pretrained(folder)
    return network


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("theta", [10_000.0, 1_000_000.0])
def test_reads_what_the_library_reads(tmp_path: Path, tied: bool, theta: float) -> None:
    theirs = saved(tmp_path, tie_word_embeddings=tied, rope_theta=theta)
    assert json.loads((tmp_path / "config.json").read_text())["rope_parameters"]["rope_theta"] == theta
    with torch.no_grad():
        expected = theirs(TOKENS, output_hidden_states=True)
        torch.testing.assert_close(
            read_qwen3_lm(tmp_path, torch.float32)(TOKENS), expected.logits, atol=1e-4, rtol=1e-4
        )
        hidden = read_qwen3(tmp_path, torch.float32)(TOKENS)
        torch.testing.assert_close(hidden, expected.hidden_states[-1], atol=1e-5, rtol=1e-5)
        half = read_qwen3(tmp_path, torch.bfloat16)(TOKENS)
    assert half.dtype == torch.bfloat16
    assert (half.float() - hidden).norm() / hidden.norm() < 0.05


def test_every_size_matters(tmp_path: Path) -> None:
    """The comparison would see another base of positions."""
    saved(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    network = read_qwen3(tmp_path, torch.float32)
    config["rope_parameters"]["rope_theta"] = 500.0
    (tmp_path / "config.json").write_text(json.dumps(config))
    with torch.no_grad():
        unlike = read_qwen3(tmp_path, torch.float32)(TOKENS) - network(TOKENS)
    assert unlike.abs().max() > 1e-2


def test_a_checkpoint_of_several_files_is_one_network(tmp_path: Path) -> None:
    theirs = saved(tmp_path / "whole")
    theirs.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    with torch.no_grad():
        whole, parts = (read_qwen3_lm(tmp_path / name, torch.float32)(TOKENS) for name in ("whole", "parts"))
    assert torch.equal(whole, parts)


def test_one_table_reads_and_writes_where_the_checkpoint_says_so(tmp_path: Path) -> None:
    saved(tmp_path, tie_word_embeddings=True)
    network = read_qwen3_lm(tmp_path, torch.float32)
    assert network.lm_head.weight is network.model.embed_tokens.weight
    assert not network.lm_head.weight.is_meta


def test_what_is_written_is_read_by_the_library() -> None:
    config = Qwen3Config(**SIZES, rope_theta=3000.0, tie_word_embeddings=True)
    theirs = TheirConfig(**config.official())
    assert theirs.rope_parameters["rope_theta"] == 3000.0
    assert theirs.tie_word_embeddings
    assert Qwen3Config.of(theirs.to_dict(), "there") == config
    older = {name: value for name, value in config.official().items() if name != "rope_parameters"}
    assert Qwen3Config.of(older, "there") == config


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attention_bias": True}, "attention_bias True"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}}, "rope_type 'yarn'"),
        ({"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_type 'linear'"),
        ({"use_sliding_window": True, "sliding_window": 64}, "sliding_window 64"),
        ({"model_type": "llama"}, "'llama', expected a network of type 'qwen3'"),
        ({"hidden_size": None}, "how large its network is"),
    ],
)
def test_what_is_not_supported_is_refused(changes: dict[str, Any], said: str) -> None:
    official = Qwen3Config(**SIZES).official() | changes
    with pytest.raises(BadCheckpoint, match=said):
        Qwen3Config.of(official, "there")


def test_a_window_that_no_layer_uses_is_no_obstacle() -> None:
    official = Qwen3Config(**SIZES).official() | {"layer_types": ["full_attention"] * 3, "sliding_window": 64}
    assert Qwen3Config.of(official | {"use_sliding_window": True}, "there") == Qwen3Config(**SIZES)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    saved(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(BadCheckpoint, match=r"missing \(layers\.3"):
        read_qwen3_lm(tmp_path, torch.float32)


def test_a_head_that_is_missing_is_named(tmp_path: Path) -> None:
    saved(tmp_path, tie_word_embeddings=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    with pytest.raises(BadCheckpoint, match="the head of"):
        read_qwen3_lm(tmp_path, torch.float32)


COMPOSE = """
import sys
from melisma.engine import Band, rehearse
from melisma.models.store import Store
from melisma.song import SongRequest
request = SongRequest(caption="a slow waltz", lyrics="[Instrumental]", duration_s=2.0, model=sys.argv[1])
assert rehearse(request, Band.of(request, Store("cpu"))).take(0).waveform.duration_s == 2.0
heavy = ("transformers", "torch._dynamo", "torch.distributed.tensor", "sympy", "accelerate")
print(sorted(name for name in heavy if name in sys.modules))
"""


def test_a_song_waits_for_no_library_that_only_defines_networks() -> None:
    """They take seconds to import. The starter plans, reads words and plays, all through networks of our own."""
    done = subprocess.run([sys.executable, "-c", COMPOSE, "starter"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
