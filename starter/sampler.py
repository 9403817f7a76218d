"""Parts to sound: FluidSynth in this process, or a plain synthesiser where it is not installed.

FluidSynth renders floats without an audio driver, its reverb and chorus off: the mix adds its own. Its voices remember
what they played before, enough to change the sound a little, so each part is played by a new synthesiser that borrows
the loaded soundfont. That makes the same part the same bits, whatever was rendered earlier.
"""

import ctypes
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from melisma.errors import BadRequest
from starter.arrange import CRASH, Event, PartPlan

RATE_HZ = 48_000
BLOCK = 64
_WARNING = 2
"""FluidSynth's level for warnings: a synthesiser without a soundfont, as one is for a moment, warns once per channel."""
RING_S = 2.0
"""Sound kept after the last note of a part, in seconds."""

SOUNDFONT_FOLDERS = (Path("/usr/share/sounds/sf3"), Path("/usr/share/sounds/sf2"))
SOUNDFONTS = {
    "musescore": ("MuseScore_General_Full.sf3", "MuseScore_General.sf3"),
    "fluid": ("FluidR3_GM.sf2",),
    "timgm": ("TimGM6mb.sf2",),
}
"""File names by short name. The first two are MIT and may teach released weights; timgm is GPL, for tests only."""

Audio = NDArray[np.float32]


class Sampler(Protocol):
    """Renders one part."""

    name: str

    def render(self, part: PartPlan, samples: int) -> Audio:
        """Sound of a part, (2, s) float32 at 48 kHz."""
        ...


def soundfont(name: str) -> Path | None:
    """Where a soundfont lies, None if it is not installed. MELISMA_SOUNDFONTS adds a folder to look in."""
    extra = os.environ.get("MELISMA_SOUNDFONTS")
    folders = ((Path(extra),) if extra else ()) + SOUNDFONT_FOLDERS
    return next((folder / file for folder in folders for file in SOUNDFONTS[name] if (folder / file).exists()), None)


def open_sampler(name: str) -> Sampler:
    """The sampler called "musescore", "fluid", "timgm" or "plain".

    Raises BadRequest naming the Debian packages if the soundfont or FluidSynth is missing.
    """
    if name == "plain":
        return PlainSampler()
    path = soundfont(name)
    if path is None:
        raise BadRequest(
            f"the soundfont {name!r} is not installed: apt-get install musescore-general-soundfont fluid-soundfont-gm, "
            "or use --soundfonts plain"
        )
    return FluidSampler(name, path)


