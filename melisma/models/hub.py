"""Fetching checkpoints: resumable, checked, and never half there.

Files arrive in `models/.partial`, are compared with the size and SHA-256 that the hub names, and only then the whole
folder moves to its place together with a manifest of what it holds. A transfer that breaks is taken up where it stopped;
a folder in its place is complete. Only weights, configs and tokenizers are fetched, never code.

Hugging Face is asked first; ModelScope carries the same ids and serves where Hugging Face cannot be reached.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from filelock import FileLock, Timeout

from melisma.errors import BadCheckpoint, MissingModel
from melisma.listen import Listener, quiet
from melisma.models.catalogue import Checkpoint, Companion
from melisma.models.places import models_folder, offline, place_of

MANIFEST = ".melisma.json"
MB = 1_000_000
# Left free on the disk beside what is fetched.
MARGIN = 200 * MB
KINDS = (".safetensors", ".json", ".txt", ".model", ".jinja")
NAMES = ("silence_latent.pt",)
# Tries in a row that bring nothing before a transfer is given up, and how much longer each waits.
PATIENCE, PAUSE_S = 5, 1.0

Tell = Callable[[int], None]
SourceName = Literal["huggingface", "modelscope"]


@dataclass(frozen=True)
class RemoteFile:
    """A file on a hub. `sha256` is None where the hub does not name it (small files)."""

    path: str
    size: int
    sha256: str | None


class Source(Protocol):
    """A hub."""

    name: str

    def files(self, repo: str) -> tuple[str, list[RemoteFile]]:
        """The revision, and all files of a repository."""

    def fetch(self, repo: str, revision: str, file: RemoteFile, folder: Path, tell: Tell) -> None:
        """Bring a file to `folder / file.path`, going on where an earlier try stopped; `tell` hears of bytes."""


class HuggingFace:
    """The hub at huggingface.co, or at another endpoint that speaks its language."""

    name = "huggingface"

    def __init__(self, endpoint: str | None = None) -> None:
        self.endpoint = endpoint

    def files(self, repo: str) -> tuple[str, list[RemoteFile]]:
        from huggingface_hub import HfApi

        with _explained(self.name, repo):
            info = HfApi(endpoint=self.endpoint).model_info(repo, files_metadata=True)
        return info.sha or "main", [
            RemoteFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None)
            for file in info.siblings or []
        ]

    def fetch(self, repo: str, revision: str, file: RemoteFile, folder: Path, tell: Tell) -> None:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        url = hf_hub_url(repo, file.path, revision=revision, endpoint=self.endpoint)
        with _explained(self.name, repo):
            download(url, build_hf_headers(), file.size, folder / file.path, tell)


class ModelScope:
    """The hub at modelscope.cn; needs the package of that name."""

    name = "modelscope"

    def files(self, repo: str) -> tuple[str, list[RemoteFile]]:
        with _explained(self.name, repo):
            listed = self._package().hub.api.HubApi().get_model_files(repo, recursive=True)
        return "master", [
            RemoteFile(file["Path"], int(file["Size"]), file.get("Sha256") or None)
            for file in listed
            if file.get("Type") != "tree"
        ]

    def fetch(self, repo: str, revision: str, file: RemoteFile, folder: Path, tell: Tell) -> None:
        target = folder / file.path
        with _explained(self.name, repo):
            self._package().hub.file_download.model_file_download(
                repo, file.path, revision=revision, local_dir=str(folder)
            )
        tell(target.stat().st_size)

    @staticmethod
    def _package() -> Any:
        try:
            import modelscope
            import modelscope.hub.api
            import modelscope.hub.file_download
        except ImportError as error:
            raise MissingModel(
                "fetching from ModelScope needs its package: pip install 'melisma[modelscope]'"
            ) from error
        return modelscope


def source_of(name: SourceName | None = None) -> Source:
    """The hub to ask; None is Hugging Face."""
    return ModelScope() if name == "modelscope" else HuggingFace()


def pull(
    checkpoint: Checkpoint,
    source: Source | None = None,
    home: Path | None = None,
    listen: Listener = quiet,
    again: bool = False,
) -> Path:
    """Fetch a checkpoint unless it is here (or `again`), and return its folder.

    Raises MissingModel where it cannot be had (offline, no such repository, no connection, too little disk) and
    BadCheckpoint where what arrived is not what the hub announced.
    """
    place = place_of(checkpoint, home)
    if place.exists() and not again:
        return place
    if offline():
        raise MissingModel(
            f"{checkpoint.name} is not here and the network is not to be used (MELISMA_OFFLINE or HF_HUB_OFFLINE is set): "
            f"unset it, or copy the checkpoint to {place}"
        )
    # One staging folder per part: two parts of one repository may be fetched at the same time, one part only once.
    staging = models_folder(home) / ".partial" / checkpoint.place.replace("/", "--")
    staging.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{staging}.lock", timeout=0):
            _transfer(checkpoint, source or source_of(), staging, place, listen)
    except Timeout as error:
        raise MissingModel(f"{checkpoint.name} is being fetched by another melisma: wait until it is here") from error
    return place


def _transfer(checkpoint: Checkpoint, source: Source, staging: Path, place: Path, listen: Listener) -> None:
    """Fetch all files of a checkpoint into `staging`, and move them to `place` when they are whole."""
    revision, files = source.files(checkpoint.repo)
    files = [file for file in files if belongs(file.path, checkpoint.folder)]
    if not any(file.path.endswith(".safetensors") for file in files):
        raise MissingModel(
            f"{source.name} holds no weights at {checkpoint.place}: try another hub, or look for its name there"
        )
    refuse_without_room(checkpoint.name, files, staging)
    total = sum(file.size for file in files)
    listen.stage(f"fetch {checkpoint.name}, {total / 1e9:.2f} GB (MB)", max(1, total // MB))
    tell = _in_megabytes(listen, total)
    sums = {file.path: _fetched(source, checkpoint.repo, revision, file, staging, tell) for file in files}
    inner = staging / checkpoint.folder
    manifest: dict[str, Any] = {
        "repo": checkpoint.repo,
        "revision": revision,
        "source": source.name,
        "files": {
            str(Path(file.path).relative_to(checkpoint.folder)): {"size": file.size, "sha256": sums[file.path]}
            for file in files
        },
    }
    for companion in checkpoint.companions:
        manifest["files"][companion.name] = _companion(companion, inner, listen)
    (inner / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    _settle(inner, place)
    shutil.rmtree(staging, ignore_errors=True)


def _companion(companion: Companion, folder: Path, listen: Listener) -> dict[str, Any]:
    """Fetch a file that lies elsewhere into `folder`; returns what the manifest says of it."""
    target = folder / companion.name
    if not target.exists():
        with _explained("its site", companion.url):
            download(companion.url, {}, companion.size, target, lambda _: None)
    digest = sha256(target)
    if digest != companion.sha256:
        target.unlink()
        raise BadCheckpoint(
            f"{companion.name} from {companion.url} arrived with other contents than expected: try again later"
        )
    listen.note(f"{companion.name} is under {companion.licence}.")
    return {"size": companion.size, "sha256": digest}


def belongs(path: str, folder: str) -> bool:
    """Whether a file of a repository is part of the checkpoint in `folder`, and of a kind that is fetched."""
    inside = Path(path).is_relative_to(folder) if folder else True
    # Roots of repositories hold the model card and pictures; a bundle's other parts lie in folders of their own.
    return inside and ".." not in Path(path).parts and (path.endswith(KINDS) or Path(path).name in NAMES)


def refuse_without_room(name: str, files: list[RemoteFile], staging: Path) -> None:
    """Raise MissingModel before a transfer that the disk cannot hold."""
    arrived = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
    needed = max(0, sum(file.size for file in files) - arrived) + MARGIN
    free = shutil.disk_usage(staging).free
    if needed > free:
        raise MissingModel(
            f"{name} needs {needed / 1e9:.1f} GB more on the disk of {staging.parent.parent}, {free / 1e9:.1f} GB are free: "
            "make room, or set MELISMA_HOME to a folder on another disk"
        )


def _fetched(source: Source, repo: str, revision: str, file: RemoteFile, staging: Path, tell: Tell) -> str:
    """Fetch one file and return its SHA-256; once more if it arrived wrong."""
    target = staging / file.path
    for _ in range(2):
        if target.exists():
            tell(file.size)
        else:
            source.fetch(repo, revision, file, staging, tell)
        digest = sha256(target)
        if target.stat().st_size == file.size and digest == (file.sha256 or digest):
            return digest
        target.unlink()
    raise BadCheckpoint(
        f"{file.path} of {repo} arrived twice with other contents than {source.name} announced: try again later, "
        "or another hub with --from"
    )


def _settle(folder: Path, place: Path) -> None:
    """Move a complete folder to its place, over an older one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    old = place.with_name(f".old-{place.name}")
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(place, old)
    os.replace(folder, place)
    shutil.rmtree(old, ignore_errors=True)


