"""Reading checkpoints: what is broken is named, and nothing of it is run."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.files import fingerprint, read_config, read_tensor, read_weights


class Trap:
    """Unpickling this would leave a mark."""

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (Path.touch, (Path("trap-was-sprung"),))


def write_broken(kind: str, path: Path) -> None:
    save_file({"x": torch.arange(4000.0)}, path)
    whole = path.read_bytes()
    contents = {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "corrupt": b"\xff" * 64 + whole[64:],
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "page": b"<!doctype html><html>not found</html>",
        "pickle": pickle.dumps(Trap()),
    }
    path.write_bytes(contents[kind])


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("empty", "empty"),
        ("cut", "truncated or corrupt"),
        ("corrupt", "truncated or corrupt"),
        ("lfs", "Git LFS pointer"),
        ("page", "web page"),
        ("pickle", "pickle with another name"),
    ],
)
def test_broken_weights_are_named(kind: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.safetensors"
    write_broken(kind, path)
    with pytest.raises(BadCheckpoint, match=told) as caught:
        read_weights(tmp_path)
    assert "model.safetensors" in str(caught.value)
    assert "melisma models pull" in str(caught.value)
    assert not Path("trap-was-sprung").exists()


def test_pickles_are_never_opened_as_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("weights.ckpt", "weights.bin"):
        Path(name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(BadCheckpoint, match="can run code"):
            read_weights(Path(name))
    torch.save({"x": Trap()}, "silence_latent.pt")
    with pytest.raises(BadCheckpoint, match="was not opened"):
        read_tensor(Path("silence_latent.pt"))
    assert not Path("trap-was-sprung").exists()


def test_tensors_are_read_from_either_format(tmp_path: Path) -> None:
    tensor = torch.randn(1, 3, 4)
    torch.save(tensor, tmp_path / "a.pt")
    save_file({"any": tensor}, tmp_path / "a.safetensors")
    assert torch.equal(read_tensor(tmp_path / "a.pt"), read_tensor(tmp_path / "a.safetensors"))
    torch.save({"not": "one"}, tmp_path / "b.pt")
    with pytest.raises(BadCheckpoint, match="holds a dict"):
        read_tensor(tmp_path / "b.pt")
    with pytest.raises(MissingModel, match="no such file"):
        read_tensor(tmp_path / "none.pt")


@pytest.mark.parametrize(("content", "told"), [(b"version https://git-lfs", "LFS pointer"), (b"<html>", "web page")])
def test_stand_ins_for_tensors_are_named(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "silence_latent.pt").write_bytes(content)
    with pytest.raises(BadCheckpoint, match=told):
        read_tensor(tmp_path / "silence_latent.pt")


@pytest.mark.parametrize(
    "index", ["{half", "[]", '{"weight_map": 3}', '{"weight_map": {}}', '{"weight_map": {"x": 3}}']
)
def test_broken_indices_are_named(index: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(BadCheckpoint, match="no index of weight files"):
        read_weights(tmp_path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="no checkpoint at"):
        read_weights(tmp_path / "nowhere")
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(1))
    with pytest.raises(MissingModel, match=r"pytorch_model\.bin is pickled"):
        read_weights(tmp_path)
    with pytest.raises(MissingModel, match=r"no config\.json"):
        read_config(tmp_path / "pytorch_model.bin")


def test_missing_and_broken_configs_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="no config"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("{half")
    with pytest.raises(BadCheckpoint, match="not JSON"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(BadCheckpoint, match="holds a list"):
        read_config(tmp_path)
    with pytest.raises(MissingModel, match="no weights"):
        read_weights(tmp_path)


def test_fingerprints_follow_content(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"a": 1}))
    save_file({"x": torch.zeros(500_000)}, tmp_path / "model.safetensors")
    first = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == first
    save_file({"x": torch.ones(500_000)}, tmp_path / "model.safetensors")
    second = fingerprint(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"a": 2}))
    assert len({first, second, fingerprint(tmp_path)}) == 3


def test_fingerprints_read_headers_in_full(tmp_path: Path) -> None:
    path, names = tmp_path / "many.safetensors", [f"a.tensor.with.a.long.name.{i:05}" for i in range(9000)]
    prints = set()
    for last in ("x", "y"):  # the same bytes of weights, one name differs deep in a header of 900 KB
        save_file({name: torch.zeros(1000) for name in [*names, f"b.{last}"]}, path)
        prints.add(fingerprint(path))
    assert len(prints) == 2
