"""The person who asks: signing in and out, the first account, what the page remembers for them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from melisma import __version__
from melisma.studio.access import COOKIE, Identity, NotAllowed, owner_of, sign_out
from melisma.studio.context import Context, Person, Recognised, Studio, Writing
from melisma.studio.problems import Refused, TooLarge
from melisma.studio.shapes import LoginIn, MeOut, PasswordIn, SetupIn, UserOut
from melisma.studio.tables import User

router = APIRouter(prefix="/api", tags=["me"])

MOST_SETTINGS = 64_000


@router.get("/me")
def me(studio: Studio, who: Recognised) -> MeOut:
    """Who you are here, and what is to be done first."""
    return me_out(studio, who.user if who else None, who.csrf if who else None)


@router.post("/setup")
def set_up(studio: Studio, request: Request, response: Response, body: SetupIn) -> MeOut:
    """Make the first account, with the passcode that was printed where the studio was started."""
    refuse_if_open(studio)
    if not studio.access.setup_needed():
        raise Refused("This studio has an owner already: sign in.", status=409, code="set_up")
    studio.access.check_passcode(body.passcode, address_of(request))
    kept = studio.access.passwords.hash(body.password)
    with studio.database.transaction() as session:
        owner = owner_of(session) or User(admin=True)
        if owner.password_hash is not None:
            raise Refused("This studio has an owner already: sign in.", status=409, code="set_up")
        rename(session, owner, body.name)
        owner.password_hash = kept
        session.add(owner)
        session.flush()
        return welcome(studio, session, owner, request, response)


@router.post("/login")
def log_in(studio: Studio, request: Request, response: Response, body: LoginIn) -> MeOut:
    """Sign in; the answer sets the cookie."""
    refuse_if_open(studio)
    user = studio.access.check(body.name.strip(), body.password, address_of(request))
    with studio.database.transaction() as session:
        return welcome(studio, session, user, request, response)


@router.post("/logout", status_code=204)
def log_out(
    studio: Studio,
    session: Writing,
    response: Response,
    who: Recognised,
    everywhere: Annotated[bool, Query(description="In all browsers, not in this one alone.")] = False,
) -> None:
    """Sign out."""
    if who is not None and who.session is not None:
        sign_out(session, who.user.id, only=None if everywhere else who.session)
        studio.access.streams.end(who.user.id)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.put("/me/settings")
def change_settings(
    session: Writing, user: Person, request: Request, body: Annotated[dict[str, Any], Body()]
) -> dict[str, Any]:
    """What the page shall remember for you: keys that are named are replaced, `null` removes one. At most 64 kB."""
    row = session.get_one(User, user.id)
    changed = {name: value for name, value in {**row.settings, **body}.items() if value is not None}
    if len(str(changed)) > MOST_SETTINGS:
        raise TooLarge(f"That is more than is remembered: at most {MOST_SETTINGS // 1000} kB.")
    row.settings = changed
    return changed


@router.post("/me/password", status_code=204)
def change_password(studio: Studio, request: Request, user: Person, who: Recognised, body: PasswordIn) -> None:
    """Change your password; your other browsers are signed out. At the machine itself the old one is not asked for."""
    if not studio.access.open:
        studio.access.check(user.name, body.old, address_of(request))
    kept = studio.access.passwords.hash(body.new)
    with studio.database.transaction() as session:
        session.get_one(User, user.id).password_hash = kept
        sign_out(session, user.id, but=who.session if who else None)
    studio.access.streams.end(user.id)


def welcome(studio: Context, session: Session, user: User, request: Request, response: Response) -> MeOut:
    """Begin a session: the cookie, and the page's first look."""
    cookie, csrf = studio.access.sign_in(session, user, request.headers.get("user-agent", ""))
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=studio.settings.session_days * 86_400,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return MeOut(
        user=UserOut.model_validate(user),
        open=False,
        setup_needed=False,
        csrf=csrf,
        version=__version__,
        settings=user.settings,
    )


def me_out(studio: Context, user: User | None, csrf: str | None) -> MeOut:
    """What a page needs to know first."""
    return MeOut(
        user=UserOut.model_validate(user) if user else None,
        open=studio.access.open,
        setup_needed=user is None and studio.access.setup_needed(),
        csrf=csrf,
        version=__version__,
        settings=user.settings if user else {},
    )


def rename(session: Session, user: User, name: str) -> None:
    """Give a person a name that nobody else has. Raises Refused."""
    spoken = name.strip()
    if not spoken:
        raise Refused("A name needs at least one letter.", code="name")
    with session.no_autoflush:
        namesake = session.scalar(select(User.id).where(User.name == spoken))
    if namesake is not None and namesake != user.id:
        raise Refused(f"Somebody is called {spoken!r} already: choose another name.", status=409, code="name_taken")
    user.name = spoken


def refuse_if_open(studio: Context) -> None:
    """Accounts mean nothing where nobody is asked for one."""
    if studio.access.open:
        raise Refused("No account is needed here.", status=409, code="open")


def refuse_wider(who: Identity | None, scopes: list[Any]) -> None:
    """A token makes no token that may do more than itself."""
    if who is None or not set(scopes) <= who.scopes:
        raise NotAllowed("A token cannot make one that may do more than itself.", code="scope")


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else "unknown"
