"""From arguments to a request: the options that commands share, and what they mean.

What all commands have in common (words, music, takes, sampling, finish, output) is one decorator, `making`; a command
adds what its task needs. Nothing here loads model code.
"""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml

from melisma.errors import BadRequest
from melisma.song import METERS, Adapter, AudioRef, Blueprint, Provenance, SongRequest, Task

FORMATS = ("flac", "wav", "mp3", "opus", "ogg", "m4a")

File = click.Path(dir_okay=False, path_type=Path)

WORDS = (
    click.option("--lyrics", type=File, help="File with the words; tags such as [verse] on their own lines."),
    click.option("--instrumental", is_flag=True, default=None, help="Nobody sings."),
    click.option("--language", help="Language of the lyrics, as in 'en'."),
    click.option("--bpm", type=int, help="Tempo, 30–300."),
    click.option("--key", help="Key, as in 'F# minor'."),
    click.option("--meter", type=click.Choice([str(m) for m in METERS]), help="Beats in a bar (6 is 6/8)."),
    click.option("--duration", "duration_s", type=float, help="Length in seconds, 1–600."),
    click.option("--reference", type=File, help="Audio whose timbre to borrow."),
)
SAMPLING = (
    click.option("--steps", type=int, help="Denoising steps."),
    click.option("--shift", type=float, help="Timestep shift."),
    click.option(
        "--solver", type=click.Choice(["euler", "heun", "dpm2m", "pingpong"]), help="How noise is walked to music."
    ),
    click.option("--guidance", type=float, help="Guidance scale; 1 is off."),
    click.option(
        "--set",
        "more",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Any field of a request, as in sampling.velocity_clamp=0.5.",
    ),
    click.option("--guidance-method", type=click.Choice(["apg", "cfg", "adg", "cfg_star"]), help="Kind of guidance."),
)


def planning_options(short: bool = False) -> tuple[Callable[..., Any], ...]:
    """How a planner is asked. short: numbers may be named without `plan-`, where nothing else is called so."""

    def number(name: str, kind: Any, help_: str) -> Callable[..., Any]:
        names = (f"--{name}", f"--plan-{name}") if short else (f"--plan-{name}",)
        return click.option(*names, f"plan_{name.replace('-', '_')}", type=kind, help=help_)

    return (
        click.option("--planner", help="Planner: a name (`melisma models list`) or path; default: the best one here."),
        click.option("--plan/--no-plan", "use_planner", default=None, help="Let a planner fill what is left open."),
        click.option("--thinking/--no-thinking", "reasoning", default=None, help="Plan tempo, key and length first."),
        click.option("--codes/--no-codes", default=None, help="Write audio codes too (default), or only the plan."),
        click.option("--polish", is_flag=True, default=None, help="Rewrite caption and lyrics first."),
        click.option("--keep-caption", is_flag=True, help="Do not describe the music in more detail."),
        click.option("--negative", help="What the codes should lead away from."),
        number("temperature", float, "How freely the planner chooses, 0–2 (default 0.85)."),
        number("top-k", int, "How many likely tokens it chooses from (default: no limit)."),
        number("top-p", float, "Share of likely tokens it chooses from (default 0.9)."),
        number("repetition-penalty", float, "Above 1, codes of a take are less likely again (default 1, off)."),
        number("guidance", float, "How strongly codes follow the words (default 2; 1 is off)."),
        number("seed", int, "Seed of the plan and its codes."),
    )


