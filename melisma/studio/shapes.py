"""What the studio's API takes and gives. The OpenAPI schema, and from it the page's TypeScript, follow from here.

Each noun has the shapes it needs: `…In` to create, `…Patch` to change (a field left out stays as it is), `…Out` to
show. Nothing private is in an Out. Audio is named by SHA-256 or by a take's id; a path is never taken or given.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from melisma.song import Blueprint, SamplingOptions, SongRequest, TaskName

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Title = Annotated[str, Field(min_length=1, max_length=200)]
TagName = Annotated[str, Field(min_length=1, max_length=40)]
Rating = Annotated[int, Field(ge=0, le=5)]
JobKind = Literal["sing", "plan", "understand", "pull"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
TakeKind = Literal[TaskName, "import", "selection"]
Scope = Literal["read", "make", "manage"]


UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Shape(BaseModel):
    """Base of all shapes: built from rows, no unknown fields."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", allow_inf_nan=False)


class Asked(Shape):
    """Base of what comes in: every text in it can be stored, whatever the database."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        for text in texts_in(given):
            if UNSTORABLE.search(text):
                raise ValueError("a text holds characters that are none (NUL, or half of a pair): leave them out")
        return given


def texts_in(given: Any) -> Iterator[str]:
    """Every text within JSON, names of fields included."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, dict):
        for name, value in given.items():
            yield from texts_in(name)
            yield from texts_in(value)
    elif isinstance(given, list | tuple):
        for value in given:
            yield from texts_in(value)


class Problem(Shape):
    """What every refused request answers."""

    detail: str = Field(description="What is wrong, with which value, and what to do; for people.")
    code: str | None = Field(None, description="The same for programs, as in 'not_found'.")


# --- Takes ----------------------------------------------------------------------------------------------------------


class Line(Shape):
    """A line of lyrics in time."""

    start_s: float
    end_s: float
    text: str
    section: str | None = None


class Section(Shape):
    """A part of the song in time."""

    start_s: float
    end_s: float
    name: str


class TakeEdit(Shape):
    """How a take is played and exported; the sound itself is never changed. Empty: as it was made."""

    start_s: float | None = Field(None, ge=0, description="Trim: begin here.")
    end_s: float | None = Field(None, gt=0, description="Trim: end here.")
    fade_in_s: float = Field(0.0, ge=0, le=60)
    fade_out_s: float = Field(0.0, ge=0, le=60)
    gain_db: float = Field(0.0, ge=-40, le=20)


class TakeOut(Shape):
    """A take."""

    id: str
    song_id: str
    job_id: str | None
    number: int
    parent_id: str | None = Field(description="The take this one was edited from.")
    kind: str = Field(description="The task that made it, or 'import' or 'selection'.")
    title: str
    sha256: Sha = Field(description="Content address of the sound; a task's source names it.")
    format: str
    sample_rate: int
    duration_s: float
    lufs: float | None
    true_peak_dbtp: float | None
    seed: str | None = Field(description="A decimal number, as text: it may be larger than JavaScript counts.")
    request: dict[str, Any] | None
    blueprint: dict[str, Any] | None
    reasons: list[str] = Field(description="What the judges found, in words.")
    lines: list[Line]
    sections: list[Section]
    edit: TakeEdit
    rating: int | None
    created_at: datetime
    discarded_at: datetime | None


class TakePatch(Asked):
    """Changes to a take."""

    title: str | None = Field(None, max_length=200)
    rating: Rating | None = None
    edit: TakeEdit | None = None


class SelectionIn(Asked):
    """A stretch of a take that becomes a take of its own, in the same song."""

    start_s: float = Field(ge=0)
    end_s: float = Field(gt=0)
    title: str = Field("", max_length=200)


class PeaksOut(Shape):
    """A waveform to look at: loudest absolute value per bucket, 0–1."""

    duration_s: float
    peaks: list[float]


# --- Songs ----------------------------------------------------------------------------------------------------------


