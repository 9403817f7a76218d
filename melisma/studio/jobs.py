"""The queue: what is to be done, in which order, and who is at it. Verbs over a database session.

A job is a row. It is accepted when its row is committed, and from then on some worker does it: a worker *claims* a job by
writing its own name on it, and may only write to jobs that still bear that name. When a worker dies its jobs go back to
the queue, and what it stored stays; so nothing is lost and nothing is done twice.

The order is fair between people: everybody's first job comes before anybody's second, and whoever was served longest ago
comes first. Within one's own jobs a higher priority goes first; one below zero waits for everybody else as well.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from typing import Any, Literal

from sqlalchemy import Select, case, func, select, update
from sqlalchemy.orm import Session, aliased

from melisma.models.catalogue import PLANNERS, known
from melisma.models.places import is_here
from melisma.song import AudioRef, Retake, SongRequest
from melisma.studio import checkpoints, library
from melisma.studio.events import publish
from melisma.studio.files import Files
from melisma.studio.problems import NotHere, NotYours, Refused
from melisma.studio.shapes import JobNoteOut, JobOut, PlanIn, Shape, SingIn, UnderstandIn
from melisma.studio.tables import Job, JobNote, Take, User, now

Lane = Literal["play", "fetch"]
# What may happen beside each other: fetching a model takes hours and none of the device.
LANES: dict[Lane, tuple[str, ...]] = {"play": ("sing", "plan", "understand"), "fetch": ("pull",)}
ACTIVE, OVER = ("queued", "running"), ("done", "failed", "cancelled")
# A job that a worker died of so often is not tried again by itself.
MOST_DEATHS = 3
# One's own jobs, those of one lane.
OWN_ORDER = (Job.priority.desc(), Job.rank, Job.id)
NOT_COLUMNS = ("position", "takes", "mine")


class Lost(Exception):
    """The job is not this worker's any more: it was deleted, or given to another one."""


# --- To show --------------------------------------------------------------------------------------------------------


def out(session: Session, user: User, job: Job, places: dict[str, int] | None = None) -> JobOut:
    """A job as the API shows it; `places` spares asking for its place in the queue. Others' jobs show no content."""
    values = {name: getattr(job, name) for name in JobOut.model_fields if name not in NOT_COLUMNS}
    mine = job.owner_id == user.id
    if not mine:
        values |= {"title": "", "song_id": None, "parent_take_id": None, "result": None}
    waits = job.state == "queued"
    return JobOut.model_validate(
        values
        | {
            "position": (places or positions(session, lane_of(job.kind))).get(job.id) if waits else None,
            "takes": int(job.request.get("takes", 1)) if job.kind == "sing" else 0,
            "mine": mine,
        }
    )


def of_song(session: Session, user: User, song_id: str) -> list[JobOut]:
    """Jobs of a song that are not over, oldest first."""
    query = select(Job).where(Job.song_id == song_id, Job.state.in_(ACTIVE)).order_by(Job.created_at, Job.id)
    return [out(session, user, job) for job in session.scalars(query)]


def tell(session: Session, job: Job) -> None:
    """Tell its owner's pages how a job stands."""
    session.flush()
    owner = session.get(User, job.owner_id)
    if owner is not None:
        publish(session, "job", out(session, owner, job).model_dump(mode="json"), job.owner_id, about=job.id)


def listed(session: Session, user: User, state: str, limit: int, offset: int) -> list[JobOut]:
    """A person's jobs; an administrator sees that there are others. Active ones in the order of the queue, else newest
    first."""
    query = select(Job) if user.admin else select(Job).where(Job.owner_id == user.id)
    if state == "active":
        places = positions(session, "play") | positions(session, "fetch")
        jobs = sorted(
            session.scalars(query.where(Job.state.in_(ACTIVE))),
            key=lambda job: (job.state != "running", places.get(job.id, 0), job.created_at),
        )[offset : offset + limit]
        return [out(session, user, job, places) for job in jobs]
    if state != "all":
        query = query.where(Job.state == state)
    newest = query.order_by(Job.created_at.desc(), Job.id).offset(offset).limit(limit)
    return [out(session, user, job) for job in session.scalars(newest)]


