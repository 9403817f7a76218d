"""Composing along a score: the plan reaches the generator, can be edited, and words are sung by the guide voice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from melisma import engine
from melisma.audio import Waveform
from melisma.engine import Band, perform, rehearse
from melisma.notation import Score
from melisma.song import SongRequest


@pytest.fixture(scope="module")
def following(turbo: Band) -> Band:
    """The toy, as a checkpoint that follows a score."""
    return replace(turbo, generator=replace(turbo.generator, follows_score=True))


def ask(**fields: object) -> SongRequest:
    return SongRequest.of(caption="pop, 120 bpm", duration_s=8.0, seeds=(1,), sampling={"steps": 1}, **fields)


def test_open_music_is_decided_by_the_score(following: Band) -> None:
    rehearsal = rehearse(ask(key="A minor"), following)
    blueprint = rehearsal.blueprint
    assert (blueprint.bpm, blueprint.key) == (120, "A minor")
    assert blueprint.decided_by["key"] == "person"
    assert blueprint.decided_by["score"] == "default"
    assert rehearsal.canvas.source is not None
    assert rehearsal.canvas.source.shape == (200, following.generator.channels)


def test_one_chord_changes_its_bar_of_what_is_heard(following: Band) -> None:
    before = rehearse(ask(), following)
    score = before.blueprint.score
    assert isinstance(score, Score)
    chord = score.chords[1]
    other = "F#m" if chord.symbol != "F#m" else "C"
    edited = before.blueprint.model_copy(update={"score": score.with_chord(chord.start, other)})
    after = rehearse(ask(), following, edited)
    changed = (before.canvas.source - after.canvas.source).abs().amax(1) > 1e-4
    start, end = (score.seconds(beat) * 25 for beat in (chord.start, chord.start + chord.length))
    reach = 8  # frames that one frame of the autoencoder hears to either side
    places = changed.nonzero().flatten()
    assert len(places)
    assert places.min() >= start - reach
    assert places.max() <= end + reach


def test_the_same_seed_writes_the_same_score(following: Band) -> None:
    first, second = (perform(ask(), following) for _ in range(2))
    assert first.blueprint == second.blueprint
    assert torch.equal(first.takes[0].latents, second.takes[0].latents)
    assert perform(ask(), following, first.blueprint).takes[0].waveform == first.takes[0].waveform


def test_the_generator_reads_what_the_score_says(following: Band, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    reader = following.generator.text
    monkeypatch.setattr(
        reader, "hidden", lambda texts_, longest: texts.extend(texts_) or type(reader).hidden(reader, texts_, longest)
    )
    score = rehearse(ask(), following).blueprint.score
    assert f"# Caption\npop, {score.band[0]}" in texts[0]
    assert ", pop, 120 bpm\n" in texts[0]


def test_sections_are_as_loud_as_the_score_wants_them(following: Band) -> None:
    score = rehearse(ask(), following).blueprint.score
    assert len(score.sections) > 1
    quiet_end = [section.model_copy(update={"energy": 1.0}) for section in score.sections]
    quiet_end[-1] = score.sections[-1].model_copy(update={"energy": 0.1})
    blueprint = perform(ask(), following).blueprint
    edited = blueprint.model_copy(update={"score": score.model_copy(update={"sections": tuple(quiet_end)})})
    start = round(score.seconds(float(score.section_starts[-1])) * 48_000)

    def falls_by(**finish: object) -> float:
        request = ask(finish=finish | {"fade_out_s": 0.0})
        song = rehearse(request, following, edited).take(1).waveform.samples
        return float(10 * np.log10(np.mean(song[:, :start] ** 2) / np.mean(song[:, start:] ** 2)))

    assert falls_by() > falls_by(master=False) + 2


def test_words_are_sung_by_the_guide_voice(following: Band, monkeypatch: pytest.MonkeyPatch) -> None:
    def sing(score: Score, caption: str) -> Waveform:
        t = np.arange(8 * 48000) / 48000
        return Waveform(np.stack([np.sin(2 * np.pi * 3000 * t)] * 2).astype(np.float32), 48000)

    request = ask(lyrics="[verse]\nhello my friend\nstay until the end")
    monkeypatch.setattr(engine, "guide_voice", lambda blueprint, listen: None)
    without = perform(request, following).takes[0].waveform.samples
    monkeypatch.setattr(engine, "guide_voice", lambda blueprint, listen: sing)
    performance = perform(request, following)
    with_voice = performance.takes[0].waveform.samples
    assert performance.blueprint.lyrics.startswith("[verse]")

    def level(samples: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(samples[0]))
        return float(spectrum[3000 * 8] / spectrum.mean())

    assert level(with_voice) > 20 * level(without)


def test_checkpoints_that_follow_no_score_are_left_alone(turbo: Band) -> None:
    rehearsal = rehearse(ask(), turbo)
    assert rehearsal.blueprint.score is None
    assert rehearsal.canvas.source is None


def test_other_tasks_need_no_score(following: Band, tune: Path) -> None:
    request = ask(task={"kind": "cover", "source": {"path": str(tune)}})
    assert rehearse(request, following).blueprint.score is None
