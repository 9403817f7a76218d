"""A studio for tests of the library: no worker, no passwords; the header X-User says who asks."""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from sqlalchemy import select

from melisma.audio import Waveform
from melisma.notation import Chord, Note, Score, Section, Word
from melisma.notation import Line as WrittenLine
from melisma.song import Blueprint, Provenance, SamplingOptions, SongRequest
from melisma.studio import library
from melisma.studio.context import Context
from melisma.studio.database import Database, sqlite_url
from melisma.studio.files import Files
from melisma.studio.problems import Refused
from melisma.studio.routes import playlists, songs, takes, uploads
from melisma.studio.settings import Settings
from melisma.studio.sounds import Origin, keep_sound
from melisma.studio.tables import Event, Song, Take, User

RATE = 48000
jobs = itertools.count()


@dataclass
class Shelf:
    """A library with two people: `You`, an administrator, and `Ann`."""

    client: TestClient
    database: Database
    files: Files
    people: dict[str, User]

    def song(self, title: str | None = "Waltz", owner: str = "You", **asked: Any) -> str:
        """A song without takes; returns its id."""
        with self.database.transaction() as session:
            return library.add_song(session, self.people[owner], title, SongRequest(**asked)).id

    def take(self, song_id: str, pitch_hz: float = 220.0, seconds: float = 1.0, **fields: Any) -> str:
        """A take of a song; returns its id."""
        origin = Origin(song_id, fields.pop("kind", "compose"), next(jobs), job_id=f"{next(jobs):032x}")
        sound = keep_sound(self.files, tone(pitch_hz, seconds), origin, provenance=fields.pop("provenance", None))
        with self.database.transaction() as session:
            return library.add_take(session, self.files, sound, **fields).id

    def played_song(self, title: str = "Waltz", owner: str = "You", pitch_hz: float = 220.0) -> tuple[str, str]:
        """A song with a take; both ids."""
        song_id = self.song(title, owner)
        return song_id, self.take(song_id, pitch_hz)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What was told of a kind."""
        with self.database.reading() as session:
            return list(session.scalars(select(Event.payload).where(Event.kind == kind).order_by(Event.id)))

    def take_row(self, take_id: str) -> Take:
        with self.database.reading() as session:
            found = session.get(Take, take_id)
            assert found is not None
            return found

    def song_row(self, song_id: str) -> Song | None:
        with self.database.reading() as session:
            return session.get(Song, song_id)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with its tables, to be copied: migrating takes a tenth of a second."""
    folder = tmp_path_factory.mktemp("empty")
    database = Database(sqlite_url(folder))
    database.migrate()
    database.close()
    return folder / "melisma.db"


@pytest.fixture
def shelf(tmp_path: Path, database_url: str, empty_database: Path) -> Iterator[Shelf]:
    settings = Settings(data=tmp_path, max_upload_mb=2, max_upload_s=30.0)
    database = Database(database_url)
    if database.embedded:
        shutil.copyfile(empty_database, tmp_path / "melisma.db")
    else:
        database.migrate()
    files = Files(tmp_path / "files")
    people = {"You": User(name="You", admin=True), "Ann": User(name="Ann")}
    with database.transaction() as session:
        session.add_all(people.values())
    with TestClient(app_of(Context(settings, database, files), people), raise_server_exceptions=True) as client:
        yield Shelf(client, database, files, people)
    database.close()


def app_of(context: Context, people: dict[str, User]) -> FastAPI:
    """The library's routes and nothing else."""
    app = FastAPI()
    app.state.studio = context
    for part in (songs, takes, playlists, uploads):
        app.include_router(part.router)

    @app.middleware("http")
    async def who(request: Request, call_next: Any) -> Any:
        request.state.user = people[request.headers.get("X-User", "You")]
        return await call_next(request)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"detail": error.detail, "code": error.code}, error.status)

    @app.exception_handler(RequestValidationError)
    async def misshaped(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": [one["msg"] for one in error.errors()]}, 422)

    return app


def tone(pitch_hz: float = 220.0, seconds: float = 1.0, rate_hz: int = RATE) -> Waveform:
    """A stereo tone."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    left = 0.3 * np.sin(2 * np.pi * pitch_hz * time)
    return Waveform(np.stack([left, 0.5 * left]).astype(np.float32), rate_hz)


def score() -> Score:
    """Two bars, one of them sung: "Hello there"."""
    words = (Word(text="Hello", syllables=("Hel", "lo")), Word(text="there", syllables=("there",)))
    return Score(
        bpm=120,
        meter=4,
        key="C major",
        style="folk",
        duration_s=5.0,
        sections=(Section(tag="verse", bars=1), Section(tag="chorus", bars=1)),
        chords=(Chord(symbol="C", start=0, length=8),),
        melody=(
            Note(pitch=60, start=1, length=1, syllable="Hel"),
            Note(pitch=62, start=2, length=1, syllable="lo"),
            Note(pitch=64, start=4, length=2, syllable="there"),
        ),
        lines=(WrittenLine(section=0, words=words),),
    )


def provenance(seed: int = 7, **plan: Any) -> Provenance:
    """How a take was made."""
    blueprint = Blueprint(
        **{"caption": "folk", "lyrics": "[verse]\nHello there", "duration_s": 5.0, "bpm": 120, "key": "C major"} | plan
    )
    return Provenance(
        version="0",
        request=SongRequest(caption="folk", lyrics="[verse]\nHello there"),
        blueprint=blueprint,
        seed=seed,
        sampling=SamplingOptions(steps=8),
        fingerprint="toy",
        reasons=("ends cleanly",),
    )