def job_to_see(session: Session, user: User, job_id: str) -> Job:
    """A job by id. Raises NotHere."""
    job = session.get(Job, job_id)
    if job is None or (job.owner_id != user.id and not user.admin):
        raise NotHere(f"There is no job {job_id[:40]!r} here.")
    return job


def job_to_change(session: Session, user: User, job_id: str) -> Job:
    """The same, held until this transaction ends."""
    job = job_to_see(session, user, job_id)
    session.refresh(job, with_for_update=True)
    return job


def log_of(session: Session, job: Job) -> list[JobNoteOut]:
    """What a job said, in order."""
    notes = session.scalars(select(JobNote).where(JobNote.job_id == job.id).order_by(JobNote.id))
    return [JobNoteOut.model_validate(note) for note in notes]


# --- The order ------------------------------------------------------------------------------------------------------


def lane_of(kind: str) -> Lane:
    """The lane of a kind of job."""
    return "fetch" if kind in LANES["fetch"] else "play"


def waiting(lane: Lane) -> Select[str]:
    """Ids of the jobs that wait in a lane, in the order in which they will be done."""
    yields = case((Job.priority < 0, Job.priority), else_=0)
    turn = func.row_number().over(partition_by=(Job.owner_id, yields), order_by=OWN_ORDER)
    other = aliased(Job)
    served = select(func.max(other.started_at)).where(other.owner_id == Job.owner_id).scalar_subquery()
    return (
        select(Job.id)
        .where(Job.state == "queued", Job.kind.in_(LANES[lane]))
        .order_by(yields.desc(), turn, served.asc().nulls_first(), Job.created_at, Job.id)
    )


def positions(session: Session, lane: Lane) -> dict[str, int]:
    """How many jobs come before each one that waits, those that run included."""
    running = select(func.count()).select_from(Job).where(Job.state == "running", Job.kind.in_(LANES[lane]))
    before = session.scalar(running) or 0
    return {job_id: place for place, job_id in enumerate(session.scalars(waiting(lane)), before)}


# --- What people do -------------------------------------------------------------------------------------------------


def submit(
    session: Session, user: User, kind: str, body: Shape | None, key: str | None, most: int, make: Callable[[], Job]
) -> Job:
    """Put a job into the queue, or find the one that the same key has put there. Raises Refused for a full queue, or a
    key that was used for something else."""
    sent = body.model_dump_json() if body is not None else ""
    fingerprint = hashlib.sha256(f"{kind} {sent}".encode()).hexdigest()
    if key is not None:
        there = session.scalar(select(Job).where(Job.owner_id == user.id, Job.idempotency_key == key))
        if there is not None and there.fingerprint == fingerprint:
            return there
        if there is not None:
            raise Refused(
                f"The Idempotency-Key {key!r} was used for another request: use a new one.",
                status=409,
                code="key_used",
            )
    count = session.scalar(select(func.count()).select_from(Job).where(Job.state == "queued")) or 0
    if count >= most:
        raise Refused(
            f"{count} jobs are waiting, and no more fit: wait, or cancel some.", status=429, code="queue_full"
        )
    job = make()
    job.kind, job.owner_id, job.idempotency_key, job.fingerprint = kind, user.id, key, fingerprint
    session.add(job)
    tell(session, job)
    return job


def sing(session: Session, files: Files, user: User, body: SingIn) -> Job:
    """A job that makes takes: of the song named, or of a new one. Seeds are drawn here, so that it can be done again."""
    request = seeded(allowed(session, files, user, body.request))
    if body.keep is not None and body.keep > request.takes:
        raise Refused(f"{body.keep} takes cannot be kept out of {request.takes}: ask for more, or keep fewer.")
    parent = library.take_to_see(session, user, body.parent_take_id) if body.parent_take_id else None
    if body.song_id is not None:
        song = library.song_to_change(session, user, body.song_id)
    else:
        title = body.title or (parent[1].title if parent else None)
        song = library.add_song(session, user, title, request, body.blueprint)
        song.parent_take_id = body.parent_take_id
    return Job(
        title=body.title or song.title,
        song_id=song.id,
        parent_take_id=body.parent_take_id,
        keep=body.keep,
        request=request.model_dump(mode="json", exclude_none=True),
        blueprint=body.blueprint.model_dump(mode="json", exclude_none=True) if body.blueprint else None,
        priority=body.priority,
    )


