"""`melisma studio`: the server, its worker and the page, with one command.

The flags are the fields of `studio.settings.Settings`, so that flag, environment and file never differ.
"""

import socket
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

import click
from filelock import FileLock, Timeout
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from melisma.errors import BadRequest
from melisma.song import explain
from melisma.studio.settings import Settings


def flag(name: str, field: FieldInfo) -> Callable[..., Any]:
    """The flag of a setting; left out, the environment, the file or the default decides."""
    kind, spelled = field.annotation, f"--{name.replace('_', '-')}"
    allowed = [one for one in get_args(kind) if isinstance(one, str)]
    options: dict[str, Any] = {"help": field.description, "default": None}
    if kind is bool:
        options["is_flag"] = True
    elif allowed:
        options["type"] = click.Choice(allowed)
    elif kind in (int, float):
        options["type"] = kind
    return click.option(spelled, name, **options)


def flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """All of them."""
    for name, field in reversed(Settings.model_fields.items()):
        command = flag(name, field)(command)
    return command


@click.command()
@flags
@click.option("--browser/--no-browser", default=True, help="Open the page.")
def studio(browser: bool, **given: Any) -> None:
    """Make, compare, edit and keep songs in a page of your browser."""
    import uvicorn

    from melisma.studio import logs
    from melisma.studio.app import create_app
    from melisma.studio.lan import invitation, url_at

    settings = settings_of(given)
    logs.set_up(settings.log_format, settings.log_level)
    listening = bound(settings)
    port = listening.getsockname()[1]
    app = create_app(settings)

    def announce() -> None:
        home = url_at("127.0.0.1" if settings.lan else settings.host, port)
        click.echo(f"The studio is at {home}  (Ctrl-C ends it)")
        if settings.lan:
            access = app.state.studio.access
            named = settings.hosts[0] if settings.hosts else settings.host
            click.echo(invitation(port, access.passcode if access.setup_needed() else None, named))
        if browser:
            webbrowser.open(home)

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                announce()

    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=3)
    with alone(settings):
        Announced(config).run(sockets=[listening])


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the data folder: two studios would take each other's jobs. Raises BadRequest."""
    settings.data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.data / "studio.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise BadRequest(
            f"a studio is running on {settings.data} already: use it, end it, or choose another folder with --data"
        ) from error
    with lock:
        yield


def settings_of(given: dict[str, Any]) -> Settings:
    """Settings with the flags that were given. Raises BadRequest."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise BadRequest(explain(error)) from error


def bound(settings: Settings) -> socket.socket:
    """A socket that listens. Raises BadRequest where the port is taken."""
    family = socket.AF_INET6 if ":" in settings.listen_at else socket.AF_INET
    try:
        return socket.create_server((settings.listen_at, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise BadRequest(
            f"cannot listen at {settings.listen_at} port {settings.port} ({error.strerror}): is a studio running already? "
            "Choose another port with --port, 0 for any"
        ) from error
