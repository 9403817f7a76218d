"""Who is asking, and what they may do.

A studio on one machine asks nobody: its owner acts for whoever sits there. On a network everybody has an account. The
first account takes over the owner's library and is guarded by a passcode that is shown where the studio was started.

Browsers carry a signed cookie that scripts cannot read, and prove with a second secret (`csrf`) that a change comes
from our own page. Programs carry a token with scopes. Of passwords, sessions and tokens only hashes are kept, so a copy
of the database lets nobody in.
"""

import hashlib
import hmac
import ipaddress
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from itsdangerous import BadSignature, Signer
from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Writing

from melisma.studio.database import Database
from melisma.studio.problems import Refused
from melisma.studio.settings import Settings
from melisma.studio.shapes import Scope
from melisma.studio.tables import Session, Token, User, now

COOKIE = "melisma_session"
OWNER = "You"
ALL: frozenset[Scope] = frozenset(get_args(Scope))
# No letters and digits that look alike.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
TOKEN_PREFIX = "melisma_"
# How exact "last used" of a token is; each request would write otherwise.
USED_WITHIN = timedelta(minutes=1)
MOST_REMEMBERED = 10_000


class SignInFirst(Refused):
    """Nobody is signed in, or the name and password belong to nobody."""

    status = 401
    code = "sign_in"


class NotAllowed(Refused):
    """Somebody is signed in who may not do this."""

    status = 403
    code = "not_allowed"


class TooManyTries(Refused):
    """Somebody is guessing."""

    status = 429
    code = "too_many_tries"

    def __init__(self, wait_s: float) -> None:
        self.wait_s = max(1, round(wait_s))
        super().__init__(f"Too many tries: wait {self.wait_s} seconds, then try again.")


@dataclass(frozen=True)
class Identity:
    """Somebody who was recognised. `session` is the hash of a browser's secret, `csrf` what its page must send back."""

    user: User
    scopes: frozenset[Scope] = ALL
    session: str | None = None
    csrf: str | None = None


# --- Secrets --------------------------------------------------------------------------------------------------------


def digest(secret: str) -> str:
    """What is kept of a long random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def key_of(folder: Path) -> bytes:
    """The key that signs cookies; made once, readable by its owner alone."""
    path = folder / "secret"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".secret-{secrets.token_hex(8)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        fresh.replace(path)
    path.chmod(0o600)
    return path.read_text().encode()


def passcode() -> str:
    """Something to read from one screen and type on another: 40 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(2))


class Passwords:
    """Argon2id. Two are worked out at a time, for each takes 64 MB; a name that is nobody's takes as long as any."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self.hasher = hasher or PasswordHasher()
        self.turns = threading.BoundedSemaphore(2)

    @cached_property
    def nobodys(self) -> str:
        """A hash that no password fits."""
        return self.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self.turns:
            return self.hasher.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one; `kept` None takes the same time and says no."""
        known = kept or self.nobodys
        with self.turns:
            try:
                self.hasher.verify(known, password)
            except (VerifyMismatchError, InvalidHashError):
                return False
        return kept is not None


# --- Guessing -------------------------------------------------------------------------------------------------------


