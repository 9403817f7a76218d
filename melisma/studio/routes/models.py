"""Checkpoints: which there are, fetching and removing them, and what a request leaves to each."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from melisma.errors import MissingModel
from melisma.models import hub
from melisma.models.catalogue import Checkpoint, known, with_needs
from melisma.models.places import STARTER, is_here
from melisma.studio import checkpoints, facts, jobs
from melisma.studio.context import Administrator, Person, Reading, Studio, Writing
from melisma.studio.events import publish
from melisma.studio.problems import NotHere, Refused
from melisma.studio.shapes import DefaultsOut, JobOut, ModelOut
from melisma.studio.tables import Job

router = APIRouter(prefix="/api", tags=["models"])


@router.get("/models")
def list_models(session: Reading, user: Person) -> list[ModelOut]:
    """The starter, the catalogue, and other models that lie in the folder of models."""
    return checkpoints.models(session, facts.said(session, "machine"))


@router.get("/defaults")
def get_defaults(
    session: Reading,
    user: Person,
    model: Annotated[str | None, Query(max_length=200, description="Left out: the model that is taken anyway.")] = None,
) -> DefaultsOut:
    """What "auto" means with a model."""
    return checkpoints.defaults(model, facts.said(session, "machine"))


@router.post("/models/{name}/pull", status_code=201)
def pull_model(session: Writing, studio: Studio, admin: Administrator, name: str) -> JobOut:
    """Fetch a model of the catalogue with the parts it needs; while that is under way, the same job."""
    entry = asked(name)
    there = checkpoints.pulls(session).get(entry.name)
    if there is not None:
        return jobs.out(session, admin, session.get_one(Job, there))
    if all(is_here(part) for part in with_needs(entry)):
        raise Refused(f"{entry.name} is on this machine already.", status=409, code="here")
    most = studio.settings.queue_limit
    job = jobs.submit(session, admin, "pull", None, None, most, lambda: jobs.pull(entry.name))
    publish(session, "model", {"name": entry.name, "what": "changed"}, None)
    return jobs.out(session, admin, job)


@router.delete("/models/{name}", status_code=204)
def remove_model(session: Writing, admin: Administrator, name: str) -> None:
    """Delete a model from this machine; parts that others share stay."""
    entry = asked(name)
    refuse_while_fetched(session, entry)
    if not is_here(entry):
        raise NotHere(f"{entry.name} is not on this machine.")
    try:
        hub.remove(entry)
    except MissingModel as error:
        raise NotHere(str(error)) from error
    publish(session, "model", {"name": entry.name, "what": "gone"}, None)


def asked(name: str) -> Checkpoint:
    """A checkpoint of the catalogue. Raises NotHere: nothing else is fetched or removed for a page."""
    entry = known(name)
    if entry is None:
        about = "it comes with melisma" if name == STARTER else "choose one of the list of models"
        raise NotHere(f"{name[:80]!r} cannot be fetched or removed: {about}.")
    return entry


def refuse_while_fetched(session: Session, entry: Checkpoint) -> None:
    """Raise while a job fetches it."""
    if entry.name in checkpoints.pulls(session):
        raise Refused(f"{entry.name} is being fetched: wait, or cancel that.", status=409, code="pulling")
