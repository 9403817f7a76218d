"""The worker: the one process that imports torch, takes jobs from the queue, and plays.

`python -m melisma.studio.worker` is started and watched by the server (`supervisor`). The first line on its standard
input is the settings; every further line means "look at the queue", and the end of the input means "stop": finish the
step, put the job back, leave. On its standard output a line "look" tells the server that something was published. Both
are only doorbells; what counts is in the database, which is also looked at once a second. A line "alive" once a second is
the worker's pulse. It stops when the process hangs, and when a job has not moved for so long that it must be stuck; then
the server ends this worker and starts another.

A take is stored as soon as it is sung: the file first, then its row and its event in one transaction that also checks
that the job is still ours. A job that was broken off goes on with the first take that is missing.
"""

import errno
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import psutil
import torch
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from melisma import audio
from melisma.engine import Band, Rehearsal, Rendering, agreed, judged, planned, rehearse, strangers
from melisma.errors import Cancelled, MelismaError, MissingModel, OutOfMemory
from melisma.generators.v15 import V15
from melisma.listen import Listener
from melisma.models import hub
from melisma.models.catalogue import named, with_needs
from melisma.models.devices import room
from melisma.models.machine import examine
from melisma.models.places import place_of
from melisma.models.store import Parts, Store
from melisma.planning import understand as describe
from melisma.ranking.judges import Verdict
from melisma.ranking.order import order
from melisma.song import AudioRef, Blueprint, SongRequest
from melisma.studio import facts, jobs, library, logs
from melisma.studio.artwork import artwork
from melisma.studio.database import Database, sqlite_url
from melisma.studio.events import publish
from melisma.studio.files import Files
from melisma.studio.jobs import Lane, Lost
from melisma.studio.problems import NotHere
from melisma.studio.settings import Settings
from melisma.studio.sounds import Origin, keep_sound
from melisma.studio.tables import File, Job, Song, Take, new_id, now
from melisma.tasks.canvas import Desk

T = TypeVar("T")
POLL_S = 1.0
# Progress is written this often at most.
WRITE_S = 0.2
PULSE_S = 1.0
# How long a worker may take to leave after the server is gone: loading a large model cannot be interrupted.
LEAVE_S = 20.0
# Generators kept ready. Their weights are maps of files, so a third is loaded in seconds; adapters are what costs.
WARM = 2
FULL = (errno.ENOSPC, errno.EDQUOT)
# Under this and the take's number a job's memo holds what the judges said.
VERDICTS = "verdicts of take "
# What a torch without memory says on the CPU, where it has no error of its own.
NO_MEMORY = "can't allocate memory"
PLANNED_S = 120.0
log = logging.getLogger(__name__)


class Leaving(Cancelled):
    """The worker was told to stop: the job goes back into the queue."""


# --- Progress -------------------------------------------------------------------------------------------------------


class Paces:
    """How long things take with each model, learned as they happen: seconds per second of music."""

    def __init__(self, known: dict[str, float]) -> None:
        self.known = dict(known)

    def learn(self, model: str, what: str, seconds: float) -> None:
        """Something took so long; what was known counts as much as what is new."""
        key = f"{model} {what}"
        self.known[key] = (self.known.get(key, seconds) + seconds) / 2

    def of(self, model: str, what: str) -> float | None:
        """Seconds per second of music; None before the first time."""
        return self.known.get(f"{model} {what}")


