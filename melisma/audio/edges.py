"""Where sounds begin, end and meet: fades, crossfades, patches."""

from collections.abc import Sequence

import numpy as np

from melisma.audio.waveform import Waveform
from melisma.errors import BadRequest


def fade(sound: Waveform, in_s: float = 0.0, out_s: float = 0.0) -> Waveform:
    """Straight fades at both ends; longer than the sound is cut to it."""
    count = sound.samples.shape[1]
    rise, fall = (min(count, round(seconds * sound.rate_hz)) for seconds in (in_s, out_s))
    if not rise and not fall:
        return sound
    gain = np.ones(count, np.float32)
    gain[:rise] *= np.linspace(0, 1, rise, endpoint=False, dtype=np.float32)
    gain[count - fall :] *= np.linspace(0, 1, fall, endpoint=False, dtype=np.float32)[::-1]
    return Waveform(sound.samples * gain, sound.rate_hz)


def crossfade(first: Waveform, second: Waveform, overlap_s: float) -> Waveform:
    """The second after the first, overlapping by `overlap_s` with equal power, as unrelated sounds need."""
    if first.rate_hz != second.rate_hz or first.channels != second.channels:
        raise BadRequest(
            f"cannot join {first.channels} channels at {first.rate_hz} Hz with {second.channels} at {second.rate_hz} Hz: "
            "bring both to one rate and channel count first"
        )
    overlap = min(round(overlap_s * first.rate_hz), first.samples.shape[1], second.samples.shape[1])
    angle = (np.arange(overlap, dtype=np.float32) + 0.5) / max(overlap, 1) * np.float32(np.pi / 2)
    head, tail = first.samples[:, : first.samples.shape[1] - overlap], second.samples[:, overlap:]
    meeting = first.samples[:, first.samples.shape[1] - overlap :] * np.cos(angle) + second.samples[
        :, :overlap
    ] * np.sin(angle)
    return Waveform(np.concatenate([head, meeting, tail], axis=1, dtype=np.float32), first.rate_hz)


def splice(original: Waveform, new: Waveform, start_s: float, end_s: float, crossfade_s: float) -> Waveform:
    """`new` between start_s and end_s, the original's own samples elsewhere.

    Straight ramps of `crossfade_s` lie outside the span, where both carry the same music. As long as `new`; where the
    original is shorter, `new` stays.
    """
    count, rate = new.samples.shape[1], new.rate_hz
    known = min(count, original.samples.shape[1])
    start, end = (min(max(int(seconds * rate), 0), count) for seconds in (start_s, end_s))
    ramp = int(crossfade_s * rate)
    weight = np.zeros(count, np.float32)
    weight[start:end] = 1.0
    before, after = min(ramp, start), min(ramp, count - end)
    weight[start - before : start] = np.linspace(0, 1, before + 2, dtype=np.float32)[1:-1]
    weight[end : end + after] = np.linspace(1, 0, after + 2, dtype=np.float32)[1:-1]
    mixed = new.samples.copy()
    old = original.samples[:, :known]
    w = weight[:known]
    blended = np.where(w == 1, mixed[:, :known], w * mixed[:, :known] + (1 - w) * old)
    mixed[:, :known] = np.where(w == 0, old, blended)
    return Waveform(mixed, rate)


def patch(original: Waveform, new: Waveform, spans_s: Sequence[tuple[float, float]], crossfade_s: float) -> Waveform:
    """`new` inside every span, the original elsewhere."""
    patched = original
    for start_s, end_s in spans_s:
        patched = splice(patched, new, start_s, end_s, crossfade_s)
    return patched
