"""Is the library whole? What the database names must lie on the disk, unharmed; what lies there must have a name.

Repairing never throws a sound away: sounds that no row knows become songs again (`recovery`), or uploads; only what can
be made again, or was never finished, is removed. Files of the last hour are left alone: somebody may be storing them.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Update, func, select, update

from melisma import audio
from melisma.errors import MelismaError
from melisma.listen import Listener, quiet
from melisma.studio import cards, library, search
from melisma.studio.artwork import artwork
from melisma.studio.database import Database
from melisma.studio.files import Files, Stored, digest_of
from melisma.studio.peaks import SUFFIX, peaks
from melisma.studio.recovery import HEARD, Brought, gather
from melisma.studio.sounds import ARTWORK_SUFFIX
from melisma.studio.tables import File, Song, Take, User

YOUNG_S = 3600.0


@dataclass
class Findings:
    """What is wrong; empty lists where nothing is. Repaired: the same after repairing, in words."""

    songs: int = 0
    files: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    unpictured: list[str] = field(default_factory=list)
    cardless: list[str] = field(default_factory=list)
    unsearchable: int = 0
    affected: dict[str, str] = field(default_factory=dict)
    repaired: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        lists = (self.missing, self.corrupt, self.orphans, self.unused, self.unfinished, self.unpictured, self.cardless)
        return not any(lists) and not self.unsearchable


def check(database: Database, files: Files, *, quick: bool = False, listen: Listener = quiet) -> Findings:
    """Look at everything; `quick` does not read the files, and so misses damage within them."""
    findings = Findings()
    with database.reading() as session:
        rows = {row.sha256: row for row in session.scalars(select(File))}
        used = library.in_use(session)
        findings.songs = session.scalar(select(func.count()).select_from(Song)) or 0
        findings.unsearchable = abs(findings.songs - search.indexed(session))
        takes = session.execute(
            select(Take.sha256, Take.peaks_sha256, Song.id, Song.title, Song.artwork_sha256).join(Song)
        )
        takes_ = takes.all()
    findings.files = len(rows)
    listen.stage("check", len(rows) or 1)
    for row in rows.values():
        path = files.place(row.sha256, row.suffix)
        if not path.is_file():
            findings.missing.append(name_of(row))
        elif path.stat().st_size != row.size or (not quick and digest_of(path) != row.sha256):
            findings.corrupt.append(name_of(row))
        listen.step()
    findings.unused = sorted(name_of(row) for sha, row in rows.items() if sha not in used)
    known = {name_of(row) for row in rows.values()}
    fresh = findings.songs > 0
    findings.orphans = sorted(
        path.name for path in files.all() if path.name not in known and not (fresh and young(path))
    )
    findings.unfinished = sorted(
        path.name for path in (files.folder / "incoming").glob("*") if not young(path) or not fresh
    )
    bad = {name.split(".")[0] for name in findings.missing + findings.corrupt}
    for sha, shape, song_id, title, picture in takes_:
        if sha in bad:
            findings.affected[song_id] = title
        if shape is None or shape in bad or picture is None or picture in bad:
            findings.unpictured.append(song_id)
        if not (cards.folder_of(files) / f"{song_id}.json").is_file():
            findings.cardless.append(song_id)
    findings.unpictured = sorted(set(findings.unpictured))
    findings.cardless = sorted(set(findings.cardless))
    return findings


def name_of(row: File) -> str:
    """A file as it is called on the disk."""
    return f"{row.sha256}{row.suffix}"


def young(path: Path) -> bool:
    """Whether somebody may still be at it."""
    try:
        return time.time() - path.stat().st_mtime < YOUNG_S
    except FileNotFoundError:
        return True


def repair(database: Database, files: Files, findings: Findings, owner: User, listen: Listener = quiet) -> Findings:
    """Mend what can be mended; `repaired` says what was done."""
    said = findings.repaired
    brought = adopt(database, files, findings.orphans, owner, listen)
    if brought.songs:
        said.append(f"{len(brought.songs)} songs made again, or made whole, from their files")
    if brought.known:
        said.append(f"{brought.known} second copies of takes removed")
    said += [f"{name} is no sound that can be read, and was left where it is" for name in brought.refused]
    derived = [Path(name) for name in findings.orphans if Path(name).suffix not in HEARD]
    library.remove_strangers(database.engine, files, [Stored(path.stem, path.suffix, 0) for path in derived])
    for name in findings.unfinished:
        (files.folder / "incoming" / name).unlink(missing_ok=True)
    if derived or findings.unfinished:
        said.append(f"{len(derived) + len(findings.unfinished)} leftovers removed")
    if findings.unpictured:
        said.append(
            f"{sum(picture_again(database, files, one) for one in findings.unpictured)} waveforms or pictures made again"
        )
    if findings.unused:
        with database.transaction() as session:
            library.sweep(session, files, [name.split(".")[0] for name in findings.unused])
        said.append(f"{len(findings.unused)} files that nothing needs removed")
    if findings.unsearchable or brought.songs:
        with database.transaction() as session:
            said.append(f"{search.reindex(session)} songs can be found again")
    for song_id in findings.cardless:
        cards.write(database.engine, files, song_id)
    if findings.cardless:
        said.append(f"{len(findings.cardless)} cards written again")
    return findings


def adopt(database: Database, files: Files, orphans: list[str], owner: User, listen: Listener) -> Brought:
    """Make songs of sounds that no row knows."""
    sounds = {}
    for name in orphans:
        path = files.folder / name[:2] / name
        if path.suffix in HEARD and path.is_file():
            sounds[name.split(".")[0]] = (path, Stored(name.split(".")[0], path.suffix, path.stat().st_size))
    listen.stage("make songs again", len(sounds) or 1)
    brought = Brought()
    gather(database, files, owner, sounds, cards.read_all(files), brought, listen, home=True)
    return brought


def picture_again(database: Database, files: Files, song_id: str) -> int:
    """Make the waveforms and the picture of a song again where they are gone; how many."""
    made = 0
    with database.reading() as session:
        takes = session.scalars(select(Take).where(Take.song_id == song_id).order_by(Take.created_at)).all()
        song = session.get(Song, song_id)
    if song is None:
        return 0
    needs_picture = not there(files, song.artwork_sha256, ARTWORK_SUFFIX)
    for take in takes:
        if there(files, take.peaks_sha256, SUFFIX) and not needs_picture:
            continue
        try:
            sound = audio.read(files.place(take.sha256, f".{take.format}"), rate_hz=None)
        except MelismaError:
            continue
        new: list[tuple[Stored, Update]] = []
        if not there(files, take.peaks_sha256, SUFFIX):
            stored = files.put(peaks(sound), SUFFIX)
            new.append((stored, update(Take).where(Take.id == take.id).values(peaks_sha256=stored.sha256)))
        if needs_picture:
            stored = files.put(artwork(sound, song.key), ARTWORK_SUFFIX)
            new.append((stored, update(Song).where(Song.id == song_id).values(artwork_sha256=stored.sha256)))
            needs_picture = False
        with database.transaction() as session:
            for stored, change in new:
                library.register(session, files, stored)
                session.execute(change)
            library.sweep(session, files, [take.peaks_sha256, song.artwork_sha256])
        made += len(new)
    return made


def there(files: Files, sha256: str | None, suffix: str) -> bool:
    """Whether a file lies where it should, unharmed."""
    path = files.place(sha256, suffix) if sha256 else None
    return path is not None and path.is_file() and digest_of(path) == sha256