class Ear(Listener):
    """Hears what the engine does for one job; a thread beside it writes that down. Stops the engine when it is told to."""

    def __init__(self, job_id: str, timings: facts.Timings, leaving: threading.Event, changed: threading.Event) -> None:
        self.job_id = job_id
        self.timings = timings
        self.leaving = leaving
        self.changed = changed
        self.cancelled = self.lost = False
        self.name: str | None = None
        self.at = self.of = 0
        self.since = self.moved = time.monotonic()
        self.take_number = 0
        self.left: Callable[[], float | None] = self.evenly
        self.notes: list[str] = []

    def stage(self, name: str, steps: int = 1) -> None:
        self.over()
        self.name, self.at, self.of, self.since = name, 0, steps, time.monotonic()
        self.tell()

    def step(self) -> None:
        self.at = min(self.at + 1, self.of)
        self.tell()

    def note(self, message: str) -> None:
        self.notes.append(message)
        self.tell()

    def tell(self) -> None:
        """Have the state written, and stop if that is what is wanted."""
        self.moved = time.monotonic()
        self.changed.set()
        if self.lost:
            raise Lost(self.job_id)
        if self.cancelled:
            raise Cancelled("The job was cancelled.")
        if self.leaving.is_set():
            raise Leaving("The studio is closing.")

    def over(self) -> None:
        """The stage has ended."""
        if self.name is not None:
            self.timings.stage(self.name, self.spent())
        self.name = None

    def spent(self) -> float:
        """Seconds in this stage."""
        return time.monotonic() - self.since

    def evenly(self) -> float | None:
        """Seconds left if the rest of the stage goes as the stage went; None where nobody knows."""
        return (self.of - self.at) * self.spent() / self.at if self.at and self.of > 1 else None

    def write(self, session: Session, worker: str) -> None:
        """Write the state into the job, and hear whether it is to be cancelled."""
        job = jobs.held(session, self.job_id, worker)
        notes, self.notes = self.notes, []
        for text in notes:
            jobs.note(session, self.job_id, text)
        left = self.left()
        job.stage, job.step, job.steps, job.take_number = self.name, self.at, self.of, self.take_number
        job.seconds_left = None if left is None else round(left, 1)
        self.cancelled = self.cancelled or job.cancel_requested
        if session.is_modified(job):
            jobs.tell(session, job)


# --- The band -------------------------------------------------------------------------------------------------------


class Players:
    """The models, and which of them are kept ready: those used last."""

    def __init__(self, device: str | None, memory: str | None) -> None:
        self.device, self.memory = device, memory
        self.store = Store(device, memory)
        self.warm: OrderedDict[tuple[object, ...], str] = OrderedDict()

    def band(self, request: SongRequest, listen: Listener) -> Band:
        """The band of a request; the one that was not used for longest goes where there are too many."""
        parts = self.store.find(request.model)
        key = key_of(parts, request)
        while key not in self.warm and len(self.warm) >= WARM:
            self.store.drop(self.warm.popitem(last=False)[0])
        if key not in self.warm:
            gc.collect()
            listen.stage(f"load {parts.name}")
        band = Band.of(request, self.store)
        self.warm[key] = parts.name
        self.warm.move_to_end(key)
        return band

    def name_of(self, request: SongRequest) -> str:
        """Which model a request means."""
        return self.store.find(request.model).name

    def resident(self) -> list[str]:
        """Names of the models that are ready, the last used first."""
        return list(dict.fromkeys(reversed(self.warm.values())))

    def make_room(self) -> bool:
        """Let go of everything, and from now on keep one network at a time; False where that is the rule already."""
        self.forget()
        frugal = self.store.memory.policy.rule != "one"
        if frugal:
            self.store = Store(self.device, "one")
        return frugal

    def forget(self) -> None:
        """Let go of everything."""
        self.warm.clear()
        self.store.forget()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def key_of(parts: Parts, request: SongRequest) -> tuple[object, ...]:
    """Under what the store keeps the generator of a request (`engine.Band.of`)."""
    return ("generator", parts.root, request.adapters)


@contextmanager
def memory_named() -> Iterator[None]:
    """Every way of running out of memory as OutOfMemory."""
    try:
        yield
    except OutOfMemory:
        raise
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        known = isinstance(error, torch.OutOfMemoryError | MemoryError) or NO_MEMORY in str(error)
        if not known:
            raise
        raise OutOfMemory("there was not enough memory: make it shorter, or choose a smaller model") from error


# --- The worker -----------------------------------------------------------------------------------------------------