class SongCard(Shape):
    """A song in a list."""

    id: str
    title: str
    caption: str
    tags: list[str]
    language: str | None
    bpm: int | None
    key: str | None
    meter: int | None
    duration_s: float | None
    model: str | None
    favourite: bool
    rating: int | None
    shared: bool
    mine: bool
    chosen_take_id: str | None
    edit: TakeEdit | None = Field(description="How its chosen take is played.")
    takes: int = Field(description="How many takes it has, discarded ones not counted.")
    artwork: Sha | None = Field(description="Changes when the picture does: use it to break caches.")
    revision: int
    created_at: datetime
    updated_at: datetime
    played_at: datetime | None
    deleted_at: datetime | None


class SongOut(SongCard):
    """A song with everything in it."""

    lyrics: str
    parent_take_id: str | None
    parent_song_id: str | None
    all_takes: list[TakeOut]
    jobs: list["JobOut"] = Field(description="Jobs of this song that are not done.")


class SongPatch(Asked):
    """Changes to a song. `revision` names the state that was looked at; another one answers 409."""

    revision: int | None = None
    title: Title | None = None
    tags: list[TagName] | None = Field(None, max_length=50)
    favourite: bool | None = None
    rating: Rating | None = None
    shared: bool | None = None
    chosen_take_id: str | None = None
    lyrics: str | None = Field(None, max_length=10_000)


class KeepIn(Asked):
    """Takes to keep; all others of the song are discarded (and can be restored)."""

    take_ids: list[str] = Field(min_length=1)


class SongPage(Shape):
    """A stretch of a list of songs."""

    items: list[SongCard]
    total: int


class ImportIn(Asked):
    """An upload that becomes a song."""

    upload_id: str
    title: Title | None = None


class TagOut(Shape):
    """A tag and how many songs carry it."""

    name: str
    songs: int


class PlaylistIn(Asked):
    """A new playlist."""

    name: Annotated[str, Field(min_length=1, max_length=120)]


class PlaylistPatch(Asked):
    """Changes to a playlist; `song_ids` is the whole new order."""

    name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    shared: bool | None = None
    song_ids: list[str] | None = Field(None, max_length=5000)


class PlaylistOut(Shape):
    """A playlist."""

    id: str
    name: str
    shared: bool
    mine: bool
    song_ids: list[str]
    duration_s: float
    created_at: datetime
    updated_at: datetime


class UploadOut(Shape):
    """Audio that a person brought."""

    id: str
    sha256: Sha
    name: str
    format: str
    sample_rate: int
    channels: int
    duration_s: float
    created_at: datetime


# --- Jobs -----------------------------------------------------------------------------------------------------------


class SingIn(Asked):
    """Makes a song, or more takes of one."""

    request: SongRequest
    blueprint: Blueprint | None = Field(None, description="A plan to sing as it is, perhaps edited by hand.")
    song_id: str | None = Field(None, description="The song that gets the takes; none: a new one.")
    parent_take_id: str | None = Field(None, description="The take that is edited.")
    title: Title | None = None
    keep: int | None = Field(None, ge=1, le=64, description="Show the best n first and discard the others.")
    priority: int = Field(0, ge=-10, le=10)


class PlanIn(Asked):
    """Drafts a blueprint."""

    request: SongRequest


class UnderstandIn(Asked):
    """Listens to audio and describes it."""

    sha256: Sha


class JobPatch(Asked):
    """Changes to a waiting job."""

    priority: int | None = Field(None, ge=-10, le=10)
    move: Literal["sooner", "later"] | None = Field(None, description="Change places with your next job that way.")


class JobOut(Shape):
    """A job. Fields about progress mean something while it runs."""

    id: str
    kind: JobKind
    title: str
    song_id: str | None
    parent_take_id: str | None
    state: JobState
    position: int | None = Field(description="Jobs before this one, while it waits.")
    stage: str | None
    step: int
    steps: int
    take_number: int
    takes: int = Field(description="How many takes it makes.")
    seconds_left: float | None
    error: str | None = Field(description="Why it failed and what to do, for people.")
    result: dict[str, Any] | None = Field(description="plan: {blueprint}. understand: caption, bpm, …")
    priority: int
    attempts: int
    cancel_requested: bool
    mine: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobNoteOut(Shape):
    """A line of a job's log."""

    at: datetime
    text: str


