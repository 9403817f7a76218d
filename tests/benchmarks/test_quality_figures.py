"""The measures of benchmarks/quality on sounds whose answer is known."""

import numpy as np
import pytest

from benchmarks.quality import figures
from melisma.audio import Waveform
from melisma.notation import Chord, Note, Score, Section
from melisma.score.guide import GuideOptions, render_guide

RATE = 48_000


def tones(*pitches: int, seconds: float = 1.0) -> Waveform:
    """One note after the other, with an overtone."""
    t = np.arange(round(seconds * RATE)) / RATE
    waves = [
        sum(np.sin(2 * np.pi * k * 440 * 2 ** ((pitch - 69) / 12) * t) / k for k in (1, 2)) * 0.3 for pitch in pitches
    ]
    mono = np.concatenate(waves).astype(np.float32)
    return Waveform(np.stack([mono, mono]), RATE)


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> Waveform:
    samples = np.random.default_rng(seed).standard_normal((2, round(seconds * RATE))) * level
    return Waveform(samples.astype(np.float32), RATE)


def score(symbols: tuple[str, ...], bars: int = 1) -> Score:
    """A bar of 4/4 at 120 bpm, two seconds, per chord."""
    return Score(
        bpm=120,
        meter=4,
        key="C major",
        style="pop",
        duration_s=2.0 * len(symbols),
        sections=(Section(tag="verse", bars=len(symbols)),),
        chords=tuple(Chord(symbol=symbol, start=4.0 * i, length=4.0) for i, symbol in enumerate(symbols)),
        melody=(),
    )


# --- One sound against another --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted_db", [0.0, 10.0, 20.0])
def test_si_sdr_is_the_level_of_what_was_added(wanted_db: float) -> None:
    true, added = noise(2.0, 0), noise(2.0, 1)
    made = Waveform(true.samples + added.samples * np.float32(10 ** (-wanted_db / 20)), RATE)
    assert figures.si_sdr(made, true) == pytest.approx(wanted_db, abs=0.2)


def test_si_sdr_does_not_hear_loudness_but_hears_silence() -> None:
    true = noise(1.0)
    made = Waveform(true.samples + noise(1.0, 3).samples, RATE)
    assert figures.si_sdr(made.louder(-12), true) == pytest.approx(figures.si_sdr(made, true), abs=1e-3)
    assert figures.si_sdr(Waveform(np.zeros_like(true.samples), RATE), true) == float("-inf")


def test_spectral_convergence_is_the_share_of_error() -> None:
    true = noise(1.0)
    assert figures.spectral_convergence(true, true) == 0
    assert figures.spectral_convergence(true.louder(-20 * np.log10(2)), true) == pytest.approx(0.5, abs=1e-4)
    assert figures.spectral_convergence(noise(1.0, 5), true) > 0.5


def test_bandwidth_is_the_highest_audible_frequency() -> None:
    t = np.arange(RATE) / RATE
    for loud, expected in ((1e-2, 9.0), (1e-5, 0.5)):
        wave = np.sin(2 * np.pi * 500 * t) + loud * np.sin(2 * np.pi * 9000 * t)
        assert figures.bandwidth(Waveform(np.stack([wave, wave]), RATE)) == pytest.approx(expected, abs=0.2)
    assert figures.bandwidth(Waveform.silence(1.0, RATE)) == 0


def test_boundaries_are_where_the_music_changes() -> None:
    calm, busy = tones(*([60, 64, 67, 72] * 5)), noise(15.0, level=0.05)
    song = Waveform(np.concatenate([calm.samples, busy.samples, calm.samples], axis=1), RATE)
    assert figures.boundaries(song) == pytest.approx([20.0, 35.0], abs=0.5)


def test_sections_that_begin_where_planned_are_counted() -> None:
    parts = tuple(Section(tag=tag, bars=bars) for tag, bars in (("verse", 10), ("chorus", 7), ("verse", 10)))
    planned = score(("C",) * 27).model_copy(update={"sections": parts})
    calm, busy = tones(*([60, 64, 67, 72] * 5)), noise(14.0, level=0.05)
    song = Waveform(np.concatenate([calm.samples, busy.samples, calm.samples], axis=1), RATE)
    assert figures.boundary_likeness(song, planned) == 1.0
    shifted = Waveform(np.roll(song.samples, 5 * RATE, axis=1), RATE)
    assert figures.boundary_likeness(shifted, planned) < 0.5
    assert figures.boundary_likeness(song, score(("C",) * 27)) is None


def test_mel_distance_is_the_gain_between_copies() -> None:
    song = noise(1.0, level=0.3)
    assert figures.mel_distance(song, song) == 0
    assert figures.mel_distance(song.louder(-6), song) == pytest.approx(6, abs=0.3)


def test_chroma_likeness_hears_notes_and_their_order_not_octave_or_loudness() -> None:
    tune = (60, 64, 67, 65, 62, 71)
    song = tones(*tune)
    assert figures.chroma_likeness(song, song.louder(-20)) == pytest.approx(1, abs=1e-3)
    assert figures.chroma_likeness(song, tones(*(p + 12 for p in tune))) > 0.8
    assert figures.chroma_likeness(song, tones(*(p + 1 for p in tune))) < 0.2
    assert figures.chroma_likeness(song, tones(*tune[::-1])) < 0.6