def plan(session: Session, files: Files, user: User, body: PlanIn) -> Job:
    """A job that fills the blanks of a request."""
    request = seeded(allowed(session, files, user, body.request))
    title = library.title_of(request.caption, request.lyrics or "")
    return Job(title=title, request=request.model_dump(mode="json", exclude_none=True))


def understand(session: Session, files: Files, user: User, body: UnderstandIn) -> Job:
    """A job that describes a sound."""
    library.audible(session, files, user, body.sha256)
    return Job(title=body.sha256[:12], request={"sha256": body.sha256})


def pull(name: str) -> Job:
    """A job that fetches a checkpoint of the catalogue and what it needs."""
    return Job(title=name, request={"model": name})


def cancel(session: Session, job: Job) -> None:
    """Stop a job: at once while it waits, within one step while it runs. One that is over stays as it is."""
    if job.state == "queued":
        end(session, job, "cancelled")
    elif job.state == "running" and not job.cancel_requested:
        job.cancel_requested = True
        tell(session, job)


def retry(session: Session, job: Job) -> None:
    """Try a job again that failed or was cancelled; the takes it has stored stay. Raises Refused."""
    if job.state not in ("failed", "cancelled"):
        raise Refused(
            f"A job that is {job.state} cannot be tried again: only one that failed or was cancelled.",
            status=409,
            code="not_over",
        )
    job.error = job.trace = job.finished_at = None
    job.cancel_requested, job.deaths = False, 0
    back(session, job)


def prioritise(session: Session, job: Job, priority: int) -> None:
    """Move a job among those of the same person. Raises Refused once it does not wait any more."""
    if job.state != "queued":
        raise Refused(f"The job is {job.state}, and waits no more.", status=409, code="not_waiting")
    job.priority = priority
    tell(session, job)


def move(session: Session, job: Job, where: Literal["sooner", "later"]) -> None:
    """Let a job change places with the one of the same person that comes before or after it; the first and the last stay.

    It takes over the other's priority where that differs, and the ranks of all that have it are dealt out anew in the new
    order. Raises Refused once it does not wait any more.
    """
    if job.state != "queued":
        raise Refused(f"The job is {job.state}, and waits no more.", status=409, code="not_waiting")
    waits = (Job.owner_id == job.owner_id, Job.state == "queued", Job.kind.in_(LANES[lane_of(job.kind)]))
    mine = list(session.scalars(select(Job).where(*waits).order_by(*OWN_ORDER).with_for_update()))
    at = mine.index(job)
    to = at + (1 if where == "later" else -1)
    if not 0 <= to < len(mine):
        return
    other = mine[to]
    mine[at], mine[to] = other, job
    job.priority = other.priority
    equals = [one for one in mine if one.priority == other.priority]
    for one, rank in zip(equals, sorted(one.rank for one in equals), strict=True):
        one.rank = rank
    tell(session, job)
    tell(session, other)


# --- What may be asked for ------------------------------------------------------------------------------------------


def allowed(session: Session, files: Files, user: User, request: SongRequest) -> SongRequest:
    """A request from the network, if every name in it is one of ours. Raises Refused."""
    for ref in references(request):
        if ref.path is not None or ref.sha256 is None:
            raise Refused("A sound is named by its sha256, never by a path: send the file to /api/uploads first.")
        library.audible(session, files, user, ref.sha256)
    if request.model is not None:
        refuse_unknown_model(request.model)
    planner = request.planning.planner
    if planner is not None and planner not in PLANNERS:
        raise NotHere(f"There is no planner {planner[:80]!r}: choose one of {', '.join(PLANNERS)}.")
    here = checkpoints.adapters() if request.adapters else []
    for adapter in request.adapters:
        if adapter.name not in here:
            raise NotHere(f"There is no adapter {adapter.name[:80]!r} here: choose one of {', '.join(here) or 'none'}.")
    return request


def references(request: SongRequest) -> Iterable[AudioRef]:
    """Every sound that a request names."""
    task = request.task.again if isinstance(request.task, Retake) else request.task
    return [ref for ref in (getattr(task, "source", None), request.reference) if ref is not None]