# --- People ---------------------------------------------------------------------------------------------------------


class InvitationOut(Shape):
    """Where others find this studio."""

    url: str
    picture: list[str] = Field(description="A QR code of it: rows of 1 (dark) and 0, without the quiet zone around it.")


class UserOut(Shape):
    """A person."""

    id: str
    name: str
    admin: bool
    created_at: datetime


class MeOut(Shape):
    """Who is asking, and what this studio wants of them."""

    user: UserOut | None
    open: bool = Field(description="No account is needed here.")
    setup_needed: bool = Field(description="Nobody has an account yet: the first one made is the owner's.")
    csrf: str | None = Field(description="To be sent back as the header X-CSRF-Token with every change.")
    version: str
    settings: dict[str, Any] = Field(description="What the page remembers for this person.")


class LoginIn(Asked):
    """A name and a password."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class SetupIn(LoginIn):
    """The first account; `passcode` is printed where the studio was started."""

    password: Annotated[str, Field(min_length=8, max_length=200)]
    passcode: str = Field(max_length=40)


class UserIn(Asked):
    """A new account."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    password: Annotated[str, Field(min_length=8, max_length=200)]
    admin: bool = False


class PasswordIn(Asked):
    """A new password."""

    old: str = Field("", max_length=200)
    new: Annotated[str, Field(min_length=8, max_length=200)]


class NewPasswordIn(Asked):
    """A new password for somebody else."""

    new: Annotated[str, Field(min_length=8, max_length=200)]


class TokenIn(Asked):
    """A new key for a program."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    scopes: list[Scope] = Field(min_length=1)
    days: int | None = Field(None, ge=1, le=3650)


class TokenOut(Shape):
    """A key; its secret is shown once, when it is made."""

    id: str
    name: str
    scopes: list[Scope]
    secret: str | None = None
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


# --- Machine --------------------------------------------------------------------------------------------------------


class ModelOut(Shape):
    """A checkpoint of the catalogue."""

    name: str
    about: str
    role: str
    family: str
    here: bool
    bundled: bool
    removable: bool = Field(
        description="Whether it can be removed from here: what was fetched, not what was put by hand."
    )
    generates: bool
    size_bytes: int | None
    on_disk_bytes: int | None
    licence: str
    tasks: list[TaskName]
    fits: bool | None = Field(description="Whether this machine's memory holds it.")
    pulling: str | None = Field(description="Id of the job that is fetching it.")


class DefaultsOut(Shape):
    """What 'auto' means with a checkpoint."""

    model: str
    notice: str | None
    tasks: list[TaskName]
    sampling: SamplingOptions
    planner: str | None
    follows_score: bool
    instruments: list[str] = Field(description="Who may play in its scores; none where it follows no score.")
    tracks: list[str]
    languages: list[str]
    adapters: list[str]
    min_duration_s: float
    max_duration_s: float
    duration_s: float


class MachineOut(Shape):
    """This machine and what runs on it."""

    version: str
    device: str
    memory_bytes: int
    memory_free_bytes: int
    accelerator_bytes: int | None
    cores: int
    data_folder: str = Field(description="Shown to administrators only; empty for others.")
    disk_free_bytes: int
    library_bytes: int
    songs: int
    worker: Literal["starting", "idle", "busy", "down"]
    resident: list[str] = Field(description="Models held in memory.")
    report: str = Field(description="Text to paste into an issue.")


class HealthOut(Shape):
    """The server answers."""

    status: Literal["ok"]
    version: str


class ReadyOut(Shape):
    """Whether the server can take work: what was looked at, and what is wrong with it (null: nothing)."""

    ready: bool
    checks: dict[str, str | None]


class ExampleOut(Shape):
    """Something to try."""

    caption: str
    lyrics: str | None = None
    title: str
