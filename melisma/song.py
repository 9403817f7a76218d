"""The four types that are saved and sent: what was asked, what was planned, what was played, what was kept.

`SongRequest` → `Blueprint` → `Take` → `Song`. They are frozen pydantic models, defined once: the command line, HTTP,
files on disk and the web client all use them, and each survives a JSON round trip. `None` always means "you choose".
Variants are types: a `Repaint` has a region, a `Cover` has a strength, and a combination that makes no sense cannot
be built. Times are seconds (`_s`), tempo is beats per minute (`bpm`), loudness LUFS, true peak dBTP.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from melisma.errors import BadRequest
from melisma.notation import Score

# fmt: off
LANGUAGES = (
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr", "ht", "hu",
    "id", "is", "it", "ja", "ko", "la", "lt", "ms", "ne", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sa", "sk", "sr",
    "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yue", "zh", "unknown",
)
Track = Literal[
    "woodwinds", "brass", "fx", "synth", "strings", "percussion", "keyboard", "guitar", "bass", "drums", "backing_vocals",
    "vocals",
]
# fmt: on
TRACKS: tuple[Track, ...] = get_args(Track)
METERS = (2, 3, 4, 6)
INSTRUMENTAL = "[Instrumental]"

MIN_DURATION_S, MAX_DURATION_S = 1.0, 600.0
# How long a song is when neither the person, nor a source, nor a planner says so.
DEFAULT_DURATION_S = 30.0
MAX_CAPTION, MAX_LYRICS = 2000, 10_000

_KEY = re.compile(r"^\s*([A-Ga-g])\s*(#|♯|sharp|b|♭|flat)?\s*[- ]?\s*(major|minor|maj|min|m|M)?\s*$")
_ACCIDENTAL = {None: "", "#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}


class Model(BaseModel):
    """Base of the central types: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Build one; a bad value raises `BadRequest` with one line per problem instead of pydantic's error."""
        try:
            return cls(**fields)
        except ValidationError as error:
            raise BadRequest(explain(error)) from error


def canonical_key(text: str) -> str:
    """Spell a key as checkpoints know it: "f# minor", "F♯m", "Gbmaj" → "F# minor", "Gb major".

    Raises ValueError with the allowed form if `text` names no key.
    """
    found = _KEY.match(text)
    if not found:
        raise ValueError(
            f"unknown key {text!r}: write a note A–G, an optional # or b, and major or minor, as in 'F# minor'"
        )
    note, accidental, mode = found.groups()
    minor = mode in ("minor", "min", "m")
    return f"{note.upper()}{_ACCIDENTAL[accidental]} {'minor' if minor else 'major'}"


