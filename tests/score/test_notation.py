"""A score is checked when built, survives JSON, and an edit changes what it names and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from melisma.notation import (
    CHORD_QUALITIES,
    FLAT_NAMES,
    SHARP_NAMES,
    Chord,
    Line,
    Note,
    Score,
    Section,
    Word,
    chord_parts,
    pitch_class,
    transposed_chord,
)


def song(**changes) -> Score:
    fields = {
        "bpm": 120,
        "meter": 4,
        "key": "C major",
        "style": "pop",
        "duration_s": 5.0,
        "sections": (Section(tag="verse", bars=1), Section(tag="chorus", bars=1, energy=1.0)),
        "chords": (
            Chord(symbol="Am7", start=0, length=2),
            Chord(symbol="G/B", start=2, length=2),
            Chord(symbol="C", start=4, length=4),
        ),
        "melody": (
            Note(pitch=60, start=0, length=1, syllable="hel"),
            Note(pitch=62, start=1, length=0.5, syllable="lo"),
            Note(pitch=64, start=1.5, length=0.5, syllable=""),
            Note(pitch=67, start=4, length=1),
        ),
        "lines": (Line(section=0, words=(Word(text="hello", syllables=("hel", "lo")),)),),
    }
    return Score(**(fields | changes))


def test_json_round_trip():
    assert Score.model_validate_json(song().model_dump_json()) == song()


@pytest.mark.parametrize(
    ("symbol", "root", "tones", "bass"),
    [
        ("Am7", 9, (9, 0, 4, 7), 9),
        ("C/E", 0, (0, 4, 7), 4),
        ("F#m7b5", 6, (6, 9, 0, 4), 6),
        ("Bbmaj7", 10, (10, 2, 5, 9), 10),
        ("Cb", 11, (11, 3, 6), 11),
    ],
)
def test_chord_symbols(symbol, root, tones, bass):
    assert chord_parts(symbol) == (root, tones, bass)


@pytest.mark.parametrize("symbol", ["H", "Cfoo", "", "C/", "c"])
def test_unknown_chord_says_what_can_be_written(symbol):
    with pytest.raises(ValueError, match="unknown chord"):
        chord_parts(symbol)


@given(
    st.sampled_from(SHARP_NAMES + FLAT_NAMES),
    st.sampled_from(sorted(CHORD_QUALITIES)),
    st.integers(-24, 24),
    st.booleans(),
)
def test_transposing_a_chord_moves_every_tone(root, quality, semitones, flats):
    moved = transposed_chord(root + quality, semitones, flats)
    assert chord_parts(moved)[1] == tuple((tone + semitones) % 12 for tone in chord_parts(root + quality)[1])


def test_transposing_moves_key_chords_and_melody():
    moved = song().transposed(3)
    assert moved.key == "Eb major"
    assert [c.symbol for c in moved.chords] == ["Cm7", "Bb/D", "Eb"]
    assert [n.pitch for n in moved.melody] == [63, 65, 67, 70]
    assert moved.transposed(-3) == song()
    with pytest.raises(ValueError, match="MIDI range"):
        song().transposed(80)


def test_with_chord_changes_one_chord():
    edited = song().with_chord(3.5, "F")
    assert [c.symbol for c in edited.chords] == ["Am7", "F", "C"]
    assert edited.model_copy(update={"chords": song().chords}) == song()
    with pytest.raises(ValidationError):
        song().with_chord(0, "nonsense")


def test_seconds_and_beats():
    assert song().seconds(3) == 1.5
    assert song(meter=6, bpm=60, sections=(Section(tag="verse", bars=1), Section(tag="chorus", bars=1)), melody=(), lines=(),
                chords=(Chord(symbol="C", start=0, length=12),)).bar_s == 2.0  # fmt: skip
    swung = song(swing=0.66)
    assert swung.seconds(1.0) == pytest.approx(0.5)
    assert swung.seconds(0.5) == pytest.approx(0.33)


@given(st.floats(0, 200), st.floats(0.5, 0.75), st.sampled_from((8, 16)))
def test_beat_at_undoes_seconds(beat, swing, unit):
    score = song(swing=swing, swing_unit=unit)
    assert score.beat_at(score.seconds(beat)) == pytest.approx(beat, abs=1e-6)


def test_sung_syllables_with_their_notes():
    first, second = song().sung()
    assert (first.text, first.line, first.word, first.last_of_word) == ("hel", 0, 0, False)
    assert [n.pitch for n in second.notes] == [62, 64]
    assert second.last_of_word


def test_lyrics_have_their_tags():
    assert song().lyrics() == "[verse]\nhello\n\n[chorus]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chords": (Chord(symbol="C", start=0, length=7),)}, "chords end at beat 7"),
        ({"chords": (Chord(symbol="C", start=0, length=3), Chord(symbol="C", start=4, length=4))}, "chords must meet"),
        ({"melody": (), }, "needs one note"),
        ({"lines": (), "melody": (Note(pitch=60, start=0, length=2), Note(pitch=60, start=1, length=2))}, "overlap"),
        ({"lines": (), "melody": (Note(pitch=60, start=7, length=2),)}, "the song is over"),
        ({"key": "H major"}, "unknown key"),
    ],
)  # fmt: skip
def test_a_score_that_cannot_be_played_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        song(**changes)


def test_pitch_classes():
    assert [pitch_class(name) for name in ("C", "F#", "Gb", "B", "Cb", "E#")] == [0, 6, 6, 11, 11, 5]
