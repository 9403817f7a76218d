"""What fits: the published tiers, and the order of things."""

import pytest

from melisma.models.catalogue import ALL, named
from melisma.models.fit import GB, fit, planner_fits

MODELS = [entry.name for entry in ALL if entry.generates]


@pytest.mark.parametrize(
    ("name", "gigabytes", "way"),
    [
        ("turbo", 24, "whole"),
        ("turbo", 8, "whole"),
        ("turbo", 6, "in turns"),
        ("turbo", 5, "in turns"),
        ("turbo", 3, "no"),
        ("base", 8, "in turns"),
        ("xl-turbo", 24, "whole"),
        ("xl-turbo", 12, "in turns"),
        ("xl-turbo", 8, "no"),
        ("v1", 12, "whole"),
        ("v1", 10, "in turns"),
        ("v1", 6, "no"),
    ],
)
def test_tiers(name: str, gigabytes: float, way: str) -> None:
    assert fit(named(name), round(gigabytes * GB)).way == way


def test_turbo_in_turns_stays_below_four_gigabytes() -> None:
    assert fit(named("turbo"), 4 * GB, duration_s=60).way == "in turns"
    assert fit(named("turbo"), 4 * GB, duration_s=60).in_turns < 4 * GB


@pytest.mark.parametrize("name", MODELS)
def test_longer_songs_and_wider_weights_need_more(name: str) -> None:
    short, long, wide = (fit(named(name), 80 * GB, width, s) for width, s in ((2, 60), (2, 300), (4, 60)))
    assert short.in_turns < short.whole < long.whole < wide.whole
    assert short.in_turns <= short.whole


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("gigabytes", [4, 6, 8, 10, 12, 16, 24])
def test_the_longest_song_still_fits(name: str, gigabytes: int) -> None:
    found = fit(named(name), gigabytes * GB)
    assert (found.longest_s == 0) == (found.way == "no")
    if found.longest_s:
        assert fit(named(name), gigabytes * GB, duration_s=found.longest_s).way in ("whole", "in turns")
    if 0 < found.longest_s < 600:
        again = fit(named(name), gigabytes * GB, duration_s=found.longest_s + 2)
        assert again.way != found.way


def test_without_turns_there_is_whole_or_no() -> None:
    assert fit(named("turbo"), 6 * GB, turns=False).way == "no"
    assert fit(named("turbo"), 8 * GB, turns=False).way == "whole"


def test_planners_by_size() -> None:
    assert [planner_fits(named(f"planner-{size}"), 6 * GB) for size in ("0.6b", "1.7b", "4b")] == [True, True, False]