class Limiter:
    """Counts tries per key within a stretch of time; safe between threads.

    A try is counted before it is checked, so many at once are no way around. Kept in memory: one process answers.
    """

    def __init__(self, within_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.within_s = within_s
        self.clock = clock
        self.tries: dict[str, list[float]] = {}
        self.lock = threading.Lock()

    def count(self, limits: dict[str, int]) -> None:
        """Count a try under each key. Raises TooManyTries, and counts nothing, where one had as many already."""
        with self.lock:
            moment = self.clock()
            recent = {key: [t for t in self.tries.get(key, ()) if t > moment - self.within_s] for key in limits}
            waits = [
                recent[key][-most] + self.within_s - moment for key, most in limits.items() if len(recent[key]) >= most
            ]
            if waits:
                raise TooManyTries(max(waits))
            for key, times in recent.items():
                self.tries[key] = [*times, moment]
            if len(self.tries) > MOST_REMEMBERED:
                self.tries = {key: times for key, times in self.tries.items() if times[-1] > moment - self.within_s}

    def forget(self, key: str) -> None:
        """It was the right person after all."""
        with self.lock:
            self.tries.pop(key, None)


def neighbourhood(address: str) -> str:
    """An address as the limiter counts it: one household has a whole IPv6 network to itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


class Streams:
    """Open event streams by person, so that signing out ends them too."""

    def __init__(self) -> None:
        self.open: dict[str, list[Callable[[], None]]] = {}
        self.lock = threading.Lock()

    @contextmanager
    def watching(self, user_id: str, end: Callable[[], None]) -> Iterator[None]:
        """While inside, `end` is called (from any thread) when the person's sessions or tokens change."""
        with self.lock:
            self.open.setdefault(user_id, []).append(end)
        try:
            yield
        finally:
            with self.lock:
                self.open[user_id].remove(end)
                if not self.open[user_id]:
                    del self.open[user_id]

    def end(self, user_id: str) -> None:
        """End all streams of a person; pages that may still look connect again by themselves."""
        with self.lock:
            ends = list(self.open.get(user_id, ()))
        for end in ends:
            end()


# --- Recognising ----------------------------------------------------------------------------------------------------


class Access:
    """The door of one studio."""

    # Tries within five minutes. Of a name: enough to remember an old password; of an address: a family behind one.
    PER_NAME, PER_ADDRESS, WITHIN_S = 10, 40, 300.0

    def __init__(self, settings: Settings, database: Database, passwords: Passwords | None = None) -> None:
        self.settings = settings
        self.database = database
        self.passwords = passwords or Passwords()
        self.passcode = passcode()
        self.limiter = Limiter(self.WITHIN_S)
        self.streams = Streams()
        self.first = threading.Lock()

    @property
    def open(self) -> bool:
        """Whether nobody needs an account."""
        return not self.settings.lan

    @cached_property
    def signer(self) -> Signer:
        """Signs cookies, and derives what pages send back."""
        return Signer(key_of(self.settings.data), salt="melisma session", digest_method=hashlib.sha256)

    def csrf_of(self, secret: str) -> str:
        """What the page of a session must send with every change."""
        return hmac.new(self.signer.derive_key(), f"csrf {secret}".encode(), hashlib.sha256).hexdigest()

    def identify(self, cookie: str | None, bearer: str | None) -> Identity | None:
        """Whoever shows this cookie or token; in an open studio its owner. None: nobody we know."""
        if self.open:
            return Identity(self.owner())
        if bearer is not None:
            return self.by_token(bearer)
        return self.by_cookie(cookie) if cookie else None

    def owner(self) -> User:
        """Who acts in an open studio: the first administrator, made when there is none."""
        with self.database.reading() as session:
            found = owner_of(session)
        if found is not None:
            return found
        with self.first, self.database.transaction() as session:
            found = owner_of(session)
            if found is None:
                found = User(name=OWNER, admin=True)
                session.add(found)
                session.flush()
            return found

    def setup_needed(self) -> bool:
        """Whether the first account is still to be made."""
        if self.open:
            return False
        with self.database.reading() as session:
            found = owner_of(session)
            return found is None or found.password_hash is None

    def by_cookie(self, cookie: str) -> Identity | None:
        """The person of a signed cookie, while its session lasts."""
        try:
            secret = self.signer.unsign(cookie).decode()
        except (BadSignature, UnicodeDecodeError):
            return None
        kept = digest(secret)
        with self.database.reading() as session:
            row = session.get(Session, kept)
            user = session.get(User, row.user_id) if row is not None and row.expires_at > now() else None
        return Identity(user, session=kept, csrf=self.csrf_of(secret)) if user else None

    def by_token(self, secret: str) -> Identity | None:
        """The person of a token, while it lasts."""
        kept = digest(secret)
        with self.database.reading() as session:
            token = session.scalar(select(Token).where(Token.secret_hash == kept))
            if token is None or (token.expires_at and token.expires_at <= now()):
                return None
            user = session.get(User, token.user_id)
            rarely = token.used_at is None or token.used_at < now() - USED_WITHIN
        if rarely:
            with self.database.transaction() as session:
                if (used := session.get(Token, token.id)) is not None:
                    used.used_at = now()
        return Identity(user, frozenset(token.scopes) & ALL) if user else None

    def sign_in(self, session: Writing, user: User, agent: str = "") -> tuple[str, str]:
        """Begin a session: its cookie, and what its page must send back. Sessions that ended are forgotten."""
        session.execute(delete(Session).where(Session.expires_at <= now()))
        secret = secrets.token_urlsafe(32)
        lasts = timedelta(days=self.settings.session_days)
        session.add(Session(secret_hash=digest(secret), user_id=user.id, expires_at=now() + lasts, agent=agent[:200]))
        return self.signer.sign(secret).decode(), self.csrf_of(secret)

    def check(self, name: str, password: str, address: str) -> User:
        """The person of a name and password. Raises SignInFirst, or TooManyTries; both say nothing about the name."""
        key = f"name {name.casefold()}"
        self.limiter.count({key: self.PER_NAME, f"address {neighbourhood(address)}": self.PER_ADDRESS})
        with self.database.reading() as session:
            user = session.scalar(select(User).where(User.name == name))
        if not self.passwords.fits(user.password_hash if user else None, password) or user is None:
            raise SignInFirst("The name or the password is wrong: try again.", code="wrong_password")
        self.limiter.forget(key)
        return user

    def check_passcode(self, said: str, address: str) -> None:
        """Compare a passcode. Raises NotAllowed, or TooManyTries."""
        self.limiter.count({"setup": self.PER_NAME, f"address {neighbourhood(address)}": self.PER_ADDRESS})
        spoken = "".join(letter for letter in said.upper() if letter.isalnum())
        if not hmac.compare_digest(spoken.encode(), self.passcode.replace("-", "").encode()):
            raise NotAllowed(
                "The passcode is another one: it was printed where the studio was started.", code="wrong_passcode"
            )

    def new_token(
        self, session: Writing, user: User, name: str, scopes: list[Scope], days: int | None
    ) -> tuple[Token, str]:
        """A new token, and its secret, which is shown once."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        expires = now() + timedelta(days=days) if days else None
        ordered = sorted(set(scopes), key=get_args(Scope).index)
        token = Token(user_id=user.id, name=name, secret_hash=digest(secret), scopes=ordered, expires_at=expires)
        session.add(token)
        session.flush()
        return token, secret


def owner_of(session: Writing) -> User | None:
    """The first administrator."""
    return session.scalar(select(User).where(User.admin).order_by(User.created_at, User.id).limit(1))


def sign_out(session: Writing, user_id: str, *, only: str | None = None, but: str | None = None) -> None:
    """End sessions of a person: one (`only`), or all but one."""
    ended = delete(Session).where(Session.user_id == user_id)
    if only is not None:
        ended = ended.where(Session.secret_hash == only)
    if but is not None:
        ended = ended.where(Session.secret_hash != but)
    session.execute(ended)
