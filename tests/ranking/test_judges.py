"""Judges: synthetic sound with known tempo, key, form and faults."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from melisma.audio import Waveform
from melisma.errors import MelismaError
from melisma.ranking import judges, measures
from melisma.ranking.judges import Verdict, listen
from melisma.ranking.measures import Sound
from melisma.ranking.order import order
from melisma.song import Blueprint, SongRequest

RATE = 22_050
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


def wave(samples: np.ndarray, rate: int = RATE) -> Waveform:
    return Waveform(np.stack([samples, samples]).astype(np.float32), rate)


def blueprint(duration_s: float, **fields) -> Blueprint:
    return Blueprint(**{"caption": "x", "lyrics": "[Instrumental]", "duration_s": duration_s, **fields})


def time(duration_s: float) -> np.ndarray:
    return np.arange(int(duration_s * RATE)) / RATE


def beats(bpm: float, duration_s: float) -> np.ndarray:
    """A kick on every beat and a tick between."""
    t = time(duration_s)
    since = t % (60 / bpm)
    between = (t + 30 / bpm) % (60 / bpm)
    noise = np.random.default_rng(0).standard_normal(len(t))
    return 0.6 * np.sin(2 * np.pi * 60 * since) * np.exp(-since * 20) + 0.1 * noise * np.exp(-between * 60)


def chords(tonic: int, mode: str, duration_s: float) -> np.ndarray:
    """Triads I–IV–V–I with three partials each, a second per chord."""
    t = time(duration_s)
    scale = SCALES[mode]
    out = np.zeros(len(t))
    for start, degree in enumerate([0, 3, 4, 0] * (int(duration_s) // 4 + 1)):
        here = (t >= start) & (t < start + 1)
        for step in (0, 2, 4):
            octave, place = divmod(degree + step, 7)
            hz = 261.63 * 2 ** ((tonic + scale[place] + 12 * octave) / 12)
            for partial in (1, 2, 3):
                out[here] += 0.05 / partial * np.sin(2 * np.pi * hz * partial * t[here])
    return out


def singer(duration_s: float, vibrato_cents: float) -> np.ndarray:
    """A rich tone that changes pitch every half second, with or without a singer's vibrato."""
    t = time(duration_s)
    notes = np.array([220, 247, 262, 294, 330])[(t * 2).astype(int) % 5]
    hz = notes * 2 ** (vibrato_cents * np.sin(2 * np.pi * 5.5 * t) / 1200)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    return sum(0.2 / k * np.sin(k * phase) for k in range(1, 9)) + 0.001 * np.random.default_rng(0).standard_normal(
        len(t)
    )


@pytest.mark.parametrize("bpm", [62, 90, 121, 144, 174])
def test_tempo(bpm: int) -> None:
    heard = measures.tempo(Sound.of(wave(beats(bpm, 12))))
    assert heard is not None
    assert heard.agrees(bpm)
    assert not heard.agrees(bpm * 1.25)
    assert heard.clarity > 0.3


def test_threes_may_be_heard_as_dotted_pulses() -> None:
    assert measures.Tempo(110.75, 1.0).agrees(166, meter=3)
    assert not measures.Tempo(110.75, 1.0).agrees(166, meter=4)


def test_no_tempo_without_onsets() -> None:
    assert measures.tempo(Sound.of(wave(0.1 * np.sin(2 * np.pi * 220 * time(8))))) is None
    assert measures.tempo(Sound.of(wave(beats(120, 2)))) is None


@pytest.mark.parametrize(("tonic", "mode"), [(0, "major"), (3, "major"), (6, "minor"), (9, "minor"), (11, "major")])
def test_key(tonic: int, mode: str) -> None:
    heard = measures.key(Sound.of(wave(chords(tonic, mode, 8))))
    assert heard is not None
    assert heard.name == f"{measures.NOTES[tonic]} {mode}"


def test_kinship() -> None:
    related = {
        "C major": 1,
        "G major": 0.5,
        "F major": 0.5,
        "A minor": 0.3,
        "C minor": 0.2,
        "F# major": 0,
        "E minor": 0,
    }
    assert {name: measures.kinship("C major", name) for name in related} == related
    assert measures.kinship("A minor", "C major") == 0.3
    assert measures.kinship("C# minor", "Db minor") == 1


