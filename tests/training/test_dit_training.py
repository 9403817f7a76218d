"""Lessons for the diffusion transformer, and a short run of it."""

from collections import Counter
from functools import partial

import pytest
import torch

from melisma.models.qwen3 import Qwen3, Qwen3Config
from melisma.models.v15 import AceStep15, AceStep15Config
from melisma.song import INSTRUMENTAL, SamplingOptions
from melisma.toys import DIT
from melisma.training.dit import (
    FAMILY_NAMES,
    STYLE_NAMES,
    UNKNOWN,
    WISHES,
    Learner,
    Lessons,
    SongLatents,
    TaskShares,
    objective,
    rehearse,
    telling,
)
from melisma.training.flow import draw_times
from melisma.training.loop import TrainingOptions, load_average, train

CHANNELS, FRAMES = 8, 20
MARKS = {"mix": 1.0, "guide": 2.0, "stem.bass": 3.0, "stem.drums": 4.0, "rest.bass": 5.0}
SILENCE = torch.full((7, CHANNELS), -9.0)


def tokens(text: str, longest: int) -> list[int]:
    return [ord(letter) % 50 + 1 for letter in text][:longest]


def song(names=tuple(MARKS), frames=60, **facts) -> SongLatents:
    latents = {name: torch.full((frames, CHANNELS), MARKS[name]) for name in names}
    given = {"captions": ("a slow waltz",), "lyrics": INSTRUMENTAL, "language": "unknown", "bpm": 90, "key": "C major"}
    return SongLatents(latents, **(given | facts), meter=3)


def lessons(*songs, **changes) -> Lessons:
    given = {"songs": songs, "silence": SILENCE, "tokens": tokens, "frames": FRAMES, "takes": 4, "timbre_frames": 5}
    return Lessons(**(given | {"seed": 1} | changes))


def only(task: str) -> TaskShares:
    return TaskShares(**{name: float(name == task) for name in TaskShares.__dataclass_fields__})


def values(tensor: torch.Tensor) -> set[float]:
    return set(tensor.unique().tolist())


@pytest.mark.parametrize(
    ("task", "source", "music"),
    [("compose", 2.0, {1.0}), ("extract", 1.0, {3.0, 4.0}), ("lego", 5.0, {3.0}), ("cover", 1.0, {1.0})],
)
def test_what_is_heard_and_what_comes_back(task, source, music):
    seen, heard = set(), Counter()
    for step in range(6):
        batch = lessons(song(), shares=only(task), guided=1.0)(step)
        seen |= values(batch["music"])
        heard.update(values(batch["source"]))
        assert values(batch["mask"]) == {1.0}
        assert values(batch["cover"]) == {float(task == "cover")}
    assert music <= seen
    assert source in heard
    assert seen == music
    assert set(heard) == {source}


def test_completing_hears_a_stem_and_plays_the_song():
    batch = lessons(song(), shares=only("complete"), takes=8)(0)
    assert values(batch["music"]) == {1.0}
    assert values(batch["source"]) == {3.0, 4.0}


def test_the_band_leaves_room_for_a_guide_voice():
    marks = {"mix": 1.0, "guide": 2.0, "stem.vocals": 6.0, "rest.vocals": 7.0}
    latents = {name: torch.full((60, CHANNELS), value) for name, value in marks.items()}
    sung = SongLatents(latents, ("a waltz",), "la la", "en", 90, "C major", 3)
    assert values(lessons(sung, shares=only("compose"), guided=1.0)(0)["music"]) == {7.0}
    assert values(lessons(sung, shares=only("compose"), guided=0.0)(0)["music"]) == {1.0}


def test_a_batch_is_sung_or_not_and_knows_its_style():
    waltz, jazz = song(style="waltz", lead="violin"), song(lyrics="la la", style="jazz")
    for step in range(8):
        batch = lessons(waltz, jazz)(step)
        assert len(values(batch["style"])) == 1
        expected = FAMILY_NAMES.index("strings") if batch["style"][0] == STYLE_NAMES.index("waltz") else UNKNOWN
        assert values(batch["lead"]) == {expected}


def test_a_song_is_asked_for_in_its_captions_and_in_what_its_score_says():
    asked: set[str] = set()

    def noted(text: str, longest: int) -> list[int]:
        if "# Caption\n" in text:
            asked.add(text.split("# Caption\n")[1].split("\n")[0])
        return tokens(text, longest)

    for step in range(4):
        lessons(song(plain="waltz, violin"), tokens=noted, takes=8)(step)
    assert asked == {"a slow waltz", "waltz, violin", "waltz, violin, a slow waltz"}


@pytest.mark.parametrize("task", ["compose", "repaint", "extract", "lego", "complete", "cover"])
def test_a_lesson_knows_what_it_asks_for(task):
    wishes = {WISHES[int(i)] for i in lessons(song(), shares=only(task))(0)["wish"]}
    assert {wish.split()[0] for wish in wishes} == {task}


def test_words_are_told_apart(learner):
    batch = lessons(song(style="waltz", lead="violin"), takes=4)(0)
    nobody = {**batch, **{name: batch[name] * 0 + UNKNOWN for name in ("style", "lead", "wish")}}
    assert learner.told(learner.read(batch), batch) > 0
    assert learner.told(learner.read(nobody), nobody) == 0