class Worker:
    """Does jobs until it is told to leave. `voice` is where doorbells are rung."""

    def __init__(self, settings: Settings, voice: IO[str]) -> None:
        self.settings = settings
        self.voice = voice
        self.speaking = threading.Lock()
        self.name = new_id()
        self.database = Database(settings.database or sqlite_url(settings.data))
        self.database.listeners.append(lambda kinds: self.ring())
        self.files = Files(settings.data / "files")
        self.leaving = threading.Event()
        self.changed = threading.Event()
        self.bells: dict[Lane, threading.Event] = {lane: threading.Event() for lane in jobs.LANES}
        self.ears: dict[str, Ear] = {}
        self.playing: Ear | None = None
        self.timings = facts.Timings()
        with self.database.reading() as session:
            self.paces = Paces(facts.said(session, "work").get("paces", {}))
        self.players = Players(settings.device, settings.memory)
        self.verbs: dict[str, Callable[[Job, Ear], dict[str, Any] | None]] = {
            "sing": self.sing,
            "plan": self.plan,
            "understand": self.understand,
            "pull": self.pull,
        }

    def run(self) -> None:
        """Until the end."""
        threading.Thread(target=self.pulse, name="pulse", daemon=True).start()
        self.introduce()
        fetching = threading.Thread(target=self.work, args=("fetch",), name="fetch", daemon=True)
        fetching.start()
        threading.Thread(target=self.watch, name="watch", daemon=True).start()
        self.work("play")
        fetching.join(LEAVE_S)
        self.database.close()

    def ring(self, line: str = "look") -> None:
        """Say a line to the server."""
        with self.speaking, suppress(OSError, ValueError):  # it is gone; our input will end too
            self.voice.write(f"{line}\n")
            self.voice.flush()

    def hear(self, lines: IO[str]) -> None:
        """Listen to the server until it has nothing more to say."""
        for _ in lines:
            self.look()
        self.leave()

    def look(self) -> None:
        """Something happened: look at the queue, and whether a job is to be cancelled."""
        for bell in (self.changed, *self.bells.values()):
            bell.set()

    def leave(self) -> None:
        """Stop soon; by force if that does not help."""
        self.leaving.set()
        self.look()
        late = threading.Timer(LEAVE_S, os._exit, (1,))
        late.daemon = True
        late.start()

    # --- what others want to know

    def pulse(self) -> None:
        """Say that this process lives, for as long as what it plays moves. Fetching has its own time limits."""
        while not self.leaving.is_set():
            playing = self.playing
            if playing is None or time.monotonic() - playing.moved < self.settings.stuck_s:
                self.ring("alive")
            self.leaving.wait(PULSE_S)

    def introduce(self) -> None:
        """Say what this machine is, and that we are ready."""
        machine = examine(self.settings.device, PLANNED_S)
        with suppress(MissingModel):
            machine["auto"] = self.players.store.find().name
        self.patiently(partial(facts.say, name="machine", value=json.loads(json.dumps(machine, default=str))))
        self.patiently(self.say_ready)
        self.ring(f"ready {self.name}")

    def say_ready(self, session: Session) -> None:
        """The worker's state as a fact."""
        said: dict[str, Any] = {
            "state": "ready",
            "resident": self.players.resident(),
            "memory_bytes": psutil.Process().memory_info().rss,
        }
        device = self.players.store.device
        if device.type != "cpu":
            memory = room(device)
            said |= {"accelerator_bytes": memory.total, "accelerator_free_bytes": memory.free}
        facts.say(session, "worker", said)
        publish(session, "machine", {"state": "ready"}, None, about="machine")

    def watch(self) -> None:
        """Write down how jobs stand, now and then; hear who wants to cancel."""
        while True:
            self.changed.wait(POLL_S)
            self.changed.clear()
            for ear in list(self.ears.values()):
                self.report(ear)
            time.sleep(WRITE_S)

    def report(self, ear: Ear) -> None:
        """Write down how one job stands."""
        try:
            with self.database.transaction() as session:
                ear.write(session, self.name)
        except Lost:
            ear.lost = True
        except OperationalError as error:
            log.warning("progress was not written: %s", error.orig)

    def patiently(self, action: Callable[[Session], T]) -> T:
        """Do something in a transaction, again and again while the database is locked or its disk is full: there is
        nothing else to be done meanwhile, and what is in memory must not be lost."""
        wait = 0.1
        while True:
            try:
                with self.database.transaction() as session:
                    return action(session)
            except OperationalError as error:
                if self.leaving.is_set():
                    raise
                log.warning("the database refused, trying again: %s", error.orig)
                time.sleep(wait)
                wait = min(2 * wait, 5.0)

    # --- jobs

    def work(self, lane: Lane) -> None:
        """Do the jobs of a lane."""
        bell = self.bells[lane]
        while not self.leaving.is_set():
            bell.clear()
            job = self.patiently(lambda session: jobs.claim(session, self.name, lane))
            if job is None:
                bell.wait(POLL_S)
            else:
                with logs.bound(job=job.id):
                    self.do(job)

    def do(self, job: Job) -> None:
        """Do one job, and say how it ended."""
        ear = self.ears[job.id] = Ear(job.id, self.timings, self.leaving, self.changed)
        plays = jobs.lane_of(job.kind) == "play"
        if plays:
            self.playing = ear
        begun = time.monotonic()
        log.info("%s begins, attempt %s", job.kind, job.attempts)
        try:
            end = self.outcome(job, ear)
        finally:
            ear.over()
            self.ears.pop(job.id, None)
            if plays:
                self.playing = None
        self.timings.job(job.kind, end.get("state", "queued"), time.monotonic() - begun)
        log.info("%s ended: %s", job.kind, end.get("state", "put back"))
        with suppress(Lost):
            self.patiently(partial(self.settle, job.id, ear, end))

    def outcome(self, job: Job, ear: Ear) -> dict[str, Any]:
        """How a job ends, as arguments of `jobs.end`; empty where it is put back."""
        try:
            return {"state": "done", "result": self.verbs[job.kind](job, ear)}
        except (Leaving, Lost):
            return {}
        except Cancelled:
            return {"state": "cancelled"}
        except Exception as error:
            # Whatever a job does, the next one must be done; what went wrong is kept with the job.
            log.warning("%s failed", job.kind, exc_info=True)
            trace = traceback.format_exc()
            # What the traceback holds on to is what memory is short of.
            traceback.clear_frames(error.__traceback__)
            return {"state": "failed", "error": words_for(error), "trace": trace}

    def settle(self, job_id: str, ear: Ear, end: dict[str, Any], session: Session) -> None:
        """Write down how a job ended, and how long things took."""
        job = jobs.held(session, job_id, self.name)
        for text in ear.notes:
            jobs.note(session, job_id, text)
        if end:
            jobs.end(session, job, **end)
        elif job.cancel_requested:
            jobs.end(session, job, "cancelled")
        else:
            jobs.back(session, job)
        facts.say(session, "work", self.timings.as_fact() | {"paces": self.paces.known})
        self.say_ready(session)

    def frugally(self, ear: Ear, act: Callable[[], T]) -> T:
        """Do something that may need more memory than there is: then everything is let go of, and it is tried once more
        with one network at a time."""
        try:
            with memory_named():
                return act()
        except OutOfMemory as error:
            traceback.clear_frames(error.__traceback__)
            if not self.players.make_room():
                raise
        ear.note("There was not enough memory: trying again with one network at a time.")
        try:
            with memory_named():
                return act()
        except OutOfMemory:
            self.players.forget()
            raise

    # --- sing

    def sing(self, job: Job, ear: Ear) -> None:
        """Make the takes that are missing, store each at once, then put them in order."""
        self.frugally(ear, lambda: self.play(job.id, ear))
        ear.stage("order")
        self.patiently(partial(self.arrange, job.id))
        ear.step()

    def play(self, job_id: str, ear: Ear) -> None:
        """Every take that is not there."""
        with self.database.reading() as session:
            job = session.get(Job, job_id)
            song = session.get(Song, job.song_id) if job and job.song_id else None
            if job is None or song is None:
                raise Lost(job_id)
            there = jobs.stored_numbers(session, job_id)
        request = SongRequest.model_validate(job.request)
        missing = [(n, seed) for n, seed in enumerate(request.seeds or (), 1) if n not in there]
        if not missing:
            return
        band = self.players.band(request, ear)
        plan = job.blueprint or job.memo.get("blueprint")
        rehearsal = rehearse(request, band, Blueprint.model_validate(plan) if plan else None, ear, self.source)
        memo: dict[str, Any] = {"made_at": job.memo.get("made_at") or now().isoformat()}
        if not rehearsal.blueprints and not plan:
            memo["blueprint"] = rehearsal.blueprint.model_dump(mode="json", exclude_none=True)
        self.patiently(partial(self.remember, job_id, memo))
        clock = TakeClock(self.paces, rehearsal, self.players.name_of(request), len(missing))
        ear.left = partial(clock.left, ear)
        for number, seed in missing:
            ear.take_number = number
            clock.begin()
            take = rehearsal.take(seed, ear, follow=rehearsal.tells_words)
            clock.sung(take.timings.get("denoise", 0.0))
            self.keep(job, song, number, made_at(take, memo["made_at"]), ear)
            if song.artwork_sha256 is None and number == missing[0][0]:
                # It can be heard already; being seen may take a moment longer.
                picture = artwork(take.waveform, take.provenance.blueprint.key)
                self.patiently(partial(library.give_picture, files=self.files, song_id=song.id, picture=picture))
            ear.stage("judge")
            verdicts = judged(take, band.planner, ear)
            heard = {name: asdict(verdict) for name, verdict in verdicts.items()}
            self.patiently(partial(self.remember, job_id, {f"{VERDICTS}{number}": heard}))
            ear.step()
            clock.end()

    def source(self, ref: AudioRef) -> audio.Waveform:
        """The sound behind a reference; who asked may hear it, the queue made sure of that."""
        with self.database.reading() as session:
            file = session.get(File, ref.sha256)
            if file is None:
                raise NotHere("The sound that this starts from was deleted: choose another one.")
            path = library.path_of(self.files, file)
        return audio.read(path, rate_hz=None)

    def remember(self, job_id: str, what: dict[str, Any], session: Session) -> None:
        """Leave something to whoever goes on with this job."""
        job = jobs.held(session, job_id, self.name)
        job.memo = {**job.memo, **what}

    def keep(self, job: Job, song: Song, number: int, take: Rendering, ear: Ear) -> None:
        """Store a take, and tell."""
        ear.stage("store")
        kind = take.provenance.request.task.kind
        origin = Origin(song.id, kind, number, job_id=job.id, parent_id=job.parent_take_id, song_title=song.title)
        sound = keep_sound(self.files, take.waveform, origin, provenance=take.provenance, picture=False)

        def write(session: Session) -> None:
            jobs.held(session, job.id, self.name)
            library.add_take(session, self.files, sound)

        self.patiently(write)
        ear.step()

    def arrange(self, job_id: str, session: Session) -> None:
        """Say of each take what the judges found, play the best, and set aside what was not to be kept."""
        job = jobs.held(session, job_id, self.name)
        song = session.get(Song, job.song_id)
        query = select(Take).where(Take.job_id == job_id, Take.discarded_at.is_(None)).order_by(Take.number)
        takes = [take for take in session.scalars(query) if f"{VERDICTS}{take.number}" in job.memo]
        if song is None or not takes:
            return
        verdicts = [
            {name: Verdict(**one) for name, one in job.memo[f"{VERDICTS}{take.number}"].items()} for take in takes
        ]
        ranked = [(takes[one.index], one.reasons) for one in order(verdicts)]
        for take, reasons in ranked:
            take.reasons = list(reasons)
            take.provenance = {**(take.provenance or {}), "reasons": list(reasons)}
            library.take_happened(session, song, take.id, "changed")
        mine = {take.id for take in takes}
        best = ranked[0][0]
        if song.chosen_take_id in mine and song.chosen_take_id != best.id:
            facts_ = {"chosen_take_id": best.id, **library.facts_of(best)}
            session.execute(update(Song).where(Song.id == song.id).values(**facts_))
            session.refresh(song)
        for take, _ in ranked[job.keep or len(ranked) :]:
            library.discard(session, self.files, take, song)
        library.changed(session, self.files, song)

    # --- plan, understand, pull

    def plan(self, job: Job, ear: Ear) -> dict[str, Any]:
        """A blueprint, as singing would make it."""

        def act() -> Blueprint:
            request = SongRequest.model_validate(job.request)
            band = self.players.band(request, ear)
            # The plan of the first take: the others differ in codes alone, which are written when they are sung.
            first = request.model_copy(update={"takes": 1, "seeds": request.seeds and request.seeds[:1]})
            return planned(agreed(first, band, ear), band, ear, self.source)[0]

        return {"blueprint": self.frugally(ear, act).model_dump(mode="json", exclude_none=True)}

    def understand(self, job: Job, ear: Ear) -> dict[str, Any]:
        """What a sound is, as a blueprint."""

        def act() -> Blueprint:
            band = self.players.band(SongRequest(), ear)
            ears, planner = band.generator, band.planner
            if not isinstance(ears, V15) or planner is None:
                raise MissingModel("There is no planner here that could listen: fetch one under Settings, Models.")
            strange = strangers(planner, ears)
            if strange:
                raise MissingModel(f"{strange}. Fetch a planner that goes with {ears.name} under Settings, Models.")
            ear.stage("listen")
            nothing = Blueprint(caption="", lyrics="", duration_s=1)
            sound = self.source(AudioRef(sha256=job.request["sha256"]))
            desk = Desk(nothing, lambda ref: sound, band.autoencoder)
            codes = ears.codes(desk.encode(sound.resampled(band.autoencoder.sample_rate).stereo()))
            ear.step()
            return describe(codes, planner, ear)

        return {"blueprint": self.frugally(ear, act).model_dump(mode="json", exclude_none=True)}

    def pull(self, job: Job, ear: Ear) -> dict[str, Any]:
        """Fetch a model and what it needs; what arrived is kept when it is broken off."""
        entry = named(job.request["model"])
        for part in with_needs(entry):
            hub.pull(part, listen=ear)
        with suppress(MissingModel):
            auto = Store(self.settings.device, self.settings.memory).find().name
            self.patiently(partial(self.say_auto, auto))
        self.patiently(lambda session: publish(session, "model", {"name": entry.name, "what": "added"}, None))
        return {
            "model": entry.name,
            "bytes": sum(f.stat().st_size for f in Path(place_of(entry)).rglob("*") if f.is_file()),
        }

    def say_auto(self, auto: str, session: Session) -> None:
        """Which model is taken from now on where none is named."""
        facts.say(session, "machine", facts.said(session, "machine") | {"auto": auto})


