"""Songs from seeds: complete, the same to the bit, resumable, and their stems add up to the mix."""

import importlib.util
import json
import re
from random import Random

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from melisma.errors import BadRequest
from melisma.score import STYLES, style_of, write
from melisma.score.genres import PROGRAM_NAMES
from melisma.score.hints import Hint
from melisma.song import TRACKS, Blueprint
from starter.arrange import arrange, hire, track_of
from starter.captions import Facts, captions, true_hints
from starter.mix import mix_down, set_up
from starter.sampler import PlainSampler, Sampler, open_sampler, soundfont
from starter.songs import (
    CAPTIONS,
    describe,
    folder_of,
    is_done,
    main,
    make_instrumental,
    parse_seeds,
    read_sheet,
    render_parts,
)


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    """A soundfont where FluidSynth is installed, else the plain synthesiser: every test holds for both."""
    if importlib.util.find_spec("fluidsynth") is not None:
        for name in ("timgm", "fluid"):
            if soundfont(name):
                return open_sampler(name)
    return PlainSampler()


@pytest.mark.parametrize("style", list(STYLES))
def test_every_style_can_be_played(style):
    score = write(Blueprint(caption=STYLES[style].words[0], lyrics="[Instrumental]", duration_s=40), 3)
    assert score.style == style
    for seed in range(3):
        parts = arrange(score, seed)
        assert len(parts) >= 3
        assert {part.track for part in parts} <= set(TRACKS)
        assert parts == arrange(score, seed)
        for part in parts:
            assert part.instrument
            for event in part.events:
                assert 0 <= event.pitch <= 127
                assert 1 <= event.velocity <= 127
                assert event.length_s > 0
                assert 0 <= event.start_s < score.duration_s


@pytest.mark.parametrize("meter", [2, 3, 4, 6])
def test_drums_keep_the_beat(meter):
    score = write(Blueprint(caption="rock", lyrics="[chorus]\n[chorus]", duration_s=30, meter=meter), 2)
    drums = next(part for part in arrange(score, 2) if part.role == "drums")
    starts = np.array([event.start_s for event in drums.events if event.pitch in (36, 38)])
    grid = np.array([score.seconds(k / 4) for k in range(4 * score.beats)])
    assert np.abs(starts[:, None] - grid[None]).min(axis=1).max() < 0.03


def test_programs_have_official_tracks():
    assert {track_of(program) for program in PROGRAM_NAMES} <= set(TRACKS)
    assert [track_of(p) for p in (0, 24, 33, 48, 56, 73, 81, 52)] == [
        "keyboard", "guitar", "bass", "strings", "brass", "woodwinds", "synth", "backing_vocals",
    ]  # fmt: skip


def test_same_seed_same_bits_whatever_came_before(sampler):
    sheet, mix, _ = make_instrumental(11, 6.0, sampler)
    make_instrumental(12, 3.0, sampler)
    again, mix_again, _ = make_instrumental(11, 6.0, sampler)
    assert sheet == again
    assert np.array_equal(mix, mix_again)


def test_stems_add_up_and_nothing_clips(sampler):
    _, mix, stems = make_instrumental(4, 6.0, sampler)
    assert mix.shape == (2, 288_000)
    assert np.abs(mix).max() <= 0.98
    assert np.abs(np.sum(list(stems.values()), axis=0) - mix).max() < 1e-5
    assert np.sqrt(np.mean(mix**2)) > 0.02


def test_mixes_differ_between_seeds(sampler):
    score = write(Blueprint(caption="pop", lyrics="[Instrumental]", duration_s=3), 0)
    band = hire(score, 0)
    parts = arrange(score, 0, band)
    sounds = render_parts(parts, sampler, 96_000)
    one, two = (mix_down(sounds, parts, set_up(parts, band.style, seed), seed)[0] for seed in (1, 2))
    assert np.abs(one - two).max() > 0.01


