"""Subtitles: recorded groups and times, and a file that browsers read."""

import json
from pathlib import Path

import pytest

from melisma.ranking.subtitles import subtitles, vtt, vtt_time
from melisma.song import TimedLine

CASES = json.loads((Path(__file__).parents[1] / "data" / "planner" / "alignment.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES["lrc_to_subtitles"], ids=lambda case: case["lrc"][:20])
def test_groups_as_recorded(case: dict) -> None:
    found = [
        {"text": line.text, "timestamp": [line.start_s, line.end_s]} for line in subtitles(case["lrc"], case["total"])
    ]
    assert found == case["expected"]


@pytest.mark.parametrize("case", CASES["vtt_time"], ids=str)
def test_times_as_recorded(case: dict) -> None:
    assert vtt_time(case["seconds"]) == case["expected"]


def test_a_file_that_browsers_read() -> None:
    lines = [TimedLine(text="Hello\nclose", start_s=1, end_s=8), TimedLine(text="later", start_s=8, end_s=20.5)]
    assert vtt(lines) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:08.000\nHello\nclose\n\n00:00:08.000 --> 00:00:20.500\nlater\n"
    )