class AudioRef(Model):
    """A piece of audio by where it lies, and what is known of it.

    The command line refers to files by `path`; the studio's library refers to uploads by `sha256` and never takes a path.
    """

    path: Path | None = Field(None, description="File on this machine.")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="Content address in the library.")
    format: str | None = Field(None, description="File format, as in 'flac'.")
    sample_rate: int | None = Field(None, gt=0, description="Samples per second.")
    duration_s: float | None = Field(None, ge=0, description="Length in seconds.")
    lufs: float | None = Field(None, description="Integrated loudness, LUFS; None if too quiet or short to say.")
    true_peak_dbtp: float | None = Field(None, description="True peak in dBTP.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is None and self.sha256 is None:
            raise ValueError("an audio reference needs a path or a sha256: name a file, or an item of the library")
        return self

    def __str__(self) -> str:
        return str(self.path or self.sha256)


# --- Tasks: one type per verb ---------------------------------------------------------------------------------------

Share = Annotated[float, Field(ge=0, le=1)]


def refuse_backwards(what: str, start_s: float, end_s: float | None) -> None:
    """Raise ValueError unless a stretch of music ends after its start."""
    if end_s is not None and end_s <= start_s:
        raise ValueError(
            f"the {what} ends at {end_s} s, not after its start at {start_s} s: give end_s > start_s, or leave it out"
        )


class Compose(Model):
    """Make a song from words (officially text2music)."""

    kind: Literal["compose"] = "compose"


class Cover(Model):
    """Re-imagine existing music, keeping its outline."""

    kind: Literal["cover"] = "cover"
    source: AudioRef = Field(description="The music to re-imagine.")
    strength: Share = Field(1.0, description="Share of sampling steps that hear the source, 0–1; 1 is nearest to it.")
    noise_strength: Share = Field(
        0.0,
        description="Start this far towards the source instead of from pure noise, 0–1; 0 is off, 1 barely changes it.",
    )
    semantic: bool = Field(
        True,
        description="Hear the source as 5 Hz semantic codes (melody and structure). False: as plain latents, much nearer.",
    )


class Repaint(Model):
    """Make one region again; everything outside it stays as it is. A region past either end outpaints."""

    kind: Literal["repaint"] = "repaint"
    source: AudioRef = Field(description="The music to repaint.")
    start_s: float = Field(description="Start of the region in seconds; below 0 adds music before the source.")
    end_s: float | None = Field(
        None, description="End of the region in seconds; None is the end of the source; beyond adds music."
    )
    strength: Share = Field(
        0.5,
        description="How freely the region may depart from what surrounds it, 0–1: 0 conservative, 1 aggressive.",
    )
    crossfade_s: float | None = Field(
        None,
        ge=0,
        le=5,
        description="Crossfade in the waveform, outside the region, in seconds; None follows the strength.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        refuse_backwards("region", self.start_s, self.end_s)
        return self


class Extend(Model):
    """Continue a song past its end, or let it begin earlier."""

    kind: Literal["extend"] = "extend"
    source: AudioRef = Field(description="The music to continue.")
    before_s: float = Field(0.0, ge=0, le=MAX_DURATION_S, description="Seconds of new music before the source.")
    after_s: float = Field(0.0, ge=0, le=MAX_DURATION_S, description="Seconds of new music after the source.")

    @model_validator(mode="after")
    def _longer(self) -> Self:
        if self.before_s + self.after_s <= 0:
            raise ValueError("extend by 0 s changes nothing: give before_s or after_s, in seconds")
        return self


class Extract(Model):
    """Separate one track out of a mix."""

    kind: Literal["extract"] = "extract"
    source: AudioRef = Field(description="The mix.")
    track: Track = Field(description="The track to extract.")


class Lego(Model):
    """Add one track that hears the rest."""

    kind: Literal["lego"] = "lego"
    source: AudioRef = Field(description="The music to add to.")
    track: Track = Field(description="The track to make.")
    part: str | None = Field(
        None,
        max_length=MAX_CAPTION,
        description="The new track in words, for checkpoints tuned on stems; None: its name.",
    )
    start_s: float = Field(0.0, ge=0, description="Where the new track begins, in seconds.")
    end_s: float | None = Field(
        None, gt=0, description="Where the new track ends, in seconds; None is the end of the source."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        refuse_backwards("track", self.start_s, self.end_s)
        return self


class Complete(Model):
    """Play the band around an existing track."""

    kind: Literal["complete"] = "complete"
    source: AudioRef = Field(description="The track that is there already.")
    tracks: tuple[Track, ...] = Field((), description="Tracks to add; empty leaves the choice to the model.")


class Edit(Model):
    """Change the words or the style of existing music along the flow (FlowEdit, arXiv 2412.08629)."""

    kind: Literal["edit"] = "edit"
    source: AudioRef = Field(description="The music to edit.")
    source_caption: str = Field(max_length=MAX_CAPTION, description="What the source sounds like now.")
    source_lyrics: str | None = Field(
        None, max_length=MAX_LYRICS, description="What is sung now; None: the same words as asked for."
    )
    window: tuple[Share, Share] = Field(
        (0.0, 1.0), description="Share of the steps between which both flows are compared."
    )
    draws: int = Field(1, ge=1, le=16, description="Noise draws averaged per step; more is steadier and slower.")

    @model_validator(mode="after")
    def _window_ordered(self) -> Self:
        if self.window[0] > self.window[1]:
            raise ValueError(
                f"the window {self.window} ends before it starts: give (start, end) with 0 ≤ start ≤ end ≤ 1"
            )
        return self


Playable = Annotated[Compose | Cover | Repaint | Extend | Extract | Lego | Complete | Edit, Field(discriminator="kind")]


class Retake(Model):
    """Play the same request near to an existing take: its noise, turned a little towards new noise."""

    kind: Literal["retake"] = "retake"
    again: Playable = Field(Compose(), description="The task that made the take.")
    seed: int = Field(ge=0, lt=2**63, description="Seed of the take to stay near to.")
    variance: Share = Field(0.2, description="How far to depart, 0–1: 0 is the same take, 1 an unrelated one.")


Task = Annotated[
    Compose | Cover | Repaint | Extend | Extract | Lego | Complete | Edit | Retake,
    Field(discriminator="kind"),
]
TaskName = Literal["compose", "cover", "repaint", "extend", "extract", "lego", "complete", "edit", "retake"]


# --- Options --------------------------------------------------------------------------------------------------------


class Options(Model):
    """Base of options in which every field may be left open."""

    def over(self, other: Self) -> Self:
        """These options, with every blank filled from `other`."""
        blanks = {name: getattr(other, name) for name in type(self).model_fields if getattr(self, name) is None}
        return self.model_copy(update=blanks)


class Wavelets(Model):
    """DCW: after each step, push wavelet bands of the latents away from the clean estimate (off unless asked for)."""

    mode: Literal["low", "high", "double", "pix"] = Field(
        "double", description="Bands to correct; 'pix' works without a transform."
    )
    scale: float = Field(0.05, description="Strength on the low band (or on all for 'high' and 'pix').")
    high_scale: float = Field(0.02, description="Strength on the high band in mode 'double'.")
    wavelet: str = Field("haar", description="Any discrete wavelet that PyWavelets knows.")


class SamplingOptions(Options):
    """How noise is walked to music. Blanks come from the checkpoint's preference."""

    steps: int | None = Field(None, ge=1, le=200, description="Denoising steps.")
    shift: float | None = Field(
        None,
        gt=0,
        le=20,
        description="Timestep shift s in t' = s·t / (1 + (s−1)·t); higher spends more steps on structure.",
    )
    timesteps: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = Field(
        None,
        min_length=1,
        max_length=201,
        description="Own descending schedule, 1 = noise … 0 = music; overrides steps and shift.",
    )
    solver: Literal["euler", "heun", "dpm2m", "pingpong"] | None = Field(
        None,
        description="euler and heun follow the ODE, dpm2m is multistep, pingpong (SDE) draws fresh noise each step.",
    )
    guidance: float | None = Field(
        None, ge=0, le=30, description="Guidance scale; 1 is off. Distilled (turbo) checkpoints use 1."
    )
    guidance_method: Literal["apg", "cfg", "adg", "cfg_star"] | None = Field(
        None,
        description="Adaptive projected, classifier-free, or angle domain guidance; 'cfg_star' (first generation) fits the null velocity first.",
    )
    guidance_interval: tuple[Share, Share] | None = Field(
        None, description="Flow times (low, high) between which guidance acts; 1 is noise."
    )
    guidance_share: Share | None = Field(
        None, description="First generation: share of the steps, in the middle of the walk, that are guided."
    )
    guidance_decay: Share | None = Field(
        None, description="First generation: how far guidance falls towards its floor while it acts; 0 is not at all."
    )
    guidance_floor: float | None = Field(
        None, ge=0, le=200, description="First generation: where decaying guidance would end."
    )
    guidance_text: float | None = Field(
        None,
        ge=0,
        le=30,
        description="First generation: guidance towards the description alone. With 'guidance_lyrics', both above 1, in place of 'guidance'.",
    )
    guidance_lyrics: float | None = Field(
        None, ge=0, le=30, description="First generation: guidance from the description towards the words."
    )
    weakened: tuple[Literal["text", "lyrics", "blocks"], ...] | None = Field(
        None,
        description="First generation: what guidance leans away from hears these without grasping them, not without them (ERG).",
    )
    granularity: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="First generation: below 0 evens the movement of the latents out, above 0 sharpens it.",
    )
    compat: Literal["official"] | None = Field(
        None,
        description="First generation: 'official' repeats the mistakes of its own code, to make a song again exactly.",
    )
    velocity_clamp: float | None = Field(None, ge=0, description="Limit of |velocity| / |latent|; 0 is off.")
    velocity_momentum: float | None = Field(
        None, ge=0, lt=1, description="Share of the last step's velocity carried over; 0 is off."
    )
    dcw: Wavelets | None = Field(None, description="Wavelet correction; None is off.")
    latent_shift: float | None = Field(None, ge=-1, le=1, description="Added to the finished latents, after rescaling.")
    latent_rescale: float | None = Field(None, gt=0, le=4, description="Multiplies the finished latents.")


class PlanningOptions(Options):
    """How blanks are filled before singing. Blanks mean: use a planner if one is here."""

    use_planner: bool | None = Field(
        None,
        description="Ask the language model for blanks; None: if one is installed and the task has blanks.",
    )
    planner: str | None = Field(
        None,
        min_length=1,
        description="Planner by catalogue name or path; None: the one that goes with the checkpoint.",
    )
    codes: bool | None = Field(
        None, description="Let the planner write 5 Hz semantic codes too; None: if the checkpoint prefers it."
    )
    reasoning: bool | None = Field(
        None,
        description="Let the planner write metadata before codes; None is yes, False leaves blanks to the generator.",
    )
    enrich_caption: bool | None = Field(
        None, description="Let the planner describe the music in more detail; None is yes, False keeps your words."
    )
    name_style: bool | None = Field(
        None,
        description="Tell the planner which style your words suggest; None is no. For planners that know few words.",
    )
    polish: bool | None = Field(
        None, description="Let the planner rewrite caption and lyrics before anything else; None is no."
    )
    seed: int | None = Field(
        None, ge=0, lt=2**63, description="Seed of the planner's sampling; None: the first take's, or drawn."
    )
    temperature: float | None = Field(
        None, ge=0, le=2, description="How freely the planner chooses; 0 always takes the likeliest. None is 0.85."
    )
    top_k: int | None = Field(None, ge=1, description="Choose among the k likeliest tokens only; None: no limit.")
    top_p: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Choose among the likeliest tokens that make up this share; None is 0.9, 1 is off.",
    )
    guidance: float | None = Field(
        None, ge=1, le=10, description="How strongly codes follow the words; 1 is off and twice as fast. None is 2."
    )
    repetition_penalty: float | None = Field(
        None,
        ge=1,
        le=2,
        description="Above 1, audio codes that a take has already are less likely again. None is 1, off.",
    )
    negative: str | None = Field(
        None, max_length=MAX_CAPTION, description="What the codes should lead away from, in words."
    )


class FinishOptions(Options):
    """What happens to the sound after decoding."""

    master: bool | None = Field(
        None,
        description="Bring to loudness and limit true peaks; None is yes, False leaves the samples as decoded.",
    )
    lufs: float | None = Field(None, ge=-40, le=-5, description="Integrated loudness to reach, LUFS; None is -14.")
    true_peak_dbtp: float | None = Field(None, ge=-20, le=0, description="True-peak ceiling, dBTP; None is -1.")
    fade_in_s: float | None = Field(None, ge=0, le=60, description="Fade in, seconds; None is 0.")
    fade_out_s: float | None = Field(None, ge=0, le=60, description="Fade out, seconds; None is 0.")


class Adapter(Model):
    """A LoRA or LoKr by name, hub id or path, and how strongly it speaks."""

    name: str = Field(min_length=1, description="Catalogue name, hub id or path.")
    weight: float = Field(1.0, ge=-4, le=4, description="Strength; 1 is as trained.")


# --- The four central types -----------------------------------------------------------------------------------------

Bpm = Annotated[int, Field(ge=30, le=300)]
Duration = Annotated[float, Field(ge=MIN_DURATION_S, le=MAX_DURATION_S)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class SongRequest(Model):
    """What a person asked. `None` means "you choose"."""

    task: Task = Field(Compose(), description="What to do: compose, cover, repaint, …")
    caption: str = Field("", max_length=MAX_CAPTION, description="The music in words: genre, instruments, mood, voice.")
    lyrics: str | None = Field(
        None, max_length=MAX_LYRICS, description="Words to sing, with [verse]-like tags on their own lines."
    )
    instrumental: bool | None = Field(
        None, description="True: nobody sings. None: instrumental unless there are lyrics or a planner."
    )
    language: str | None = Field(None, description="Language of the lyrics as a code such as 'en'.")
    bpm: Bpm | None = Field(None, description="Tempo in beats per minute, 30–300.")
    key: str | None = Field(None, description="Key, as in 'F# minor'.")
    meter: Literal[2, 3, 4, 6] | None = Field(None, description="Beats in a bar: 2, 3, 4, or 6 for 6/8.")
    duration_s: Duration | None = Field(
        None, description="Length in seconds, 1–600; tasks with a source take its length."
    )
    reference: AudioRef | None = Field(None, description="Audio whose timbre to borrow.")
    takes: int = Field(1, ge=1, le=64, description="How many takes to make.")
    seeds: tuple[Seed, ...] | None = Field(
        None, min_length=1, max_length=64, description="One seed per take; None: drawn."
    )
    planning: PlanningOptions = PlanningOptions()
    sampling: SamplingOptions = SamplingOptions()
    finish: FinishOptions = FinishOptions()
    model: str | None = Field(
        None, description="Checkpoint by catalogue name, hub id or path; None: the best one here."
    )
    adapters: tuple[Adapter, ...] = Field((), description="LoRA or LoKr adapters to sing with.")

    @field_validator("key", mode="before")
    @classmethod
    def _key(cls, value: Any) -> Any:
        return canonical_key(value) if isinstance(value, str) else value

    @field_validator("language")
    @classmethod
    def _language(cls, value: str | None) -> str | None:
        if value is not None and value not in LANGUAGES:
            raise ValueError(f"unknown language {value!r}: use one of {' '.join(LANGUAGES)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _as_many_takes_as_seeds(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("seeds") is not None and "takes" not in values:
            return {**values, "takes": len(values["seeds"])}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.seeds is not None and len(self.seeds) != self.takes:
            raise ValueError(f"{len(self.seeds)} seeds for {self.takes} takes: give one seed per take, or no seeds")
        if self.instrumental and not wordless(self.lyrics or ""):
            raise ValueError(
                "an instrumental song with lyrics: leave out the lyrics, or do not ask for an instrumental"
            )
        return self

    @property
    def played(self) -> Playable:
        """The task, or the one that a retake plays again."""
        return self.task.again if isinstance(self.task, Retake) else self.task

    def with_sounds(self, change: Callable[[AudioRef, str], AudioRef]) -> Self:
        """The same, with every sound it names changed; `change` is told which it is: the "source" or the "reference"."""
        task: Task = self.task
        if not isinstance(self.played, Compose):
            played = self.played.model_copy(update={"source": change(self.played.source, "source")})
            task = task.model_copy(update={"again": played}) if isinstance(task, Retake) else played
        reference = self.reference and change(self.reference, "reference")
        return self.model_copy(update={"task": task, "reference": reference})


Decider = Literal["person", "planner", "default", "source", "generator"]


def wordless(lyrics: str) -> bool:
    """Whether lyrics say that nobody sings: there are none, or only a mark."""
    return lyrics.strip().lower() in ("", "[inst]", INSTRUMENTAL.lower())


class Blueprint(Model):
    """The song as planned, before a note is played; may be read, edited and sung again.

    A musical field that stays `None` is left to the generator on purpose: the checkpoints are trained with such blanks,
    and an invented tempo would be worse than none.
    """

    caption: str = Field(description="The music in words.")
    lyrics: str = Field(description="Words with section tags, or '[Instrumental]'.")
    language: str = Field("unknown", description="Language code of the lyrics.")
    bpm: Bpm | None = Field(None, description="Tempo in beats per minute.")
    key: str | None = Field(None, description="Key, as in 'F# minor'.")
    meter: Literal[2, 3, 4, 6] | None = Field(None, description="Beats in a bar.")
    duration_s: float = Field(gt=0, le=2 * MAX_DURATION_S, description="Length in seconds.")
    codes: tuple[Annotated[int, Field(ge=0, lt=64_000)], ...] | None = Field(
        None, description="5 Hz semantic codes, or none."
    )
    score: Score | None = Field(
        None, description="The song written down, for checkpoints that follow a score; edit a chord and sing it again."
    )
    decided_by: dict[str, Decider] = Field(default_factory=dict, description="Who decided each field.")

    @field_validator("key", mode="before")
    @classmethod
    def _key(cls, value: Any) -> Any:
        return canonical_key(value) if isinstance(value, str) else value

    @property
    def instrumental(self) -> bool:
        """Whether nobody sings."""
        return wordless(self.lyrics)


class TimedLine(Model):
    """One line of lyrics, or a section tag, in time."""

    text: str = Field(description="The line.")
    start_s: float = Field(description="Where it begins, seconds.")
    end_s: float = Field(description="Where it ends, seconds.")


class Take(Model):
    """One rendering, reproducible: the same request, blueprint, seed and fingerprint give the same take."""

    id: str = Field(description="Unique name.")
    seed: Seed = Field(description="Seed of this take's noise.")
    audio: AudioRef = Field(description="Where the sound lies, and its measures.")
    latents: AudioRef | None = Field(None, description="The latents it was decoded from, if kept.")
    sampling: SamplingOptions = Field(description="Sampling as it was resolved.")
    fingerprint: str = Field(description="Identifies weights, adapters and code revision.")
    timings: dict[str, float] = Field(default_factory=dict, description="Seconds per stage.")
    rating: int | None = Field(None, ge=0, le=5, description="A person's stars.")
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), description="When it was made, UTC.")


class Provenance(Model):
    """How a take came about: enough to make it again. Travels inside the audio file's tags."""

    version: str = Field(description="Version of melisma that made it.")
    request: SongRequest
    blueprint: Blueprint
    seed: Seed = Field(description="Seed of this take's noise.")
    sampling: SamplingOptions = Field(description="Sampling as it was resolved.")
    fingerprint: str = Field(description="Identifies weights, adapters and code revision.")
    reasons: tuple[str, ...] = Field((), description="What the judges found, where takes were compared.")
    lines: tuple[TimedLine, ...] = Field((), description="When each line is sung, where that was asked for.")
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), description="When it was made, UTC.")


class Song(Model):
    """A library entry."""

    id: str = Field(description="Unique name.")
    title: str = Field(description="What people call it.")
    request: SongRequest
    blueprint: Blueprint
    takes: tuple[Take, ...] = ()
    chosen_take: str | None = Field(None, description="Id of the take to play by default.")
    parent: tuple[str, str] | None = Field(None, description="Ids of the song and take this one was edited from.")
    tags: tuple[str, ...] = ()
    artwork: AudioRef | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), description="When it was made, UTC.")


def explain(error: ValidationError) -> str:
    """One line per problem: the field, what is wrong with which value, and what is allowed."""
    lines = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"] if part not in get_args(TaskName))
        listed = problem["type"] in ("tuple_type", "list_type")
        message = "give a list, such as [a, b]" if listed else problem["msg"].removeprefix("Value error, ")
        seen = problem.get("input")
        value = "" if problem["type"] == "value_error" or isinstance(seen, dict) else f": {seen!r} was given"
        lines.append(f"{field}: {message}{value}" if field else message)
    return "\n".join(lines)
