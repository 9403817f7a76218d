"""What the model hears frame by frame, against context latents recorded from the official code."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from melisma.generators.v15 import V15
from melisma.song import Blueprint, Compose
from melisma.tasks.canvas import Canvas, Region

DATA = Path(__file__).parents[1] / "data/v15"
GOLD = load_file(DATA / "handler.safetensors")
SPANS = json.loads((DATA / "handler_cases.json").read_text())["masks"]
FRAMES = 140


def generator() -> V15:
    """A generator that lays contexts only; the recorded latents have four channels."""
    net = SimpleNamespace(config=SimpleNamespace(audio_acoustic_hidden_dim=4))
    here = {"device": torch.device("cpu"), "dtype": torch.float32}
    return V15(net, None, GOLD["silence_tiled"], "recorded", "", None, frozenset(), **here)  # type: ignore[arg-type]


def context(canvas: Canvas) -> tuple[Tensor, Tensor]:
    """(t, c) heard and (t,) mask."""
    laid = generator()._context(generator()._heard(canvas), canvas)[0]
    return laid[:, :4], laid[:, 4]


def canvas(item: int, **fields: object) -> Canvas:
    blueprint = Blueprint(caption="", lyrics="", duration_s=FRAMES / 25)
    return Canvas(Compose(), blueprint, frames=FRAMES, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("item", range(3))
def test_text2music_hears_silence(item: int) -> None:
    heard, mask = context(canvas(item))
    assert torch.equal(heard, GOLD["text2music.src_latents"][item])
    assert torch.equal(mask, GOLD["text2music.chunk_mask"][item])


@pytest.mark.parametrize("name", ["cover-nofsq", "extract", "complete"])
@pytest.mark.parametrize("item", range(3))
def test_tasks_with_a_whole_source_hear_it(name: str, item: int) -> None:
    heard, mask = context(canvas(item, source=GOLD["target_latents"][item]))
    assert torch.equal(heard, GOLD[f"{name}.src_latents"][item])
    assert torch.equal(mask, GOLD[f"{name}.chunk_mask"][item])


@pytest.mark.parametrize(("name", "erase"), [("repaint_explicit", True), ("lego_explicit", False)])
@pytest.mark.parametrize("item", range(3))
def test_regions_are_told_by_an_explicit_mask(name: str, erase: bool, item: int) -> None:
    _, start, end = SPANS[name]["spans"][item]
    heard, mask = context(canvas(item, source=GOLD["target_latents"][item], regions=(Region(start, end),), erase=erase))
    assert torch.equal(heard, GOLD[f"{name}.src_latents"][item])
    assert torch.equal(mask, GOLD[f"{name}.chunk_mask"][item])


def leaning(laid: Canvas, follows_score: bool = True) -> list[Tensor]:
    """What guidance leans away from hears at flow times 0.9 and 0.5, (t, c) each."""
    net = SimpleNamespace(
        config=SimpleNamespace(audio_acoustic_hidden_dim=4),
        decoder=torch.nn.Identity(),
        prepare_null=lambda context: context,
        step=lambda x, t, prepared: prepared[..., :4],
    )
    player = replace(generator(), net=net, follows_score=follows_score)
    heard = player._context(player._heard(laid), laid)
    flow = player._flow(lambda: heard, heard, player._faint(laid))
    return [flow.unconditional(torch.zeros(1, FRAMES, 4), t)[0] for t in (0.9, 0.5)]


def test_guidance_leans_away_from_half_a_guide_once_timbre_is_decided() -> None:
    guide, silence = GOLD["target_latents"][0], GOLD["silence_tiled"][:FRAMES]
    early, late = leaning(canvas(0, source=guide, guided=True))
    assert torch.equal(early, guide)
    torch.testing.assert_close(late, (guide + silence) / 2)


def test_guidance_hears_music_and_unknown_guides_as_they_are() -> None:
    guide = GOLD["target_latents"][0]
    for laid, follows_score in ((canvas(0, source=guide), True), (canvas(0, source=guide, guided=True), False)):
        assert all(torch.equal(heard, guide) for heard in leaning(laid, follows_score))
