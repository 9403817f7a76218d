"""Probes, soundness and tables of benchmarks/quality, on toy material."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra bench")

from benchmarks.quality.probes import FAMILIES, LEADS, Probe, VoiceProbe, best_threshold, family_of
from benchmarks.quality.singing import Excerpt
from benchmarks.quality.soundness import faults_of, judged
from benchmarks.quality.table import Figure, Findings, figure_table
from melisma.audio import Waveform
from melisma.score import STYLES
from melisma.score.genres import PROGRAM_NAMES

RATE = 48_000


def songs_of(centre: float, count: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.standard_normal((5, 12)) + centre for _ in range(count)]


def test_a_probe_separates_two_classes_and_no_class_from_itself() -> None:
    learnt = songs_of(-1, 20, 0) + songs_of(1, 20, 1)
    labels = ["low"] * 20 + ["high"] * 20
    heard = songs_of(-1, 20, 2) + songs_of(1, 20, 3)
    probe = Probe.learn(learnt, labels)
    assert np.mean([probe.verdict(song) == label for song, label in zip(heard, labels, strict=True)]) == 1
    shuffled = list(np.random.default_rng(0).permutation(labels))
    lost = Probe.learn(learnt, shuffled)
    assert np.mean([lost.verdict(song) == label for song, label in zip(heard, labels, strict=True)]) < 0.9


def test_families_add_their_members_up() -> None:
    learnt = songs_of(-2, 10, 0) + songs_of(0, 10, 1) + songs_of(2, 10, 2)
    probe = Probe.learn(learnt, ["rock"] * 10 + ["punk"] * 10 + ["jazz"] * 10)
    families = {"loud": ("rock", "punk"), "soft": ("jazz",)}
    assert [probe.family(song, families) for song in (songs_of(-1, 1, 5)[0], songs_of(2, 1, 6)[0])] == ["loud", "soft"]


def test_every_style_has_one_family_and_every_lead_is_an_instrument() -> None:
    filed = [style for members in FAMILIES.values() for style in members]
    assert sorted(filed) == sorted(STYLES)
    assert {name for members in LEADS.values() for name in members} <= set(PROGRAM_NAMES.values())
    assert family_of("flute", LEADS) == "woodwind"
    assert family_of("kazoo", LEADS) is None


def test_a_voice_in_some_pieces_makes_a_song_sung() -> None:
    random = np.random.default_rng(0)

    def song(voiced: int) -> tuple[np.ndarray, np.ndarray]:
        there = np.arange(6) < voiced
        return random.standard_normal((6, 10)) + 3.0 * there[:, None], there

    lessons = [song(voiced) for voiced in (0, 3) * 20]
    probe = VoiceProbe.learn([pieces for pieces, _ in lessons], [there for _, there in lessons])
    heard = [(probe.sung(song(voiced)[0]), voiced > 0) for voiced in (0, 3) * 20]
    assert np.mean([a == b for a, b in heard]) > 0.9


def test_best_threshold_lies_between() -> None:
    assert 1 < best_threshold([(0, False), (1, False), (2, True), (5, True)]) < 2


# --- Soundness ------------------------------------------------------------------------------------------------------


def wave(samples: np.ndarray) -> Waveform:
    return Waveform(np.stack([samples, samples]).astype(np.float32), RATE)


TONE = 0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE)


@pytest.mark.parametrize(
    ("samples", "lasts", "fault"),
    [
        (TONE, 2.0, None),
        (TONE * 1e-5, 2.0, "silent"),
        (np.clip(TONE * 8, -1, 1), 2.0, "clipped"),
        (np.where(np.arange(2 * RATE) == 99, np.nan, TONE), 2.0, "not finite"),
        (TONE, 3.0, "wrong length"),
    ],
)
def test_faults_are_found(samples: np.ndarray, lasts: float, fault: str | None) -> None:
    faults = faults_of(judged(wave(samples), lasts) | {"source_dbtp": float("-inf")})
    assert (fault in faults) if fault else not faults


def test_what_an_edit_keeps_may_be_as_loud_as_it_was():
    told = judged(wave(TONE), 2.0) | {"true_peak_dbtp": 0.5}
    assert faults_of(told | {"source_dbtp": 0.5}) == []
    assert faults_of(told | {"source_dbtp": 0.4}) == ["clipped"]


# --- Tables ---------------------------------------------------------------------------------------------------------


def test_aims_are_read_both_ways() -> None:
    assert Figure("a", 0.9, 1, "≥ 0.85").reached
    assert not Figure("a", 0.9, 1, "≤ 0.85").reached
    assert Figure("a", 0.9, 1).reached is None


def test_findings_come_back_from_disk(tmp_path: Path) -> None:
    found = Findings([Figure("tempo", 0.91, 48, "≥ 0.9", chance=0.1)], ["| more |"], 3.0)
    found.save(tmp_path / "plan.json")
    again = Findings.load(tmp_path / "plan.json")
    assert dataclasses.asdict(again) == dataclasses.asdict(found)
    assert "| tempo | ≥ 0.9 ✓ | **0.91** | 0.10 | – | – | – | 48 |" in figure_table(again.figures)


def tone(hz: float, seconds: float = 4.0) -> Waveform:
    t = np.arange(round(seconds * 48_000)) / 48_000
    return Waveform(np.tile(0.3 * np.sin(2 * np.pi * hz * t), (2, 1)).astype(np.float32), 48_000)


def test_a_sung_excerpt_teaches_the_band_the_voice_over_it_and_the_whole() -> None:
    late = Waveform(tone(440).samples * (np.arange(4 * 48_000) >= 2 * 48_000), 48_000)
    rows = Excerpt(tone(220), tone(220), late).lessons()
    assert rows.shape[:2] == (3, 2)
    assert (rows[:, :, 0] > 0).tolist() == [[False, False], [False, True], [False, True]]
    assert np.array_equal(rows[0, :, 1:], rows[2, :, 1:])
    assert not np.array_equal(rows[0, 1, 1:], rows[1, 1, 1:])


def test_an_excerpt_without_a_voice_teaches_itself() -> None:
    rows = Excerpt(tone(220)).through(lambda sound: sound).lessons()
    assert rows.shape[:2] == (1, 2)
    assert not rows[:, :, 0].any()