def test_a_hole_is_silent_and_marked():
    batch = lessons(song(), shares=only("repaint"), takes=8)(0)
    inside = batch["mask"] > 0
    assert values(batch["source"][inside]) == {-9.0}
    assert values(batch["source"][~inside]) == {1.0}
    assert all(FRAMES // 8 <= n < FRAMES * 3 // 4 for n in inside.sum(1).tolist())


def test_what_a_song_cannot_teach_becomes_composing():
    bare = song(names=("mix",))
    for task in ("extract", "lego", "complete"):
        batch = lessons(bare, shares=only(task))(0)
        assert values(batch["music"]) == {1.0}
        assert values(batch["source"]) == {-9.0}


def test_short_songs_end_in_silence():
    batch = lessons(song(frames=12), shares=only("compose"), guided=1.0)(0)
    assert values(batch["music"][:, :12]) == {1.0}
    assert values(batch["music"][:, 12:]) == {-9.0}


def test_a_step_always_has_the_same_lessons():
    first, again = lessons(song())(5), lessons(song())(5)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["text"].shape == first["text_mask"].shape


def test_latents_survive_storage(tmp_path):
    kept = song(lyrics="[Verse]\nla la")
    kept.save(tmp_path / "a.safetensors")
    again = SongLatents.load(tmp_path / "a.safetensors")
    assert again.tracks == ["bass", "drums"]
    assert again.lyrics == kept.lyrics
    assert again.captions == kept.captions
    assert torch.equal(again.latents["mix"].float(), kept.latents["mix"])


@pytest.fixture
def learner() -> Learner:
    torch.manual_seed(0)
    words = Qwen3(
        Qwen3Config(
            vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, head_dim=8,
        )
    )  # fmt: skip
    for parameter in words.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.02)
    net = AceStep15(AceStep15Config.from_dict(DIT))
    for parameter in net.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    return Learner(net, words, SILENCE)


def test_a_short_run_lowers_the_held_out_loss_and_reaches_every_part(learner, tmp_path):
    def latents(seed: int) -> SongLatents:
        random = torch.Generator().manual_seed(seed)
        notes = torch.randn(60, CHANNELS, generator=random).cumsum(0) * 0.3
        facts = {"style": "folk" if seed % 2 else "jazz", "lead": "flute"}
        latents = {"mix": notes, "guide": notes * 0.5}
        return SongLatents(latents, ("x",), INSTRUMENTAL, "unknown", 90, "C major", 4, **facts)

    learn = lessons(*(latents(i) for i in range(6)), silence=torch.zeros(7, CHANNELS), takes=8)
    other = lessons(*(latents(i) for i in range(6, 9)), silence=torch.zeros(7, CHANNELS), takes=8)

    @torch.no_grad()
    def held_out() -> float:
        losses = [objective(learner, other(i), torch.Generator().manual_seed(i))[0] for i in range(6)]
        return float(torch.stack(losses).mean())

    before = held_out()
    start = {name: p.detach().clone() for name, p in learner.named_parameters()}
    options = TrainingOptions(seed=1, peak_rate=5e-3, steps=60, warmup_steps=5, average=0.9)
    train(learner, objective, learn, options, tmp_path)
    load_average(learner, tmp_path)
    assert held_out() < 0.9 * before
    still = [name for name, p in learner.named_parameters() if torch.equal(p, start[name])]
    settled = [name for name in still if name.startswith(("net.tokenizer.", "net.detokenizer."))]
    assert settled  # codes are learned before, and stay
    unused = {"net.encoder.timbre_encoder.special_token"}  # kept by the 2B layout
    pupil = {"pupil.weight", "pupil.bias"}  # has done its work before music
    assert set(still) - set(settled) == unused | pupil


def test_a_rehearsal_plays_what_was_asked_the_same_every_time(learner):
    batch = lessons(song(), silence=torch.zeros(7, CHANNELS), shares=only("compose"))(0)
    options = SamplingOptions(steps=3, shift=1.5, solver="euler", guidance=2.0, guidance_method="cfg")
    played = rehearse(learner, batch, options, seed=3)
    assert played.shape == (4, FRAMES, CHANNELS)
    assert torch.equal(played, rehearse(learner, batch, options, seed=3))
    assert not torch.equal(played, rehearse(learner, batch, options, seed=4))


def test_words_that_are_taught_first_are_listened_to(learner, tmp_path):
    learn = lessons(song(), shares=only("extract"), takes=8)
    train(
        learner, telling, learn, TrainingOptions(seed=1, peak_rate=5e-3, steps=40, warmup_steps=5), tmp_path / "words"
    )
    noisy = partial(objective, times=partial(draw_times, mean=3.0))
    train(learner, noisy, learn, TrainingOptions(seed=1, peak_rate=5e-3, steps=80, warmup_steps=5), tmp_path / "music")
    batch = learn(1000)
    others = torch.arange(8).roll(1)
    swapped = batch | {"text": batch["text"][others], "text_mask": batch["text_mask"][others]}

    @torch.no_grad()
    def loss(batch) -> float:
        losses = [noisy(learner.eval(), batch, torch.Generator().manual_seed(i))[0] for i in range(8)]
        return float(torch.stack(losses).mean())

    assert loss(batch) < 0.85 * loss(swapped)
