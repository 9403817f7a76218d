"""When words are sung, and how: from the network's own attention to lines in time, reasons and the order of takes."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from melisma.audio import read_provenance, write
from melisma.engine import Band, Rendering, best, judged, perform, rehearse
from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.listen import Listener
from melisma.models.planner.toy import write_toy_planner
from melisma.models.store import Store
from melisma.planning import load_planner
from melisma.ranking.alignment import Singing
from melisma.ranking.order import MIXTURE
from melisma.song import Blueprint, SongRequest

LYRICS = "[verse]\nhello world\nla la la\n\n[chorus]\nyeah"


class Notes(Listener):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture(scope="module")
def full(planned: Path) -> Band:
    """Toys of everything, planner included."""
    return Band.of(SongRequest(model=str(planned)), Store("cpu", dtype=torch.float32))


def ask(**fields: object) -> SongRequest:
    given = {"caption": "folk", "lyrics": LYRICS, "duration_s": 3.0, "bpm": 100, "sampling": {"steps": 2}}
    # every fact is given, so that nothing but codes is planned
    return SongRequest.of(**{**given, "key": "C major", "meter": 4, "language": "en", "seeds": (1,), **fields})


def without_planner(**fields: object) -> SongRequest:
    return ask(planning={"use_planner": False}, **fields)


def test_lines_have_times_that_travel_with_the_take(turbo: Band, tmp_path: Path) -> None:
    rehearsal = rehearse(without_planner(), turbo)
    assert rehearsal.tells_words
    plain, followed = rehearsal.take(1), rehearsal.take(1, follow=True)
    assert (plain.singing, plain.provenance.lines) == (None, ())
    assert torch.equal(plain.latents, followed.latents)
    lines = followed.provenance.lines
    assert [line.text for line in lines] == [line for line in LYRICS.splitlines() if line]
    assert all(0 <= line.start_s <= line.end_s <= 3 for line in lines)
    assert all(first.start_s <= second.start_s for first, second in pairwise(lines))
    assert lines[-1].end_s > lines[0].start_s
    write(tmp_path / "take.flac", followed.waveform, provenance=followed.provenance)
    known = read_provenance(tmp_path / "take.flac")
    assert known is not None
    assert known.lines == lines


def test_every_take_is_looked_at_through_its_own_music(turbo: Band) -> None:
    rehearsal = rehearse(without_planner(seeds=(1, 2)), turbo)
    first, second = (rehearsal.take(seed, follow=True) for seed in (1, 2))
    again = rehearsal.take(1, follow=True)
    assert first.singing == again.singing
    assert (first.singing, first.provenance.lines) != (second.singing, second.provenance.lines)


def test_nothing_is_told_where_nobody_knows(turbo: Band) -> None:
    for request in (without_planner(lyrics=None), without_planner(lyrics="[instrumental]")):
        rehearsal = rehearse(request, turbo)
        assert not rehearsal.tells_words
        assert rehearsal.take(1, follow=True).singing is None
    generator = replace(turbo.generator)  # type: ignore[type-var]
    network = generator.net
    config = network.config
    try:
        network.config = replace(config, lyric_alignment_layers_config={})
        assert not rehearse(without_planner(), replace(turbo, generator=generator)).tells_words
    finally:
        network.config = config


def test_words_and_the_planners_view_count(full: Band) -> None:
    rehearsal = rehearse(ask(seeds=(1, 2), planning={"seed": 5}), full)
    takes = [rehearsal.take(seed, follow=True) for seed in rehearsal.seeds]
    (kept,) = best(takes, 1, full.planner)
    reasons = " | ".join(kept.provenance.reasons)
    for name in ("words", "planner", "tempo", "key", "loudness"):
        assert f"{name}: " in reasons
    assert "of the words are looked at" in reasons
    assert "of the description in the codes (bpm " in reasons
    verdicts = judged(takes[0], full.planner)
    assert set(MIXTURE) <= set(verdicts)
    assert all(0 <= (verdicts[name].merit or 0) <= 1 for name in ("words", "planner"))
    # two takes with codes of their own are not found alike
    assert verdicts["planner"].value != judged(takes[1], full.planner)["planner"].value


def test_words_decide_between_takes_that_sound_alike(full: Band) -> None:
    take = rehearse(without_planner(), full).take(1)

    def sung(sureness: float, seed: int) -> Rendering:
        provenance = take.provenance.model_copy(update={"seed": seed})
        return replace(take, singing=Singing(1.0, 1.0, sureness), provenance=provenance)

    lost, clear = sung(0.1, 1), sung(0.9, 2)
    assert [one.provenance.seed for one in best([lost, clear], 2)] == [2, 1]


def test_without_codes_or_planner_nothing_is_invented(full: Band, turbo: Band) -> None:
    take = perform(without_planner(), turbo).takes[0]
    assert not {"words", "planner"} & set(judged(take, full.planner))


# --- Codebooks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def stranger(turbo: Band, tmp_path: Path) -> Band:
    """A planner of 16 codes beside a checkpoint of 64."""
    return replace(turbo, planner=load_planner(write_toy_planner(tmp_path / "other", codes=16)))


def test_the_codebook_is_the_checkpoints(full: Band) -> None:
    assert full.planner is not None
    assert full.generator.codebook == full.planner.language.vocabulary.codes == 64
    take = perform(ask(planning={"seed": 1}), full).takes[0]
    codes = take.provenance.blueprint.codes
    assert codes is not None
    assert len(codes) == 15
    assert max(codes) < 64


def test_a_planner_of_other_codes_plans_without_them(stranger: Band) -> None:
    notes = Notes()
    rehearsal = rehearse(ask(bpm=None, duration_s=2.0), replace(stranger, planner=quick(stranger)), listen=notes)
    assert rehearsal.blueprint.codes is None
    assert rehearsal.blueprint.decided_by["bpm"] == "planner"
    assert any("other writes 16 audio codes" in note and "knows 64" in note for note in notes.notes)


def quick(band: Band):
    """The planner with short captions: random weights never end one by themselves."""
    from melisma.planning.slots import Form

    assert band.planner is not None
    planner = replace(band.planner)
    planner.__dict__["form"] = Form(planner.language.vocabulary, 600, longest_caption=8)
    return planner


@pytest.mark.parametrize("planning", [{"codes": True}, {"planner": "other"}])
def test_a_planner_of_other_codes_is_refused_where_it_was_asked_for(planning: dict, stranger: Band) -> None:
    with pytest.raises(MissingModel, match="other writes 16 audio codes, .* knows 64.*--no-codes"):
        rehearse(ask(planning=planning), stranger)


def test_codes_that_the_checkpoint_does_not_know_are_refused(turbo: Band) -> None:
    blueprint = Blueprint(caption="x", lyrics="[Instrumental]", duration_s=1.0, codes=(1, 2, 64, 3, 4))
    with pytest.raises(BadRequest, match="audio code 64, but .* knows codes 0–63"):
        rehearse(without_planner(), turbo, blueprint)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("vae", "not a planner"),
        ("acestep-v15-turbo", "not a planner"),
        ("Qwen3-Embedding-0.6B", "plain language model"),
    ],
)
def test_planners_of_the_wrong_kind_are_refused(part: str, told: str, planned: Path) -> None:
    with pytest.raises(BadCheckpoint, match=told):
        Band.of(
            SongRequest.of(model=str(planned), planning={"planner": str(planned / part)}),
            Store("cpu", dtype=torch.float32),
        )
    # whoever needs no planner is not stopped by a bad one
    no = {"planner": str(planned / part), "use_planner": False}
    assert Band.of(SongRequest.of(model=str(planned), planning=no), Store("cpu", dtype=torch.float32)).planner is None
