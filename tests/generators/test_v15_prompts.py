"""The exact words of ACE-Step 1.5, against prompts recorded from the official code."""

import json
from pathlib import Path

import pytest

from melisma.generators.v15 import prompts
from melisma.song import Blueprint, Complete, Compose, Cover, Extract, Lego, Playable, Repaint

CASES = json.loads((Path(__file__).parents[1] / "data/v15/handler_cases.json").read_text())
SOURCE = {"path": "in.flac"}


def task_of(case: dict) -> Playable:
    match case["task_type"]:
        case "text2music":
            return Compose()
        case "cover":
            return Cover(source=SOURCE)
        case "cover-nofsq":
            return Cover(source=SOURCE, semantic=False)
        case "repaint":
            return Repaint(source=SOURCE, start_s=0, end_s=1)
        case "extract":
            return Extract(source=SOURCE, track=case["track"])
        case "lego":
            return Lego(source=SOURCE, track=case["track"])
        case "complete":
            return Complete(source=SOURCE, tracks=case["track_classes"] or ())
    raise AssertionError(case["task_type"])


def blank(text: str) -> str | None:
    """The official code leaves fields open in several ways; ours is None."""
    return None if text in ("", "N/A") else text


# Our types always name the track to extract, so the official form without one cannot be asked for.
EXPRESSIBLE = [case for case in CASES["prompts"] if case["task_type"] != "extract" or case["track"]]


@pytest.mark.parametrize("case", EXPRESSIBLE, ids=lambda case: f"{case['task_type']}-{case['duration']}")
def test_prompts_are_the_recorded_ones(case: dict) -> None:
    blueprint = Blueprint(
        caption=case["caption"],
        lyrics=case["lyrics"],
        language=case["language"],
        bpm=case["bpm"] or None,
        key=blank(case["keyscale"]),
        meter=blank(case["timesignature"]) and int(case["timesignature"]),
        duration_s=case["duration"],
    )
    instruction = prompts.instruction(task_of(case))
    assert instruction == case["instruction"]
    assert prompts.metadata(blueprint) == case["metadata"]
    assert prompts.text_prompt(blueprint.caption, instruction, case["metadata"]) == case["text_prompt"]
    assert prompts.lyric_prompt(blueprint.lyrics, blueprint.language) == case["lyric_prompt"]


def test_codes_change_the_instruction() -> None:
    assert prompts.instruction(Compose(), has_codes=True) == prompts.FOLLOW


def test_stem_checkpoints_read_three_lines() -> None:
    assert prompts.stems_caption("rock", "dry bass", masked=True) == "Global: rock\nLocal: dry bass\nMask Control: true"
