"""Songs to learn from, made from seeds: `python -m starter.songs --out DIR --seeds 0:400 --seconds 30`.

Each seed becomes a folder with `mix.flac`, one `stems/<track>.flac` per official track that plays, and `song.json`
with everything known about it: the score, the instruments, captions, lyrics with times, the settings of the mix. The
same seed gives the same bits, a folder appears only when it is complete, and a run that was stopped goes on where it
was.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path
from random import Random

import click
import numpy as np
import soundfile
from pydantic import Field

from melisma.errors import BadRequest
from melisma.notation import Part, Score
from melisma.score import STYLES, write
from melisma.score.genres import telling
from melisma.score.grammar import settle
from melisma.score.singer import VOICES, Singer
from melisma.song import INSTRUMENTAL, Blueprint
from starter.arrange import PartPlan, arrange, hire
from starter.captions import Facts, captions, true_hints
from starter.effects import render_effects
from starter.lyrics import lyrics
from starter.mix import mix_down, set_up
from starter.sampler import RATE_HZ, Audio, Sampler, open_sampler

RECIPE = 4
"""Raised whenever the same seed would give another song."""

CAPTIONS = 18
PROMINENCE = ("lead", "comp0", "comp1", "counter", "pad", "bass", "drums", "voices", "fx", "percussion")
"""Which roles a listener would name first."""


class PlayedBy(Part):
    """One instrument within a stem."""

    role: str = Field(description="What it does in the arrangement.")
    instrument: str = Field(description="The instrument in words.")
    program: int = Field(description="General MIDI program, 0-based; the drum kit's number for drums.")


class Stem(Part):
    """One track of a song."""

    track: str = Field(description="Official track name.")
    file: str = Field(description="Path within the song's folder.")
    players: tuple[PlayedBy, ...]


class Timed(Part):
    """Something in the song with its times."""

    text: str
    start_s: float
    end_s: float


class SongSheet(Part):
    """All that is known about one generated song."""

    recipe: int = Field(description="Version of the recipe that made it.")
    seed: int
    score: Score
    style: str
    captions: tuple[str, ...] = Field(description="The music in words, many ways.")
    lyrics: str = Field(description="Words with section tags, or '[Instrumental]'.")
    language: str
    bpm: int
    key: str
    meter: int
    duration_s: float
    voice: str | None = Field(None, description="Who sings, in words; None for an instrumental.")
    sections: tuple[Timed, ...]
    words: tuple[Timed, ...] = ()
    syllables: tuple[Timed, ...] = ()
    phonemes: tuple[Timed, ...] = ()
    stems: tuple[Stem, ...]
    soundfont: str
    mix: dict[str, object] = Field(default_factory=dict, description="Settings of the mix.")


def blueprint_for(seed: int, seconds: float) -> Blueprint:
    """What an instrumental song of a seed is asked to be: its style, evenly drawn; the rest is left to the grammar."""
    rng = Random(f"{seed}/style")
    style = rng.choice(sorted(STYLES))
    return Blueprint(caption=STYLES[style].words[-1], lyrics=INSTRUMENTAL, duration_s=seconds)


def soundfont_for(seed: int, fonts: Sequence[str]) -> str:
    """Which soundfont plays a seed: the first of the list twice as often as each other one."""
    return Random(f"{seed}/font").choice([fonts[0], *fonts])


def describe(score: Score, parts: Sequence[PartPlan], seed: int, voice: str | None) -> tuple[str, ...]:
    """Captions of a song."""
    style = STYLES[score.style]
    by_role = {part.role: part for part in parts}
    named = [by_role[role].instrument for role in PROMINENCE if role in by_role]
    minor = {"dark", "melancholic", "moody"} if score.minor else {"bright", "cheerful", "hopeful"}
    rng = Random(f"{seed}/moods")
    moods = (*rng.sample(style.moods, 3), rng.choice(sorted(minor)))
    low, high = style.bpm
    beats = score.bpm / 0.6 if score.meter == 6 and style.name != "celtic" else score.bpm
    facts = Facts(
        genres=style.words,
        moods=moods,
        instruments=tuple(dict.fromkeys(named)),
        bpm=score.bpm,
        key=score.key,
        meter=score.meter,
        pace=(beats - low) / (high - low),
        voice=voice,
        hints=tuple(true_hints(telling(style), [part.instrument for part in parts])),
    )
    return captions(facts, CAPTIONS, seed)


def render_parts(parts: Sequence[PartPlan], sampler: Sampler, samples: int) -> list[Audio]:
    """Sound of every part, (2, s) each."""
    return [(render_effects if part.role == "fx" else sampler.render)(part, samples) for part in parts]


def by_track(stems: Iterable[Audio], parts: Sequence[PartPlan]) -> dict[str, Audio]:
    """Parts added up into official tracks."""
    tracks: dict[str, Audio] = {}
    for stem, part in zip(stems, parts, strict=True):
        tracks[part.track] = tracks[part.track] + stem if part.track in tracks else stem
    return tracks


def section_times(score: Score) -> tuple[Timed, ...]:
    """The sections with their start and end in seconds; the last one includes the ring-out."""
    starts = [score.seconds(float(beat)) for beat in score.section_starts]
    ends = [*starts[1:], score.duration_s]
    return tuple(
        Timed(text=section.tag, start_s=round(a, 4), end_s=round(b, 4))
        for section, a, b in zip(score.sections, starts, ends, strict=True)
    )


def make_instrumental(seed: int, seconds: float, sampler: Sampler) -> tuple[SongSheet, Audio, dict[str, Audio]]:
    """One instrumental song: its sheet, its mix (2, s), its stems by track."""
    score = write(blueprint_for(seed, seconds), seed)
    parts = arrange(score, seed)
    return _finish(
        seed, score, parts, render_parts(parts, sampler, round(score.duration_s * RATE_HZ)), sampler.name, None
    )


def _finish(
    seed: int, score: Score, parts: Sequence[PartPlan], sounds: Sequence[Audio], soundfont: str, voice: str | None
) -> tuple[SongSheet, Audio, dict[str, Audio]]:
    """Mix the parts and write down what they are."""
    desk = set_up(parts, STYLES[score.style], seed, sung=voice is not None)
    mix, stems = mix_down(sounds, parts, desk, seed)
    sheet = SongSheet(
        recipe=RECIPE,
        seed=seed,
        score=score,
        style=score.style,
        captions=describe(score, parts, seed, voice),
        lyrics=INSTRUMENTAL,
        language="unknown",
        bpm=score.bpm,
        key=score.key,
        meter=score.meter,
        duration_s=score.duration_s,
        voice=voice,
        sections=section_times(score),
        stems=stems_of(parts),
        soundfont=soundfont,
        mix={
            "loudness_lufs": desk.loudness_lufs,
            "room_s": desk.room.decay_s,
            "drive": desk.drive,
            "tilt_db": desk.tilt_db,
            "pump": desk.pump,
        },
    )
    return sheet, mix, by_track(stems, parts)


# --- Sung songs -----------------------------------------------------------------------------------------------------

UNSUNG_STYLES = frozenset({"ambient", "classical", "march", "techno"})
_SUNG_FORMS: tuple[tuple[tuple[str, float], ...], ...] = (
    (("verse", 0.5), ("chorus", 0.5)),
    (("intro", 0.0), ("verse", 0.5), ("chorus", 0.5)),
    (("verse", 1.0),),
    (("chorus", 1.0),),
    (("verse", 0.4), ("pre-chorus", 0.2), ("chorus", 0.4)),
    (("chorus", 0.5), ("solo", 0.0), ("verse", 0.5)),
    (("bridge", 0.4), ("chorus", 0.6)),
)
"""Sections and their share of the lines."""


def sung_blueprint_for(seed: int, seconds: float) -> tuple[Blueprint, str]:
    """What a sung song of a seed is asked to be, and who sings it. As many lines as two bars each (or one) leave room for."""
    rng = Random(f"{seed}/style")
    style = STYLES[rng.choice(sorted(set(STYLES) - UNSUNG_STYLES))]
    voice = rng.choice(
        ("female vocals", "female vocals", "bright female vocals", "warm female vocals", "male vocals", "male vocals")
    )
    asked = Blueprint(caption=f"{style.words[-1]}, {voice}", lyrics=INSTRUMENTAL, duration_s=seconds)
    facts = settle(asked, Random(f"{seed}/facts"))
    form = rng.choice(_SUNG_FORMS)
    bars = int(seconds / facts.bar_s) - 4 * sum(share == 0 for _, share in form)
    room = max(2, bars // (1 if facts.bar_s > 3.25 else 4 if facts.bar_s < 1.1 else 2))
    sections = [(tag, round(room * share)) for tag, share in form]
    span_s = facts.bar_s * (1 if facts.bar_s > 3.25 else 4 if facts.bar_s < 1.1 else 2)
    most = max(6, min(12, int(span_s * 2.6)))
    words = lyrics(Random(f"{seed}/lyrics"), sections, fewest=max(4, most - 5), most=most)
    return asked.model_copy(update={"lyrics": words, "language": "en"}), voice


def make_sung(seed: int, seconds: float, sampler: Sampler, singer: Singer) -> tuple[SongSheet, Audio, dict[str, Audio]]:
    """One song with the guide voice on top: its sheet, its mix (2, s), its stems by track."""
    blueprint, who = sung_blueprint_for(seed, seconds)
    score = write(blueprint, seed)
    band = hire(score, seed)
    parts = arrange(score, seed, band)
    samples = round(score.duration_s * RATE_HZ)
    vocal = singer.sing(score, VOICES[who], RATE_HZ, seed)
    sounds = [vocal.sound.samples[:, :samples], *render_parts(parts, sampler, samples)]
    players = [PartPlan("vocals", -1, "vocals"), *parts]
    sheet, mix, tracks = _finish(seed, score, players, sounds, sampler.name, who)
    timed = [
        (s, score.seconds(s.notes[0].start), score.seconds(s.notes[-1].start + s.notes[-1].length))
        for s in score.sung()
    ]
    words = [list(group) for _, group in groupby(timed, key=lambda item: (item[0].line, item[0].word))]
    return (
        sheet.model_copy(
            update={
                "lyrics": score.lyrics(),
                "language": "en",
                "syllables": tuple(Timed(text=s.text, start_s=round(a, 4), end_s=round(b, 4)) for s, a, b in timed),
                "words": tuple(
                    Timed(
                        text="".join(s.text for s, _, _ in word),
                        start_s=round(word[0][1], 4),
                        end_s=round(word[-1][2], 4),
                    )
                    for word in words
                ),
                "phonemes": tuple(Timed(text=p.symbol, start_s=p.start_s, end_s=p.end_s) for p in vocal.phonemes),
            }
        ),
        mix,
        tracks,
    )


def stems_of(parts: Sequence[PartPlan]) -> tuple[Stem, ...]:
    """The tracks of a song and who plays them."""
    players: dict[str, list[PlayedBy]] = {}
    for part in parts:
        players.setdefault(part.track, []).append(
            PlayedBy(role=part.role, instrument=part.instrument, program=part.program)
        )
    return tuple(Stem(track=track, file=f"stems/{track}.flac", players=tuple(who)) for track, who in players.items())


# --- Files ----------------------------------------------------------------------------------------------------------


def folder_of(out: Path, seed: int) -> Path:
    """Where a seed's song lies."""
    return out / f"{seed:07d}"


