"""Lanes say at each frame what the score says at its time."""

import numpy as np
import pytest

from melisma.notation import SECTION_TAGS
from melisma.score import write
from melisma.score.lanes import lanes, phoneme_lane
from melisma.song import Blueprint


@pytest.fixture(params=[2, 3, 4, 6])
def score(request):
    return write(
        Blueprint(caption="jazz", lyrics="[verse]\nshine on me", duration_s=20, meter=request.param, bpm=93), 5
    )


def test_shapes(score):
    assert lanes(score).full().shape == (500, 57)
    assert lanes(score, 123).plain().shape == (123, 47)
    assert lanes(score).full().dtype == np.float32


def test_frames_agree_with_the_score(score):
    found = lanes(score)
    for frame in range(0, 450, 7):
        beat = score.beat_at((frame + 0.5) / 25)
        if beat >= score.beats:
            assert not found.full()[frame, :32].any()
            continue
        chord = score.chord_at(beat)
        assert set(np.flatnonzero(found.chord[frame, :12])) == set(chord.tones)
        assert found.chord[frame, 12 + chord.root] == 1
        section = score.sections[score.section_at(beat)]
        assert SECTION_TAGS[found.section[frame] - 1] == section.tag
        assert found.energy[frame, 0] == pytest.approx(section.energy)
        bar_phase = np.arctan2(found.beat[frame, 3], found.beat[frame, 2]) / (2 * np.pi) % 1
        assert bar_phase == pytest.approx(beat / score.meter % 1, abs=1e-4)


def test_every_note_begins_somewhere(score):
    found = lanes(score)
    for note in score.melody:
        frame = int(score.seconds(note.start) * 25)
        assert found.melody[frame, 14] == 1
    assert found.sung.sum() > 0


def test_phonemes():
    ids = phoneme_lane([("s", 0.0, 0.02), ("?", 0.02, 0.04), ("ɪ", 0.04, 0.12)], 4)
    assert ids.shape == (4, 2)
    assert ids[0, 0] > 0
    assert ids[0, 1] == 0
    assert (ids[1:3] == ids[1, 0]).all()
    assert not ids[3].any()
