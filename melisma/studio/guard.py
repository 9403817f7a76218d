"""The door that every request passes: which name we are called by, whose page asks, who is asking, what they may do.

One piece of ASGI around the whole app, so that a new route is shut until somebody may enter: on a network everything
under /api needs a person, except the few addresses of `PUBLIC`. Streams pass through untouched. What is refused here:

- a name that is not ours (`Host`): a page elsewhere that points its own name at this machine (DNS rebinding);
- a change that another site's page asks for (`Origin`, `Sec-Fetch-Site`), and with a cookie one without `X-CSRF-Token`;
- a token without the scope, a body beyond all measure.
"""

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from melisma.studio.access import COOKIE, Access, Identity, NotAllowed, SignInFirst, TooManyTries
from melisma.studio.problems import Refused, TooLarge
from melisma.studio.settings import LOOPBACK
from melisma.studio.shapes import Scope as Right

SAFE = ("GET", "HEAD", "OPTIONS")
# What may be asked before anybody is known. Everything outside /api and /metrics is the page itself.
PUBLIC = {("GET", "/api/me"), ("POST", "/api/setup"), ("POST", "/api/login"), ("POST", "/api/logout")}
MANAGED = ("/api/users", "/api/tokens")
MANAGED_CHANGES = ("/api/me", "/api/models")
STREAMS = ("/api/events",)
# A stream is cut after this long; pages connect again at once, and who they are is looked up anew.
STREAM_S = 3600.0
MB = 1_000_000
LARGEST_BODY = 4 * MB