class FluidSampler:
    """FluidSynth with one soundfont loaded; not for use from several threads."""

    def __init__(self, name: str, path: Path) -> None:
        try:
            import fluidsynth
        except ImportError as error:
            raise BadRequest(
                "FluidSynth is not installed: apt-get install libfluidsynth3 and pip install 'melisma[starter]', or use --soundfonts plain"
            ) from error
        self.name = name
        self._library: Any = _declared(fluidsynth._fl)
        settings = {"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.threadsafe-api": 0}
        self._owner: Any = fluidsynth.Synth(gain=0.5, samplerate=float(RATE_HZ), channels=16, **settings)
        self._library.fluid_set_log_function(_WARNING, None, None)
        number = self._owner.sfload(str(path))
        if number < 0:
            raise BadRequest(f"FluidSynth cannot load {path}: install the soundfont again")
        self._font = self._library.fluid_synth_get_sfont_by_id(self._owner.synth, number)
        self._library.fluid_synth_remove_sfont(self._owner.synth, self._font)

    def render(self, part: PartPlan, samples: int) -> Audio:
        """Sound of a part, (2, s) float32; notes start on the next 64-sample block (1.3 ms)."""
        library, channel, bank = self._library, 9 if part.drums else 0, 128 if part.drums else 0
        synth = library.new_fluid_synth(self._owner.settings)
        try:
            font = library.fluid_synth_add_sfont(synth, self._font)
            if library.fluid_synth_program_select(synth, channel, font, bank, part.program) != 0:
                library.fluid_synth_program_select(synth, channel, font, bank, 0)
            return self._play(synth, channel, part.events, samples)
        finally:
            library.fluid_synth_remove_sfont(synth, self._font)
            library.delete_fluid_synth(synth)

    def _play(self, synth: int, channel: int, events: list[Event], samples: int) -> Audio:
        library = self._library
        blocks = -(-samples // BLOCK)
        out = np.zeros((2, blocks * BLOCK), np.float32)
        at = 0

        def reach(block: int) -> None:
            nonlocal at
            if block > at:
                left, right = (out[c, at * BLOCK :].ctypes.data for c in (0, 1))
                library.fluid_synth_write_float(synth, (block - at) * BLOCK, left, 0, 1, right, 0, 1)
                at = block

        for block, kind, pitch, velocity in _timeline(events):
            if block >= blocks:
                break
            reach(block)
            if kind:
                library.fluid_synth_noteon(synth, channel, pitch, velocity)
            else:
                library.fluid_synth_noteoff(synth, channel, pitch)
        reach(min(blocks, at + int(RING_S * RATE_HZ) // BLOCK))
        return out[:, :samples]


def _declared(library: Any) -> Any:
    """FluidSynth's library with the types of the functions that are called here."""
    pointer, number = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in (
        ("fluid_set_log_function", pointer, [number, pointer, pointer]),
        ("new_fluid_synth", pointer, [pointer]),
        ("delete_fluid_synth", None, [pointer]),
        ("fluid_synth_get_sfont_by_id", pointer, [pointer, number]),
        ("fluid_synth_add_sfont", number, [pointer, pointer]),
        ("fluid_synth_remove_sfont", number, [pointer, pointer]),
        ("fluid_synth_program_select", number, [pointer, number, number, number, number]),
        ("fluid_synth_noteon", number, [pointer, number, number, number]),
        ("fluid_synth_noteoff", number, [pointer, number, number]),
        ("fluid_synth_write_float", number, [pointer, number, pointer, number, number, pointer, number, number]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _timeline(events: list[Event]) -> list[tuple[int, int, int, int]]:
    """(block, 0 off or 1 on, pitch, velocity), offs first within a block; a repeated pitch ends when it is struck again."""
    line: list[tuple[int, int, int, int]] = []
    ending: dict[int, int] = {}
    for event in sorted(events, key=lambda e: (e.start_s, e.pitch)):
        start = round(event.start_s * RATE_HZ / BLOCK)
        end = max(start + 2, round((event.start_s + event.length_s) * RATE_HZ / BLOCK))
        if event.pitch in ending and ending[event.pitch] > start:
            line.remove((ending[event.pitch], 0, event.pitch, 0))
            line.append((start, 0, event.pitch, 0))
        line += [(start, 1, event.pitch, event.velocity), (end, 0, event.pitch, 0)]
        ending[event.pitch] = end
    return sorted(line)


class PlainSampler:
    """Additive tones and noise bursts: rough, but needs nothing installed, so that tests and a bare machine can render."""

    name = "plain"

    def render(self, part: PartPlan, samples: int) -> Audio:
        """Sound of a part, (2, s) float32."""
        mono = np.zeros(samples, np.float32)
        tone = _drum if part.drums else _tone
        for event in part.events:
            start = round(event.start_s * RATE_HZ)
            if start < samples:
                sound = tone(event)[: samples - start]
                mono[start : start + len(sound)] += sound
        return np.stack([mono, mono])


def _tone(event: Event) -> Audio:
    length = event.length_s + 0.15
    t = np.arange(int(length * RATE_HZ)) / RATE_HZ
    hz = 440 * 2 ** ((event.pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 6) if hz * k < 20_000)
    envelope = np.minimum(1, t / 0.01) * np.exp(-t * 1.5) * np.clip((length - t) / 0.15, 0, 1)
    return (0.1 * event.velocity / 127 * wave * envelope).astype(np.float32)


def _drum(event: Event) -> Audio:
    decay_s = 0.8 if event.pitch == CRASH else 0.15 if event.pitch in (36, 38, 41, 45, 48) else 0.05
    t = np.arange(int(decay_s * 4 * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(event.pitch).standard_normal(len(t))
    body = np.sin(2 * np.pi * (60 * t + 3 * (1 - np.exp(-t * 30)))) if event.pitch == 36 else noise
    return (0.2 * event.velocity / 127 * body * np.exp(-t / decay_s)).astype(np.float32)