def test_onset_likeness_hears_rhythm() -> None:
    def clicks(gaps: tuple[float, ...]) -> Waveform:
        wave = np.zeros((2, 8 * RATE), np.float32)
        at = 0.0
        for k in range(200):
            at += gaps[k % len(gaps)]
            if at > 7.8:
                break
            wave[:, round(at * RATE) : round(at * RATE) + 480] = 0.5
        return Waveform(wave, RATE)

    one, same, other = clicks((0.5, 0.25)), clicks((0.5, 0.25)).louder(-6), clicks((0.37, 0.61))
    assert figures.onset_likeness(one, same) > 0.95
    assert figures.onset_likeness(one, other) < 0.5


# --- A sound against its score --------------------------------------------------------------------------------------


def test_chord_likeness_is_high_for_its_own_score_only() -> None:
    asked, other = score(("C", "F", "G", "C")), score(("F#", "B", "C#", "F#"))
    song = render_guide(asked, options=GuideOptions(clicks=0))
    assert figures.chord_likeness(song, asked) > 0.7
    assert figures.chord_likeness(song, other) < 0


def test_section_likeness_follows_energy() -> None:
    plan = score(("C",) * 6).model_copy(
        update={
            "sections": (
                Section(tag="intro", bars=2, energy=0.4),
                Section(tag="verse", bars=2, energy=0.7),
                Section(tag="chorus", bars=2, energy=1.0),
            )
        }
    )
    quiet, middle, loud = noise(4.0, 0, 0.01), noise(4.0, 1, 0.05), noise(4.0, 2, 0.2)
    rising = Waveform(np.concatenate([quiet.samples, middle.samples, loud.samples], axis=1), RATE)
    falling = Waveform(np.concatenate([loud.samples, middle.samples, quiet.samples], axis=1), RATE)
    up, down = figures.section_likeness(rising, plan), figures.section_likeness(falling, plan)
    assert up is not None
    assert down is not None
    assert up > 0.4
    assert down < up - 0.5
    assert figures.section_likeness(rising, score(("C",) * 6)) is None


# --- Many sounds ----------------------------------------------------------------------------------------------------


def test_frechet_distance_of_gaussians_is_the_known_one() -> None:
    random = np.random.default_rng(0)
    one = random.standard_normal((4000, 3))
    assert figures.frechet(one, one) == pytest.approx(0, abs=1e-6)
    moved = one + np.array([2.0, 0, 0])
    assert figures.frechet(one, moved) == pytest.approx(4, abs=1e-6)
    assert figures.frechet(one, one * 2) == pytest.approx(3, abs=0.3)


def test_spread_grows_with_distance_and_is_zero_for_copies() -> None:
    assert figures.spread(np.ones((4, 3))) == 0
    assert figures.spread(np.array([[0.0, 0], [3, 4]])) == 5


def test_statistics_do_not_hear_loudness() -> None:
    song = noise(2.0, level=0.3)
    assert np.allclose(figures.pieces(song), figures.pieces(song.louder(-6)), atol=0.3)
    assert figures.pieces(noise(5.0)).shape == (2, 4 * figures.MELS)


def test_a_pulse_is_heard_at_its_speed() -> None:
    def ticking(per_second: float) -> np.ndarray:
        song = noise(8.0)
        gate = (np.arange(song.count) * per_second / RATE) % 1 < 0.1
        return figures.pulse_statistics(figures.log_mel(Waveform(song.samples * gate, RATE))).reshape(10, 8)

    slow, fast = ticking(1.0), ticking(4.0)
    assert (slow[2] > fast[2] + 1).all()
    assert (fast[6] > slow[6]).all()
    assert len(figures.song_statistics(noise(8.0))) == 4 * 2 * figures.MELS + 5 * figures.MELS + 80


def tune(*pitches: int) -> Score:
    notes = tuple(Note(start=1.0 * i, length=1.0, pitch=pitch) for i, pitch in enumerate(pitches))
    return score(("C", "C")).model_copy(update={"melody": notes})


def test_who_plays_the_tune_is_heard_at_its_pitches() -> None:
    plan = tune(60, 64, 67, 72, 67, 64, 60)
    heard = {}
    for band in ("clarinet", "acoustic guitar"):
        song = render_guide(plan.model_copy(update={"band": (band,)}), options=GuideOptions(clicks=0, drums=0))
        heard[band] = figures.tune_statistics(song, plan)
    overtone, late = 1, 2 * figures.HARMONICS  # of the median over notes: level of the octave, change until late
    assert heard["clarinet"][overtone] < heard["acoustic guitar"][overtone] - 5
    assert heard["acoustic guitar"][late] < heard["clarinet"][late] - 1


def test_a_tune_of_two_notes_tells_nothing() -> None:
    assert np.isnan(figures.tune_statistics(tones(60, 64), tune(60, 64))).all()
    assert np.isnan(figures.tune_statistics(noise(1.0), tune(60, 64, 67, 72), start_s=30.0)).all()


# --- Words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard", "sung", "share"),
    [
        ("the cat sat", "the cat sat", 0),
        ("the hat sat", "the cat sat", 1 / 3),
        ("cat sat", "the cat sat", 1 / 3),
        ("oh the cat sat", "the cat sat", 1 / 3),
        ("", "the cat sat", 1),
    ],
)
def test_word_errors(heard: str, sung: str, share: float) -> None:
    assert figures.word_errors(heard.split(), sung.split()) == pytest.approx(share)


def test_plain_words_leave_out_tags_and_marks() -> None:
    assert figures.plain_words("[verse]\nDon’t stop, Anna!") == ["don't", "stop", "anna"]
