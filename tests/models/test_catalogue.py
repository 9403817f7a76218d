"""The catalogue: complete, consistent, and findable."""

import pytest

from melisma.errors import MissingModel
from melisma.models.catalogue import ALL, FIRST, PLANNERS, PREFERENCE, asked, known, named, with_needs
from melisma.models.places import is_here, models_folder, offline, place_of


def test_every_official_name_leads_somewhere() -> None:
    for name in (
        "acestep-v15-turbo",
        "acestep-v15-turbo-shift1",
        "acestep-v15-turbo-shift3",
        "acestep-v15-turbo-continuous",
        "acestep-v15-sft",
        "acestep-v15-base",
        "acestep-v15-xl-turbo",
        "acestep-v15-xl-sft",
        "acestep-v15-xl-base",
        "vae",
        "scragvae",
        "Qwen3-Embedding-0.6B",
        "acestep-5Hz-lm-0.6B",
        "acestep-5Hz-lm-1.7B",
        "acestep-5Hz-lm-4B",
        "v1",
        "rap-machine",
    ):
        assert known(name) is not None, name
        assert known(name.upper()) is known(name)


def test_names_are_told_apart() -> None:
    every = [name.lower() for checkpoint in ALL for name in (checkpoint.name, *checkpoint.aliases)]
    assert len(every) == len(set(every))
    assert len({checkpoint.place for checkpoint in ALL}) == len(ALL)


def test_hub_places_are_the_published_ones() -> None:
    assert named("turbo").place == "ACE-Step/Ace-Step1.5/acestep-v15-turbo"
    assert named("sft").place == "ACE-Step/acestep-v15-sft"
    assert named("planner-1.7b").place == "ACE-Step/Ace-Step1.5/acestep-5Hz-lm-1.7B"
    assert named("v1").place == "ACE-Step/ACE-Step-v1-3.5B"


@pytest.mark.parametrize("name", [checkpoint.name for checkpoint in ALL])
def test_sizes_and_needs_make_sense(name: str) -> None:
    checkpoint = named(name)
    assert 1.9 < checkpoint.size / checkpoint.parameters < 2.2
    assert list(with_needs(checkpoint))[-1] is checkpoint
    assert checkpoint.generates == (checkpoint.family in ("v15", "v1"))
    if checkpoint.generates:
        assert checkpoint.sampling.steps
        assert (checkpoint.sampling.guidance == 1) == ("turbo" in name)
        assert ("extract" in checkpoint.tasks) == ("base" in name)


def test_what_is_preferred_exists() -> None:
    assert {FIRST, *PREFERENCE} <= {checkpoint.name for checkpoint in ALL if checkpoint.generates}
    assert set(PREFERENCE) == {checkpoint.name for checkpoint in ALL if checkpoint.generates}
    assert set(PLANNERS) == {checkpoint.name for checkpoint in ALL if checkpoint.family == "planner"}


def test_unknown_names_are_told_what_there_is() -> None:
    with pytest.raises(MissingModel, match=r"'turbot'.*turbo, "):
        named("turbot")


def test_hub_ids_are_asked_for_by_themselves() -> None:
    other = asked("someone/tuned/folder")
    assert (other.repo, other.folder, other.place) == ("someone/tuned", "folder", "someone/tuned/folder")
    assert asked("turbo") is named("turbo")
    assert asked("ACE-Step/acestep-v15-sft") is named("sft")
    assert asked("ACE-Step/Ace-Step1.5/vae") is named("vae")
    with pytest.raises(MissingModel, match="bundle of parts: choose among turbo, vae"):
        asked("ACE-Step/Ace-Step1.5")
    for name in ("../../etc", "a/../b", "/etc/passwd", "turbot", "a//b"):
        with pytest.raises(MissingModel, match="no checkpoint is called"):
            asked(name)


def test_places_follow_the_environment(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELISMA_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "models"
    place = place_of(named("turbo"))
    assert place == tmp_path / "models" / "ACE-Step" / "Ace-Step1.5" / "acestep-v15-turbo"
    assert not is_here(named("turbo"))
    place.mkdir(parents=True)
    assert not is_here(named("turbo"))
    (place / "model.safetensors").touch()
    assert is_here(named("turbo"))
    monkeypatch.delenv("MELISMA_HOME")
    assert models_folder().name == "models"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_offline_is_asked_for_by_environment(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELISMA_OFFLINE", value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert offline() is expected
