"""Training a diffusion transformer of ACE-Step 1.5's class on songs whose tracks are known.

A *lesson* is what a request would be: something heard (the guide track, a mix with a hole, a stem), the words, and the
music that should come back. The same song gives lessons for every task, since its stems are known. Words go through
the exact prompt templates, so a checkpoint trained here is asked in the same way as the official ones.

Latents are cached per song (`SongLatents`), so no audio is read in training. The text encoder is small and learns
together with the transformer.

Axes: b take, t latent frame, c channel, l token, e width.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from melisma.generators.v15 import prompts
from melisma.models.qwen3 import Qwen3
from melisma.models.v15 import AceStep15
from melisma.sampling import draws, guided, resolve, solve
from melisma.score import STYLES
from melisma.score.timbres import FAMILY_NAMES, family
from melisma.song import (
    INSTRUMENTAL,
    TRACKS,
    AudioRef,
    Blueprint,
    Complete,
    Compose,
    Cover,
    Extract,
    Lego,
    Playable,
    Repaint,
    SamplingOptions,
)
from melisma.training.flow import draw_dropped, draw_times, flow_loss, without

MIX, GUIDE, STEM, REST, LANES = "mix", "guide", "stem.", "rest.", "lanes"
"""Names of cached latents: the whole song, its guide track, a track alone, the song without that track; and, frame by
frame, what the score says."""

VOICE = "vocals"
"""The track that a guide voice can sing at run time."""

STYLE_NAMES = sorted(STYLES)
WISHES = (
    *("compose", "repaint", "cover", "complete"),
    *(f"{task} {track}" for task in ("extract", "lego") for track in TRACKS),
)
"""What an instruction can ask for."""
UNKNOWN = -100
"""Label of what nobody knows; nothing is learned from it."""

Tokens = Callable[[str, int], list[int]]
"""(text, longest) → token numbers, as the text encoder reads them."""

Times = Callable[[int, torch.Generator], Tensor]
"""(takes, generator) → flow times (b)."""


@dataclass(frozen=True)
class SongLatents:
    """A song as latents, each (t, c), and what is known about it."""

    latents: Mapping[str, Tensor]
    captions: tuple[str, ...]
    lyrics: str
    language: str
    bpm: int
    key: str
    meter: int
    style: str = ""
    lead: str = ""
    """Name of the genre, and of the instrument that plays the tune; empty where nobody knows."""
    plain: str = ""
    """What its score says (`score.telling.plainly`); empty where there is none."""

    @property
    def sung(self) -> bool:
        return self.lyrics.strip() != INSTRUMENTAL

    @property
    def tracks(self) -> list[str]:
        return sorted(name.removeprefix(STEM) for name in self.latents if name.startswith(STEM))

    def save(self, path: Path) -> None:
        """Write as one safetensors file of half-precision latents, facts in its header."""
        names = ("captions", "lyrics", "language", "bpm", "key", "meter", "style", "lead", "plain")
        facts = {name: getattr(self, name) for name in names}
        fresh = path.with_suffix(".new")
        halves = {name: tensor.half().contiguous() for name, tensor in self.latents.items()}
        save_file(halves, fresh, metadata={"facts": json.dumps(facts)})
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> "SongLatents":
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            latents = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return cls(latents, **(facts | {"captions": tuple(facts["captions"])}))


@dataclass(frozen=True)
class TaskShares:
    """How often each task is taught. What a song cannot teach (no second stem, no guide) becomes a compose lesson."""

    compose: float = 0.42
    repaint: float = 0.06
    extract: float = 0.20
    lego: float = 0.11
    complete: float = 0.15
    cover: float = 0.06


@dataclass(frozen=True)
class Lessons:
    """Batches of lessons; a pure function of the step."""

    songs: Sequence[SongLatents]
    silence: Tensor
    """(t', c)."""
    tokens: Tokens
    frames: int
    takes: int
    timbre_frames: int
    seed: int
    shares: TaskShares = field(default_factory=TaskShares)
    guided: float = 0.9
    """Share of compose lessons that hear the guide; the others start from words alone."""

    def __call__(self, step: int) -> dict[str, Tensor]:
        """music, source (b, t, c); mask (b, t); cover, style, lead, wish (b); text, lyrics and their masks (b, l);
        timbre (b, t', c).

        The songs of a batch are all sung or all instrumental: cross-attention knows no padding, and a caption would
        drown in that of somebody else's lyrics.
        """
        random = np.random.default_rng([self.seed, step])
        lengths = np.array([len(song.latents[MIX]) for song in self.songs], np.float64)
        first = int(random.choice(len(self.songs), p=lengths / lengths.sum()))
        alike = [i for i, song in enumerate(self.songs) if song.sung == self.songs[first].sung]
        chosen = random.choice(alike, self.takes, p=lengths[alike] / lengths[alike].sum())
        rows = [self._lesson(self.songs[i], random) for i in chosen]
        names = ("music", "source", "mask", "cover", "timbre", "style", "lead", "wish")
        batch = {name: torch.stack([row[name] for row in rows]) for name in names}
        for name, longest in (("text", prompts.TEXT_TOKENS), ("lyrics", prompts.LYRIC_TOKENS)):
            batch |= _padded(name, [self.tokens(row[name], longest) for row in rows])
        return batch

    def _lesson(self, song: SongLatents, random: np.random.Generator) -> dict[str, Any]:
        start = int(random.integers(0, max(1, len(song.latents[MIX]) - self.frames)))
        task, source, target = self._task(song, random)

        def crop(latents: Tensor) -> Tensor:
            part = latents[start : start + self.frames].float()
            return torch.cat([part, self._silence(self.frames - len(part))])

        mask = torch.ones(self.frames)
        heard = self._silence(self.frames) if source is None else crop(song.latents[source])
        if isinstance(task, Repaint):
            mask = _hole(self.frames, random)
            heard = torch.where(mask[:, None] > 0, self._silence(self.frames), heard)
        blueprint = Blueprint(
            caption=_caption(song, random),
            lyrics=song.lyrics,
            language=song.language,
            bpm=song.bpm if random.random() > 0.25 else None,
            key=song.key if random.random() > 0.25 else None,
            meter=song.meter if random.random() > 0.25 else None,
            duration_s=len(song.latents[MIX]) / 25,
        )
        return {
            "music": crop(song.latents[target]),
            "source": heard,
            "mask": mask,
            "cover": torch.tensor(float(isinstance(task, Cover))),
            "style": torch.tensor(self._index(STYLE_NAMES, song.style)),
            "lead": torch.tensor(self._index(FAMILY_NAMES, family(song.lead) if song.lead else "")),
            "wish": torch.tensor(WISHES.index(wish_of(task))),
            "timbre": self._timbre(song, random),
            "text": prompts.text_prompt(blueprint.caption, prompts.instruction(task), prompts.metadata(blueprint)),
            "lyrics": prompts.lyric_prompt(blueprint.lyrics, blueprint.language),
        }

    def _task(self, song: SongLatents, random: np.random.Generator) -> tuple[Any, str | None, str]:
        """A task with the names of what is heard (None: silence) and of what should come back."""
        names = ("compose", "repaint", "extract", "lego", "complete", "cover")
        share = np.array([getattr(self.shares, name) for name in names])
        name = names[int(random.choice(len(names), p=share / share.sum()))]
        file, tracks = AudioRef(path=Path(MIX)), song.tracks
        if name == "lego":
            tracks = [track for track in tracks if f"{REST}{track}" in song.latents]
        track: Any = tracks[int(random.integers(len(tracks)))] if tracks else None
        if name == "repaint":
            return Repaint(source=file, start_s=0.0), MIX, MIX
        if name == "cover":
            return Cover(source=file), MIX, MIX
        if name == "extract" and track:
            return Extract(source=file, track=track), MIX, f"{STEM}{track}"
        if name == "lego" and track:
            return Lego(source=file, track=track), f"{REST}{track}", f"{STEM}{track}"
        if name == "complete" and len(tracks) > 1:
            others = tuple(other for other in tracks if other != track)
            named = others if random.random() < 0.7 else ()
            return Complete(source=file, tracks=named), f"{STEM}{track}", MIX
        if GUIDE in song.latents and random.random() < self.guided:
            # a guide voice sings the words over what is played: the band leaves room for it
            return Compose(), GUIDE, f"{REST}{VOICE}" if f"{REST}{VOICE}" in song.latents else MIX
        return Compose(), None, MIX

    def _timbre(self, song: SongLatents, random: np.random.Generator) -> Tensor:
        """A stretch of the song itself in a fifth of the lessons, silence in the others."""
        mix = song.latents[MIX]
        if random.random() > 0.2 or len(mix) <= self.timbre_frames:
            return self._silence(self.timbre_frames)
        start = int(random.integers(len(mix) - self.timbre_frames))
        return mix[start : start + self.timbre_frames].float()

    @staticmethod
    def _index(names: Sequence[str], name: str) -> int:
        return names.index(name) if name in names else UNKNOWN

    def _silence(self, frames: int) -> Tensor:
        return self.silence.repeat(-(-max(1, frames) // len(self.silence)), 1)[: max(0, frames)]


def wish_of(task: Playable) -> str:
    """What a task asks for, as WISHES names it."""
    return f"{task.kind} {task.track}" if isinstance(task, (Extract, Lego)) else task.kind


def _caption(song: SongLatents, random: np.random.Generator) -> str:
    """A caption; what the score says, as often; or both, as a song is asked for that is played from a score."""
    caption = song.captions[int(random.integers(len(song.captions)))]
    choices = (caption, song.plain, f"{song.plain}, {caption}") if song.plain else (caption,)
    return choices[int(random.integers(len(choices)))]


def _hole(frames: int, random: np.random.Generator) -> Tensor:
    """(t): 1 in a region to be made anew: somewhere within, or all that follows a point (extension)."""
    length = int(random.integers(frames // 8, frames * 3 // 4))
    start = frames - length if random.random() < 0.4 else int(random.integers(0, frames - length + 1))
    mask = torch.zeros(frames)
    mask[start : start + length] = 1
    return mask


def _padded(name: str, rows: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    width = max(map(len, rows))
    numbers, mask = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(2))
    for i, row in enumerate(rows):
        numbers[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {name: numbers, f"{name}_mask": mask}


class Learner(nn.Module):
    """Transformer and text encoder, trained as one. The semantic codes are settled before (`training/semantics.py`).

    A text encoder that starts from nothing gives all texts nearly the same states, the transformer learns to ignore
    them, and no gradient comes back. So words are taught first (`telling`): a *pupil* must tell from the projected text
    what is asked for, style and lead instrument; it is thrown away afterwards.
    """

    ANSWERS = (len(STYLE_NAMES), len(FAMILY_NAMES), len(WISHES))

    def __init__(self, net: AceStep15, words: Qwen3, silence: Tensor) -> None:
        super().__init__()
        self.net, self.words = net, words
        self.pupil = nn.Linear(net.config.encoder_hidden_size, sum(self.ANSWERS))
        for part in (net.tokenizer, net.detokenizer):
            part.requires_grad_(False)
        self.silence: Tensor
        self.register_buffer("silence", silence, persistent=False)

    def read(self, batch: Mapping[str, Tensor]) -> Tensor:
        """States of the text (b, l, text width)."""
        states: Tensor = self.words(batch["text"])
        return states

    def told(self, text: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """How badly style, lead and wish can be told from the text's states, ()."""
        mask = batch["text_mask"][..., None]
        pooled = (self.net.encoder.text_projector(text) * mask).sum(1) / mask.sum(1)
        answers = self.pupil(pooled).split(self.ANSWERS, dim=-1)
        known = zip(answers, (batch[name] for name in ("style", "lead", "wish")), strict=True)
        losses = [
            nn.functional.cross_entropy(logits, label, ignore_index=UNKNOWN)
            for logits, label in known
            if (label != UNKNOWN).any()
        ]
        return torch.stack(losses).sum() if losses else pooled.sum() * 0

    def condition(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Packed condition (b, l, e) of a batch."""
        text = self.read(batch)
        order = torch.arange(len(text), device=text.device)
        packed = self.net.encode(
            text,
            batch["text_mask"],
            self.words.embed_tokens(batch["lyrics"]),
            batch["lyrics_mask"],
            batch["timbre"],
            order,
        )
        return packed.hidden


@torch.no_grad()
def rehearse(model: Learner, batch: Mapping[str, Tensor], options: SamplingOptions, seed: int) -> Tensor:
    """What the model plays for a batch of lessons: latents (b, t, c). For previews and measurements."""
    net = model.net
    context = torch.cat([batch["source"], batch["mask"][..., None].expand_as(batch["source"])], -1)
    with_words, without_words = net.prepare(model.condition(batch), context), net.prepare_null(context)
    plan = resolve(options)
    seeds = tuple(seed + i for i in range(len(context)))
    noise = draws(seeds, context.shape[1], batch["source"].shape[-1])
    velocity = guided(
        lambda x, t: net.step(x, t, with_words), lambda x, t: net.step(x, t, without_words), plan.guidance
    )
    return solve(velocity, noise(), plan, fresh=noise)


def telling(
    model: Learner, batch: Mapping[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """What words learn before music: to tell what is asked for."""
    loss = model.told(model.read(batch), batch)
    return loss, {"told": loss}


def objective(
    model: Learner, batch: Mapping[str, Tensor], generator: torch.Generator, times: Times = draw_times
) -> tuple[Tensor, dict[str, Tensor]]:
    """Flow matching over all tasks; covers hear the music through its semantic codes."""
    net, music, source = model.net, batch["music"], batch["source"]
    covers = batch["cover"] > 0
    if covers.any():
        with torch.no_grad():
            quantised, _ = net.tokenize(music[covers], model.silence)
            source = source.clone()
            source[covers] = net.detokenize(quantised)[:, : music.shape[1]].to(source)
    context = torch.cat([source, batch["mask"][..., None].expand_as(source)], -1)
    condition = without(model.condition(batch), net.null_condition_emb, draw_dropped(len(music), generator))
    drawn = times(len(music), generator)
    noise = torch.randn(music.shape, generator=generator, device=music.device)
    flow = flow_loss(lambda x, t: net.velocity(x, t, condition, context), music, noise, drawn)
    return flow, {"flow": flow}
