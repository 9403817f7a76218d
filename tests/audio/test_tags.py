"""The story inside a file: it comes back whole from every format, and foreign files have none."""

from datetime import UTC, datetime
from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen.flac import FLAC

from melisma.audio import FORMATS, Waveform, read_provenance, write
from melisma.errors import BadRequest
from melisma.song import (
    Adapter,
    AudioRef,
    Blueprint,
    Compose,
    Cover,
    PlanningOptions,
    Provenance,
    Retake,
    SamplingOptions,
    SongRequest,
    Task,
)

LYRICS = "[verse]\nFür élise – 月光 🎵\nשלום"
SOUND = Waveform(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 9600)), 48000)


def story(task: Task | None = None) -> Provenance:
    return Provenance(
        version="0.1",
        request=SongRequest(task=task or Compose(), caption="Wälzer – 円舞曲", lyrics=LYRICS),
        blueprint=Blueprint(caption="Wälzer", lyrics=LYRICS, duration_s=3, codes=tuple(range(3000))),
        seed=2**62,
        sampling=SamplingOptions(steps=3),
        fingerprint="abc",
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


def text_of(path: Path) -> str:
    """Every tag of a file but the provenance, as one text."""
    tags = mutagen.File(path).tags
    return "\n".join(f"{key} {value}" for key, value in dict(tags).items() if "PROVENANCE" not in key.upper())


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_carries_the_story(format_: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"x.{format_}", SOUND, provenance=story(), title="Wälzer\n円舞曲 🎵")
    assert read_provenance(path) == story()
    told = text_of(path)
    for fact in ("Wälzer 円舞曲 🎵", "月光", "AI-generated music", "/trainedAlgorithmicMedia", "melisma 0.1"):
        assert fact in told


@pytest.mark.parametrize("format_", FORMATS)
def test_only_what_a_model_made_is_called_so(format_: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"x.{format_}", SOUND, title="A guide")
    assert read_provenance(path) is None
    told = text_of(path)
    assert "A guide" in told
    assert "AI" not in told
    assert "Algorithmic" not in told


@pytest.mark.parametrize("retake", [False, True])
def test_changed_music_is_called_changed(retake: bool, tmp_path: Path) -> None:
    cover = Cover(source=AudioRef(path=Path("x.wav")))
    path = write(tmp_path / "x.flac", SOUND, provenance=story(Retake(again=cover, seed=1) if retake else cover))
    assert "compositeWithTrainedAlgorithmicMedia" in text_of(path)


@pytest.mark.parametrize("retake", [False, True])
def test_a_file_tells_names_but_no_folders(retake: bool, tmp_path: Path) -> None:
    home = tmp_path / "Ada Lovelace"
    cover = Cover(source=AudioRef(path=home / "mix.wav", sha256="a" * 64))
    request = SongRequest(
        task=Retake(again=cover, seed=1) if retake else cover,
        reference=AudioRef(path=home / "timbre.wav"),
        model=str(home / "checkpoint"),
        planning=PlanningOptions(planner="~/lovelace/planner"),
        adapters=(Adapter(name="../lovelace/lora"), Adapter(name="someone/on-the-hub")),
    )
    path = write(tmp_path / "x.flac", SOUND, provenance=story().model_copy(update={"request": request}))
    assert b"lovelace" not in path.read_bytes().lower()
    known = read_provenance(path)
    assert known is not None
    assert known.request.played == Cover(source=AudioRef(path=Path("mix.wav"), sha256="a" * 64))
    assert known.request.reference == AudioRef(path=Path("timbre.wav"))
    assert (known.request.model, known.request.planning.planner) == ("checkpoint", "planner")
    assert [adapter.name for adapter in known.request.adapters] == ["lora", "someone/on-the-hub"]


def test_instrumentals_have_no_words(tmp_path: Path) -> None:
    silent = story().model_copy(update={"blueprint": Blueprint(caption="x", lyrics="[Instrumental]", duration_s=3)})
    assert "lyrics" not in text_of(write(tmp_path / "x.flac", SOUND, provenance=silent)).lower()


def test_foreign_files_have_no_story(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "half.flac").write_bytes(write(tmp_path / "x.flac", SOUND).read_bytes()[:40])
    for name in ("note.txt", "empty.mp3", "half.flac"):
        assert read_provenance(tmp_path / name) is None
    with pytest.raises(BadRequest, match="no such file"):
        read_provenance(tmp_path / "missing.flac")


@pytest.mark.parametrize(("text", "told"), [('{"version": "99"}', "request: Field required"), ("{half", "as a whole")])
def test_a_broken_story_says_so(text: str, told: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.flac", SOUND)
    file = FLAC(path)
    file["MELISMA_PROVENANCE"] = text
    file.save()
    with pytest.raises(BadRequest, match=told) as caught:
        read_provenance(path)
    assert "newer melisma" in str(caught.value)
