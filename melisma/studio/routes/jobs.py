"""The queue: submitting, watching, moving, stopping; and what to try."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from melisma.studio import jobs
from melisma.studio.context import Context, Person, Reading, Studio, Writing
from melisma.studio.examples import EXAMPLES
from melisma.studio.shapes import ExampleOut, JobNoteOut, JobOut, JobPatch, PlanIn, Shape, SingIn, UnderstandIn
from melisma.studio.tables import Job, User

router = APIRouter(prefix="/api", tags=["jobs"])

Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=80,
        description="Makes sending again harmless: the same key with the same body gives the same job.",
    ),
]


def accepted(
    studio: Context, user: User, kind: str, body: Shape | None, key: str | None, make: Callable[[Session], Job]
) -> JobOut:
    """A job that is in the database when this returns."""

    def once() -> JobOut:
        with studio.database.transaction() as session:
            job = jobs.submit(session, user, kind, body, key, studio.settings.queue_limit, lambda: make(session))
            return jobs.out(session, user, job)

    try:
        return once()
    except IntegrityError:
        # The same key twice at the same moment, where the database lets two write at once: the other one is there now.
        if key is None:
            raise
        return once()


@router.post("/jobs", status_code=201)
def sing(studio: Studio, user: Person, body: SingIn, idempotency_key: Key = None) -> JobOut:
    """Make a song, or more takes of one."""
    files = studio.files
    return accepted(studio, user, "sing", body, idempotency_key, lambda session: jobs.sing(session, files, user, body))


@router.post("/plans", status_code=201)
def plan(studio: Studio, user: Person, body: PlanIn, idempotency_key: Key = None) -> JobOut:
    """Draft a blueprint, to be read and edited; it is in the job's result."""
    files = studio.files
    return accepted(studio, user, "plan", body, idempotency_key, lambda session: jobs.plan(session, files, user, body))


@router.post("/understandings", status_code=201)
def understand(studio: Studio, user: Person, body: UnderstandIn, idempotency_key: Key = None) -> JobOut:
    """Listen to a sound and describe it."""
    files = studio.files

    def make(session: Session) -> Job:
        return jobs.understand(session, files, user, body)

    return accepted(studio, user, "understand", body, idempotency_key, make)


@router.get("/jobs", name="jobs")
def list_jobs(
    session: Reading,
    user: Person,
    state: Annotated[
        Literal["active", "queued", "running", "done", "failed", "cancelled", "all"],
        Query(description="active: waiting or running, in the order of the queue."),
    ] = "active",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> list[JobOut]:
    """Your jobs. Administrators see that others have some, not what they are."""
    return jobs.listed(session, user, state, limit, offset)


@router.get("/jobs/{job_id}", name="job")
def get_job(session: Reading, user: Person, job_id: str) -> JobOut:
    """One job."""
    return jobs.out(session, user, jobs.job_to_see(session, user, job_id))


@router.patch("/jobs/{job_id}")
def change_job(session: Writing, user: Person, job_id: str, body: JobPatch) -> JobOut:
    """Move a waiting job among your own."""
    job = jobs.job_to_change(session, user, job_id)
    jobs.refuse_strangers(user, job)
    if body.priority is not None:
        jobs.prioritise(session, job, body.priority)
    if body.move is not None:
        jobs.move(session, job, body.move)
    return jobs.out(session, user, job)


@router.post("/jobs/{job_id}/cancel")
def cancel_job(session: Writing, user: Person, job_id: str) -> JobOut:
    """Stop a job: at once while it waits, within one step while it runs. Takes that are stored stay."""
    job = jobs.job_to_change(session, user, job_id)
    jobs.cancel(session, job)
    return jobs.out(session, user, job)


@router.post("/jobs/{job_id}/retry")
def retry_job(session: Writing, user: Person, job_id: str) -> JobOut:
    """Try a job again that failed or was cancelled; it goes on with the first take that is missing."""
    job = jobs.job_to_change(session, user, job_id)
    jobs.refuse_strangers(user, job)
    jobs.retry(session, job)
    return jobs.out(session, user, job)


@router.get("/jobs/{job_id}/log")
def job_log(session: Reading, user: Person, job_id: str) -> list[JobNoteOut]:
    """What a job said while it ran."""
    job = jobs.job_to_see(session, user, job_id)
    jobs.refuse_strangers(user, job)
    return jobs.log_of(session, job)


@router.get("/examples")
def examples(user: Person) -> list[ExampleOut]:
    """Songs to try."""
    return list(EXAMPLES)
