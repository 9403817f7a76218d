"""The guide voice: a small English speech network made to sing a score.

hibari-tts (Apache-2.0, 7.9 MB) turns phonemes into a spectrum and a pitch curve, and a pulse train at that pitch is
filtered by the spectrum. Its graph computes the length of every phoneme in one node and the pitch in another. Cut
there, both become inputs: the score's notes say how long each vowel lasts and how high it is, the network says how it
sounds. Consonants keep about their spoken length, taken from the end of the vowel before.

Needs the extra `voice`; nothing is imported before a `Singer` is made. One voice, English only; words of other
languages are read as if they were English, and a word it cannot pronounce is sung on "la". The network itself is
distilled from Kokoro-82M, Apache-2.0; its NOTICE is inside the package.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from melisma.audio import Waveform
from melisma.errors import BadCheckpoint, MissingModel
from melisma.notation import Note, Score, SungSyllable
from melisma.score.telling import voice_in

RATE_HZ = 24_000
UNIT_HZ = 40.0
"""Phoneme lengths are counted in units of 25 ms."""
FRAME_HZ = 80.0
"""Pitch and spectrum are given every 12.5 ms."""
LENGTH_CUT, PITCH_CUT = "/Clip_output_0", "f0"
"""Names in the graph of hibari-tts 0.2.1 where phoneme lengths and pitch leave the node that computes them."""
SOUND = ("lh", "theta", "ln", "lr", "phi")
"""Its outputs that are the sound: level and phase of harmonics, noise, and a part with a phase of its own."""

VOWELS = frozenset("AIOQWYæɑɒɔəɛɜɪiuʊʌᵊᵻɐaeo")
REDUCED = frozenset("ᵊəᵻɐɪ")
"""Vowels that may pass as part of another when a word has more of them than notes: the second one of "fire"."""
SILENT = frozenset(' ,.;:!?—…"()“”ˈˌː')
_WORD_MARKS = " ,;:!?—….'\""
_SUBSTITUTE = "lɑ"

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """How the guide voice sings."""

    transpose: int = 0
    """Semitones above the written melody; -12 is an octave below."""
    formant: float = 1.0
    """Stretch of the vocal tract's resonances: below 1 is a larger, darker voice, above 1 a smaller, brighter one."""
    vibrato_cents: float = 25.0
    vibrato_hz: float = 5.4
    vibrato_after_s: float = 0.22
    breath_db: float = 0.0
    """Level of the breathy part."""


VOICES = {
    "female vocals": Voice(),
    "bright female vocals": Voice(formant=1.06, vibrato_cents=18.0),
    "warm female vocals": Voice(formant=0.95, breath_db=2.0, vibrato_cents=30.0),
    "male vocals": Voice(formant=0.86, vibrato_cents=20.0),
}
"""The guide voice in four guises. The last one is meant for melodies in `grammar.LOW_VOICE_RANGE`."""


def voice_for(caption: str) -> Voice:
    """The guise that a caption asks for; the plain one where it says nothing."""
    return VOICES[voice_in(caption)]


@dataclass(frozen=True)
class Phoneme:
    """One sound of the song with its times."""

    symbol: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Vocal:
    """A sung score."""

    sound: Waveform
    """Stereo, both channels alike, as long as the score."""
    phonemes: tuple[Phoneme, ...]


@dataclass(frozen=True)
class _Nucleus:
    """A vowel and the notes it is sung on: (start_s, end_s, MIDI pitch)."""

    token: int
    notes: tuple[tuple[float, float, float], ...]