def is_done(out: Path, seed: int) -> bool:
    """Whether a seed's song is there, made by this recipe."""
    sheet = folder_of(out, seed) / "song.json"
    return sheet.exists() and f'"recipe": {RECIPE}' in sheet.read_text()[:200]


def keep(out: Path, sheet: SongSheet, mix: Audio, stems: dict[str, Audio]) -> Path:
    """Write a song's folder: under a temporary name first, so that it is there complete or not at all."""
    folder = folder_of(out, sheet.seed)
    part = out / f".{folder.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    (part / "stems").mkdir(parents=True)
    _write_flac(part / "mix.flac", mix)
    for track, sound in stems.items():
        _write_flac(part / "stems" / f"{track}.flac", sound)
    (part / "song.json").write_text(sheet.model_dump_json(indent=1))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


def _write_flac(path: Path, sound: Audio) -> None:
    whole = np.round(np.clip(sound.T, -1, 1) * 32767).astype(np.int16)
    soundfile.write(path, whole, RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=0.4)


def read_sheet(folder: Path) -> SongSheet:
    """The sheet of a song's folder."""
    return SongSheet.model_validate_json((folder / "song.json").read_text())


# --- Many songs -----------------------------------------------------------------------------------------------------

_samplers: dict[str, Sampler] = {}


