"""The commands that make music: each builds one `SongRequest`, hands it to the engine, and writes what comes back.

Importing this module loads no model code, so `melisma compose --help` stays quick.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from melisma.cli.asking import (
    FORMATS,
    File,
    as_played,
    blanks,
    from_source,
    located,
    making,
    planned,
    provenance_of,
    read_blueprint,
    request_of,
    required_provenance,
    text_of,
    valid,
)
from melisma.errors import BadRequest
from melisma.song import (
    TRACKS,
    Blueprint,
    Complete,
    Compose,
    Cover,
    Edit,
    Extend,
    Extract,
    FinishOptions,
    Lego,
    Provenance,
    Repaint,
    Retake,
    SamplingOptions,
    SongRequest,
)

if TYPE_CHECKING:
    from melisma.engine import Rehearsal


@click.command()
@click.argument("prompt", default="")
@click.option("--blueprint", type=File, help="Sing an edited blueprint (YAML or JSON) instead of drafting one.")
@planned
@making
def compose(prompt: str, blueprint: Path | None, **given: Any) -> None:
    """Make a song from PROMPT, such as "upbeat folk with acoustic guitar and flute"."""
    sing(request_of(Compose(), prompt, given), given, read_blueprint(blueprint) if blueprint else None)


@click.command()
@click.argument("source", type=File)
@click.argument("prompt", default="")
@click.option("--strength", type=float, default=1.0, help="Share of steps that hear the source, 0–1.")
@click.option("--noise-strength", type=float, default=0.0, help="Start this far towards the source, 0–1.")
@click.option("--literal", is_flag=True, help="Hear the source as latents, not as semantic codes: much nearer to it.")
@making
def cover(source: Path, prompt: str, strength: float, noise_strength: float, literal: bool, **given: Any) -> None:
    """Re-imagine SOURCE as PROMPT."""
    task = {"strength": strength, "noise_strength": noise_strength, "semantic": not literal}
    remake(Cover, source, prompt, task, given)


@click.command()
@click.argument("source", type=File)
@click.argument("prompt", default="")
@click.option(
    "--start", "start_s", type=float, required=True, help="Start of the region, seconds; negative adds before."
)
@click.option("--end", "end_s", type=float, help="End of the region, seconds; default: the end of the source.")
@click.option("--strength", type=float, default=0.5, help="0 conservative … 1 aggressive.")
@click.option("--crossfade", "crossfade_s", type=float, help="Crossfade outside the region, seconds.")
@making
def repaint(
    source: Path,
    prompt: str,
    start_s: float,
    end_s: float | None,
    strength: float,
    crossfade_s: float | None,
    **given: Any,
) -> None:
    """Make one region of SOURCE again; everything outside stays the same samples."""
    task = {"start_s": start_s, "end_s": end_s, "strength": strength, "crossfade_s": crossfade_s}
    remake(Repaint, source, prompt, task, given)


@click.command()
@click.argument("source", type=File)
@click.argument("prompt", default="")
@click.option("--before", "before_s", type=float, default=0.0, help="Seconds to add before.")
@click.option("--after", "after_s", type=float, default=0.0, help="Seconds to add after.")
@making
def extend(source: Path, prompt: str, before_s: float, after_s: float, **given: Any) -> None:
    """Continue SOURCE past its end, or let it begin earlier."""
    remake(Extend, source, prompt, {"before_s": before_s, "after_s": after_s}, given)


@click.command()
@click.argument("source", type=File)
@click.argument("track", type=click.Choice(TRACKS))
@click.option("--prompt", default="", help="The music in words.")
@making
def extract(source: Path, track: str, prompt: str, **given: Any) -> None:
    """Separate TRACK out of the mix SOURCE."""
    remake(Extract, source, prompt, {"track": track}, given)


@click.command()
@click.argument("source", type=File)
@click.argument("track", type=click.Choice(TRACKS))
@click.option("--prompt", default="", help="The music in words.")
@click.option("--part", help="The new track in words.")
@click.option("--start", "start_s", type=float, default=0.0, help="Where the track begins, seconds.")
@click.option("--end", "end_s", type=float, help="Where it ends, seconds.")
@planned
@making
def lego(
    source: Path, track: str, prompt: str, part: str | None, start_s: float, end_s: float | None, **given: Any
) -> None:
    """Make TRACK for SOURCE, hearing the rest."""
    remake(Lego, source, prompt, {"track": track, "part": part, "start_s": start_s, "end_s": end_s}, given)


@click.command()
@click.argument("source", type=File)
@click.argument("prompt", default="")
@click.option("--track", "tracks", multiple=True, type=click.Choice(TRACKS), help="Track to add; may be repeated.")
@planned
@making
def complete(source: Path, prompt: str, tracks: tuple[str, ...], **given: Any) -> None:
    """Play the band around the track SOURCE."""
    remake(Complete, source, prompt, {"tracks": tracks}, given)


@click.command()
@click.argument("source", type=File)
@click.argument("prompt")
@click.option("--from", "source_caption", help="What SOURCE sounds like now; known if melisma made it.")
@click.option("--from-lyrics", type=File, help="What is sung now.")
@click.option("--window", type=(float, float), default=(0.0, 1.0), help="Share of the steps that compare both flows.")
@click.option("--draws", type=int, default=1, help="Noise draws averaged per step.")
@making
def edit(
    source: Path,
    prompt: str,
    source_caption: str | None,
    from_lyrics: Path | None,
    window: tuple[float, float],
    draws: int,
    **given: Any,
) -> None:
    """Change SOURCE towards PROMPT along the flow between both descriptions."""
    known = provenance_of(source)
    before = known.blueprint if known else None
    if source_caption is None and before is None:
        raise BadRequest(f"{source} does not say what it sounds like: describe it with --from 'slow piano ballad'")
    task = {
        "source_caption": source_caption or (before.caption if before else ""),
        "source_lyrics": text_of(from_lyrics) if from_lyrics else (before.lyrics if before else None),
        "window": window,
        "draws": draws,
    }
    remake(Edit, source, prompt, task, given)


@click.command()
@click.argument("take", type=File)
@click.option("--variance", type=float, default=0.2, help="How far to depart, 0–1.")
@from_source
@making
def retake(take: Path, variance: float, **given: Any) -> None:
    """Play TAKE (a file that melisma made) again, a little differently."""
    known = required_provenance(take)
    task = valid(Retake, {"again": known.request.played, "seed": known.seed, "variance": variance})
    request = request_of(task, known.request.caption, given, as_played(known))
    sing(located(request, take, given), given, known.blueprint)


@click.command()
@click.argument("take", type=File)
@from_source
@making
def again(take: Path, **given: Any) -> None:
    """Make TAKE (a file that melisma made) again: same request, blueprint and seed."""
    known = required_provenance(take)
    given = {"seeds": (known.seed,), **blanks(given)}
    request = request_of(known.request.task, known.request.caption, given, as_played(known))
    sing(located(request, take, given), given, known.blueprint, expected=known.fingerprint)


def remake(kind: type[Any], source: Path, prompt: str, fields: dict[str, Any], given: dict[str, Any]) -> None:
    """Run a task on existing music; what melisma knows of its own songs fills words left open."""
    task = valid(kind, {"source": {"path": source.absolute()}, **fields})
    known = provenance_of(source)
    # Words and music are the song's own; its source, and how it was sampled and finished, belonged to the other task.
    open_ = {"task": Compose(), "sampling": SamplingOptions(), "finish": FinishOptions()}
    inherited = located(known.request.model_copy(update=open_), source, given) if known else None
    sing(request_of(task, prompt, given, inherited), given)


def sing(
    request: SongRequest, given: dict[str, Any], blueprint: Blueprint | None = None, expected: str | None = None
) -> None:
    """Run a request and write its takes as they are done; print where they lie."""
    from melisma.audio import write
    from melisma.audio.files import land
    from melisma.cli.progress import Bars
    from melisma.engine import Band, best, rehearse
    from melisma.models.store import Store

    with Bars() as listen:
        band = Band.of(request, Store(given.get("device"), given.get("memory")))
        rehearsal = rehearse(request, band, blueprint, listen)
        if expected and rehearsal.fingerprint != expected:
            listen.note("This is not the checkpoint or version that made the take: expect another sound.")
        keep = given.get("keep") or request.takes
        if keep > request.takes:
            raise BadRequest(f"{keep} takes cannot be kept out of {request.takes}: ask for more with --takes")
        paths = targets(rehearsal.request, keep, given.get("out"), given.get("format_"))
        choosing = keep < request.takes
        timed = bool(given.get("lrc") or given.get("vtt"))
        if timed and not rehearsal.tells_words:
            listen.note(f"Nothing is known of when words are sung: {wordless(rehearsal)}")
        takes = (rehearsal.take(seed, listen, follow=timed or choosing) for seed in rehearsal.seeds)
        reports = []
        # Without a choice to make, each take is written as soon as it is sung.
        for path, take in zip(paths, best(list(takes), keep, band.planner, listen) if choosing else takes, strict=True):
            write(path, take.waveform, provenance=take.provenance, title=title_of(request), listen=listen)
            for suffix, text in timings_of(take.provenance, given).items():
                land(path.with_suffix(suffix), text.encode())
            reports.append(take.report(path))
            if not given.get("as_json"):
                click.echo("\n    ".join((str(path), *take.provenance.reasons)))
    if given.get("as_json"):
        click.echo(json.dumps({"takes": reports, **rehearsal.report()}, ensure_ascii=False))


def timings_of(known: Provenance, given: dict[str, Any]) -> dict[str, str]:
    """Files with the times of a take's lines, by suffix."""
    from melisma.ranking.alignment import lrc
    from melisma.ranking.subtitles import subtitles, vtt

    stamped = lrc(known.lines, ends=True)
    texts = {"lrc": f"{lrc(known.lines)}\n", "vtt": vtt(subtitles(stamped, known.blueprint.duration_s))}
    return {f".{kind}": text for kind, text in texts.items() if given.get(kind) and known.lines}


