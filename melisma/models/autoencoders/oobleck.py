"""The autoencoder of ACE-Step 1.5: Oobleck, 48 kHz stereo as 64 numbers at 25 Hz.

The network is diffusers' `AutoencoderOobleck`. Around it stand:

- **Folded weight norm.** The checkpoint stores directions and lengths; multiplied once after reading, in float32.
- **Exact tiles.** A convolution stack hears a bounded stretch. Tiles overlap by that stretch, computed from the sizes
  (9 frames to decode and 7 hops to encode at the official ones), so tiles give what the whole would give, memory does
  not grow with the song, and no seam needs a crossfade.
- **Sampling from outside tiles.** The posterior's noise is drawn once per take, after its mean and spread are joined,
  so a seed means the same whatever the tile size.

Axes: b take, s sample, t latent frame, c latent channel. Inside the network (b, c, t).
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import remove_weight_norm

from melisma.errors import BadCheckpoint, BadRequest

# Residual units of a block: three convolutions of 7 taps, dilated by 1, 3 and 9, hear this many samples to each side.
RESIDUAL_REACH = 3 * (1 + 3 + 9)
# Tensors of the widest layer alive at once in a Snake activation, measured; decides how long a tile may be.
ALIVE = 8
SHORTEST, LONGEST = 48, 512
FREE_CPU = 4 * 2**30  # taken for granted where free memory cannot be asked for
SIZES = (
    "encoder_hidden_size",
    "downsampling_ratios",
    "channel_multiples",
    "decoder_channels",
    "decoder_input_channels",
    "audio_channels",
    "sampling_rate",
)


def decode_reach(ratios: list[int]) -> int:
    """Latent frames that one decoded sample hears to either side."""
    reach, rate = 3.0, 1
    for ratio in reversed(ratios):
        reach += 1 / rate
        rate *= ratio
        reach += RESIDUAL_REACH / rate
    return math.ceil(reach + 3 / rate)


def encode_reach(ratios: list[int]) -> int:
    """Hops that one latent frame hears to either side of its own."""
    reach, stride = 3, 1
    for ratio in ratios:
        reach += (RESIDUAL_REACH + ratio // 2) * stride
        stride *= ratio
    return math.ceil((reach + stride) / stride)


def tiles(total: int, length: int, reach: int) -> Iterator[tuple[slice, slice]]:
    """Cores that cover `total` frames, and the window each is computed from, at most `length` long.

    Both are given in frames; the core as a slice of the window's result.
    """
    stride = total if total <= length else max(1, length - 2 * reach)
    for start in range(0, total, stride):
        end = min(start + stride, total)
        first = max(0, start - reach)
        yield slice(first, min(total, end + reach)), slice(start - first, end - first)


class Oobleck(nn.Module):
    """Stereo music ↔ latents. Implements the `Autoencoder` protocol."""

    tile: int | None = None
    """Latent frames per tile; None: as many as the free memory of the device suggests."""

    def __init__(self, network: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        """`network`: an AutoencoderOobleck with its weights."""
        super().__init__()
        for module in network.modules():
            if hasattr(module, "weight_g"):
                module.float()
                remove_weight_norm(module)
        self.encoder: nn.Module = network.encoder.to(dtype)  # type: ignore[assignment]
        self.decoder: nn.Module = network.decoder.to(dtype)  # type: ignore[assignment]
        config: Any = network.config
        self.sample_rate: int = config.sampling_rate
        self.hop = math.prod(config.downsampling_ratios)
        self.channels: int = config.decoder_input_channels
        self.reach = decode_reach(config.downsampling_ratios), encode_reach(config.downsampling_ratios)
        self.widths = config.decoder_channels, config.encoder_hidden_size

    @staticmethod
    def network_of(config: dict[str, Any]) -> nn.Module:
        """An AutoencoderOobleck without weights (on the meta device), of the sizes in config.json."""
        from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck

        absent = [name for name in SIZES if name not in config]
        if absent:
            raise BadCheckpoint(f"config.json of this AutoencoderOobleck lacks {', '.join(absent)}: fetch it again")
        if any(ratio % 2 for ratio in config["downsampling_ratios"]) or config["audio_channels"] != 2:
            raise BadCheckpoint(
                f"an AutoencoderOobleck with downsampling {config['downsampling_ratios']} and {config['audio_channels']} "
                "audio channels: only even factors and stereo are understood"
            )
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # diffusers' own use of an older weight norm
            network: nn.Module = AutoencoderOobleck(**{name: config[name] for name in SIZES})
        return network

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Waveform (b, 2, t * hop) in float32 of latents (b, t, c). Each take sounds the same alone or in a batch."""
        b, frames, channels = latents.shape
        if channels != self.channels or not frames:
            raise BadRequest(
                f"cannot decode latents of shape {tuple(latents.shape)}: expected (takes, 1 or more, {self.channels})"
            )
        wave = torch.empty(b, 2, frames * self.hop, dtype=torch.float32, device=latents.device)
        weight = next(self.parameters())
        for take in range(b):
            for window, core in tiles(frames, self._tile(self.widths[0], self.reach[0]), self.reach[0]):
                heard = self.decoder(latents[take, window].T[None].to(weight))[0]
                start = window.start + core.start
                span = slice(start * self.hop, (start + core.stop - core.start) * self.hop)
                wave[take, :, span] = heard[:, core.start * self.hop : core.stop * self.hop]
        return wave

    @torch.no_grad()
    def encode(self, waveform: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Latents (b, s // hop, c) in float32 of a waveform (b, 2, s): sampled with a generator, else the mean.

        Samples beyond the last whole hop are heard by the last frame, as in the official encoder.
        """
        mean, scale = self.posterior(waveform)
        if generator is None:
            return mean
        b, t, c = mean.shape
        noise = torch.randn(b, c, t, generator=generator, device=generator.device).transpose(1, 2)
        return mean + (F.softplus(scale) + 1e-4) * noise.to(mean)

    @torch.no_grad()
    def posterior(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and scale, each (b, t, c); the spread is softplus(scale) + 1e-4."""
        frames = waveform.shape[-1] // self.hop
        if waveform.ndim != 3 or waveform.shape[1] != 2 or frames < 1:
            raise BadRequest(
                f"cannot encode a waveform of shape {tuple(waveform.shape)}: expected (takes, 2, samples) with at least "
                f"{self.hop} samples ({1000 * self.hop / self.sample_rate:.0f} ms at {self.sample_rate} Hz)"
            )
        weight = next(self.parameters())
        takes = []
        for take in waveform:
            parts = []
            for window, core in tiles(frames, self._tile(self.widths[1], self.reach[1]), self.reach[1]):
                end = None if window.stop == frames else window.stop * self.hop
                heard = self.encoder(take[None, :, window.start * self.hop : end].to(weight))
                parts.append(heard[0, :, core].float())
            takes.append(torch.cat(parts, dim=1))
        mean, scale = torch.stack(takes).transpose(1, 2).chunk(2, dim=-1)
        return mean, scale

    def _tile(self, width: int, reach: int) -> int:
        """Frames per tile: a quarter of what is free, as one frame is `hop` samples of the widest layer."""
        if self.tile:
            return max(self.tile, 2 * reach + 1)
        weight = next(self.parameters())
        free: int = torch.cuda.mem_get_info(weight.device)[0] if weight.device.type == "cuda" else FREE_CPU
        frame: int = self.hop * width * weight.element_size() * ALIVE
        return max(2 * reach + 1, min(LONGEST, max(SHORTEST, free // 4 // frame)))
