"""People of this studio; for its administrators."""

from fastapi import APIRouter, Request
from sqlalchemy import select

from melisma.studio import library
from melisma.studio.access import owner_of, sign_out
from melisma.studio.context import Administrator, Reading, Studio, Writing
from melisma.studio.lan import EVERYWHERE, lan_address, qr_rows, url_at
from melisma.studio.problems import NotHere, Refused
from melisma.studio.routes.me import refuse_if_open, rename
from melisma.studio.shapes import InvitationOut, NewPasswordIn, UserIn, UserOut
from melisma.studio.tables import Song, Upload, User

router = APIRouter(prefix="/api/users", tags=["users"])


@router.get("")
def list_users(session: Reading, admin: Administrator) -> list[UserOut]:
    """Everybody with an account."""
    return [UserOut.model_validate(user) for user in session.scalars(select(User).order_by(User.created_at, User.id))]


@router.get("/invitation")
def get_invitation(studio: Studio, admin: Administrator, request: Request) -> InvitationOut:
    """The address at which others find this studio, and its picture for a phone's camera."""
    refuse_if_open(studio)
    url = str(request.base_url)
    if request.url.hostname in EVERYWHERE:
        # Opened at the machine itself: its name there means something else elsewhere.
        named = studio.settings.hosts[0] if studio.settings.hosts else lan_address()
        if named is None:
            raise Refused("This machine is on no network: connect it, then invite.", status=409, code="no_network")
        url = url_at(named, request.url.port or 80)
    return InvitationOut(url=url, picture=qr_rows(url))


@router.post("", status_code=201)
def add_user(studio: Studio, admin: Administrator, body: UserIn) -> UserOut:
    """Make an account."""
    kept = studio.access.passwords.hash(body.password)
    with studio.database.transaction() as session:
        user = User(admin=body.admin, password_hash=kept)
        rename(session, user, body.name)
        session.add(user)
        session.flush()
        return UserOut.model_validate(user)


@router.post("/{user_id}/password", status_code=204)
def set_password(studio: Studio, admin: Administrator, user_id: str, body: NewPasswordIn) -> None:
    """Give somebody who forgot theirs a new password; they are signed out everywhere."""
    kept = studio.access.passwords.hash(body.new)
    with studio.database.transaction() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotHere("There is no such person here.")
        user.password_hash = kept
        sign_out(session, user.id)
    studio.access.streams.end(user_id)


@router.delete("/{user_id}", status_code=204)
def remove_user(session: Writing, studio: Studio, admin: Administrator, user_id: str) -> None:
    """Delete an account, and all that is in its library, for good."""
    user = session.get(User, user_id)
    if user is None:
        raise NotHere("There is no such person here.")
    owner = owner_of(session)
    if user.id == admin.id or (owner is not None and user.id == owner.id):
        raise Refused("Neither you nor the owner of the studio can be deleted.", status=409, code="needed")
    library.delete_forever(session, studio.files, list(session.scalars(select(Song).where(Song.owner_id == user.id))))
    brought = list(session.scalars(select(Upload.sha256).where(Upload.owner_id == user.id)))
    session.delete(user)
    session.flush()
    library.sweep(session, studio.files, brought)
    studio.access.streams.end(user_id)
