"""What the v1 network is trained to do: flow matching, and hidden states that speech models would recognise (REPA).

Only what needs the network's inside is here; a training loop can stand on it. As in the official code the loss is that
of the clean estimate, so velocities near noise weigh most, and the projectors compare directions, not lengths.

Axes: b batch, t latent frame, s sample, n feature frame of a teacher, f its width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from melisma.models.v1.model import AceStep1, Condition
from melisma.sampling.schedules import shifted

STEPS, SHIFT = 1000, 3.0
STRIDE = 320  # samples per feature frame, of MERT (24 kHz) and of mHuBERT (16 kHz)


@dataclass(frozen=True)
class Dropped:
    """How often each part of the condition is left out, independently, so that guidance has something to lean on."""

    text: float = 0.15
    speaker: float = 0.5
    lyrics: float = 0.15


def encode_for_training(
    net: AceStep1,
    text_hidden: Tensor,
    text_mask: Tensor,
    speaker: Tensor,
    lyric_ids: Tensor,
    lyric_mask: Tensor,
    generator: torch.Generator,
    dropped: Dropped | None = None,
) -> Condition:
    """As `AceStep1.encode`, with parts of some items left out: zeros, and for lyrics a mask of zeros. Gradients flow."""
    dropped = dropped or Dropped()

    def kept(share: float, like: Tensor) -> Tensor:
        draw = torch.rand(len(like), generator=generator, device=generator.device)
        return (draw >= share).to(like).view(-1, *[1] * (like.ndim - 1))

    lyrics = kept(dropped.lyrics, lyric_ids)
    return net.encode(
        text_hidden * kept(dropped.text, text_hidden),
        text_mask,
        speaker * kept(dropped.speaker, speaker),
        lyric_ids * lyrics,
        lyric_mask * lyrics.to(lyric_mask),
    )


def training_times(normals: Tensor) -> Tensor:
    """Flow times (b,) for draws from the normal distribution: a place on a grid of thousand, shifted once."""
    places = (normals.sigmoid() * STEPS).floor().clamp(0, STEPS - 1)
    grid = torch.tensor([shifted(1 - i / STEPS, SHIFT) for i in range(STEPS)], device=normals.device)
    return grid[places.long()]


def losses(
    net: AceStep1,
    music: Tensor,
    noise: Tensor,
    times: Tensor,
    condition: Condition,
    mask: Tensor,
    teachers: Mapping[str, Sequence[Tensor]],
) -> dict[str, Tensor]:
    """ "denoising", and one loss per teacher; music and noise (b, 8, 16, t), times (b,), mask (b, t).

    `teachers` gives, by the names of the projectors, features (n, f) per item.
    """
    t = times.view(-1, 1, 1, 1)
    x = t * noise + (1 - t) * music
    velocity, heard = net.velocity_and_features(x, 1000 * times, condition, mask)
    counted = mask[:, None, None, :]
    miss = ((x - t * velocity - music) * counted).square().flatten(1).mean(1)
    found = {"denoising": (miss * mask.mean(1)).mean()}
    for name, features in teachers.items():
        found[name] = torch.stack([misalignment(*pair) for pair in zip(heard[name], features, strict=True)]).mean()
    return found


def features_of(teacher: Callable[[Tensor], Tensor], wave: Tensor, chunk: int) -> Tensor:
    """What a speech model hears in one song: (n, f). `wave` (s,) is mono at the teacher's own rate, without padding.

    `teacher` takes (1, s) and gives (1, n, f). It hears `chunk` samples at a time (officially 5 s for MERT and 30 s for
    mHuBERT), the last ones filled with silence, at the loudness of the whole song. A model that begins each chunk with
    a frame too few gives that many fewer.
    """
    variance, mean = torch.var_mean(wave)
    normal = (wave - mean) / (variance + 1e-7).sqrt()
    pieces = normal.split(chunk)
    heard = [teacher(F.pad(piece, (0, chunk - len(piece)))[None])[0] for piece in pieces]
    return torch.cat([found[: -(-len(piece) // STRIDE)] for found, piece in zip(heard, pieces, strict=True)])


def misalignment(heard: Tensor, features: Tensor) -> Tensor:
    """1 − cosine between what a projector hears (t, f), brought to the teacher's rate, and the teacher's (n, f)."""
    stretched = F.interpolate(heard.T[None], size=len(features), mode="linear", align_corners=False)[0].T
    return 1 - F.cosine_similarity(stretched, features, dim=-1).mean()