def test_command_line_writes_whole_folders_and_goes_on(tmp_path):
    arguments = ["--out", str(tmp_path), "--seconds", "5", "--soundfonts", "plain", "--nice", "0"]
    assert CliRunner().invoke(main, [*arguments, "--seeds", "0:1"], catch_exceptions=False).exit_code == 0
    first = folder_of(tmp_path, 0) / "song.json"
    stamp = first.stat().st_mtime_ns
    (tmp_path / ".0000001.part").mkdir()
    assert CliRunner().invoke(main, [*arguments, "--seeds", "0:2"], catch_exceptions=False).exit_code == 0
    assert first.stat().st_mtime_ns == stamp
    assert is_done(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000000", "0000001"]
    sheet = read_sheet(folder_of(tmp_path, 1))
    mix, rate = soundfile.read(folder_of(tmp_path, 1) / "mix.flac")
    assert rate == 48_000
    assert mix.shape == (240_000, 2)
    stems = [soundfile.read(folder_of(tmp_path, 1) / stem.file)[0] for stem in sheet.stems]
    assert np.abs(np.sum(stems, axis=0) - mix).max() < 1e-3
    assert json.loads(first.read_text())["score"]["bpm"] == read_sheet(folder_of(tmp_path, 0)).bpm


def test_captions_differ_and_drop_facts():
    facts = Facts(
        ("jazz", "smooth jazz"),
        ("smoky", "cool", "dark"),
        ("piano", "upright bass", "drums"),
        120,
        "C minor",
        4,
        0.5,
        None,
    )
    found = captions(facts, 60, 1)
    assert len(set(found)) > 40
    assert all(found)
    piano = sum("piano" in caption.lower() for caption in found)
    assert 5 < piano < 55
    assert found == captions(facts, 60, 1)


@pytest.mark.parametrize("style", list(STYLES))
def test_every_third_caption_names_no_style_but_leads_to_it(style):
    asked = Blueprint(caption=STYLES[style].words[0], lyrics="[Instrumental]", duration_s=10)
    right = 0
    for seed in range(10):
        score = write(asked, seed)
        said = describe(score, arrange(score, seed), seed, None)
        assert said == describe(score, arrange(score, seed), seed, None)
        assert len(said) == CAPTIONS
        hinted, named = said[2::3], [text for k, text in enumerate(said) if k % 3 != 2]
        assert max(map(len, hinted)) < max(map(len, named))  # the longest is taken for the fullest
        right += sum(style_of(text, Random(0)).name == style for text in hinted)
        for text in hinted:
            assert not any(
                re.search(rf"\b{re.escape(word)}\b", text.lower().replace("acoustic guitar", ""))
                for word in STYLES[style].words
            )
    assert right >= 55  # of 60


def test_hints_of_instruments_are_said_only_if_they_play():
    hints = (
        Hint("analog synths", "sounds", 3),
        Hint("an accordion on a bridge", "scenes", 3),
        Hint("Paris", "places", 3),
    )
    rest = (Hint("one two three", "rhythms", 3), Hint("elegant", "words", 2), Hint("a slow piano", "sounds", 3))
    assert list(true_hints((*hints, *rest), ("piano", "accordion"))) == [hints[1], hints[2]]
    assert list(true_hints((*hints, *rest), ("saw lead",))) == [hints[0], hints[2]]


def test_a_tempo_is_slow_or_fast_for_its_style():
    def said(pace: float) -> set[str]:
        facts = Facts(("waltz",), ("proud",), ("harp",), 100, "C major", 3, pace, None)
        words = " ".join(captions(facts, 200, 1)).lower().replace(",", " ").split()
        return {"slow", "moderate", "fast"} & set(words)

    assert [said(pace) for pace in (-0.2, 0.1, 0.5, 0.7, 1.0)] == [{"slow"}, {"slow"}, {"moderate"}, {"fast"}, {"fast"}]


def test_seeds_and_soundfonts_are_checked():
    assert parse_seeds("3:5") == range(3, 5)
    assert parse_seeds("7") == range(7, 8)
    with pytest.raises(BadRequest, match="first:last"):
        parse_seeds("a:b")
    with pytest.raises((BadRequest, KeyError)):
        open_sampler("nothing")
    assert Random("x").random() == Random("x").random()