class TakeClock:
    """How long the takes of a job will still take: from this one's steps, and from how it went before."""

    def __init__(self, paces: Paces, rehearsal: Rehearsal, model: str, takes: int) -> None:
        self.paces, self.model, self.takes = paces, model, takes
        self.music_s = rehearsal.canvas.blueprint.duration_s
        self.steps = max(1, rehearsal.plan.steps)
        self.begun = self.denoise = 0.0

    def begin(self) -> None:
        """A take begins."""
        self.begun = time.monotonic()

    def sung(self, seconds: float) -> None:
        """Its steps are done."""
        self.denoise = seconds
        self.paces.learn(self.model, "step", seconds / self.steps / self.music_s)

    def end(self) -> None:
        """It is stored and judged."""
        self.takes -= 1
        self.paces.learn(self.model, "rest", (time.monotonic() - self.begun - self.denoise) / self.music_s)

    def left(self, ear: Ear) -> float | None:
        """Seconds until the last take is there."""
        step, rest = self.paces.of(self.model, "step"), self.paces.of(self.model, "rest")
        singing = ear.of == self.steps and ear.of > 1 and ear.at > 0
        per_step = ear.spent() / ear.at if singing else None if step is None else step * self.music_s
        if per_step is None:
            return None
        tail = (rest or 0.0) * self.music_s
        whole = self.steps * per_step + tail
        spent = ear.at * per_step if singing else time.monotonic() - self.begun if self.begun else 0.0
        return max(0.0, self.takes * whole - spent)


def made_at(take: Rendering, moment: str) -> Rendering:
    """The same take, dated by when its job first began to play: stored again after an accident, it is the same file."""
    dated = take.provenance.model_copy(update={"created_at": datetime.fromisoformat(moment)})
    return replace(take, provenance=dated)


def words_for(error: Exception) -> str:
    """What went wrong, for people."""
    if isinstance(error, MelismaError):
        return str(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return "The disk is full: make room, then try again. What was finished is kept."
    return (
        f"Something broke inside melisma ({type(error).__name__}: {str(error)[:200]}). Try again; if it happens once more, "
        "please report it with the studio's log."
    )


def main() -> None:
    """Read settings, work, leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server too, which tells us to leave
    voice = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no doorbell
    settings = Settings.model_validate_json(sys.stdin.readline())
    logs.set_up(settings.log_format, settings.log_level)
    worker = Worker(settings, voice)
    signal.signal(signal.SIGTERM, lambda number, frame: worker.leave())
    threading.Thread(target=worker.hear, args=(sys.stdin,), name="hear", daemon=True).start()
    worker.run()
    logging.shutdown()
    os._exit(0)  # all is written; taking a large program apart takes seconds in which somebody waits


if __name__ == "__main__":
    main()
