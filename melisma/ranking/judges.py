"""Judges that listen to the sound, without any download. Each gives a verdict in words.

Gates say whether a take is sound at all: finite, not silent, not clipped, centred, as long as promised, not cut off,
sung if and only if it should be. Measures say how near it is to what was planned: tempo, key, repetition between distant
parts, loudness. None of them knows beauty.

A package adds its own judge under the entry point group `melisma.judges`: a function of waveform, request and blueprint
that returns a `Verdict`. The entry point's name is the judge's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

import numpy as np

from melisma.audio import Waveform, loudness
from melisma.errors import MelismaError
from melisma.ranking import measures
from melisma.ranking.measures import Sound
from melisma.song import Blueprint, SongRequest

GROUP = "melisma.judges"
SILENCE_DBFS = -60.0
MOST_CLIPPED = 1e-3
MOST_DC = 0.01
LENGTH_S = 0.5
ENDING_S, ENDING_DB = 0.1, -15.0
LEAST_SUNG, MOST_SUNG = 0.002, 0.5
GOOD_LUFS = -14.0


@dataclass(frozen=True)
class Verdict:
    """What a judge found. value: the figure behind it, if there is one; passed: nothing speaks against the take;
    merit: 0–1 where the judge has a taste, None where it only lets pass."""

    value: float | str | None
    passed: bool
    reason: str
    merit: float | None = None


Judge = Callable[[Waveform, SongRequest, Blueprint], Verdict]


def listen(waveform: Waveform, request: SongRequest, blueprint: Blueprint) -> dict[str, Verdict]:
    """Every judge's verdict on one take: gates, measures, then plug-ins, by name."""
    verdicts = {name: gate(waveform, request, blueprint) for name, gate in GATES.items()}
    sound = Sound.of(waveform)
    verdicts["voice"] = sung(sound, blueprint)
    verdicts |= {name: measure(sound, waveform, blueprint) for name, measure in MEASURES.items()}
    return verdicts | {name: judge(waveform, request, blueprint) for name, judge in plugged_in().items()}


def plugged_in() -> dict[str, Judge]:
    """Judges of other packages. A name that is taken is refused."""
    found: dict[str, Judge] = {}
    for point in entry_points(group=GROUP):
        if point.name in {*GATES, *MEASURES, "voice", *found}:
            raise MelismaError(
                f"two judges are called {point.name!r}: rename the one in {point.value}, or remove its package"
            )
        found[point.name] = point.load()
    return found


# --- Gates ----------------------------------------------------------------------------------------------------------


def finite(waveform: Waveform, request: SongRequest, blueprint: Blueprint) -> Verdict:
    """Every sample is a number."""
    bad = int((~np.isfinite(waveform.samples)).sum())
    return Verdict(float(bad), bad == 0, f"{bad} samples are not finite" if bad else "all samples are finite")


def audible(waveform: Waveform, request: SongRequest, blueprint: Blueprint) -> Verdict:
    """There is sound."""
    level = _dbfs(_clean(waveform))
    heard = level > SILENCE_DBFS
    return Verdict(level, heard, f"level {level:.1f} dBFS" if heard else f"silent: {level:.1f} dBFS")


def unclipped(waveform: Waveform, request: SongRequest, blueprint: Blueprint) -> Verdict:
    """No flat tops: three samples or more in a row that sit at the peak."""
    samples = _clean(waveform)
    top = np.abs(samples) >= max(0.999 * np.abs(samples).max(initial=0.0), 0.5)
    flat = top[:, 2:] & top[:, 1:-1] & top[:, :-2] if samples.shape[1] > 2 else top
    share = float(flat.mean()) if flat.size else 0.0
    passed = share <= MOST_CLIPPED
    return Verdict(share, passed, "not clipped" if passed else f"clipped: {share:.2%} of the samples are flat tops")


def centred(waveform: Waveform, request: SongRequest, blueprint: Blueprint) -> Verdict:
    """No direct current."""
    samples = _clean(waveform)
    offset = float(np.abs(samples.mean(axis=1)).max(initial=0.0)) if samples.size else 0.0
    passed = offset <= MOST_DC
    return Verdict(offset, passed, "centred" if passed else f"off centre by {offset:.3f} of full scale")


