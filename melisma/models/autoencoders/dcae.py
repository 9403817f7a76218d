"""The autoencoder of ACE-Step v1: 44.1 kHz stereo as mel images, and those as 8 × 16 numbers at 10.77 Hz.

A waveform becomes one log-mel image per channel; diffusers' `AutoencoderDC` makes latents of both; on the way back a
vocoder plays each image. Image and latents have scales of their own, fixed with the checkpoint; the `scaling_factor` in
its config.json belongs to neither and is not used.

The decoder's attention hears the whole image. Trained on 12 s, it is given at most `window` latent frames at once:
longer music is decoded in windows that overlap by half, and of each only the middle is kept, so that memory stays bounded.
The vocoder is cut exactly (see `vocoder`).

Axes: b take, s sample, m mel band, n mel frame, t latent frame, c latent channel (8 channels of 16 rows). Inside the
network (b, 8, 16, t).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models.autoencoders.mel import LogMel
from melisma.models.autoencoders.vocoder import Vocoder, VocoderConfig, folded
from melisma.models.files import AGAIN, read_config, read_weights
from melisma.models.fill import fill

CHANNELS, ROWS = 8, 16
REDUCTION = 8  # mel frames per latent frame, mel bands per row
# Log-mel values −11 … 3 are brought to −1 … 1, and not clamped.
MEL_CENTRE, MEL_HALF = -4.0, 7.0
LATENT_SHIFT, LATENT_SCALE = -1.9091, 0.1786
WINDOW = 512
VOCODER_FOLDER = "music_vocoder"
LAYOUT = ("encoder_block_types", "decoder_block_types", "encoder_block_out_channels", "decoder_block_out_channels")
LAYERS = ("encoder_layers_per_block", "decoder_layers_per_block", "encoder_qkv_multiscales", "decoder_qkv_multiscales")
SIZES = ("in_channels", "latent_channels", "attention_head_dim", *LAYOUT, *LAYERS)
KINDS = ("upsample_block_type", "downsample_block_type", "decoder_norm_types", "decoder_act_fns")


def as_image(latents: Tensor) -> Tensor:
    """(b, t, c) → (b, 8, 16, t)"""
    return latents.unflatten(-1, (CHANNELS, ROWS)).permute(0, 2, 3, 1)


def as_sequence(image: Tensor) -> Tensor:
    """(b, 8, 16, t) → (b, t, c)"""
    return image.permute(0, 3, 1, 2).flatten(2)


def windows(frames: int, length: int) -> Iterator[tuple[slice, slice]]:
    """Windows that overlap by half, and the part of each that is kept: its middle, and the ends of the whole.

    `length` is a multiple of 4, or at least `frames`: then there is one window.
    """
    if length >= frames:
        yield slice(0, frames), slice(0, frames)
        return
    hop, margin = length // 2, length // 4
    starts = range(0, frames - hop, hop)
    for start in starts:
        end = min(start + length, frames)
        first = 0 if start == 0 else margin
        last = end - start if start == starts[-1] else length - margin
        yield slice(start, end), slice(first, last)


class MusicDCAE(nn.Module):
    """Stereo music ↔ latents. Implements the `Autoencoder` protocol."""

    window: int | None = WINDOW
    """Latent frames decoded at once; None: all."""

    def __init__(self, network: nn.Module, vocoder: Vocoder) -> None:
        """`network`: an AutoencoderDC with its weights."""
        super().__init__()
        self.encoder: nn.Module = network.encoder  # type: ignore[assignment]
        self.decoder: nn.Module = network.decoder  # type: ignore[assignment]
        self.vocoder = vocoder
        self.mel = LogMel(vocoder.config.mel)
        self.sample_rate = vocoder.config.mel.sampling_rate
        self.hop = REDUCTION * vocoder.config.mel.hop_length
        self.channels = CHANNELS * ROWS

    @classmethod
    def from_weights(
        cls,
        config: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        vocoder_config: Mapping[str, Any],
        vocoder_weights: Mapping[str, Tensor],
        source: Path | str,
    ) -> "MusicDCAE":
        """Both networks with the tensors given, by official names; the vocoder's weight norm under either naming."""
        network = network_of(config)
        fill(network, weights, source)
        with torch.device("meta"):
            vocoder = Vocoder(VocoderConfig.from_dict(vocoder_config))
        fill(vocoder, folded(vocoder_weights), f"the vocoder of {source}")
        return cls(network, vocoder)

    @classmethod
    def from_folder(cls, folder: Path) -> "MusicDCAE":
        """The autoencoder in a folder, and the vocoder in the folder beside it."""
        beside = folder.parent / VOCODER_FOLDER
        if not (beside / "config.json").is_file():
            raise MissingModel(f"{folder} needs its vocoder in {beside}, which is not there. {AGAIN}")
        return cls.from_weights(
            read_config(folder), read_weights(folder), read_config(beside), read_weights(beside), folder
        )

    def to_type(self, dtype: torch.dtype) -> Self:
        """The networks in another type; the mel transform stays in float32."""
        for part in (self.encoder, self.decoder, self.vocoder):
            part.to(dtype)
        return self

    @torch.no_grad()
    def encode(self, waveform: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Latents (b, t, c) in float32 of a waveform (b, 2, s); t = ⌈s / hop⌉, silence fills the last frame.

        The same every time: `generator` is not used.
        """
        if waveform.ndim != 3 or waveform.shape[1] != 2 or waveform.shape[-1] < 1:
            raise BadRequest(
                f"cannot encode a waveform of shape {tuple(waveform.shape)}: expected (takes, 2, samples) with at least 1 sample"
            )
        weight = next(self.encoder.parameters())
        padded = F.pad(waveform.float(), (0, -waveform.shape[-1] % self.hop))
        image = (self.mel(padded.flatten(0, 1)).unflatten(0, (-1, 2)) - MEL_CENTRE) / MEL_HALF
        # One at a time, as memory is that of the longest picture.
        latents = torch.cat([self.encoder(take[None].to(weight)).float() for take in image])
        return as_sequence((latents - LATENT_SHIFT) * LATENT_SCALE)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Waveform (b, 2, t · hop) in float32 of latents (b, t, c). Each take sounds the same alone or in a batch."""
        _, frames, channels = latents.shape
        if channels != self.channels or not frames:
            raise BadRequest(
                f"cannot decode latents of shape {tuple(latents.shape)}: expected (takes, 1 or more, {self.channels})"
            )
        weight = next(self.vocoder.parameters())
        waves = [self.vocoder.play(self.mel_image(take[None])[0].to(weight)) for take in latents]
        return torch.stack(waves)

    def mel_image(self, latents: Tensor) -> Tensor:
        """Log-mel images (b, 2, m, n) in float32 of latents (b, t, c)."""
        weight = next(self.decoder.parameters())
        image = (as_image(latents.float()) / LATENT_SCALE + LATENT_SHIFT).to(weight)
        length = self.window or image.shape[-1]
        length = image.shape[-1] if image.shape[-1] <= length else length
        parts = [(slice(None), slice(None))] if length == image.shape[-1] else windows(image.shape[-1], length)
        kept = [self.decoder(image[..., window])[..., _scaled(core)].float() for window, core in parts]
        return torch.cat(kept, dim=-1) * MEL_HALF + MEL_CENTRE


def _scaled(core: slice) -> slice:
    """Latent frames as mel frames."""
    return slice(None) if core.start is None else slice(core.start * REDUCTION, core.stop * REDUCTION)


def network_of(config: Mapping[str, Any]) -> nn.Module:
    """An AutoencoderDC without weights (on the meta device), of the sizes in config.json."""
    from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC

    if absent := [name for name in SIZES if name not in config]:
        raise BadCheckpoint(f"config.json of this AutoencoderDC lacks {', '.join(absent)}: fetch it again")
    if config["in_channels"] != 2 or config["latent_channels"] != CHANNELS or len(config["encoder_block_types"]) != 4:
        raise BadCheckpoint(
            f"an AutoencoderDC from {config['in_channels']} to {config['latent_channels']} channels with "
            f"{len(config['encoder_block_types'])} stages: music is coded from 2 to {CHANNELS} in 4"
        )
    names = (*SIZES, *(name for name in KINDS if name in config))
    with torch.device("meta"):
        network: nn.Module = AutoencoderDC(**{name: config[name] for name in names})
    return network
