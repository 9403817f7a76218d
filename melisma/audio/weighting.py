"""How the ear weighs a sound's frequencies: the K-weighting of ITU-R BS.1770-4.

Two second-order filters, a head that raises treble by 4 dB and an ear that hears little below 38 Hz. The standard gives
their coefficients at 48 kHz only; those here come from analogue prototypes that equal them there and follow them at
other rates (Brecht De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 2018). FFmpeg,
which reads our files too, runs the filters: scipy.signal is as good at it, but takes over a second to import.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from melisma.audio.waveform import Samples, Waveform

HEAD_HZ, HEAD_Q, HEAD_DB = 1681.9744509555319, 0.7071752369554193, 3.99984385397
HEAD_BEND = 0.499666774155  # power of the shelf's gain that stands at its middle
EAR_HZ, EAR_Q = 38.13547087613982, 0.5003270373253953
CHUNK = 1 << 16  # samples handed to FFmpeg at once


def head(rate_hz: int) -> tuple[float, ...]:
    """Coefficients b0, b1, b2, a0, a1, a2 of the high shelf."""
    top = 10 ** (HEAD_DB / 20)
    k = math.tan(math.pi * HEAD_HZ / rate_hz)
    middle, whole = top**HEAD_BEND * k / HEAD_Q, 1 + k / HEAD_Q + k * k
    above = (top + middle + k * k, 2 * (k * k - top), top - middle + k * k)
    below = (whole, 2 * (k * k - 1), 1 - k / HEAD_Q + k * k)
    return tuple(value / whole for value in above + below)


def ear(rate_hz: int) -> tuple[float, ...]:
    """Coefficients b0, b1, b2, a0, a1, a2 of the high pass."""
    k = math.tan(math.pi * EAR_HZ / rate_hz)
    whole = 1 + k / EAR_Q + k * k
    return 1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / whole, (1 - k / EAR_Q + k * k) / whole


def weighted(waveform: Waveform) -> Iterator[NDArray[np.float64]]:
    """The sound (c, s) of one or two channels as the ear weighs it, in pieces, in order, together as long as it is."""
    graph, layout = Graph(), "mono" if waveform.channels == 1 else "stereo"
    source = graph.add_abuffer(
        sample_rate=waveform.rate_hz, format="fltp", layout=layout, time_base=Fraction(1, waveform.rate_hz)
    )
    sink = graph.add("abuffersink")
    nodes = [source, *(graph.add("biquad", _options(design(waveform.rate_hz))) for design in (head, ear)), sink]
    for one, following in pairwise(nodes):
        one.link_to(following)
    graph.configure()
    for start in range(0, waveform.count, CHUNK):
        piece: Samples = np.ascontiguousarray(waveform.samples[:, start : start + CHUNK])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = waveform.rate_hz, start
        source.push(frame)
        out = sink.pull()
        assert isinstance(out, av.AudioFrame)
        yield out.to_ndarray()


def _options(coefficients: tuple[float, ...]) -> str:
    names = ("b0", "b1", "b2", "a0", "a1", "a2")
    given = ":".join(f"{name}={value!r}" for name, value in zip(names, coefficients, strict=True))
    return f"{given}:precision=f64"
