"""The guide voice: cut where it can be cut, in time and in tune with the score; without the package, a clear error."""

import sys
from pathlib import Path

import numpy as np
import pytest

from melisma.errors import BadCheckpoint, MissingModel
from melisma.score import write
from melisma.score.grammar import LOW_VOICE_RANGE
from melisma.score.lanes import PHONEMES
from melisma.score.singer import LENGTH_CUT, Singer, Voice, _for, _matched, _require, _with_output, voice_for
from melisma.song import Blueprint

LYRICS = "[intro]\n[verse]\nI hear the river in the night\nFires are burning, 7 夜"


def song(caption="ballad, female vocals"):
    return write(Blueprint(caption=caption, lyrics=LYRICS, duration_s=24, bpm=80, meter=4), 3)


@pytest.fixture(scope="module")
def singer():
    for package in ("hibari", "onnx", "onnxruntime"):
        pytest.importorskip(package, reason="the extra `voice` is not installed")
    return Singer()


def test_a_part_of_the_network_says_what_the_whole_does(singer):
    import hibari
    import onnx
    import onnxruntime

    whole = _with_output(onnx.load(Path(hibari.__file__).parent / "assets" / "hibari.onnx"), LENGTH_CUT)
    part = _for(whole, LENGTH_CUT)
    assert len(part.graph.node) < len(whole.graph.node) / 2
    assert [output.name for output in part.graph.output] == [LENGTH_CUT]
    feed = {"ids": np.arange(20)[None] % 12, "speed": np.ones(1, np.float32)}
    said = [
        onnxruntime.InferenceSession(model.SerializeToString()).run([LENGTH_CUT], feed)[0] for model in (whole, part)
    ]
    assert said[0].std() > 0
    np.testing.assert_array_equal(*said)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(MissingModel, match=r"melisma\[voice\]"):
        Singer()


def test_another_graph_is_refused():
    onnx = pytest.importorskip("onnx")
    with pytest.raises(BadCheckpoint, match=r"hibari-tts==0\.2\.1"):
        _require(onnx.ModelProto(), "/Clip_output_0")


def test_vowels_get_their_notes():
    one, two, three = ((0.0, 1.0, 60.0),), ((1.0, 2.0, 62.0),), ((2.0, 3.0, 64.0),)
    assert list(_matched("fIəɹ", [1, 2], [one])) == [(1, one)]
    assert list(_matched("lɑ", [1], [one, two, three])) == [(1, one + two + three)]
    assert list(_matched("ɹɪvəɹ", [1, 3], [one, two])) == [(1, one), (3, two)]


def test_in_time_and_in_tune(singer):
    score = song()
    vocal = singer.sing(score, Voice(vibrato_cents=0), rate_hz=24_000)
    assert vocal.sound.duration_s == pytest.approx(score.duration_s)
    sound = vocal.sound.samples[0]
    cents = []
    for syllable in score.sung():
        for note in syllable.notes:
            start, end = score.seconds(note.start), score.seconds(note.start + note.length)
            if end - start < 0.25:
                continue
            piece = sound[int((start + 0.06) * 24_000) : int((start + 0.06 + 0.4 * (end - start)) * 24_000)]
            hz = 440 * 2 ** ((note.pitch - 69) / 12)
            low, high = int(24_000 / hz / 1.3), int(24_000 / hz * 1.3)
            echo = np.correlate(piece, piece, "full")[len(piece) - 1 :]
            lag = low + np.argmax(echo[low:high])
            cents.append(abs(1200 * np.log2(24_000 / lag / hz)))
    assert len(cents) > 8
    assert np.median(cents) < 25
    assert np.mean(np.array(cents) < 50) > 0.75


def test_silent_before_the_words_and_phonemes_in_order(singer):
    score = song()
    vocal = singer.sing(score, rate_hz=24_000)
    first = score.seconds(score.sung()[0].notes[0].start)
    assert np.abs(vocal.sound.samples[:, : max(0, int((first - 0.5) * 24_000))]).max(initial=0) < 1e-3
    assert np.sqrt(np.mean(vocal.sound.samples**2)) > 0.005
    starts = [phoneme.start_s for phoneme in vocal.phonemes]
    assert starts == sorted(starts)
    known = sum(phoneme.symbol in PHONEMES for phoneme in vocal.phonemes)
    assert known > 0.9 * len(vocal.phonemes)


def test_same_seed_same_bits(singer):
    score = song()
    assert singer.sing(score, seed=5).sound == singer.sing(score, seed=5).sound


def test_nobody_sings_an_instrumental(singer):
    score = write(Blueprint(caption="pop", lyrics="[Instrumental]", duration_s=5), 0)
    vocal = singer.sing(score)
    assert not vocal.sound.samples.any()
    assert vocal.phonemes == ()


def test_voices_by_caption():
    assert voice_for("rock, male vocals").formant < 1
    assert voice_for("pop, bright female voice").formant > 1
    assert voice_for("pop") == Voice()
    low = song("ballad, deep male vocals")
    assert all(LOW_VOICE_RANGE[0] <= n.pitch <= LOW_VOICE_RANGE[1] for n in low.melody if n.syllable)
