"""Files of the library, named by what is in them.

A file is written beside its place, synced, and renamed: it is there whole or not at all. The same content is kept once.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

BLOCK = 1 << 20
RESERVE = 64 << 20  # bytes that are left to the database


@dataclass(frozen=True)
class Stored:
    """A file that landed."""

    sha256: str
    suffix: str
    size: int


@dataclass(frozen=True)
class Files:
    """A folder of content-addressed files: `ab/abcdef….flac`."""

    folder: Path

    def place(self, sha256: str, suffix: str) -> Path:
        """Where a file with this content lies, or would."""
        return self.folder / sha256[:2] / f"{sha256}{suffix}"

    def put(self, content: bytes | IO[bytes], suffix: str) -> Stored:
        """Store content; the same content lands in the same place. OSError where the disk is (all but) full."""
        self.require_room(len(content) if isinstance(content, bytes) else 0)
        incoming = self.folder / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with NamedTemporaryFile(dir=incoming, delete=False) as fresh:
            try:
                for block in blocks(content):
                    digest.update(block)
                    size += len(block)
                    fresh.write(block)
                fresh.flush()
                os.fsync(fresh.fileno())
                place = self.place(digest.hexdigest(), suffix)
                place.parent.mkdir(parents=True, exist_ok=True)
                Path(fresh.name).replace(place)
            finally:
                # Gone already, unless something went wrong.
                Path(fresh.name).unlink(missing_ok=True)
        sync_folder(place.parent)
        return Stored(digest.hexdigest(), suffix, size)

    def all(self) -> Iterator[Path]:
        """Every stored file."""
        return (path for path in self.folder.glob("??/*") if path.is_file())

    def require_room(self, size: int) -> None:
        """Raise OSError as a full disk does where less than `RESERVE` would be left: deleting needs room too."""
        if self.free_bytes() - size < RESERVE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def free_bytes(self) -> int:
        """Room left on the disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free


def blocks(content: bytes | IO[bytes]) -> Iterator[bytes]:
    """Content in pieces."""
    if isinstance(content, bytes):
        yield content
        return
    while block := content.read(BLOCK):
        yield block


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