class Singer:
    """The guide voice, loaded. Not for use from several threads."""

    def __init__(self, threads: int = 1) -> None:
        """Load the network, three times cut differently.

        Raises MissingModel if the extra `voice` is not installed, BadCheckpoint if the package is not the version whose
        graph is known.
        """
        try:
            import hibari
            import onnx
            import onnxruntime
            from hibari import dsp
            from hibari.g2p import G2P
        except ImportError as error:
            raise MissingModel(
                f"the guide voice needs {error.name}, which is not installed: pip install 'melisma[voice]'"
            ) from error
        assets = Path(hibari.__file__).parent / "assets"
        graph = onnx.load(assets / "hibari.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 3

        def session(model: Any) -> Any:
            return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

        timed = _cut(graph, LENGTH_CUT)
        self._lengths = session(_for(_with_output(graph, LENGTH_CUT), LENGTH_CUT))
        self._pitch = session(_for(timed, PITCH_CUT))
        self._sound = session(_for(_cut(timed, PITCH_CUT), *SOUND))
        # its own class would load the whole network a fourth time
        self._phonemes: Callable[[str], str] = G2P()
        self._vocabulary: dict[str, int] = json.loads((assets / "vocab.json").read_text("utf-8"))
        self._synth = dsp.synth

    def sing(self, score: Score, voice: Voice | None = None, rate_hz: int = 48_000, seed: int = 0) -> Vocal:
        """Sing all lines of a score; an instrumental score gives silence."""
        total = np.zeros(round(score.duration_s * RATE_HZ), np.float32)
        phonemes: list[Phoneme] = []
        for number, (_, syllables) in enumerate(groupby(score.sung(), key=lambda syllable: syllable.line)):
            line = list(syllables)
            sound, start_s, sounds = self._line(score, line, voice or Voice(), np.random.default_rng([seed, number]))
            offset = round(start_s * RATE_HZ)
            skipped = max(0, -offset)
            piece = total[max(0, offset) : max(0, offset + len(sound))]
            piece += sound[skipped : skipped + len(piece)]
            phonemes += sounds
        resampled = np.asarray(soxr.resample(total, RATE_HZ, rate_hz), np.float32)
        wanted = round(score.duration_s * rate_hz)
        mono = np.zeros(wanted, np.float32)
        mono[: min(wanted, len(resampled))] = resampled[:wanted]
        return Vocal(Waveform(np.stack([mono, mono]), rate_hz), tuple(phonemes))

    # --- one line ---------------------------------------------------------------------------------------------------

    def _line(
        self, score: Score, syllables: Sequence[SungSyllable], voice: Voice, rng: np.random.Generator
    ) -> tuple[Samples, float, list[Phoneme]]:
        """Sing one line. Returns sound at 24 kHz, the time it starts at, and its phonemes."""
        words = [list(word) for _, word in groupby(syllables, key=lambda syllable: syllable.word)]
        texts = [score.lines[syllables[0].line].words[word[0].word].text for word in words]
        tokens, nuclei = self._read(score, texts, words)
        ids = np.asarray([[0, *(self._vocabulary[token] for token in tokens), 0]], np.int64)
        speed = np.ones(1, np.float32)
        spoken = self._lengths.run([LENGTH_CUT], {"ids": ids, "speed": speed})[0].reshape(-1).astype(float)
        units, rests = _fit(tokens, nuclei, spoken)
        first = nuclei[0]
        start_s = first.notes[0][0] - units[: first.token + 1].sum() / UNIT_HZ
        feed = {"ids": ids, "speed": speed, LENGTH_CUT: units.astype(np.float32)}
        spoken_pitch = self._pitch.run([PITCH_CUT], feed)[0][0]
        voiced = spoken_pitch > 60
        pitch = _pitch_curve(nuclei, len(spoken_pitch), start_s, voice)
        sung_pitch = np.where(voiced, pitch, 0).astype(np.float32)
        parts = self._sound.run(SOUND, feed | {PITCH_CUT + "_sung": sung_pitch[None]})
        harmonic, angle, noise, free, phase = (part[0] for part in parts)
        # The free-phase branch carries the phase of the spoken pitch, so it is turned down where a note is sung.
        free = free - np.where(voiced, 1.5, 0.0)[None].astype(np.float32)
        noise = noise + np.float32(voice.breath_db * np.log(10) / 20)
        if voice.formant != 1.0:
            harmonic, noise, free = (_stretched(part, voice.formant) for part in (harmonic, noise, free))
        sound = np.asarray(self._synth(harmonic, angle, noise, free, phase, sung_pitch, rng), np.float32)
        sound *= _gate(len(sound), rests)
        return sound, start_s, _timed(tokens, units, start_s)

    def _read(
        self, score: Score, texts: Sequence[str], words: Sequence[Sequence[SungSyllable]]
    ) -> tuple[list[str], list[_Nucleus]]:
        """Phonemes of a line, and which of them carry which notes; word by word, so that a slip stays in its word."""
        spoken = self._phonemes(" ".join(texts)).split()
        if len(spoken) != len(texts):
            spoken = [self._phonemes(text) for text in texts]
        tokens: list[str] = []
        nuclei: list[_Nucleus] = []
        for sounds, word in zip(spoken, words, strict=True):
            known = [symbol for symbol in sounds if symbol in self._vocabulary and symbol not in '"()“”']
            if not any(symbol in VOWELS for symbol in known):
                known = list(_SUBSTITUTE)
            if tokens:
                tokens.append(" ")
            notes = [tuple(_timed_note(score, note) for note in syllable.notes) for syllable in word]
            vowels = [k for k, symbol in enumerate(known) if symbol in VOWELS]
            nuclei += [_Nucleus(len(tokens) + k, carried) for k, carried in _matched(known, vowels, notes)]
            tokens += known
        tokens.append(",")
        return tokens, nuclei


def _timed_note(score: Score, note: Note) -> tuple[float, float, float]:
    return score.seconds(note.start), score.seconds(note.start + note.length), float(note.pitch)


Notes = tuple[tuple[float, float, float], ...]


def _matched(symbols: Sequence[str], vowels: list[int], syllables: Sequence[Notes]) -> Iterator[tuple[int, Notes]]:
    """Give each vowel its notes. Too many vowels: reduced ones lose theirs; too many syllables: the last vowel keeps on."""
    vowels = list(vowels)
    while len(vowels) > len(syllables):
        weak = [k for k in vowels[1:] if symbols[k] in REDUCED] or vowels[1:]
        vowels.remove(weak[-1])
    if len(vowels) < len(syllables):
        rest = tuple(note for notes in syllables[len(vowels) - 1 :] for note in notes)
        syllables = [*syllables[: len(vowels) - 1], rest]
    yield from zip(vowels, syllables, strict=True)


# --- the graph ------------------------------------------------------------------------------------------------------


def _copy(model: Any) -> Any:
    copy = type(model)()
    copy.CopyFrom(model)
    return copy


def _require(model: Any, name: str) -> None:
    if not any(name in node.output for node in model.graph.node):
        raise BadCheckpoint(
            f"the voice's network has no value {name!r} to cut at: it is made for hibari-tts 0.2.1, pip install hibari-tts==0.2.1"
        )


def _with_output(model: Any, name: str) -> Any:
    """The same network that also returns an inner value."""
    from onnx import TensorProto, helper

    _require(model, name)
    model = _copy(model)
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return model


def _cut(model: Any, name: str) -> Any:
    """The same network with an inner value, or an output, turned into an input (an output gets "_sung" appended)."""
    from onnx import TensorProto, helper

    _require(model, name)
    model = _copy(model)
    graph = model.graph
    outputs = [output.name for output in graph.output]
    for node in list(graph.node):
        if name in node.output:
            graph.node.remove(node)
    taken = name
    if name in outputs:
        taken = name + "_sung"
        graph.output.remove(next(output for output in graph.output if output.name == name))
        for node in graph.node:
            for k, used in enumerate(node.input):
                if used == name:
                    node.input[k] = taken
    shape = [1, "frames"] if taken != name else ["tokens"]
    graph.input.append(helper.make_tensor_value_info(taken, TensorProto.FLOAT, shape))
    return model


def _for(model: Any, *names: str) -> Any:
    """As much of a network as some of its outputs need: what the rest takes to load and lay out is a second."""
    model = _copy(model)
    graph, needed, kept = model.graph, set(names), []
    for node in reversed(graph.node):  # in order of computation
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(_copy(node))
    for field, wanted in (
        (graph.node, kept[::-1]),
        (graph.initializer, [_copy(weights) for weights in graph.initializer if weights.name in needed]),
        (graph.output, [_copy(output) for output in graph.output if output.name in names]),
    ):
        del field[:]
        field.extend(wanted)
    return model


# --- time and pitch -------------------------------------------------------------------------------------------------


def _fit(
    tokens: Sequence[str], nuclei: Sequence[_Nucleus], spoken: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """Units of 25 ms for every phoneme (with one pad before and after) so that vowels start on their notes.

    Also returns the silences inside the line as (first, last) frame. Each length is rounded against the time already
    spent, so no vowel is ever more than half a unit off its note.
    """
    units = np.zeros(len(tokens) + 2)
    first = nuclei[0].token + 1
    units[0] = 2
    lead = range(1, first)
    units[1:first] = _consonants(tokens, lead, np.minimum(spoken, 0.3 * UNIT_HZ), 1e9)
    origin = nuclei[0].notes[0][0] * UNIT_HZ - units[:first].sum()
    rests: list[tuple[int, int]] = []
    for k, nucleus in enumerate(nuclei):
        vowel = nucleus.token + 1
        following = nuclei[k + 1] if k + 1 < len(nuclei) else None
        limit = following.token + 1 if following else len(units)
        end = following.notes[0][0] * UNIT_HZ if following else nucleus.notes[-1][1] * UNIT_HZ + 6
        room = max(2.0, end - origin - units[:vowel].sum())
        between = range(vowel + 1, limit)
        units[vowel + 1 : limit] = _consonants(tokens, between, spoken, room)
        pause = (following.notes[0][0] - nucleus.notes[-1][1]) * UNIT_HZ if following else 0.0
        gaps = [i for i in between if i - 1 < len(tokens) and tokens[i - 1] in _WORD_MARKS]
        if pause > 8 and gaps:
            units[gaps[-1]] += min(round(pause), room - 3)
        units[vowel] = max(2, round(room - units[vowel + 1 : limit].sum()))
        if pause > 8 and gaps:
            start = units[: gaps[-1]].sum()
            rests.append((int(2 * start), int(2 * (start + units[gaps[-1]]))))
    return units, rests


def _consonants(
    tokens: Sequence[str], places: Sequence[int], spoken: NDArray[np.float64], room: float
) -> NDArray[np.float64]:
    """Units for what stands between two vowels: nearly as spoken, squeezed to 80 % of the room if that is too long.

    Words are told apart by their consonants: with 55 % half as many words again were misheard, at the same pitch accuracy.
    """
    least = np.array([0.0 if i - 1 >= len(tokens) or tokens[i - 1] in SILENT else 1.0 for i in places])
    wanted = np.empty(len(places))
    for k, i in enumerate(places):
        if i - 1 >= len(tokens):
            wanted[k] = 3
        elif tokens[i - 1] == "ː":
            wanted[k] = min(spoken[i], 2)
        elif tokens[i - 1] in SILENT:
            wanted[k] = min(spoken[i], 1)
        else:
            wanted[k] = spoken[i] * 0.95
    wanted = np.maximum(np.round(wanted), least)
    if wanted.sum() > 0.8 * room:
        wanted = np.maximum(np.floor(wanted * 0.8 * room / wanted.sum()), least)
    return np.asarray(wanted, np.float64)


def _pitch_curve(nuclei: Sequence[_Nucleus], frames: int, start_s: float, voice: Voice) -> NDArray[np.float64]:
    """Hertz per frame: each note's pitch with short glides, and vibrato once a note has stood for a while."""
    time = start_s + np.arange(frames) / FRAME_HZ
    notes = [note for nucleus in nuclei for note in nucleus.notes]
    midi = np.full(frames, notes[0][2])
    for start, _, pitch in notes:
        midi[time >= start - 0.04] = pitch
    glide = np.hanning(9)
    midi = np.convolve(np.pad(midi, 4, mode="edge"), glide / glide.sum(), "valid")
    wave = np.zeros(frames)
    for start, end, _ in notes:
        held = (time > start + voice.vibrato_after_s) & (time < end)
        age = time[held] - start - voice.vibrato_after_s
        wave[held] += np.minimum(1, age / 0.3) * np.sin(2 * np.pi * voice.vibrato_hz * age)
    midi += voice.vibrato_cents / 100 * wave + voice.transpose
    return np.asarray(440 * 2 ** ((midi - 69) / 12))


def _stretched(spectrum: Samples, factor: float) -> Samples:
    """Log spectrum (bins, frames) with its frequency axis stretched by a factor."""
    bins = np.arange(spectrum.shape[0])
    source = np.minimum(bins / factor, bins[-1])
    low = source.astype(int)
    high = np.minimum(low + 1, bins[-1])
    part = (source - low)[:, None].astype(np.float32)
    return np.asarray(spectrum[low] * (1 - part) + spectrum[high] * part, np.float32)


def _gate(samples: int, rests: Sequence[tuple[int, int]]) -> Samples:
    """Silence inside the rests, with short fades."""
    hop = RATE_HZ // int(FRAME_HZ)
    gain = np.ones(samples // hop + 1)
    for start, end in rests:
        gain[start + 2 : max(start + 2, end - 2)] = 0
    smooth = np.convolve(np.pad(gain, 3, mode="edge"), np.ones(7) / 7, "valid")
    return np.repeat(smooth, hop)[:samples].astype(np.float32)


def _timed(tokens: Sequence[str], units: NDArray[np.float64], start_s: float) -> list[Phoneme]:
    """Phonemes with their times; marks that take no time are left out."""
    ends = start_s + np.cumsum(units) / UNIT_HZ
    return [
        Phoneme(token, round(float(ends[k]), 4), round(float(ends[k + 1]), 4))
        for k, token in enumerate(tokens)
        if units[k + 1] > 0 and token not in _WORD_MARKS
    ]
