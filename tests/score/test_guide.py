"""The guide says what the score says: its beats where the beats are, an edit where the edit is, at a hundred times real time."""

import time

import numpy as np
import pytest

from melisma.score import write
from melisma.score.guide import GuideOptions, render_guide
from melisma.song import Blueprint

LYRICS = "[verse]\nI hear the river in the night\n[chorus]\nHold me now, remember me"


def song(**changes):
    return write(
        Blueprint(**{"caption": "pop", "lyrics": LYRICS, "duration_s": 24, "bpm": 96, "meter": 4, **changes}), 3
    )


@pytest.mark.parametrize(("meter", "bpm"), [(4, 96), (3, 140), (6, 60), (2, 120)])
@pytest.mark.parametrize("caption", ["pop", "jazz"])
def test_clicks_are_on_the_beats(meter, bpm, caption):
    score = song(meter=meter, bpm=bpm, caption=caption)
    sound = render_guide(score, 16_000, GuideOptions(chords=0, bass=0, melody=0)).samples[0]
    pulse = 3 if meter == 6 else 1

    def level(beat, after_s):
        start = int((score.seconds(beat) + after_s) * 16_000)
        return float(np.square(sound[max(0, start) : start + 160]).mean()) if start >= 0 else 0.0

    for beat in range(0, score.beats, pulse):
        assert level(beat, 0.0) > 5 * level(beat, -0.02)
        assert level(beat, 0.0) > 5 * level(beat + 0.3 * pulse, 0.0)
        if beat % score.meter == 0 and beat + pulse < score.beats and meter != pulse:
            assert level(beat, 0.0) > level(beat + pulse, 0.0)


def test_editing_one_chord_changes_only_its_time():
    score = song()
    chord = score.chord_at(20)
    edited = score.with_chord(20, "C#dim7" if chord.symbol != "C#dim7" else "F")
    before, after = (render_guide(s, 16_000).samples for s in (score, edited))
    changed = np.flatnonzero((before != after).any(axis=0)) / 16_000
    assert changed.min() >= score.seconds(chord.start)
    assert changed.max() <= score.seconds(chord.start + chord.length)
    assert len(changed) > 1000


def test_the_melody_is_heard_at_its_pitch():
    score = song()
    sound = render_guide(score, 16_000, GuideOptions(clicks=0, chords=0, bass=0)).samples[0]
    note = max((n for n in score.melody if n.syllable), key=lambda n: n.length)
    start, end = score.seconds(note.start) + 0.05, score.seconds(note.start + note.length) - 0.05
    piece = sound[int(start * 16_000) : int(end * 16_000)]
    hz = 440 * 2 ** ((note.pitch - 69) / 12)
    low, high = int(16_000 / hz / 1.4), int(16_000 / hz * 1.4)
    echo = np.correlate(piece, piece, "full")[len(piece) - 1 :]
    assert 16_000 / (low + np.argmax(echo[low:high])) == pytest.approx(hz, rel=0.03)


def test_same_score_same_bits_and_never_clips():
    score = song()
    first, second = render_guide(score), render_guide(score)
    assert first == second
    assert first.rate_hz == 48_000
    assert first.duration_s == pytest.approx(score.duration_s)
    assert np.abs(first.samples).max() < 1.0


def test_is_fast():
    score = song(duration_s=120)
    render_guide(score)
    start = time.process_time()
    render_guide(score)
    assert time.process_time() - start < 1.2


def test_instruments_and_style_are_heard():
    plain = song(lyrics="[Instrumental]")

    def heard(**changes):
        return render_guide(plain.model_copy(update=changes), 16_000).samples

    flute, fuzz = heard(band=("flute", "piano")), heard(band=("distorted guitar", "piano"))
    assert np.abs(flute - fuzz).max() > 0.05
    assert np.abs(flute - heard(band=("clarinet", "piano"))).max() > 0.02
    assert np.abs(flute - heard(band=("flute", "piano"), style="reggae")).max() > 0.05
    heard(band=("nose flute",), style="a style of one's own")  # what is not known sounds like an organ, without drums


def test_a_band_is_what_the_caption_names():
    def band(caption):
        return write(Blueprint(caption=caption, lyrics="[Instrumental]", duration_s=10), 1).band

    assert band("folk with flute and acoustic guitar") == ("flute", "acoustic guitar")
    assert band("waltz for accordion")[0] == "accordion"
    assert band("rock with sax")[0] == "tenor saxophone"
    assert band("walking double bass jazz")[0] != "double bass"
    assert all(band("rock"))
    assert band("rock") == band("rock")