def test_repetition() -> None:
    rng = np.random.default_rng(1)

    def phrase() -> np.ndarray:
        notes = rng.integers(0, 24, 16)
        return np.concatenate([0.2 * np.sin(2 * np.pi * 220 * 2 ** (note / 12) * time(0.5)) for note in notes])

    a, others = phrase(), [phrase() for _ in range(4)]
    again = measures.repetition(Sound.of(wave(np.concatenate([a, others[0], a, others[1], a]))))
    never = measures.repetition(Sound.of(wave(np.concatenate([*others, phrase()]))))
    assert again is not None
    assert never is not None
    assert again > never + 0.15
    assert measures.repetition(Sound.of(wave(a))) is None


def test_voice() -> None:
    wavering = measures.voice(Sound.of(wave(singer(6, 40))))
    steady = measures.voice(Sound.of(wave(singer(6, 0))))
    assert wavering > 0.3
    assert steady < 0.02


def test_a_sound_take_passes() -> None:
    fade = np.clip((8 - time(8)) / 2, 0, 1) ** 2
    sound = wave(fade * (beats(120, 8) + chords(0, "major", 8)) * 0.5)
    verdicts = listen(sound, SongRequest(), blueprint(8, bpm=120, key="C major"))
    assert {name for name, verdict in verdicts.items() if not verdict.passed} == set()
    assert verdicts["tempo"].merit == 1
    assert verdicts["key"].merit == 1
    assert all(verdict.reason for verdict in verdicts.values())


def broken(fault: str) -> tuple[Waveform, Blueprint]:
    t = time(4)
    tone = 0.3 * np.sin(2 * np.pi * 220 * t) * np.clip((4 - t) / 2, 0, 1) ** 2
    match fault:
        case "finite":
            tone[100] = np.nan
        case "silent":
            tone *= 1e-6
        case "clipped":
            tone = np.clip(tone * 20, -1, 1) * np.clip((4 - t) * 5, 0, 1)
        case "dc":
            tone += 0.05 * np.clip((4 - t) / 2, 0, 1)
        case "length":
            return wave(tone), blueprint(9)
        case "ending":
            tone = 0.3 * np.sin(2 * np.pi * 220 * t)
        case "voice":
            return wave(tone), blueprint(4, lyrics="la la")
    return wave(tone), blueprint(4)


@pytest.mark.parametrize("fault", ["finite", "silent", "clipped", "dc", "length", "ending", "voice"])
def test_each_gate_finds_its_fault_and_no_other(fault: str) -> None:
    sound, planned = broken(fault)
    verdicts = listen(sound, SongRequest(), planned)
    assert [name for name, verdict in verdicts.items() if not verdict.passed] == [fault]
    assert all(np.isfinite(verdict.value) for verdict in verdicts.values() if isinstance(verdict.value, float))


def test_instrumental_with_a_singer_is_told() -> None:
    t = time(6)
    sung = np.sin(2 * np.pi * np.cumsum(220 * 2 ** (40 * np.sin(2 * np.pi * 5.5 * t) / 1200)) / RATE)
    verdict = listen(wave(0.3 * sung), SongRequest(), blueprint(6))["voice"]
    assert not verdict.passed
    assert "nobody should" in verdict.reason


def test_nothing_at_all_is_judged_too() -> None:
    verdicts = listen(wave(np.zeros(0)), SongRequest(), blueprint(4))
    assert not verdicts["silent"].passed
    assert not verdicts["length"].passed


def test_order_puts_gates_before_merit() -> None:
    def take(passed: bool, tempo: float) -> dict[str, Verdict]:
        return {"clipped": Verdict(0.0, passed, "heard"), "tempo": Verdict(120.0, tempo > 0.5, "120 bpm", tempo)}

    standings = order([take(False, 1.0), take(True, 0.0), take(True, 1.0), take(True, 1.0)])
    assert [one.index for one in standings] == [2, 3, 1, 0]
    assert standings[-1].failed == ("clipped",)
    assert "clipped: heard" in standings[-1].reasons
    assert "tempo: 120 bpm" in standings[0].reasons
    # words weigh more than tempo
    dropped, sung = take(True, 1.0), take(True, 0.0)
    dropped["words"], sung["words"] = Verdict(0.0, True, "lost", 0.0), Verdict(1.0, True, "sung", 1.0)
    assert [one.index for one in order([dropped, sung])] == [1, 0]
    assert "words: sung" in order([sung])[0].reasons


def test_other_packages_bring_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("taste", "math:hypot", judges.GROUP)
    monkeypatch.setattr(judges, "entry_points", lambda group: [point])
    assert set(judges.plugged_in()) == {"taste"}
    monkeypatch.setattr(judges, "entry_points", lambda group: [EntryPoint("tempo", "math:hypot", group)])
    with pytest.raises(MelismaError, match="two judges are called 'tempo'"):
        judges.plugged_in()
