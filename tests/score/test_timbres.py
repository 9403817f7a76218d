"""Timbres are measured: strings that are struck die away, a clarinet has odd harmonics, every player sounds."""

import numpy as np
import pytest

from melisma.score.genres import PLAYERS
from melisma.score.timbres import FAMILY_NAMES, HARMONICS, MOMENTS_S, ORGAN, REGISTERS, Timbre, family, timbre_of


@pytest.mark.parametrize("instrument", PLAYERS)
def test_every_player_sounds_at_every_pitch(instrument: str) -> None:
    for pitch in REGISTERS:
        timbre = timbre_of(instrument, pitch)
        assert timbre.moments_s == MOMENTS_S
        assert all(len(partials) == HARMONICS for partials in timbre.moments)
        assert max(level for partials in timbre.moments for level in partials) == pytest.approx(1.0)
    assert family(instrument) in FAMILY_NAMES


@pytest.mark.parametrize(
    "instrument", ["piano", "acoustic guitar", "banjo", "harpsichord", "pizzicato strings", "harp"]
)
def test_what_is_struck_or_plucked_dies_away(instrument: str) -> None:
    timbre = timbre_of(instrument, 69)
    assert timbre.dies_away
    assert timbre.fall_rate > 0.5


@pytest.mark.parametrize("instrument", ["flute", "violin", "organ", "trumpet", "strings", "alto saxophone"])
def test_what_is_blown_or_bowed_lasts(instrument: str) -> None:
    timbre = timbre_of(instrument, 69)
    assert not timbre.dies_away
    assert timbre.fall_rate == 0


def test_a_clarinet_has_odd_harmonics_and_a_trumpet_all() -> None:
    def second_to_third(instrument: str) -> float:
        middle = timbre_of(instrument, 69).moments[2]
        return middle[1] / middle[2]

    assert second_to_third("clarinet") < 0.2
    assert second_to_third("trumpet") > 0.5


def test_the_nearest_pitch_counts_and_what_nobody_knows_is_an_organ() -> None:
    assert timbre_of("flute", 74) == timbre_of("flute", 69) != timbre_of("flute", 76)
    assert timbre_of("Flute", 20) == timbre_of("flute", REGISTERS[0])
    assert timbre_of("nose flute", 60) == ORGAN


def test_how_fast_a_tone_falls() -> None:
    halving = Timbre(((1.0,), (0.5,), (0.25,)), (0.0, 1.0, 2.0))
    assert halving.fall_rate == pytest.approx(np.log(2))
    assert Timbre(((1.0,), (0.9,)), (0.0, 1.0)).fall_rate == 0