def lasting(waveform: Waveform, request: SongRequest, blueprint: Blueprint) -> Verdict:
    """As long as planned, give or take half a second."""
    passed = abs(waveform.duration_s - blueprint.duration_s) <= LENGTH_S
    reason = f"{waveform.duration_s:.1f} s" + ("" if passed else f" instead of {blueprint.duration_s:.1f} s")
    return Verdict(waveform.duration_s, passed, reason)


def ended(waveform: Waveform, request: SongRequest, blueprint: Blueprint) -> Verdict:
    """The end is quieter than the song: it fades or rings out, and is not cut off."""
    samples = _clean(waveform)
    last = Waveform(samples[:, -max(1, round(ENDING_S * waveform.rate_hz)) :], waveform.rate_hz)
    below = _dbfs(last.samples) - _dbfs(samples)
    passed = below <= ENDING_DB or _dbfs(samples) <= SILENCE_DBFS
    return Verdict(
        below, passed, f"ends {-below:.0f} dB below the song" if passed else "cut off: it is loud to the last moment"
    )


GATES: Mapping[str, Judge] = {
    "finite": finite,
    "silent": audible,
    "clipped": unclipped,
    "dc": centred,
    "length": lasting,
    "ending": ended,
}


def sung(sound: Sound, blueprint: Blueprint) -> Verdict:
    """Somebody sings if there are words, and nobody does if there are none. Doubts count for the take."""
    share = measures.voice(sound)
    if blueprint.instrumental:
        passed = share <= MOST_SUNG
        return Verdict(
            share, passed, "no voice" if passed else f"something sings {share:.0%} of the time, nobody should"
        )
    passed = share >= LEAST_SUNG
    return Verdict(
        share, passed, f"something sings {share:.0%} of the time" if passed else "nobody sings, though there are words"
    )


# --- Measures -------------------------------------------------------------------------------------------------------


def tempo(sound: Sound, waveform: Waveform, blueprint: Blueprint) -> Verdict:
    """The tempo is the planned one, half or double of it."""
    heard = measures.tempo(sound)
    if heard is None:
        return Verdict(None, True, "no steady tempo", 0.0 if blueprint.bpm else None)
    if blueprint.bpm is None:
        return Verdict(heard.bpm, True, f"{heard.bpm:.0f} bpm; none was planned")
    passed = heard.agrees(blueprint.bpm, blueprint.meter)
    reason = f"{heard.bpm:.0f} bpm, {blueprint.bpm} planned"
    return Verdict(heard.bpm, passed, reason, float(passed))


def key(sound: Sound, waveform: Waveform, blueprint: Blueprint) -> Verdict:
    """The key is the planned one, or a near relation of it."""
    heard = measures.key(sound)
    if heard is None:
        return Verdict(None, True, "no key to hear", 0.0 if blueprint.key else None)
    if blueprint.key is None:
        return Verdict(heard.name, True, f"{heard.name}; none was planned")
    merit = measures.kinship(blueprint.key, heard.name)
    return Verdict(heard.name, merit > 0, f"{heard.name}, {blueprint.key} planned", merit)


def repetition(sound: Sound, waveform: Waveform, blueprint: Blueprint) -> Verdict:
    """The song returns to something: a hook, a chorus."""
    share = measures.repetition(sound)
    if share is None:
        return Verdict(None, True, "too short to return to anything")
    return Verdict(share, True, f"distant parts are {share:.0%} alike", share)


def level(sound: Sound, waveform: Waveform, blueprint: Blueprint) -> Verdict:
    """As loud as songs usually are."""
    lufs = loudness(Waveform(_clean(waveform), waveform.rate_hz))
    if lufs is None:
        return Verdict(None, True, "too short or quiet to measure", 0.0)
    return Verdict(lufs, True, f"{lufs:.1f} LUFS", float(np.clip(1 - abs(lufs - GOOD_LUFS) / 20, 0, 1)))


MEASURES: Mapping[str, Callable[[Sound, Waveform, Blueprint], Verdict]] = {
    "tempo": tempo,
    "key": key,
    "repetition": repetition,
    "loudness": level,
}


def _clean(waveform: Waveform) -> np.ndarray:
    """Samples (c, s) with silence where they are not finite."""
    samples: np.ndarray = np.nan_to_num(waveform.samples, nan=0, posinf=0, neginf=0)
    return samples


def _dbfs(samples: np.ndarray) -> float:
    """Root mean square in dB below full scale; -200 for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    return 10 * float(np.log10(max(power, 1e-20)))