def remove(checkpoint: Checkpoint, home: Path | None = None) -> int:
    """Delete a checkpoint and what was fetched of it; returns the bytes freed. Raises MissingModel if it is not here."""
    place = place_of(checkpoint, home)
    if not place.exists():
        raise MissingModel(f"{checkpoint.name} is not here: nothing lies at {place}")
    freed = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    doomed = place.with_name(f".old-{place.name}")
    os.replace(place, doomed)  # gone in one move: a deletion that breaks leaves no half checkpoint
    shutil.rmtree(doomed)
    return freed


def verify(folder: Path) -> Iterator[str]:
    """What is wrong with a checkpoint's folder, one line each; nothing if all is well.

    Every file is compared with the manifest of its transfer; weights put there by hand are checked for completeness.
    """
    manifest = folder / MANIFEST
    known: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))["files"] if manifest.is_file() else {}
    for name, expected in known.items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is gone"
        elif path.stat().st_size != expected["size"]:
            yield f"{name} has {path.stat().st_size} bytes, expected {expected['size']}"
        elif sha256(path) != expected["sha256"]:
            yield f"{name} was changed since it was fetched"
    weights = sorted(folder.rglob("*.safetensors"))
    if not weights:
        yield "there are no weights (*.safetensors)"
    for path in weights:
        problem = cut_short(path)
        if problem and str(path.relative_to(folder)) not in known:
            yield f"{path.relative_to(folder)} {problem}"


