"""What instruments sound like in plain tones: levels of harmonics, measured.

`timbres.npy` holds 32 harmonics of every General MIDI program at four pitches and five moments of a note, measured on
MuseScore_General (MIT) by `python -m starter.measure_timbres`. That is enough to tell a flute from a clarinet, and
little enough to play at a hundred times real time. What is played softer, by whom and in which room is left to the
generator.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from melisma.score.genres import PROGRAM_NAMES

TABLE = Path(__file__).with_name("timbres.npy")
REGISTERS = (45, 57, 69, 81)
"""MIDI pitches at which programs are measured."""
MOMENTS_S = (0.03, 0.1, 0.25, 0.6, 1.2)
"""Moments of a note at which programs are measured, from its start."""
HARMONICS = 32
DB_PER_STEP = 0.3
"""The table holds bytes: 255 is the loudest harmonic of a program at a pitch, each step less is 0.3 dB less, 0 nothing."""

_FAMILIES = (
    (7, "piano"), (15, "mallets"), (23, "organ"), (28, "guitar"), (30, "distortion"), (31, "guitar"), (39, "piano"),
    (44, "strings"), (46, "plucked"), (51, "strings"), (55, "choir"), (63, "brass"), (71, "reed"), (79, "pipe"),
    (87, "lead"), (103, "pad"), (108, "plucked"), (109, "reed"), (127, "strings"),
)  # fmt: skip
"""Last General MIDI program of each family, 0-based."""
FAMILY_NAMES = tuple(sorted({name for _, name in _FAMILIES}))
_PROGRAMS = {name: program for program, name in PROGRAM_NAMES.items()}


@dataclass(frozen=True)
class Timbre:
    """Levels of the harmonics of a tone at moments of its life; between moments they change evenly."""

    moments: tuple[tuple[float, ...], ...]
    moments_s: tuple[float, ...] = (0.008,)
    """From the start of the tone; it swells from nothing to the first, and after the last it goes on as before it."""

    @property
    def levels(self) -> tuple[float, ...]:
        """Loudness of the tone at each moment."""
        return tuple(float(np.sqrt(np.sum(np.square(partials)))) for partials in self.moments)

    @property
    def fall_rate(self) -> float:
        """How fast the tone dies away after its last moment, in nepers per second; 0 if it lasts."""
        if not self.dies_away:  # what lasts may still tremble
            return 0.0
        before, last = (max(level, 1e-6) for level in self.levels[-2:])
        return max(0.0, float(np.log(before / last)) / (self.moments_s[-1] - self.moments_s[-2]))

    @property
    def dies_away(self) -> bool:
        """Whether a tone has fallen to less than a third by its last moment: it is struck or plucked."""
        return 3 * self.levels[-1] < max(self.levels)


ORGAN = Timbre(((1.0, 0.7, 0.5, 0.6, 0.0, 0.35, 0.0, 0.4),))
"""Stands for an instrument that is not known."""
BASS = Timbre(((1.0, 0.6, 0.3, 0.15, 0.08),))


def family(instrument: str) -> str:
    """The family of an instrument in words, one of FAMILY_NAMES; an organ stands for what is not known."""
    program = _PROGRAMS.get(instrument.lower())
    return "organ" if program is None else next(name for last, name in _FAMILIES if program <= last)


def timbre_of(instrument: str | None, pitch: int) -> Timbre:
    """What an instrument in words sounds like near a MIDI pitch; an organ stands for none, and for what is not known."""
    program = _PROGRAMS.get(instrument.lower()) if instrument else None
    if program is None:
        return ORGAN
    return _measured(program, min(range(len(REGISTERS)), key=lambda i: abs(REGISTERS[i] - pitch)))


@cache
def _table() -> NDArray[np.uint8]:
    """(128, 4, 5, 32) steps by program, register, moment and harmonic."""
    table: NDArray[np.uint8] = np.load(TABLE, allow_pickle=False)
    return table


@cache
def _measured(program: int, register: int) -> Timbre:
    steps = _table()[program, register].astype(np.float64)
    levels = np.where(steps > 0, 10 ** ((steps - 255) * DB_PER_STEP / 20), 0.0)
    return Timbre(tuple(tuple(map(float, moment)) for moment in levels), MOMENTS_S)
