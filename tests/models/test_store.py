"""Models by every name a person may use, and parts loaded once."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models import store as store_module
from melisma.models.catalogue import named
from melisma.models.devices import Room
from melisma.models.places import place_of
from melisma.models.store import Store, open_policy, role_of
from melisma.models.text import TextEncoder
from melisma.toys import write_toy


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "mine"
    write_toy(folder, kind="base")
    return write_toy(folder, kind="turbo", planner=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, and a copy of the package without a starter."""
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path))
    monkeypatch.setattr(store_module, "bundled_starter", lambda: None)
    return tmp_path


def put(home: Path, bundle: Path, folder: str, name: str) -> Path:
    """Lay a part of a toy where the catalogue expects it."""
    place = place_of(named(name), home)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(bundle / folder, place)
    return place


def put_needs(home: Path, bundle: Path) -> None:
    put(home, bundle, "vae", "vae")
    put(home, bundle, "Qwen3-Embedding-0.6B", "text-encoder")


def test_a_bundle_brings_its_own_parts(bundle: Path, home: Path) -> None:
    parts = Store("cpu").find(str(bundle))
    assert (parts.name, parts.family) == ("acestep-v15-turbo", "v15")
    assert parts.root == bundle / "acestep-v15-turbo"
    assert parts.autoencoder == bundle / "vae"
    assert parts.text == bundle / "Qwen3-Embedding-0.6B"
    assert parts.planner == bundle / "acestep-5Hz-lm-0.6B"
    assert parts.checkpoint is None


def test_an_acoustic_model_takes_parts_beside_it(bundle: Path, home: Path) -> None:
    parts = Store("cpu").find(str(bundle / "acestep-v15-base"))
    assert parts.root == bundle / "acestep-v15-base"
    assert parts.autoencoder == bundle / "vae"


def test_a_relative_path_works_and_names_come_first(bundle: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle)
    assert Store("cpu").find("./acestep-v15-base").root == bundle / "acestep-v15-base"
    with pytest.raises(MissingModel, match="base is not here"):
        Store("cpu").find("acestep-v15-base")


def test_an_acoustic_model_alone_takes_parts_of_the_data_folder(bundle: Path, home: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(bundle / "acestep-v15-turbo", tmp_path / "elsewhere" / "tuned")
    with pytest.raises(MissingModel, match=r"tuned needs the part 'vae'.*models pull vae"):
        Store("cpu").find(str(alone))
    put_needs(home, bundle)
    parts = Store("cpu").find(str(alone))
    assert parts.name == "tuned"
    assert parts.autoencoder == place_of(named("vae"))
    assert parts.text == place_of(named("text-encoder"))
    assert parts.planner is None


def test_a_single_file_takes_parts_of_the_data_folder(bundle: Path, home: Path, tmp_path: Path) -> None:
    put_needs(home, bundle)
    put(home, bundle, "acestep-5Hz-lm-0.6B", "planner-0.6b")
    single = shutil.copy(bundle / "acestep-v15-turbo" / "model.safetensors", tmp_path / "turbo-mix.safetensors")
    parts = Store("cpu").find(str(single))
    assert (parts.name, parts.root) == ("turbo-mix", Path(single))
    assert parts.planner == place_of(named("planner-0.6b"))


@pytest.mark.parametrize("name", ["turbo", "TURBO", "acestep-v15-turbo", "ACE-Step/Ace-Step1.5/acestep-v15-turbo"])
def test_names_lead_to_the_data_folder(name: str, bundle: Path, home: Path) -> None:
    put_needs(home, bundle)
    place = put(home, bundle, "acestep-v15-turbo", "turbo")
    parts = Store("cpu").find(name)
    assert (parts.name, parts.root, parts.checkpoint) == ("turbo", place, named("turbo"))


def test_nothing_asked_is_the_best_that_is_whole(bundle: Path, home: Path) -> None:
    store = Store("cpu")
    with pytest.raises(MissingModel, match="melisma models pull turbo"):
        store.find()
    put(home, bundle, "acestep-v15-base", "base")
    with pytest.raises(MissingModel, match="melisma models pull turbo"):
        store.find()
    put_needs(home, bundle)
    assert store.find().name == "base"
    put(home, bundle, "acestep-v15-turbo", "turbo")
    assert store.find().name == "turbo"


def test_nothing_asked_passes_over_what_the_device_cannot_hold(
    bundle: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_needs(home, bundle)
    put(home, bundle, "acestep-v15-turbo", "turbo")
    put(home, bundle, "acestep-v15-turbo", "xl-turbo")
    monkeypatch.setattr(store_module, "room", lambda _: Room(32 * 10**9, 30 * 10**9))
    assert Store("cpu").find().name == "xl-turbo"
    monkeypatch.setattr(store_module, "room", lambda _: Room(8 * 10**9, 7 * 10**9))
    assert Store("cpu").find().name == "turbo"


def test_nothing_asked_ends_at_the_starter(bundle: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "bundled_starter", lambda: bundle)
    assert Store("cpu").find().root == bundle / "acestep-v15-turbo"


def test_v1_is_one_folder(home: Path) -> None:
    place = place_of(named("v1"))
    (place / "ace_step_transformer").mkdir(parents=True)
    (place / "ace_step_transformer" / "config.json").write_text("{}")
    (place / "ace_step_transformer" / "diffusion_pytorch_model.safetensors").touch()
    for name in ("v1", str(place)):
        parts = Store("cpu").find(name)
        assert (parts.family, parts.root, parts.checkpoint) == ("v1", place, named("v1"))
    with pytest.raises(MissingModel, match="brings its own parts"):
        Store("cpu").text_encoder(parts)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("turbo", r"turbo is not here \(4\.8 GB\): `melisma models pull turbo`"),
        ("turbbo", r"did you mean 'turbo'\?"),
        ("vae", "makes no music by itself"),
        ("someone/something", "models pull someone/something"),
        ("ACE-Step/acestep-v15-sft", "sft is not here"),
        ("../../nowhere", "no model is called"),
        ("./missing", "no file or folder is there"),
    ],
)
def test_what_is_not_there_is_explained(name: str, said: str, home: Path) -> None:
    with pytest.raises(MissingModel, match=said):
        Store("cpu").find(name)