FINISH = (
    click.option("--no-master", is_flag=True, help="Leave the samples as decoded."),
    click.option("--lufs", type=float, help="Loudness to reach (default -14 for whole songs)."),
    click.option("--fade-in", "fade_in_s", type=float, help="Fade in, seconds."),
    click.option("--fade-out", "fade_out_s", type=float, help="Fade out, seconds."),
)
MODEL = (
    click.option("--model", help="Checkpoint: a name (`melisma models list`), hub id, or path."),
    click.option(
        "--adapter", "adapters", multiple=True, metavar="NAME[:WEIGHT]", help="LoRA or LoKr; may be repeated."
    ),
    click.option("--device", help="cpu, cuda, mps …; default: the best here."),
    click.option("--memory", help="keep, one, or budget:GB – which models stay on the device."),
)
OUTPUT = (
    click.option(
        "--seed", "seeds", type=int, multiple=True, help="Seed of a take; may be repeated, or counts up over --takes."
    ),
    click.option("--takes", type=int, help="How many takes to make."),
    click.option("--keep", type=click.IntRange(1), help="Keep the best N takes, by judges that listen to them."),
    click.option("--lrc", is_flag=True, help="Write beside each take when its lines are sung (.lrc)."),
    click.option("--vtt", is_flag=True, help="The same as subtitles (.vtt)."),
    click.option("-o", "--out", type=click.Path(path_type=Path), help="File or folder to write to."),
    click.option("--format", "format_", type=click.Choice(FORMATS), help="File format where OUT does not say."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout."),
)


def options(*groups: tuple[Callable[..., Any], ...]) -> Callable[..., Any]:
    """Attach groups of click options, in reading order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        return functools.reduce(lambda f, option: option(f), reversed([o for group in groups for o in group]), command)

    return decorate


from_source = click.option(
    "--source", type=File, help="The music that TAKE was made from, where it lies elsewhere by now."
)
making = options(WORDS, SAMPLING, FINISH, MODEL, OUTPUT)
planned = options(planning_options())


MUSIC = ("language", "bpm", "key", "meter", "instrumental", "lyrics", "reference", "model", "adapters")
PLAIN = ("language", "bpm", "key", "instrumental", "duration_s", "takes", "seeds", "model")
SAMPLED = ("steps", "shift", "solver", "guidance", "guidance_method")
FINISHED = ("lufs", "fade_in_s", "fade_out_s")
PLANNED = ("planner", "use_planner", "reasoning", "codes", "polish", "negative")
PLAN_NUMBERS = ("temperature", "top_k", "top_p", "repetition_penalty", "guidance", "seed")


def request_of(task: Task, caption: str, given: dict[str, Any], inherited: SongRequest | None = None) -> SongRequest:
    """The request that arguments describe; `inherited` fills what they leave open, except takes and seeds."""
    planning = planning_of(given)
    given = blanks(given)
    fields = inherited.model_dump(include={*MUSIC, "sampling", "finish"}, exclude_none=True) if inherited else {}
    if "lyrics" in given or "instrumental" in given:  # one says no to the other
        fields = {name: value for name, value in fields.items() if name not in ("lyrics", "instrumental")}
    fields |= {name: given[name] for name in PLAIN if name in given} | read_fields(given)
    fields["sampling"] = fields.get("sampling", {}) | {name: given[name] for name in SAMPLED if name in given}
    fields["finish"] = fields.get("finish", {}) | {name: given[name] for name in FINISHED if name in given}
    if planning:
        fields["planning"] = planning
    if given.get("no_master"):
        fields["finish"]["master"] = False
    if len(given.get("seeds", ())) == 1 and given.get("takes", 1) > 1:  # one seed starts a row of them
        fields["seeds"] = tuple(range(given["seeds"][0], given["seeds"][0] + given["takes"]))
    fields |= {"task": task, "caption": caption or (inherited.caption if inherited else "")}
    for setting in given.get("more", ()):
        put(fields, setting)
    return SongRequest.of(**fields)


def planning_of(given: dict[str, Any]) -> dict[str, Any]:
    """Planning options from arguments; there False says no, and is not a blank."""
    fields = {name: given[name] for name in PLANNED if given.get(name) is not None}
    fields |= {name: given[f"plan_{name}"] for name in PLAN_NUMBERS if given.get(f"plan_{name}") is not None}
    return fields | ({"enrich_caption": False} if given.get("keep_caption") else {})


def put(fields: dict[str, Any], setting: str) -> None:
    """FIELD=VALUE, where a dot leads into a field and the value is YAML."""
    path, equals, text = setting.partition("=")
    if not equals or not path:
        raise BadRequest(f"--set {setting!r} is not understood: write FIELD=VALUE, as in sampling.steps=12")
    *way, name = path.split(".")
    for part in way:
        fields = fields.setdefault(part, {})
        if not isinstance(fields, dict):
            raise BadRequest(
                f"--set {setting!r}: {part} has no fields of its own; the reference of requests lists them"
            )
    try:
        fields[name] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadRequest(f"--set {setting!r}: the value is not understood ({error})") from error


def read_fields(given: dict[str, Any]) -> dict[str, Any]:
    """Fields that are not taken as they are written: files, adapters, and a choice that is a number."""
    fields: dict[str, Any] = {}
    if "lyrics" in given:
        fields["lyrics"] = text_of(given["lyrics"])
    if "reference" in given:
        fields["reference"] = AudioRef(path=given["reference"].absolute())
    if "adapters" in given:
        fields["adapters"] = tuple(adapter_of(text) for text in given["adapters"])
    if "meter" in given:
        fields["meter"] = int(given["meter"])
    return fields


def located(request: SongRequest, take: Path, given: dict[str, Any]) -> SongRequest:
    """The request with sounds where they lie on this machine: a take tells their names alone.

    A name is looked for beside the take, then in the current folder. Raises BadRequest where it is in neither.
    """

    def here(sound: AudioRef, role: str) -> AudioRef:
        if given.get(role):
            return AudioRef(path=given[role].absolute())
        if sound.path is None:
            return sound
        places = (take.parent / sound.path, take.parent / sound.path.name, Path(sound.path.name))
        found = next((place for place in places if place.is_file() and not place.samefile(take)), None)
        if found is None:
            raise BadRequest(
                f"{take} was made from {sound.path.name}, which lies neither beside it nor in the current folder: "
                f"bring it there, or name it with --{role}"
            )
        return sound.model_copy(update={"path": found.absolute()})

    return request.with_sounds(here)


def as_played(known: Provenance) -> SongRequest:
    """The request of a take, with everything it left open as it was resolved."""
    return known.request.model_copy(update={"sampling": known.sampling})


def blanks(given: dict[str, Any]) -> dict[str, Any]:
    """Only what a person really gave."""
    return {name: value for name, value in given.items() if value is not None and value is not False and value != ()}


def valid(kind: type[Any], fields: dict[str, Any]) -> Any:
    """A task from its fields; a bad value is explained."""
    return SongRequest.of(task={"kind": kind.model_fields["kind"].default, **fields}).task


def adapter_of(text: str) -> Adapter:
    """NAME or NAME:WEIGHT."""
    found = re.fullmatch(r"(.+?)(?::(-?\d+(?:\.\d+)?))?", text)
    assert found is not None
    return Adapter(name=found[1], weight=float(found[2] or 1.0))


def text_of(path: Path) -> str:
    """A text file's contents."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise BadRequest(f"no such file: {path}. Check the path") from error
    except (UnicodeDecodeError, OSError) as error:
        raise BadRequest(f"cannot read {path} as UTF-8 text: {error}. Save it as a plain text file") from error


def read_blueprint(path: Path) -> Blueprint:
    """A blueprint that a person may have edited."""
    try:
        fields = yaml.safe_load(text_of(path))
    except yaml.YAMLError as error:
        raise BadRequest(f"{path} is neither YAML nor JSON: {error}") from error
    if not isinstance(fields, dict):
        raise BadRequest(f"{path} holds no blueprint: expected fields such as caption, lyrics and duration_s")
    return Blueprint.of(**fields)


def provenance_of(path: Path) -> Provenance | None:
    """What a file says about its making; None if melisma did not make it."""
    from melisma.audio import read_provenance

    return read_provenance(path) if path.exists() else None


def required_provenance(path: Path) -> Provenance:
    """As `provenance_of`, for commands that are nothing without it."""
    if not path.exists():
        raise BadRequest(f"no such file: {path}. Check the path")
    known = provenance_of(path)
    if known is None:
        raise BadRequest(
            f"{path} does not say how it was made: use a file that melisma wrote, or `melisma cover` for other audio"
        )
    return known