def refuse_unknown_model(name: str) -> None:
    """Raise unless a model is in the catalogue and here, or lies in the folder of models. Raises NotHere, Refused."""
    checkpoints.defaults(name, {})
    entry = known(name)
    if entry is not None and not is_here(entry):
        raise Refused(
            f"{entry.name} is not on this machine yet ({entry.size / 1e9:.1f} GB): fetch it under Settings, Models.",
            status=409,
            code="not_fetched",
        )


def seeded(request: SongRequest) -> SongRequest:
    """The request with a seed for every take."""
    if request.seeds is not None:
        return request
    return request.model_copy(update={"seeds": tuple(secrets.randbelow(2**32) for _ in range(request.takes))})


# --- What workers do ------------------------------------------------------------------------------------------------


def claim(session: Session, worker: str, lane: Lane) -> Job | None:
    """Take the next job of a lane; None where none waits."""
    while (job_id := session.scalar(waiting(lane).limit(1))) is not None:
        mine = {"state": "running", "claim": worker, "attempts": Job.attempts + 1, "started_at": now()}
        waits = (Job.id == job_id, Job.state == "queued")
        taken = session.scalar(update(Job).where(*waits).values(**mine).returning(Job.id))
        if taken is not None:
            job = session.get_one(Job, job_id, populate_existing=True)
            tell(session, job)
            return job
    return None


def held(session: Session, job_id: str, worker: str) -> Job:
    """A job that this worker has claimed, held until this transaction ends. Raises Lost."""
    job = session.get(Job, job_id, with_for_update=True)
    if job is None or job.claim != worker or job.state != "running":
        raise Lost(job_id)
    return job


def note(session: Session, job_id: str, text: str) -> None:
    """Write a line into a job's log."""
    session.add(JobNote(job_id=job_id, text=text))


def end(
    session: Session,
    job: Job,
    state: Literal["done", "failed", "cancelled"],
    *,
    result: dict[str, Any] | None = None,
    error: str | None = None,
    trace: str | None = None,
) -> None:
    """A job is over."""
    job.state, job.claim, job.finished_at, job.seconds_left = state, None, now(), None
    job.error, job.trace = error, trace
    if result is not None:
        job.result = result
    if state == "done":
        job.memo = {}
    tell(session, job)


def back(session: Session, job: Job) -> None:
    """Put a job back into the queue, where it stood."""
    job.state, job.claim, job.stage, job.seconds_left = "queued", None, None, None
    job.step = job.steps = 0
    tell(session, job)


def stored_numbers(session: Session, job_id: str) -> set[int]:
    """Numbers of the takes that a job has stored already."""
    return set(session.scalars(select(Take.number).where(Take.job_id == job_id)))


# --- What becomes of a dead worker's jobs ---------------------------------------------------------------------------


def bereaved(session: Session, worker: str, cause: str) -> int:
    """A worker died: its jobs wait again, unless it died of one too often. How many there were.

    Fetching a model is not blamed: what kills a worker is playing.
    """
    jobs = session.scalars(select(Job).where(Job.state == "running", Job.claim == worker).with_for_update()).all()
    for job in jobs:
        blamed = lane_of(job.kind) == "play"
        job.deaths += blamed
        note(session, job.id, f"The worker died: {cause}.")
        if job.cancel_requested:
            end(session, job, "cancelled")
        elif blamed and job.deaths >= MOST_DEATHS:
            end(
                session,
                job,
                "failed",
                error=f"The worker died {job.deaths} times of this ({cause}). A shorter song or a smaller model needs "
                "less memory; then try again.",
            )
        else:
            back(session, job)
    return len(jobs)


def recovered(session: Session) -> int:
    """The studio starts: whatever was running when it ended waits again. How many jobs there were."""
    jobs = session.scalars(select(Job).where(Job.state == "running").with_for_update()).all()
    for job in jobs:
        note(session, job.id, "The studio was started again: this waits once more.")
        if job.cancel_requested:
            end(session, job, "cancelled")
        else:
            back(session, job)
    return len(jobs)


def refuse_strangers(user: User, job: Job) -> None:
    """Only the owner may change what a job does; an administrator may stop it. Raises NotYours."""
    if job.owner_id != user.id:
        raise NotYours("This job belongs to somebody else: you may only cancel it.")
