"""Lyric alignment: recorded paths, times and scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from melisma.models.v15.config import HEADS_2B
from melisma.ranking import alignment
from melisma.song import TimedLine

CASES = json.loads((Path(__file__).parents[1] / "data" / "planner" / "alignment.json").read_text(encoding="utf-8"))


def heads(case: dict) -> np.ndarray:
    """The heads that look at words, stacked; the official code passes over layers that are not there."""
    layers = dict(enumerate(case["attention"]))
    named = [(int(layer), head) for layer, some in case["heads"].items() for head in some]
    return np.stack([layers[layer][head] for layer, head in named if layer in layers])


def decoder(case: dict):
    texts = dict(zip(case["token_ids"], case["token_texts"], strict=True))
    return lambda ids: "".join(texts[number] for number in ids)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["text"][:20])
def test_times(case: dict) -> None:
    stamps = case["stamps"]
    matrix = alignment.sharpened(heads(case))
    assert np.allclose(matrix, stamps["calc_matrix"], atol=1e-4)
    assert np.array_equal(alignment.warp(-matrix), stamps["path"])
    assert np.allclose(alignment.token_spans(matrix, case["total_duration"]), stamps["tokens"], atol=1e-4)
    found = alignment.lines(heads(case), case["token_ids"], case["total_duration"], decoder(case))
    assert [(line.text, line.start_s, line.end_s) for line in found] == [
        (line["text"], line["start"], line["end"]) for line in stamps["sentences"]
    ]
    assert alignment.lrc(found) == stamps["lrc"]
    assert alignment.lrc(found, ends=True) == stamps["lrc_with_end"]
    assert alignment.token_texts(case["token_ids"], decoder(case)) == stamps["incremental_texts"]


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["text"][:20])
def test_scores(case: dict) -> None:
    score = case["score"]
    tags = alignment.tags_in(case["token_texts"])
    assert (~tags).astype(int).tolist() == score["type_mask"]
    judged = alignment.singing(heads(case), tags)
    assert (judged.coverage, judged.monotonicity) == pytest.approx((score["coverage"], score["monotonicity"]))
    assert judged.confidence == pytest.approx(score["confidence"], abs=1e-4)
    assert judged.score == pytest.approx(score["lyrics_score"], abs=1e-4)


@pytest.mark.parametrize("case", CASES["dtw"], ids=lambda case: str(len(case["matrix"])))
def test_paths(case: dict) -> None:
    """Recorded for a matrix of likenesses."""
    assert np.array_equal(alignment.warp(-np.array(case["matrix"])), case["path"])


@pytest.mark.parametrize("case", CASES["lyric_segments"], ids=lambda case: case["lyrics"])
def test_where_the_words_lie(case: dict) -> None:
    span = alignment.lyric_span(case["token_ids"], case["token_ids"][: case["start"]], 151643)
    assert (span.start, span.stop) == (case["start"], case["end"])
    assert case["token_ids"][span] == case["pure"]


def test_default_heads() -> None:
    assert {str(layer): list(some) for layer, some in HEADS_2B.items()} == CASES["default_heads"]


def test_stamps_carry_into_minutes() -> None:
    assert alignment.lrc([TimedLine(text="a", start_s=59.999, end_s=61.25)], ends=True) == "[01:00.00][01:01.25]a"


def test_words_out_of_order_score_less() -> None:
    eye = np.kron(np.eye(6), np.ones((1, 20)))[None] * 0.9 + 0.01
    none = np.zeros(6, dtype=bool)
    straight, jumbled = alignment.singing(eye, none), alignment.singing(eye[:, [4, 1, 5, 0, 3, 2]], none)
    assert straight.score > 0.9
    assert jumbled.monotonicity < 1
    assert jumbled.score < straight.score
    assert alignment.singing(np.full((1, 4, 9), 0.1), np.zeros(4, dtype=bool)).score == 0
