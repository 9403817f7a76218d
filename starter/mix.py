"""Stems to a mix: level, place, tone, room, and a soft ceiling, each a little different in every song.

A model that only ever hears one mix learns that mix. So levels wander by a few decibels, instruments move across the
stage, rooms and tone change with the seed. The stems that are kept add up to the mix exactly (before rounding to 16
bits): the ceiling's gain at each sample is applied to every stem alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import pyloudnorm
from scipy import fft, signal

from melisma.score.genres import Style
from starter.arrange import PartPlan
from starter.sampler import RATE_HZ, Audio

LEVEL_DB = {
    "drums": -20.0, "percussion": -30.0, "bass": -21.0, "comp0": -25.0, "comp1": -27.5, "pad": -30.0, "lead": -22.5,
    "counter": -29.0, "voices": -30.0, "fx": -33.0, "vocals": -18.0, "harmony": -27.0,
}  # fmt: skip
"""Loudness of each role while it plays, dBFS RMS, before the seed moves it."""
_PAN = {"comp0": 0.45, "comp1": 0.6, "counter": 0.5, "percussion": 0.5, "pad": 0.1, "lead": 0.15, "harmony": 0.5}
"""How far a role may sit from the centre, 0–1."""
_SEND_DB = {"drums": -19.0, "bass": -40.0, "vocals": -17.0, "lead": -14.0, "pad": -14.0, "voices": -11.0, "fx": -14.0}


@dataclass(frozen=True)
class Room:
    """A reverberation: how long it rings, how bright it is, how late it starts."""

    decay_s: float
    damping_hz: float
    predelay_s: float


@dataclass(frozen=True)
class Seat:
    """How one part sits in the mix."""

    level_db: float
    pan: float
    tilt_db: float
    send_db: float


@dataclass(frozen=True)
class Desk:
    """All settings of one mix."""

    seats: tuple[Seat, ...]
    room: Room
    drive: float
    loudness_lufs: float
    tilt_db: float
    pump: float


def set_up(parts: Sequence[PartPlan], style: Style, seed: int, sung: bool = False) -> Desk:
    """Draw a mix for a song."""
    rng = Random(f"{seed}/mix")
    wet = {
        "ambient": 1.0,
        "orchestral": 0.8,
        "classical": 0.7,
        "ballad": 0.55,
        "trap": 0.3,
        "funk": 0.15,
        "punk": 0.15,
    }.get(style.name, 0.35)
    room = Room(
        decay_s=round(0.3 + 2.2 * wet * rng.uniform(0.5, 1.2), 3),
        damping_hz=round(rng.uniform(2500, 9000)),
        predelay_s=round(rng.uniform(0.0, 0.03), 4),
    )
    side = rng.choice((-1, 1))
    seats = []
    for k, part in enumerate(parts):
        side = -side
        seats.append(
            Seat(
                level_db=round(
                    LEVEL_DB.get(part.role, -27.0)
                    + max(-4.0, min(4.0, rng.gauss(0, 1.6)))
                    - (2.5 if sung and part.role != "vocals" else 0),
                    2,
                ),
                pan=round(side * rng.uniform(0.2, 1.0) * _PAN.get(part.role, 0.0), 3),
                tilt_db=round(rng.gauss(0, 1.2 if k else 0.8), 2),
                send_db=round(_SEND_DB.get(part.role, -18.0) + 6 * (wet - 0.35) + rng.gauss(0, 1.5), 2),
            )
        )
    return Desk(
        seats=tuple(seats),
        room=room,
        drive=round(style.drive * rng.uniform(0.5, 1.0), 3),
        loudness_lufs=round(rng.uniform(-16.5, -12.5) - (3 if style.name in ("ambient", "classical") else 0), 2),
        tilt_db=round(rng.gauss(0, 1.0), 2),
        pump=round(rng.uniform(0.3, 0.65), 3) if style.pump else 0.0,
    )


def mix_down(sounds: Sequence[Audio], parts: Sequence[PartPlan], desk: Desk, seed: int) -> tuple[Audio, list[Audio]]:
    """Mix (2, s) parts. Returns the mix and the stems as they sound in it; the stems add up to the mix."""
    samples = sounds[0].shape[1]
    ring = _impulse(desk.room, seed)
    size = fft.next_fast_len(samples + ring.shape[1], real=True)
    ring_spectrum = fft.rfft(ring, size, axis=1)
    kicks = [e.start_s for part in parts if part.role == "drums" for e in part.events if e.pitch == 36]
    duck = _ducking(kicks, desk.pump, samples) if desk.pump and kicks else None
    stems = []
    for sound, part, seat in zip(sounds, parts, desk.seats, strict=True):
        stem = _tilted(sound, seat.tilt_db + desk.tilt_db)
        stem *= np.float32(10 ** ((seat.level_db - _playing_db(stem)) / 20))
        stem = _placed(stem, seat.pan)
        if duck is not None and part.role not in ("drums", "percussion", "vocals", "fx"):
            stem *= duck
        stem += _wet(stem, ring_spectrum, size, seat.send_db)
        stems.append(stem)
    total: Audio = np.asarray(np.sum(stems, axis=0, dtype=np.float32))
    loudness = pyloudnorm.Meter(RATE_HZ).integrated_loudness(total.T) if samples > 0.5 * RATE_HZ else -20.0
    gain = np.float32(10 ** ((desk.loudness_lufs - loudness) / 20)) if np.isfinite(loudness) else np.float32(1)
    loud = total * gain
    ceiling = _ceiling(loud, desk.drive)
    shape = np.where(np.abs(loud) > 1e-6, ceiling / np.where(loud == 0, 1, loud), 1).astype(np.float32) * gain
    fade = np.ones(samples, np.float32)
    tail = min(samples, int(0.25 * RATE_HZ))
    fade[samples - tail :] = np.linspace(1, 0, tail, dtype=np.float32) ** 2
    shape *= fade
    stems = [stem * shape for stem in stems]
    return np.sum(stems, axis=0, dtype=np.float32), stems


def _playing_db(sound: Audio) -> float:
    """RMS in dBFS over the 50 ms frames that are not silent."""
    frame = RATE_HZ // 20
    usable = sound[:, : sound.shape[1] // frame * frame]
    if usable.size == 0:
        return -30.0
    power = np.mean(usable.reshape(2, -1, frame).astype(np.float64) ** 2, axis=(0, 2))
    loud = power[power > power.max() * 1e-3]
    return float(10 * np.log10(loud.mean() + 1e-12)) if power.max() > 1e-12 else -30.0


def _tilted(sound: Audio, tilt_db: float) -> Audio:
    """Tilt the spectrum around 1 kHz: positive is brighter."""
    high = 10 ** (tilt_db / 20)
    low_pass = signal.butter(1, 1000, fs=RATE_HZ, output="sos")
    low = signal.sosfilt(low_pass, sound, axis=1)
    return np.asarray(low / high**0.5 + (sound - low) * high**0.5, np.float32)


def _placed(sound: Audio, pan: float) -> Audio:
    """Move a stereo sound across the stage at constant power, −1 left … 1 right."""
    angle = (pan + 1) * np.pi / 4
    left, right = np.cos(angle) * 2**0.5, np.sin(angle) * 2**0.5
    return sound * np.array([[left], [right]], np.float32)


def _impulse(room: Room, seed: int) -> Audio:
    """A room's impulse response, (2, s): decaying noise that darkens as it dies, unit energy per channel."""
    rng = np.random.default_rng(seed % 2**32)
    n = int((room.decay_s + room.predelay_s) * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    noise = rng.standard_normal((2, n))
    dark = signal.sosfilt(signal.butter(1, room.damping_hz, fs=RATE_HZ, output="sos"), noise, axis=1)
    darker = signal.sosfilt(signal.butter(2, room.damping_hz / 3, fs=RATE_HZ, output="sos"), noise, axis=1)
    age = t / room.decay_s
    tail = (dark * (1 - age) + darker * age) * np.exp(-6.9 * age)
    tail = np.concatenate([np.zeros((2, int(room.predelay_s * RATE_HZ))), tail], axis=1)
    return np.asarray(tail / np.sqrt((tail**2).sum(axis=1, keepdims=True)), np.float32)


def _wet(stem: Audio, ring_spectrum: np.ndarray, size: int, send_db: float) -> Audio:
    """The room's answer to a stem."""
    mono = stem.mean(axis=0) * np.float32(10 ** (send_db / 20) * 2**0.5)
    spectrum = fft.rfft(mono, size)
    return np.asarray(fft.irfft(spectrum[None] * ring_spectrum, size, axis=1)[:, : stem.shape[1]], np.float32)


def _ducking(kicks_s: Sequence[float], depth: float, samples: int) -> Audio:
    """A gain that dips at every kick and recovers within a quarter of a second."""
    gain = np.ones(samples, np.float32)
    shape = 1 - depth * np.exp(-np.arange(int(0.3 * RATE_HZ)) / RATE_HZ / 0.09)
    for kick in kicks_s:
        start = int(kick * RATE_HZ)
        if start < samples:
            piece = gain[start : start + len(shape)]
            np.minimum(piece, shape[: len(piece)].astype(np.float32), out=piece)
    return gain


def _ceiling(sound: Audio, drive: float) -> Audio:
    """A soft limit just below full scale; drive pushes into it."""
    pushed = sound * np.float32(1 + drive)
    knee = np.float32(0.6)
    over = np.abs(pushed) - knee
    bent = np.sign(pushed) * (knee + (np.float32(0.97) - knee) * np.tanh(over / (np.float32(0.97) - knee)))
    return np.asarray(np.where(over > 0, bent, pushed), np.float32)
