"""A picture for every song, drawn from its sound: sheets of coloured paper around a centre, one turn is the song.

Time runs clockwise from the top. The sound is heard in bands from low to high; each band is a sheet, and its loudness
pushes its edge outwards, so that a quiet verse lies close and a chorus opens. Colours follow the key around the circle
of fifths, minor keys are darker; where no key is known, the strongest pitch class decides. The same sound gives the
same picture. No text, no faces: nothing to translate, nothing to mistake for something else.
"""

import colorsys
import io
import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from melisma.audio import Waveform

SIZE = 512
FINE = 3  # drawn larger, then brought down: smooth edges
QUALITY = 82
BANDS = 9
TURN = 540  # points around the circle
WINDOW = 4096
LOWEST_HZ, HIGHEST_HZ = 60.0, 10_000.0
FIFTHS = {name: step for step, name in enumerate(("C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#", "F"))}
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#", "Cb": "B", "Fb": "E"}
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

Numbers = NDArray[np.float64]
Colour = tuple[float, float, float]


# --- Listening ------------------------------------------------------------------------------------------------------


def spectra(waveform: Waveform) -> tuple[Numbers, Numbers]:
    """(TURN, f) magnitudes at even times, and the (f,) frequencies in Hz."""
    mono = waveform.samples.mean(axis=0, dtype=np.float64)
    mono = np.pad(mono, (0, max(0, WINDOW - len(mono))))
    starts = np.linspace(0, len(mono) - WINDOW, TURN).astype(int)
    frames = mono[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    frequencies: Numbers = np.linspace(0, waveform.rate_hz / 2, WINDOW // 2 + 1)
    return np.abs(np.fft.rfft(frames, axis=1)), frequencies


def bands(magnitudes: Numbers, frequencies: Numbers) -> Numbers:
    """(BANDS, TURN) loudness from low to high, 0–1, smooth and without a seam where the song meets its beginning."""
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)
    rows = [
        magnitudes[:, (frequencies >= low) & (frequencies < max(high, low + 25))].mean(axis=1)
        for low, high in pairwise(edges)
    ]
    levels = 20 * np.log10(np.array(rows) + 1e-6)
    low, high = np.percentile(levels, [20, 99.5])
    return around(np.clip((levels - low) / max(high - low, 6.0), 0, 1), 9.0)


def around(rows: Numbers, width: float) -> Numbers:
    """Rows smoothed along a circle by a bell of `width` points."""
    count = rows.shape[-1]
    bell = np.exp(-0.5 * (np.minimum(np.arange(count), count - np.arange(count)) / width) ** 2)
    smooth: Numbers = np.fft.irfft(np.fft.rfft(rows, axis=-1) * np.fft.rfft(bell / bell.sum()), count, axis=-1)
    return smooth


def strongest_pitch(magnitudes: Numbers, frequencies: Numbers) -> str:
    """The pitch class that sounds most."""
    heard = (frequencies > 100) & (frequencies < 2000)
    classes = np.round(12 * np.log2(frequencies[heard] / 261.6256)).astype(int) % 12
    sums = np.bincount(classes, weights=(magnitudes[:, heard] ** 2).sum(axis=0), minlength=12)
    return NOTES[int(sums.argmax())]


# --- Colours --------------------------------------------------------------------------------------------------------


def sheets(key: str | None, pitch: str) -> list[Colour]:
    """Colours of the ground and of the sheets, outermost first, RGB 0–1."""
    found = re.match(r"([A-G][#b]?)", key or pitch)
    name = found[1] if found else "C"
    hue = (FIFTHS[FLATS.get(name, name)] / 12 + 0.58) % 1
    dark = 0.82 if key and "minor" in key else 1.0
    deep = colour(hue, 0.48, 0.17 * dark)
    steps = np.linspace(0, 1, BANDS)
    return [deep, *(colour(hue + 0.17 * step, 0.68 - 0.30 * step, dark * (0.30 + 0.66 * step**0.9)) for step in steps)]


def colour(hue: float, saturation: float, value: float) -> Colour:
    """RGB 0–1."""
    return colorsys.hsv_to_rgb(hue % 1, saturation, value)


# --- Drawing --------------------------------------------------------------------------------------------------------


def artwork(waveform: Waveform, key: str | None = None) -> bytes:
    """A square WebP image. key: as in 'F# minor', where it is known."""
    magnitudes, frequencies = spectra(waveform)
    edges = outlines(bands(magnitudes, frequencies))
    ground, *colours = sheets(key, strongest_pitch(magnitudes, frequencies))
    picture = np.broadcast_to(np.array(ground), (SIZE, SIZE, 3))
    for edge, tint in zip(edges[::-1], colours, strict=True):
        shape = Image.fromarray(sheet(edge))
        shadow = np.asarray(shape.filter(ImageFilter.GaussianBlur(SIZE / 42)), np.float64) / 255
        inside = np.asarray(shape, np.float64)[..., None] / 255
        picture = picture * (1 - 0.42 * shadow[..., None])
        picture = picture * (1 - inside) + np.array(tint) * LIGHT * inside
    grain = np.random.default_rng(0).normal(0, 0.012, picture.shape[:2])  # paper, and no steps in dark gradients
    image = Image.fromarray((255 * np.clip(picture + grain[..., None], 0, 1)).astype(np.uint8))
    content = io.BytesIO()
    image.save(content, "webp", quality=QUALITY, method=4)
    return content.getvalue()


def outlines(rows: Numbers) -> Numbers:
    """(BANDS, TURN) how far the edge of each sheet is from the centre, 0–1, innermost first: none crosses another."""
    pull = np.cumsum(rows, axis=0)  # a sheet is pushed by its own loudness and by all that lies within it
    pull /= max(float(pull[-1].max()), 1e-9)
    least = np.linspace(0.10, 0.56, BANDS)[:, None]
    edges: Numbers = least + 0.46 * pull
    return edges


def sheet(edge: Numbers) -> NDArray[np.uint8]:
    """(SIZE, SIZE) 255 within an outline, 0 outside."""
    canvas = Image.new("L", (SIZE * FINE, SIZE * FINE))
    turn = np.linspace(0, 2 * np.pi, TURN, endpoint=False) - np.pi / 2
    half = SIZE * FINE / 2
    x, y = half * (1 + 0.94 * edge * np.cos(turn)), half * (1 + 0.94 * edge * np.sin(turn))
    ImageDraw.Draw(canvas).polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=255)
    return np.asarray(canvas.reduce(FINE), np.uint8)


def light_from_above() -> Numbers:
    """(SIZE, SIZE, 1) a little brighter at the top left."""
    axis = np.linspace(-1, 1, SIZE)
    return (1.0 - 0.09 * (axis[None] * 0.6 + axis[:, None]))[..., None]


LIGHT = light_from_above()