def wordless(rehearsal: "Rehearsal") -> str:
    """Why nothing is known of when words are sung."""
    if rehearsal.blueprint.instrumental:
        return "nobody sings in this song"
    return (
        f"{rehearsal.band.generator.name} does not say which of its heads look at words (lyric_alignment_layers_config)"
    )


def title_of(request: SongRequest) -> str:
    """A name for people, from the words asked for."""
    return (request.caption or request.task.kind).strip()[:80]


def name_of(request: SongRequest) -> str:
    """What a file is called where nobody says: by the music it came from and what was done, else by the words."""
    task = request.played
    if isinstance(task, Compose) or task.source.path is None:
        return title_of(request)[:48]
    return f"{task.source.path.stem[:32]}-{task.track if isinstance(task, Extract | Lego) else task.kind}"


def targets(request: SongRequest, count: int, out: Path | None, format_: str | None) -> list[Path]:
    """Where each of `count` takes goes: OUT itself, numbered where there are several; a free name in a folder where OUT is one."""
    folder = out is None or out.is_dir() or not out.suffix
    slug = re.sub(r"[^\w]+", "-", name_of(request).lower()).strip("-") or "song"
    base = (out or Path()) / f"{slug}.{format_ or 'flac'}" if folder else out
    assert base is not None
    if base.suffix.removeprefix(".").lower() not in FORMATS:
        raise BadRequest(f"cannot write {base.suffix!r} files: use one of {', '.join('.' + f for f in FORMATS)}")
    numbered = [base] if count == 1 else [base.with_stem(f"{base.stem}-{i + 1}") for i in range(count)]
    return [free(path) for path in numbered] if folder else numbered


def free(path: Path) -> Path:
    """The path, or the next free number behind its name: a song is never overwritten unasked."""
    candidates = (path.with_stem(f"{path.stem}-{n}") for n in range(2, 10_000))
    return next(p for p in (path, *candidates) if not p.exists()) if path.exists() else path
