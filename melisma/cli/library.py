"""`melisma library`: the studio's songs as files, whether the studio runs or not."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from melisma.errors import BadCheckpoint, BadRequest, MissingModel

if TYPE_CHECKING:
    from melisma.studio.checkup import Findings
    from melisma.studio.context import Context
    from melisma.studio.tables import User

Folder = click.Path(file_okay=False, path_type=Path)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
data = click.option("--data", type=Folder, help="The studio's data folder; default: where the studio keeps it.")


def whose(meaning: str) -> Callable[..., Any]:
    """--user NAME."""
    return click.option("--user", metavar="NAME", help=meaning)


@click.group()
def library() -> None:
    """Export, import, check and back up the studio's songs."""


@library.command("export")
@click.argument("folder", type=Folder)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["flac", "wav", "mp3", "opus", "m4a"]),
    help="Encode, with trims, fades and gain; default: takes as they were made.",
)
@whose("Only the songs of this person; default: of everybody.")
@data
@as_json
def export_(folder: Path, format_: Any, user: str | None, data: Path | None, as_json: bool) -> None:
    """Write all songs into FOLDER: one folder each, with tagged audio, lyrics, picture and how it was made."""
    with opened(data) as studio:
        from melisma.cli.progress import Bars
        from melisma.studio.shelves import export_library

        owner = person(studio, user) if user else None
        with Bars() as listen:
            written = export_library(studio.database, studio.files, folder, owner=owner, format_=format_, listen=listen)
    click.echo(json.dumps([str(path) for path in written]) if as_json else f"{len(written)} songs in {folder}")


@library.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@whose("Whose songs they become; default: the first administrator's.")
@data
@as_json
def import_(folder: Path, user: str | None, data: Path | None, as_json: bool) -> None:
    """Bring all audio of FOLDER: exported songs as they were, the rest by what its tags say. Nothing is brought twice."""
    with opened(data) as studio:
        from melisma.cli.progress import Bars
        from melisma.studio.recovery import import_folder

        with Bars() as listen:
            brought = import_folder(studio.database, studio.files, person(studio, user), folder, listen)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(brought)))
        return
    for name, reason in brought.refused.items():
        click.echo(f"left out: {name}: {reason}", err=True)
    click.echo(f"{len(brought.songs)} songs brought, {brought.known} sounds known already")


@library.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended. No sound is ever thrown away.")
@click.option("--quick", is_flag=True, help="Do not read the files: damage within them stays unseen.")
@whose("Whose songs found again become, where nothing says so; default: the first administrator's.")
@data
@as_json
def check(repair: bool, quick: bool, user: str | None, data: Path | None, as_json: bool) -> None:
    """Find missing, damaged and forgotten files; with --repair, also make a lost database again from the folder."""
    with opened(data) as studio:
        from melisma.cli.progress import Bars
        from melisma.studio import checkup

        with Bars() as listen:
            left = findings = checkup.check(studio.database, studio.files, quick=quick, listen=listen)
            if repair and not findings.sound:
                checkup.repair(studio.database, studio.files, findings, person(studio, user), listen)
                left = checkup.check(studio.database, studio.files, quick=quick, listen=listen)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(findings)))
    else:
        tell(findings)
    if not left.sound:
        advice = "copy what is missing or damaged from a backup" if repair else "run it again with --repair"
        raise BadCheckpoint(f"the library is not whole: {advice}")


def tell(findings: "Findings") -> None:
    """Findings for people."""
    click.echo(f"{findings.songs} songs, {findings.files} files")
    for title, names in (
        ("missing", findings.missing),
        ("damaged", findings.corrupt),
        ("unknown", findings.orphans),
        ("needed by nothing", findings.unused),
        ("unfinished", findings.unfinished),
        ("songs without waveform or picture", findings.unpictured),
        ("songs without card", findings.cardless),
    ):
        if names:
            click.echo(f"{title}: {len(names)}")
            for name in names[:10]:
                click.echo(f"  {name}")
    for title in findings.affected.values():
        click.echo(f"cannot be played: {title}")
    for line in findings.repaired:
        click.echo(line)
    if findings.sound:
        click.echo("all is well")


@library.command()
@click.argument("folder", type=Folder)
@data
@as_json
def backup(folder: Path, data: Path | None, as_json: bool) -> None:
    """Copy database and songs to FOLDER, also while the studio runs; `melisma studio --data FOLDER` runs the copy.

    Into the same folder again, only what is new is copied.
    """
    with opened(data) as studio:
        from melisma.cli.progress import Bars
        from melisma.studio.shelves import back_up

        with Bars() as listen:
            done = back_up(studio.database, studio.files, folder, listen)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done) | {"folder": str(done.folder)}))
        return
    click.echo(f"{done.songs} songs, {done.files} files ({done.copied} new) in {folder}")
    if not done.database:
        click.echo("the database is PostgreSQL's: back it up with pg_dump", err=True)


# --- The library without a server -----------------------------------------------------------------------------------


@contextmanager
def opened(folder: Path | None) -> Iterator["Context"]:
    """The studio's database and files."""
    try:
        from melisma.studio.context import Context
        from melisma.studio.database import Database, sqlite_url
        from melisma.studio.files import Files
        from melisma.studio.settings import Settings
    except ImportError as error:
        raise MissingModel(
            f"the studio is not installed ({error.name} is missing): pip install 'melisma[studio]'"
        ) from error
    settings = Settings() if folder is None else Settings(data=folder)
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database or sqlite_url(settings.data))
    database.migrate()
    try:
        yield Context(settings, database, Files(settings.data / "files"))
    finally:
        database.close()


def person(studio: "Context", name: str | None) -> "User":
    """A person by name; None: the first administrator, made where there is none."""
    from sqlalchemy import select

    from melisma.studio.access import OWNER, owner_of
    from melisma.studio.tables import User

    with studio.database.transaction() as session:
        found = session.scalar(select(User).where(User.name == name)) if name else owner_of(session)
        if found is None and name:
            known = ", ".join(session.scalars(select(User.name))) or "nobody yet"
            raise BadRequest(f"there is nobody called {name!r} in this studio: choose one of {known}")
        if found is None:
            found = User(name=OWNER, admin=True)
            session.add(found)
            session.flush()
        return found
