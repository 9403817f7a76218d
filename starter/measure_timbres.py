"""Measure what General MIDI's instruments sound like, for the guide track: `python -m starter.measure_timbres`.

Each program plays one note at each of four pitches; the levels of its harmonics at five moments are written to the
package as `melisma/score/timbres.npy`. The same soundfont gives the same bytes.
"""

import io
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from melisma.score.timbres import DB_PER_STEP, HARMONICS, MOMENTS_S, REGISTERS, TABLE
from starter.arrange import Event, PartPlan
from starter.sampler import RATE_HZ, Sampler, open_sampler

PROGRAMS = 128
NOTE_S = 2.0
VELOCITY = 96
WINDOW_S = 0.06
"""Long enough to tell the harmonics of the lowest pitch apart, short enough to see an attack."""
PADDED = 16_384


def harmonics(sound: NDArray[np.float32], pitch: int) -> NDArray[np.float64]:
    """(moments, harmonics) levels of a note (s) in dB; −200 where there is no such frequency."""
    hz = 440 * 2 ** ((pitch - 69) / 12)
    half = round(WINDOW_S * RATE_HZ / 2)
    window, found = np.hanning(2 * half), []
    for moment_s in MOMENTS_S:
        centre = max(half, round(moment_s * RATE_HZ))
        spectrum = np.abs(np.fft.rfft(sound[centre - half : centre + half] * window, PADDED)) / window.sum()
        places = np.arange(1, HARMONICS + 1) * hz * PADDED / RATE_HZ
        reach = 0.2 * hz * PADDED / RATE_HZ
        levels = [
            spectrum[int(place - reach) : int(place + reach) + 1].max() if place + reach < len(spectrum) else 0.0
            for place in places
        ]
        found.append(20 * np.log10(np.maximum(levels, 1e-10)))
    return np.array(found)


def measured(sampler: Sampler, program: int) -> NDArray[np.uint8]:
    """(registers, moments, harmonics) of a program, in steps below its loudest harmonic at each pitch."""
    rows = []
    for pitch in REGISTERS:
        part = PartPlan("measured", program, "measured", events=[Event(0.0, NOTE_S, pitch, VELOCITY)])
        levels = harmonics(sampler.render(part, round(NOTE_S * RATE_HZ)).mean(axis=0), pitch)
        steps = 255 + np.round((levels - levels.max()) / DB_PER_STEP)
        rows.append(np.clip(steps, 0, 255).astype(np.uint8))
    return np.array(rows)


@click.command()
@click.option("--soundfont", default="musescore", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=TABLE, show_default=True)
def main(soundfont: str, out: Path) -> None:
    """Write the table of timbres that the guide track plays with."""
    sampler = open_sampler(soundfont)
    content = io.BytesIO()
    np.save(content, np.array([measured(sampler, program) for program in range(PROGRAMS)]))
    fresh = out.with_name(f"{out.name}.part")
    fresh.write_bytes(content.getvalue())
    fresh.replace(out)
    click.echo(f"{out}: {PROGRAMS} programs of {soundfont}")


if __name__ == "__main__":
    main()
