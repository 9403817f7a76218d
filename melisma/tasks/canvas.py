"""The canvas: what is kept and what is to be made, before any model has been asked.

A task turns a request and a blueprint into a `Canvas`; a generator turns the canvas into conditions for its own
checkpoint family. The canvas names no prompt and no network: a repaint is a source with a hidden region, a cover is a
source heard through its semantic codes, and so on. Latent frames are those of the band's autoencoder (25 per second
for ACE-Step 1.5).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from melisma.audio import Stretch, Waveform
from melisma.errors import BadRequest
from melisma.models.autoencoders import Loaded
from melisma.notation import Score
from melisma.song import AudioRef, Blueprint, FinishOptions, Playable

Hear = Callable[[AudioRef], Waveform]
# Sings a score in a voice that suits a caption.
Sing = Callable[[Score, str], Waveform]

# Encoding draws from the posterior, as in training; one fixed seed makes the same source the same latents every time.
ENCODING_SEED = 0


@dataclass(frozen=True)
class Region:
    """A stretch of latent frames [start, end)."""

    start: int
    end: int


@dataclass(frozen=True)
class Keeping:
    """How firmly the frames outside the region are held while the inside is made (see `sampling`)."""

    inject: float  # share of the steps after which the outside is put back, partly noised
    crossfade_frames: int  # ramp outside the regions, in latent frames
    crossfade_s: float  # ramp outside the regions, in the decoded waveform
    original: Waveform  # spliced back outside the regions
    spans_s: tuple[tuple[float, float], ...]  # the regions in seconds, as asked


@dataclass(frozen=True)
class Words:
    """What the flow of an edit starts from: the source in words."""

    caption: str
    lyrics: str
    window: tuple[float, float]
    draws: int


@dataclass(frozen=True)
class Near:
    """Noise to stay near to (retake)."""

    seed: int
    variance: float


@dataclass(frozen=True)
class Canvas:
    """Everything a generator must know of one request.

    `source` (t, c) are clean latents of what is already there, or None for silence. `regions` is where music is made,
    none is everywhere. `erase` hides the source inside them. `semantic` lets the generator hear the source as
    5 Hz codes instead of latents. `guided` says that the source is a score's guide track: a sketch of what is to be
    played, not music. `hears` is the share of steps that hear the source at all; `advance` starts that far
    from noise towards the source. `timbre` (t', c) are latents of a reference. `told` is what a score says in words.
    """

    task: Playable
    blueprint: Blueprint
    frames: int
    source: Tensor | None = None
    regions: tuple[Region, ...] = ()
    erase: bool = False
    semantic: bool = False
    guided: bool = False
    hears: float = 1.0
    advance: float = 0.0
    keeping: Keeping | None = None
    edit: Words | None = None
    timbre: Tensor | None = None
    near: Near | None = None
    told: str | None = None
    dynamics: tuple[Stretch, ...] = ()  # how loud a score wants its sections against each other
    voice: Waveform | None = None  # sung beside the generator, mixed in after decoding
    finish: FinishOptions = field(default_factory=FinishOptions)  # fills the blanks of the request's

    @property
    def caption(self) -> str:
        """What is to be played, in words: what a score says, unless the caption begins with it, then the caption."""
        caption = self.blueprint.caption
        if not self.told or caption.startswith(self.told):
            return caption
        return ", ".join(filter(None, (self.told, caption)))

    @property
    def made(self) -> Tensor:
        """(t,) bool, True where music is made."""
        mask = torch.full((self.frames,), not self.regions)
        for region in self.regions:
            mask[region.start : region.end] = True
        return mask

    def restore(self, latents: Tensor) -> Tensor:
        """Put the kept frames back exactly. latents: (b, t, c), returns the same shape."""
        if self.keeping is None or self.source is None:
            return latents
        return torch.where(self.made.to(latents.device)[None, :, None], latents, self.source.to(latents))


# Edits leave the loudness of what is kept alone; only whole new songs are brought to listening level.
UNTOUCHED = FinishOptions(master=False)


@dataclass(frozen=True)
class Desk:
    """What a task may use: the blueprint, ears for files, and the autoencoder."""

    blueprint: Blueprint
    hear: Hear
    autoencoder: Loaded
    sing: Sing | None = None  # the guide voice, where it is wanted and installed

    @property
    def latent_hz(self) -> float:
        """Latent frames per second."""
        return self.autoencoder.sample_rate / self.autoencoder.hop

    def sound(self, ref: AudioRef) -> Waveform:
        """The audio behind `ref`, stereo at the autoencoder's rate."""
        return self.hear(ref).resampled(self.autoencoder.sample_rate).stereo()

    def encode(self, sound: Waveform) -> Tensor:
        """Latents (t, c) of a whole waveform; the last partial frame is filled with silence."""
        hop = self.autoencoder.hop
        samples = np.pad(sound.samples, ((0, 0), (0, -sound.samples.shape[1] % hop)))
        generator = torch.Generator().manual_seed(ENCODING_SEED)
        return self.autoencoder.encode(torch.from_numpy(samples)[None], generator)[0].float().cpu()

    def lasting(self, sound: Waveform) -> Blueprint:
        """The blueprint, as long as `sound`: what is told to the model is what is made."""
        return self.blueprint.model_copy(update={"duration_s": sound.duration_s})

    def frames(self, duration_s: float) -> int:
        """Latent frames that cover a duration."""
        return max(1, int(np.ceil(round(duration_s * self.latent_hz, 6))))

    def region(self, start_s: float, end_s: float, frames: int) -> Region:
        """The frames of [start_s, end_s), at least one, inside the song."""
        if start_s * self.latent_hz >= frames:
            raise BadRequest(
                f"the region starts at {start_s:g} s, but the music is only {frames / self.latent_hz:g} s long: "
                "choose a start inside it, or extend it first"
            )
        start = min(max(int(round(start_s * self.latent_hz, 6)), 0), frames - 1)
        end = min(max(int(round(end_s * self.latent_hz, 6)), start + 1), frames)
        return Region(start, end)