def test_other_folders_are_explained(bundle: Path, home: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="of the kind 'autoencoder'"):
        Store("cpu").find(str(bundle / "vae"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(MissingModel, match="no acoustic model"):
        Store("cpu").find(str(empty))
    (empty / "config.json").write_text("{")
    with pytest.raises(BadCheckpoint, match="not JSON"):
        Store("cpu").find(str(empty))


def test_parts_are_told_apart_by_what_they_hold(bundle: Path, tmp_path: Path) -> None:
    roles = {folder.name: role_of(folder) for folder in bundle.iterdir()}
    assert roles == {
        "acestep-v15-turbo": "dit",
        "acestep-v15-base": "dit",
        "vae": "autoencoder",
        "Qwen3-Embedding-0.6B": "text",
        "acestep-5Hz-lm-0.6B": "planner",
    }
    for part in ("transformer", "condition_encoder"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text("{}")
    assert role_of(tmp_path) == "dit"
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "acestep"}))
    assert role_of(tmp_path / "transformer") is None


def test_parts_are_loaded_once_and_code_both_ways(bundle: Path, home: Path) -> None:
    store = Store("cpu", memory="one")
    parts = store.find(str(bundle))
    codec, text = store.autoencoder(parts), store.text_encoder(parts)
    assert store.autoencoder(parts) is codec
    assert store.text_encoder(parts) is text
    wave = codec.decode(torch.randn(1, 25, codec.channels))
    assert codec.encode(wave).shape == (1, 25, codec.channels)
    assert store.memory.resident() > 0
    with store.hosting(text.module):
        assert text.hidden(["la"], 9)[0].isfinite().all()
    store.forget()
    assert store.memory.resident() == 0
    assert store.autoencoder(parts) is not codec


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_weights_stay_maps_of_their_file(bundle: Path) -> None:
    """What is loaded takes no memory of its own: it lies in the mapped file."""
    folder = bundle / "Qwen3-Embedding-0.6B"
    encoder = TextEncoder.from_pretrained(folder)
    address = encoder.module.embed_tokens.weight.data_ptr()
    lines = Path("/proc/self/maps").read_text().splitlines()
    spans = [line.split()[0].split("-") for line in lines if str(folder) in line]
    assert any(int(start, 16) <= address < int(end, 16) for start, end in spans)


def test_open_policies_keep_room_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(open_policy(torch.device("cpu"))) == "keep"
    for free, budget in ((24, 19.2), (4, 3.0), (1.5, 0.75)):
        monkeypatch.setattr(store_module, "room", lambda _, free=free: Room(int(free * 1e9), int(free * 1e9)))
        assert open_policy(torch.device("cuda")).budget == pytest.approx(budget * 1e9)


def test_devices_that_are_not_here_are_refused() -> None:
    for name in ("cuda:99", "tpu", "xpu:7"):
        with pytest.raises(BadRequest, match=r"On this machine: .*cpu"):
            Store(name)