_singers: list[Singer] = []


def make_one(out: Path, seed: int, seconds: float, fonts: tuple[str, ...], sung: bool = False) -> int:
    """Make one song if it is not there yet; returns its seed."""
    if not is_done(out, seed):
        name = soundfont_for(seed, fonts)
        if name not in _samplers:
            _samplers[name] = open_sampler(name)
        if sung:
            if not _singers:
                _singers.append(Singer())
            keep(out, *make_sung(seed, seconds, _samplers[name], _singers[0]))
        else:
            keep(out, *make_instrumental(seed, seconds, _samplers[name]))
    return seed


def make_many(
    out: Path, seeds: Sequence[int], seconds: float, fonts: tuple[str, ...], jobs: int, sung: bool = False
) -> Iterator[int]:
    """Make songs, in this process or in several; yields each seed as its folder is complete."""
    out.mkdir(parents=True, exist_ok=True)
    if jobs == 1:
        for seed in seeds:
            yield make_one(out, seed, seconds, fonts, sung)
        return
    n = len(seeds)
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(make_one, [out] * n, seeds, [seconds] * n, [fonts] * n, [sung] * n)


def parse_seeds(text: str) -> range:
    """ "0:400" is seeds 0 … 399; a single number is one seed."""
    first, colon, last = text.partition(":")
    try:
        return range(int(first), int(last) if colon else int(first) + 1)
    except ValueError as error:
        raise BadRequest(f"cannot read seeds {text!r}: write first:last, as in 0:400, the last one left out") from error


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to fill, one folder per song.",
)
@click.option("--seeds", default="0:400", show_default=True, help="first:last, the last one left out.")
@click.option("--seconds", default=30.0, show_default=True, help="Length of each song.")
@click.option("--jobs", default=1, show_default=True, help="Processes.")
@click.option("--nice", default=10, show_default=True, help="How much to give way to other programs, 0–19.")
@click.option(
    "--soundfonts", default="musescore,fluid", show_default=True, help="Which to play with; plain needs none installed."
)
@click.option(
    "--sung/--instrumental", default=False, help="Songs with the guide voice (needs the extra voice), or without."
)
def main(out: Path, seeds: str, seconds: float, jobs: int, nice: int, soundfonts: str, sung: bool) -> None:
    """Make annotated songs from seeds; what is there already is left alone."""
    os.nice(nice)
    wanted = parse_seeds(seeds)
    for number, seed in enumerate(make_many(out, wanted, seconds, tuple(soundfonts.split(",")), jobs, sung), 1):
        click.echo(f"{number}/{len(wanted)} {folder_of(out, seed)}")


if __name__ == "__main__":
    main()
