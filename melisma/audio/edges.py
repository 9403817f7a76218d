"""Where sounds begin, end and meet: fades, crossfades, splices.

Straight ramps join two versions of the same music, as in a repaint: their sum stays level where both agree. Equal
power joins unrelated music. Outside a splice and its ramps the original's own samples are returned, bit for bit.
"""

from collections.abc import Sequence

import numpy as np

from melisma.audio.waveform import Samples, Waveform
from melisma.errors import BadRequest


def fade(waveform: Waveform, in_s: float = 0.0, out_s: float = 0.0) -> Waveform:
    """Straight fades at both ends; a fade longer than the sound takes all of it."""
    rise, fall = (min(waveform.count, round(seconds * waveform.rate_hz)) for seconds in (in_s, out_s))
    if not rise and not fall:
        return waveform
    samples = waveform.samples.copy()
    samples[:, :rise] *= np.linspace(0, 1, rise, endpoint=False, dtype=np.float32)
    samples[:, waveform.count - fall :] *= np.linspace(0, 1, fall, endpoint=False, dtype=np.float32)[::-1]
    return Waveform(samples, waveform.rate_hz)


def crossfade(first: Waveform, second: Waveform, overlap_s: float, *, equal_power: bool = True) -> Waveform:
    """The second after the first, overlapping by `overlap_s` (at most the shorter one's length).

    Equal power keeps the level of unrelated sounds; `equal_power=False` keeps that of two versions of the same music.
    """
    refuse_unlike(first, second)
    overlap = min(round(overlap_s * first.rate_hz), first.count, second.count)
    rising = ramp(overlap)
    coming, going = (
        (np.sin(rising * np.float32(np.pi / 2)), np.cos(rising * np.float32(np.pi / 2)))
        if equal_power
        else (rising, 1 - rising)
    )
    meeting = first.samples[:, first.count - overlap :] * going + second.samples[:, :overlap] * coming
    parts = [first.samples[:, : first.count - overlap], meeting, second.samples[:, overlap:]]
    return Waveform(np.concatenate(parts, axis=1), first.rate_hz)


def splice(original: Waveform, new: Waveform, start_s: float, end_s: float, crossfade_s: float) -> Waveform:
    """`new` from start_s to end_s, the original's own samples elsewhere.

    Straight ramps of `crossfade_s` lie outside the span, cut where the song begins or ends. The result is as long as
    the longer of the two; where only one of them has samples, those stand.
    """
    refuse_unlike(original, new)
    rate = new.rate_hz
    shared = min(original.count, new.count)
    start, end = (min(max(round(seconds * rate), 0), shared) for seconds in (start_s, end_s))
    before, after = (min(round(crossfade_s * rate), room) for room in (start, shared - end))
    mixed = (original if original.count > shared else new).samples.copy()
    mixed[:, :shared] = original.samples[:, :shared]
    mixed[:, start:end] = new.samples[:, start:end]
    for span, weight in ((slice(start - before, start), ramp(before)), (slice(end, end + after), ramp(after)[::-1])):
        mixed[:, span] = weight * new.samples[:, span] + (1 - weight) * original.samples[:, span]
    return Waveform(mixed, rate)


def patch(original: Waveform, new: Waveform, spans_s: Sequence[tuple[float, float]], crossfade_s: float) -> Waveform:
    """`new` inside every span (start_s, end_s), the original elsewhere."""
    for start_s, end_s in spans_s:
        original = splice(original, new, start_s, end_s, crossfade_s)
    return original


def ramp(count: int) -> Samples:
    """`count` weights rising in equal steps between, and without, 0 and 1."""
    return np.linspace(0, 1, count + 2, dtype=np.float32)[1:-1]


def refuse_unlike(first: Waveform, second: Waveform) -> None:
    """Two sounds can only meet at one rate and channel count."""
    if first.rate_hz != second.rate_hz or first.channels != second.channels:
        raise BadRequest(
            f"cannot join {first.channels} channels at {first.rate_hz} Hz with {second.channels} at {second.rate_hz} Hz: "
            "bring both to one rate (resampled) and channel count (stereo) first"
        )
