"""Pictures: the same for the same sound, another for another, whatever the sound."""

import io

import numpy as np
import pytest
from PIL import Image
from shelf import tone

from melisma.audio import Waveform
from melisma.studio.artwork import SIZE, artwork
from melisma.studio.peaks import as_numbers, peaks


def middle(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.float64)[SIZE // 2, SIZE // 2]


def test_the_same_sound_gives_the_same_picture_and_another_key_other_colours() -> None:
    sound = tone()
    assert artwork(sound, "C major") == artwork(sound, "C major")
    colours = [middle(artwork(sound, key)) for key in ("C major", "A minor", "F# major", "Eb minor", None)]
    for number, one in enumerate(colours):
        for other in colours[number + 1 :]:
            assert np.abs(one - other).max() > 10


@pytest.mark.parametrize("count", [1, 10, 5000])
@pytest.mark.parametrize("level", [0.0, 1e-9, 1.0])
def test_any_sound_has_a_picture_and_a_waveform(count: int, level: float) -> None:
    sound = Waveform(np.full((2, count), level, np.float32), 48000)
    assert Image.open(io.BytesIO(artwork(sound))).size == (SIZE, SIZE)
    shown = as_numbers(peaks(sound))
    assert len(shown) == min(count, 800)
    assert max(shown) == round(level)


def test_a_loud_moment_stands_out_where_it_is() -> None:
    samples = np.zeros((1, 48000), np.float32)
    samples[0, 36000] = -0.5
    shown = as_numbers(peaks(Waveform(samples, 48000)))
    assert shown.index(max(shown)) == 600
    assert max(shown) == pytest.approx(0.5, abs=0.003)
