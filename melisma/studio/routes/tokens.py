"""Keys for programs, each of one person."""

from fastapi import APIRouter
from sqlalchemy import select

from melisma.studio.context import Person, Reading, Recognised, Studio, Writing
from melisma.studio.problems import NotHere
from melisma.studio.routes.me import refuse_wider
from melisma.studio.shapes import TokenIn, TokenOut
from melisma.studio.tables import Token

router = APIRouter(prefix="/api/tokens", tags=["tokens"])


@router.get("")
def list_tokens(session: Reading, user: Person) -> list[TokenOut]:
    """Your keys, newest first, without their secrets."""
    mine = select(Token).where(Token.user_id == user.id).order_by(Token.created_at.desc(), Token.id)
    return [token_out(token) for token in session.scalars(mine)]


@router.post("", status_code=201)
def add_token(session: Writing, studio: Studio, user: Person, who: Recognised, body: TokenIn) -> TokenOut:
    """Make a key; its secret is shown this once."""
    refuse_wider(who, body.scopes)
    token, secret = studio.access.new_token(session, user, body.name, body.scopes, body.days)
    return token_out(token).model_copy(update={"secret": secret})


@router.delete("/{token_id}", status_code=204)
def remove_token(session: Writing, studio: Studio, user: Person, token_id: str) -> None:
    """Make a key worthless."""
    token = session.get(Token, token_id)
    if token is None or token.user_id != user.id:
        raise NotHere("There is no such key here.")
    session.delete(token)
    studio.access.streams.end(user.id)


def token_out(token: Token) -> TokenOut:
    """A key to show."""
    return TokenOut(
        id=token.id,
        name=token.name,
        scopes=token.scopes,
        created_at=token.created_at,
        used_at=token.used_at,
        expires_at=token.expires_at,
    )
