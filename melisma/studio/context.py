"""What every route may need, as named types: the database, the files, the settings, and who is asking."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from melisma.studio.access import Access, Identity, NotAllowed, SignInFirst
from melisma.studio.bell import Bell
from melisma.studio.database import Database
from melisma.studio.files import Files
from melisma.studio.metrics import Metrics
from melisma.studio.settings import Settings
from melisma.studio.tables import User


@dataclass
class Context:
    """One running studio; lies at `app.state.studio`."""

    settings: Settings
    database: Database
    files: Files
    access: Access = field(init=False)
    metrics: Metrics = field(init=False)
    bell: Bell = field(default_factory=Bell)

    def __post_init__(self) -> None:
        self.access = Access(self.settings, self.database)
        self.metrics = Metrics(self.database, self.files)
        self.database.listeners.append(self.bell.ring)


def context_of(request: Request) -> Context:
    """The studio behind a request."""
    context: Context = request.app.state.studio
    return context


Studio = Annotated[Context, Depends(context_of)]


def writing(studio: Studio) -> Iterator[Session]:
    """A transaction that lands before the answer is sent."""
    with studio.database.transaction() as session:
        yield session


def looking(studio: Studio) -> Iterator[Session]:
    """A session that only reads."""
    with studio.database.reading() as session:
        yield session


Writing = Annotated[Session, Depends(writing, scope="function")]
Reading = Annotated[Session, Depends(looking)]


def person(request: Request) -> User:
    """Who is asking; 401 where nobody is signed in and the studio wants an account."""
    user: User | None = getattr(request.state, "user", None)
    if user is None:
        raise SignInFirst("Sign in first.")
    return user


Person = Annotated[User, Depends(person)]


def administrator(user: Person) -> User:
    """Who is asking, if they look after this studio; 403 else."""
    if not user.admin:
        raise NotAllowed("Only an administrator may do this: ask whoever set this studio up.", code="not_admin")
    return user


Administrator = Annotated[User, Depends(administrator)]


def recognised(request: Request) -> Identity | None:
    """How whoever is asking was recognised; None: not at all."""
    identity: Identity | None = getattr(request.state, "identity", None)
    return identity


Recognised = Annotated[Identity | None, Depends(recognised)]