def cut_short(path: Path) -> str | None:
    """What is wrong with a safetensors file by its header: it names where the last tensor ends."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(size - 8, 100 * MB):
            return "is not a safetensors file, or was cut short"
        try:
            header = json.loads(stream.read(length))
        except (UnicodeDecodeError, json.JSONDecodeError):
            return "is not a safetensors file"
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    expected = 8 + length + max(ends, default=0)
    return None if size == expected else f"has {size} bytes, its header says {expected}"


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _in_megabytes(listen: Listener, total: int) -> Tell:
    told = {"bytes": 0, "steps": 0}

    def tell(count: int) -> None:
        told["bytes"] = min(total, told["bytes"] + count)
        for _ in range(told["bytes"] // MB - told["steps"]):
            told["steps"] += 1
            listen.step()

    return tell


def download(url: str, headers: dict[str, str], size: int, target: Path, tell: Tell) -> None:
    """Bring a file over HTTP, going on where an earlier try stopped.

    Ours, because the hub's own client no longer keeps what arrived when a transfer breaks (huggingface_hub 2), and a
    checkpoint is gigabytes. What arrived lies beside `target` with `.partial` behind its name.
    """
    import httpx2
    from huggingface_hub.utils import get_session, hf_raise_for_status

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    partial.touch()
    tell(partial.stat().st_size)
    failures = 0
    while (have := partial.stat().st_size) < size:
        try:
            ranged = {**headers, "Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
            with get_session().stream("GET", url, headers=ranged, follow_redirects=True) as response:
                hf_raise_for_status(response)
                goes_on = response.status_code == httpx2.codes.PARTIAL_CONTENT
                with partial.open("ab" if goes_on else "wb") as stream:
                    for chunk in response.iter_raw():
                        stream.write(chunk)
                        tell(len(chunk))
        except httpx2.TransportError:
            failures = 0 if partial.stat().st_size > have else failures + 1
            if failures >= PATIENCE:
                raise
            time.sleep(failures * PAUSE_S)
    os.replace(partial, target)


class _explained:  # noqa: N801 - reads as a phrase
    """Turns a hub library's errors into advice."""

    def __init__(self, hub: str, repo: str) -> None:
        self.hub, self.repo = hub, repo

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

        if isinstance(error, RepositoryNotFoundError):
            raise MissingModel(f"{self.hub} has no repository {self.repo}, or it is not public") from error
        if isinstance(error, (HfHubHTTPError, httpx2.HTTPError, OSError)):
            raise MissingModel(
                f"{self.hub} could not deliver {self.repo}: {str(error).splitlines()[0] if str(error) else error!r}. Run the "
                "same command again to go on where it stopped, or use another hub with --from"
            ) from error


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """What was written when a checkpoint was fetched; None for one put there by hand."""
    path = folder / MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
