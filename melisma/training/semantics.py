"""Training the semantic codes of a small model: 25 Hz latents ↔ one of a few thousand codes at 5 Hz.

A code of twelve bits cannot hold five frames of sound, so it must choose. Left alone it chooses loudness and timbre,
which fill most of a latent's variance. A cover wants the opposite: harmony, melody, pulse and the rise and fall of
sections. So beside the latents, a *reader* must find in what comes out of a code what the score says of those frames;
the reader is thrown away afterwards.

Rounding gives no gradient that leads away from a codebook of which few codes are used, and training goes there by
itself. So the numbers that will be rounded are held, over a batch, to a spread that reaches all levels and to be
independent of each other (as VICReg does with embeddings, arXiv 2105.04906).

Axes: b take, t latent frame, c channel, n code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from melisma.models.v15 import AceStep15
from melisma.training.dit import GUIDE, LANES, MIX, REST, SongLatents

TONES = slice(7, 46)
"""Channels of the lanes that are yes or no: chord tones, root, melody."""
HEIGHT = 31 + 12
"""The one among them that is not: the melody's height in octaves."""
LEVELS = slice(0, 7)
"""Channels that are numbers: pulse, bar, half pulse, energy."""


@dataclass(frozen=True)
class Crops:
    """Batches of cached music with what the score says of it; a pure function of the step."""

    songs: Sequence[SongLatents]
    frames: int
    takes: int
    seed: int

    def __call__(self, step: int) -> dict[str, Tensor]:
        """music (b, t, c); lanes (b, t, 47). Mixes mostly; guide tracks and songs without a track say the same."""
        random = np.random.default_rng([self.seed, step])
        rows = [self._crop(self.songs[int(random.integers(len(self.songs)))], random) for _ in range(self.takes)]
        return {"music": torch.stack([row[0] for row in rows]), "lanes": torch.stack([row[1] for row in rows])}

    def _crop(self, song: SongLatents, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        names = [MIX] * 4 + [name for name in song.latents if name == GUIDE or name.startswith(REST)]
        music = song.latents[names[int(random.integers(len(names)))]]
        last = (len(music) - self.frames) // 5
        # a code sees whole windows of five frames; any of five phases is as likely when a song is cut
        start = 5 * int(random.integers(0, max(1, last))) + int(random.integers(0, 5)) * (last > 1)
        part = slice(start, start + self.frames)
        return music[part].float(), song.latents[LANES][part].float()


class Semantics(nn.Module):
    """Tokenizer and detokenizer of a network, with the reader that teaches them."""

    def __init__(self, net: AceStep15, importance: Tensor) -> None:
        super().__init__()
        self.net = net
        for parameter in net.parameters():
            parameter.requires_grad_(False)
        for part in (net.tokenizer, net.detokenizer):
            part.requires_grad_(True)
        channels = net.config.audio_acoustic_hidden_dim
        # half a second to each side: a chord is more than the frame it is read in
        self.reader = nn.Sequential(
            nn.Conv1d(channels, 192, 13, padding=6), nn.SiLU(), nn.Conv1d(192, 192, 13, padding=6), nn.SiLU()
        )
        self.said = nn.Linear(192, TONES.stop)
        self.importance: Tensor
        self.register_buffer("importance", importance / importance.mean(), persistent=False)

    def squeezed(self, music: Tensor) -> tuple[Tensor, Tensor]:
        """Music (b, t, c) → pooled windows (b, n, e) and the numbers that will be rounded (b·n, d)."""
        tokenizer = self.net.tokenizer
        windows = tokenizer.audio_acoustic_proj(music).unflatten(1, (-1, tokenizer.window)).flatten(0, 1)
        pooled = tokenizer.attention_pooler(windows)
        return pooled.unflatten(0, (len(music), -1)), tokenizer.quantizer.project_in(pooled)

    def read(self, hints: Tensor) -> Tensor:
        """(b, t, c) → what the score would say, (b, t, 46): numbers, then logits."""
        said: Tensor = self.said(self.reader(hints.transpose(1, 2)).transpose(1, 2))
        return said


def spread(numbers: Tensor, wide: float = 0.7) -> Tensor:
    """How far numbers (n, d) are from mean 0, deviation `wide` and independence of each other; 0 is none of it."""
    centred = numbers - numbers.mean(0)
    covariance = centred.T @ centred / len(numbers)
    wanted = wide**2 * torch.eye(len(covariance), device=numbers.device)
    return (covariance - wanted).square().sum() + numbers.mean(0).square().sum()


def objective(
    model: Semantics, batch: Mapping[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Latents by their importance, and the score as read from them."""
    music, lanes = batch["music"], batch["lanes"]
    pooled, numbers = model.squeezed(music)
    quantised, codes = model.net.tokenizer.quantizer(pooled)
    hints = model.net.detokenize(quantised)[:, : music.shape[1]]
    latents = ((hints - music).square() * model.importance).mean()
    said = model.read(hints)
    tones = nn.functional.binary_cross_entropy_with_logits(
        said[..., TONES], lanes[..., TONES].clamp(0, 1), reduction="none"
    )
    heard = tones[..., [i for i in range(TONES.stop - TONES.start) if i != HEIGHT - TONES.start]].mean()
    levels = (said[..., LEVELS] - lanes[..., LEVELS]).square().mean()
    figures = {"latents": latents, "tones": heard, "levels": levels}
    with torch.no_grad():
        chords = said[..., 7:19].sigmoid() > 0.5
        truth = lanes[..., 7:19] > 0.5
        figures["chord_f1"] = 2 * (chords & truth).sum() / (chords.sum() + truth.sum()).clamp(min=1)
        figures["used"] = torch.tensor(float(len(codes.unique())))
    apart = spread(numbers)
    return latents + 8 * heard + levels + apart, figures | {"spread": apart}
