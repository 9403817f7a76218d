"""What every route may need, as named types: the database, the files, the settings, and who is asking."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from sqlalchemy.orm import Session

from melisma.studio.database import Database
from melisma.studio.files import Files
from melisma.studio.settings import Settings
from melisma.studio.tables import User


@dataclass
class Context:
    """One running studio; lies at `app.state.studio`."""

    settings: Settings
    database: Database
    files: Files


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
        raise HTTPException(401, "Sign in first.")
    return user


Person = Annotated[User, Depends(person)]