HEADERS = {
    # Styles may be inline, as components place themselves and draw waveforms; scripts may not.
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self' blob:; worker-src 'self' blob:; font-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}


class WrongName(Refused):
    """The request was sent to a name that is not ours."""

    status = 421
    code = "wrong_name"


def needs_person(method: str, path: str) -> bool:
    """Whether somebody must be known before this is answered, where accounts are asked for."""
    return (under(path, "/api") or under(path, "/metrics")) and (method, path) not in PUBLIC


def right_for(method: str, path: str) -> Right:
    """The scope that a token needs."""
    if any(under(path, start) for start in MANAGED):
        return "manage"
    if method in SAFE:
        return "read"
    return "manage" if any(under(path, start) for start in MANAGED_CHANGES) else "make"


def under(path: str, start: str) -> bool:
    """Whether a path is this one or below it."""
    return path == start or path.startswith(f"{start}/")


def name_of(host: str) -> str:
    """The name in a Host header, without port and brackets; empty if there is none.

    >>> name_of("[::1]:7788"), name_of("Studio.local.:80")
    ('::1', 'studio.local')
    """
    with suppress(ValueError):
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    return ""


def is_address(name: str) -> bool:
    """Whether a name is a bare IP address, which nobody can point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Lets requests through to `app`, with `request.state.user` and `request.state.identity` set."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access
        machine = socket.gethostname().lower()
        settings = access.settings
        self.names = {*LOOPBACK, settings.host.lower(), *settings.hosts}
        if settings.lan:
            self.names |= {machine, f"{machine}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sending = dressed(send, scope["path"])
        headers = Headers(scope=scope)
        try:
            self.refuse_strangers(scope, headers)
            identity = await self.identity_of(scope, headers)
        except Refused as problem:
            await answer(problem)(scope, receive, sending)
            return
        state = scope.setdefault("state", {})
        state["identity"], state["user"] = identity, identity.user if identity else None
        if identity is not None and not self.access.open and scope["path"] in STREAMS:
            await self.stream(identity, scope, receive, sending)
        else:
            await self.app(scope, self.measured(scope["path"], receive), sending)

    # --- Where from

    def refuse_strangers(self, scope: Scope, headers: Headers) -> None:
        """Raise unless the request was sent to us, and not by another site's page."""
        host = headers.get("host", "")
        if not self.is_our(name_of(host)):
            raise WrongName(f"This studio is not called {host!r}: use its address, or name it in MELISMA_STUDIO_HOSTS.")
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        change = scope["method"] not in SAFE
        foreign_page = site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
        if change and origin is None:
            foreign_page = site not in (None, "same-origin", "none")
        elif change:
            foreign_page = not self.same(origin or "", host)
        if foreign_page and under(scope["path"], "/api"):
            raise NotAllowed("Another site's page asked for this: open the studio's own page.", code="other_site")
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > self.most(scope["path"]):
            raise self.too_large(scope["path"])

    def is_our(self, name: str) -> bool:
        """Whether a name is one of ours."""
        return name in self.names or (self.access.settings.lan and is_address(name))

    def same(self, origin: str, host: str) -> bool:
        """Whether a page's origin is this studio; behind a proxy it may bear another name of ours."""
        with suppress(ValueError):
            parts = urlsplit(origin)
            named = parts.hostname is not None and parts.hostname in self.access.settings.hosts
            return parts.scheme in ("http", "https") and (parts.netloc.lower() == host.lower() or named)
        return False

    # --- Who

    async def identity_of(self, scope: Scope, headers: Headers) -> Identity | None:
        """Whoever asks, if they may. Raises SignInFirst or NotAllowed."""
        method, path = scope["method"], scope["path"]
        if not (under(path, "/api") or under(path, "/metrics")):
            return None
        bearer, cookie = bearer_in(headers), cookie_in(headers)
        identity = await run_in_threadpool(self.access.identify, cookie, bearer)
        if identity is None:
            if needs_person(method, path):
                raise SignInFirst("Sign in first." if bearer is None else "This token is not known, or has expired.")
            return None
        if identity.csrf is not None and method not in SAFE and path != "/api/login":
            sent = headers.get("x-csrf-token", "")
            if not hmac.compare_digest(sent.encode(), identity.csrf.encode()):
                raise NotAllowed("The page is out of date: load it again.", code="csrf")
        needed = right_for(method, path)
        if needed not in identity.scopes:
            raise NotAllowed(f"This token may not {needed}: make one with the scope '{needed}'.", code="scope")
        return identity

    # --- How much, how long

    def most(self, path: str) -> int:
        """Largest body, bytes: uploads see to their own limit, a little above it even they are cut."""
        return self.access.settings.max_upload_mb * MB + MB if under(path, "/api/uploads") else LARGEST_BODY

    def too_large(self, path: str) -> TooLarge:
        """The refusal."""
        return TooLarge(f"That is too large: at most {self.most(path) // MB} MB are taken here.")

    def measured(self, path: str, receive: Receive) -> Receive:
        """Receives a body of unknown length up to the largest."""
        most, seen = self.most(path), 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(TooLarge.status, self.too_large(path).detail)
            return message

        return counted

    async def stream(self, identity: Identity, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a stream until it ends, the person signs out, or its time is up."""
        loop, over, begun = asyncio.get_running_loop(), asyncio.Event(), False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        def end() -> None:
            loop.call_soon_threadsafe(over.set)

        task = asyncio.create_task(_run(self.app, scope, receive, sending))
        waiting = asyncio.create_task(over.wait())
        with self.access.streams.watching(identity.user.id, end):
            try:
                await asyncio.wait({task, waiting}, timeout=STREAM_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
                cut = not task.done() and task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if cut and begun:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def bearer_in(headers: Headers) -> str | None:
    """The token of an Authorization header; None if there is none."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def cookie_in(headers: Headers) -> str | None:
    """The cookie of a session."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


def dressed(send: Send, path: str) -> Callable[[Message], Awaitable[None]]:
    """Sends with our headers; what is under /api is nobody else's to keep, unless its route says otherwise."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if under(path, "/api"):
                headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending


def answer(problem: Refused) -> JSONResponse:
    """A refusal as an answer."""
    headers = {}
    if isinstance(problem, SignInFirst):
        headers["www-authenticate"] = "Bearer"
    if isinstance(problem, TooManyTries):
        headers["retry-after"] = str(problem.wait_s)
    return JSONResponse({"detail": problem.detail, "code": problem.code}, problem.status, headers)
