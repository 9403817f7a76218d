"""Fetching from a hub of our own on this machine: broken lines, wrong bytes, full disks, and no network at all."""

import hashlib
import json
import shutil
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from melisma.errors import BadCheckpoint, Cancelled, MissingModel
from melisma.listen import Listener
from melisma.models import hub
from melisma.models.catalogue import Companion, named
from melisma.models.hub import MANIFEST, HuggingFace, ModelScope, pull, remove, verify
from melisma.models.places import is_here, place_of

TURBO = named("turbo")
SHA = "a" * 40


def safetensors(count: int) -> bytes:
    header = json.dumps({"x": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(i % 251 for i in range(count))


class Hub(ThreadingHTTPServer):
    """Speaks as much of the hub's language as a transfer needs, and breaks on demand."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        folder = TURBO.folder
        self.repo = TURBO.repo
        self.files = {
            f"{folder}/config.json": b'{"model_type": "acestep"}',
            f"{folder}/model.safetensors": safetensors(3_000_000),
            f"{folder}/silence_latent.pt": b"silence",
            f"{folder}/modeling_acestep.py": b"raise SystemExit",
            f"{folder}/pytorch_model.bin": b"pickle",
            "vae/config.json": b"{}",
            "README.md": b"card",
        }
        self.lfs = {name for name in self.files if name.endswith((".safetensors", ".pt"))}
        self.cut_after: int | None = None
        self.asked: list[tuple[str, str | None]] = []
        self.corrupt = 0


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        hub_, path = self.server, self.path.split("?")[0]
        if path.startswith(f"/api/models/{hub_.repo}"):
            siblings = [
                {
                    "rfilename": name,
                    "size": len(content),
                    "blobId": "b",
                    **({"lfs": lfs_of(content)} if name in hub_.lfs else {}),
                }
                for name, content in hub_.files.items()
            ]
            return self._send(json.dumps({"id": hub_.repo, "sha": SHA, "siblings": siblings}).encode())
        if not path.startswith(f"/{hub_.repo}/resolve/{SHA}/"):
            return self._send(b"{}", 404, {"X-Error-Code": "RepoNotFound"})
        name = path.split(f"/resolve/{SHA}/")[1]
        range_ = self.headers.get("Range")
        hub_.asked.append((name, range_))
        content = hub_.files[name]
        if hub_.corrupt and name.endswith(".safetensors"):
            hub_.corrupt -= 1
            content = content[:-1] + b"!"
        start = int(range_.removeprefix("bytes=").rstrip("-")) if range_ else 0
        self._send(content[start:], 206 if start else 200, cut=hub_.cut_after)

    def _send(
        self, body: bytes, code: int = 200, headers: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        self.send_response(code)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None and cut < len(body):
            self.close_connection = True


def lfs_of(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 100}


@pytest.fixture
def server() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def quick_and_online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PAUSE_S", 0.0)
    monkeypatch.delenv("MELISMA_OFFLINE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def get(server: Hub, home: Path, **options: Any) -> Path:
    return pull(TURBO, HuggingFace(server.endpoint), home, **options)


def test_weights_and_configs_arrive_and_nothing_else(server: Hub, tmp_path: Path) -> None:
    place = get(server, tmp_path)
    assert place == place_of(TURBO, tmp_path)
    assert {path.name for path in place.iterdir()} == {
        "config.json",
        "model.safetensors",
        "silence_latent.pt",
        MANIFEST,
    }
    assert (place / "model.safetensors").read_bytes() == server.files[f"{TURBO.folder}/model.safetensors"]
    assert is_here(TURBO, tmp_path)
    assert list(verify(place)) == []
    assert hub.manifest_of(place)["revision"] == SHA
    assert not [path for path in (tmp_path / "models" / ".partial").iterdir() if path.suffix != ".lock"]
    server.asked.clear()
    assert get(server, tmp_path) == place
    assert server.asked == []


def test_what_lies_elsewhere_comes_along(server: Hub, tmp_path: Path) -> None:
    url, card = f"{server.endpoint}/{server.repo}/resolve/{SHA}/README.md", lfs_of(b"card")["sha256"]
    companion = Companion("words.json", url, 4, card, "a licence of its own")
    said: list[str] = []

    class Hearing(Listener):
        def note(self, message: str) -> None:
            said.append(message)

    place = pull(replace(TURBO, companions=(companion,)), HuggingFace(server.endpoint), tmp_path, Hearing())
    assert (place / "words.json").read_bytes() == b"card"
    assert said == ["words.json is under a licence of its own."]
    assert list(verify(place)) == []
    wrong = replace(TURBO, companions=(replace(companion, sha256="0" * 64),))
    with pytest.raises(BadCheckpoint, match="words.json from .* other contents"):
        pull(wrong, HuggingFace(server.endpoint), tmp_path, again=True)
    assert (place / "words.json").exists()


def test_a_broken_line_is_taken_up_where_it_stopped(server: Hub, tmp_path: Path) -> None:
    server.cut_after = 1_000_000
    place = get(server, tmp_path)
    ranges = [asked for name, asked in server.asked if name.endswith("model.safetensors")]
    assert ranges == [None, "bytes=1000000-", "bytes=2000000-", "bytes=3000000-"]
    assert list(verify(place)) == []


def test_a_later_run_goes_on_and_what_is_partial_is_never_here(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PATIENCE", 1)
    server.cut_after = 0
    with pytest.raises(MissingModel, match=r"could not deliver.*Run the same command again"):
        get(server, tmp_path)
    server.cut_after = 700_000

    class Impatient(Listener):
        def step(self) -> None:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        get(server, tmp_path, listen=Impatient())
    assert not is_here(TURBO, tmp_path)
    assert not place_of(TURBO, tmp_path).exists()
    server.cut_after, before = None, len(server.asked)
    place = get(server, tmp_path)
    (resumed,) = [asked for name, asked in server.asked[before:] if name.endswith("model.safetensors")]
    assert resumed is not None
    assert int(resumed[6:-1]) >= 700_000
    assert list(verify(place)) == []


def test_a_server_without_ranges_is_asked_from_the_start(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = tmp_path / "models" / ".partial" / TURBO.place.replace("/", "--") / TURBO.folder
    staged.mkdir(parents=True)
    (staged / "model.safetensors.partial").write_bytes(b"old bytes")
    # The handler sees no header, so it answers with everything, as a server that knows no ranges does.
    monkeypatch.setattr(Handler, "headers", property(lambda self: {}, lambda self, value: None), raising=False)
    place = get(server, tmp_path)
    assert (place / "model.safetensors").read_bytes() == server.files[f"{TURBO.folder}/model.safetensors"]


def test_wrong_bytes_are_fetched_once_more_and_then_refused(server: Hub, tmp_path: Path) -> None:
    server.corrupt = 1
    assert list(verify(get(server, tmp_path))) == []
    server.corrupt = 2
    with pytest.raises(BadCheckpoint, match=r"model\.safetensors.*arrived twice"):
        get(server, tmp_path / "other")
    assert not is_here(TURBO, tmp_path / "other")


def test_again_replaces_the_old_only_when_the_new_is_whole(server: Hub, tmp_path: Path) -> None:
    place = get(server, tmp_path)
    server.files[f"{TURBO.folder}/model.safetensors"] = safetensors(10)
    server.corrupt = 9
    with pytest.raises(BadCheckpoint):
        get(server, tmp_path, again=True)
    assert list(verify(place)) == []
    server.corrupt = 0
    get(server, tmp_path, again=True)
    assert (place / "model.safetensors").read_bytes() == safetensors(10)
    assert [path.name for path in place.parent.iterdir()] == [TURBO.folder]


def test_a_full_disk_is_noticed_before_the_transfer(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(hub.MARGIN + 2_000_000))
    with pytest.raises(MissingModel, match=r"turbo needs 0\.2 GB more.*MELISMA_HOME"):
        get(server, tmp_path)
    assert server.asked == []


@pytest.mark.parametrize("name", ["MELISMA_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_asks_nobody(name: str, server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = get(server, tmp_path)
    monkeypatch.setenv(name, "1")
    server.asked.clear()
    assert get(server, tmp_path) == place
    with pytest.raises(MissingModel, match=f"{name} is set|HF_HUB_OFFLINE is set"):
        get(server, tmp_path / "other")
    assert server.asked == []


def test_unknown_repositories_and_empty_ones_are_named(server: Hub, tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="no repository nobody/nothing"):
        pull(replace(TURBO, repo="nobody/nothing"), HuggingFace(server.endpoint), tmp_path)
    with pytest.raises(MissingModel, match="no weights"):
        pull(replace(TURBO, folder="vae"), HuggingFace(server.endpoint), tmp_path)


def test_a_hub_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match=r"could not deliver.*--from"):
        pull(TURBO, HuggingFace("http://127.0.0.1:9"), tmp_path)


def test_one_part_is_fetched_by_one_at_a_time(server: Hub, tmp_path: Path) -> None:
    class Second(Listener):
        refused = False

        def step(self) -> None:
            if not self.refused:
                with pytest.raises(MissingModel, match="another melisma"):
                    get(server, tmp_path)
                self.refused = True

    second = Second()
    get(server, tmp_path, listen=second)
    assert second.refused


def test_a_repository_of_its_own_settles_whole(server: Hub, tmp_path: Path) -> None:
    own = replace(TURBO, folder="")
    place = pull(own, HuggingFace(server.endpoint), tmp_path)
    assert place == tmp_path / "models" / TURBO.repo
    assert (place / TURBO.folder / "model.safetensors").exists()
    assert not (place / "README.md").exists()
    assert list(verify(place)) == []


def test_the_mirror_serves_the_same_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = safetensors(20)
    listed = [
        {"Path": TURBO.folder, "Size": 0, "Type": "tree"},
        {"Path": f"{TURBO.folder}/config.json", "Size": 2, "Type": "blob"},
        {
            "Path": f"{TURBO.folder}/model.safetensors",
            "Size": len(weights),
            "Type": "blob",
            "Sha256": hashlib.sha256(weights).hexdigest(),
        },
    ]

    def download(repo: str, path: str, revision: str, local_dir: str) -> None:
        target = Path(local_dir) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(weights if path.endswith("safetensors") else b"{}")

    with pytest.raises(MissingModel, match=r"melisma\[modelscope\]"):
        pull(TURBO, ModelScope(), tmp_path)
    api = ModuleType("modelscope.hub.api")
    api.HubApi = lambda: SimpleNamespace(get_model_files=lambda repo, recursive: listed)
    files = ModuleType("modelscope.hub.file_download")
    files.model_file_download = download
    package, inner = ModuleType("modelscope"), ModuleType("modelscope.hub")
    package.hub, inner.api, inner.file_download = inner, api, files
    for module in (package, inner, api, files):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    place = pull(TURBO, ModelScope(), tmp_path)
    assert (place / "model.safetensors").read_bytes() == weights
    assert hub.manifest_of(place)["source"] == "modelscope"


def test_remove_frees_the_place(server: Hub, tmp_path: Path) -> None:
    place = get(server, tmp_path)
    assert remove(TURBO, tmp_path) > 3_000_000
    assert not place.exists()
    with pytest.raises(MissingModel, match="turbo is not here"):
        remove(TURBO, tmp_path)


def test_verify_tells_what_changed(server: Hub, tmp_path: Path) -> None:
    place = get(server, tmp_path)
    weights = place / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"!")
    assert list(verify(place)) == ["model.safetensors was changed since it was fetched"]
    weights.write_bytes(content[:-5])
    assert "expected" in next(verify(place))
    weights.unlink()
    assert list(verify(place)) == ["model.safetensors is gone", "there are no weights (*.safetensors)"]


@pytest.mark.parametrize("content", [b"", b"\x10", b"\xff" * 30, struct.pack("<Q", 4) + b"nope", safetensors(40)[:-3]])
def test_weights_put_there_by_hand_are_checked_by_their_header(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert len(list(verify(tmp_path))) == 1
    (tmp_path / "model.safetensors").write_bytes(safetensors(40))
    assert list(verify(tmp_path)) == []


def test_files_outside_the_checkpoint_do_not_belong() -> None:
    assert hub.belongs("a/model.safetensors", "a")
    assert not hub.belongs("ab/model.safetensors", "a")
    assert not hub.belongs("a/../../evil.json", "a")
    assert not hub.belongs("a/model.pt", "a")
    assert hub.belongs("silence_latent.pt", "")
