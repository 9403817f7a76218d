"""The vocoder of ACE-Step v1: log-mel images to waveforms (Fish Audio's ADaMoSHiFiGAN: ConvNeXt and a HiFi-GAN head).

- **Folded weight norm.** The head stores directions and lengths, under an older or a newer naming; multiplied once.
- **Exact tiles.** Everything in it hears a bounded stretch, so tiles that overlap by that stretch give what the whole
  would give, and memory does not grow with the song. The official code joins longer music with short crossfades instead.

Axes: b waveform, m mel band, n mel frame, s sample, w width.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from melisma.errors import BadCheckpoint
from melisma.models.autoencoders.mel import MelConfig
from melisma.models.autoencoders.oobleck import tiles

NORM_EPS = 1e-6
TILE = 2048
"""Mel frames vocoded at once: about 24 s and 350 MB at the published sizes in float32."""

# What a config.json means when it is silent: the published sizes.
SILENT: dict[str, Any] = {
    "input_channels": 128,
    "depths": [3, 3, 9, 3],
    "dims": [128, 256, 384, 512],
    "kernel_sizes": [7],
    "upsample_rates": [4, 4, 2, 2, 2, 2, 2],
    "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4, 4],
    "resblock_kernel_sizes": [3, 7, 11, 13],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "num_mels": 512,
    "upsample_initial_channel": 1024,
    "use_template": False,
    "pre_conv_kernel_size": 13,
    "post_conv_kernel_size": 13,
    "sampling_rate": 44100,
    "n_fft": 2048,
    "win_length": 2048,
    "hop_length": 512,
    "f_min": 40,
    "f_max": 16000,
    "n_mels": 128,
}


@dataclass(frozen=True)
class VocoderConfig:
    """One field per entry of config.json that shapes the network; names are the official ones."""

    input_channels: int
    depths: tuple[int, ...]
    dims: tuple[int, ...]
    kernel_size: int
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilation_sizes: tuple[tuple[int, ...], ...]
    num_mels: int
    upsample_initial_channel: int
    pre_conv_kernel_size: int
    post_conv_kernel_size: int
    mel: MelConfig

    @classmethod
    def from_dict(cls, official: Mapping[str, Any]) -> "VocoderConfig":
        """Read an official config.json; what would be computed wrongly is refused."""
        known = SILENT | {name: value for name, value in official.items() if value is not None}
        hop, rates = known["hop_length"], known["upsample_rates"]
        refused = {
            "use_template": known["use_template"],
            "kernel_sizes": len(known["kernel_sizes"]) != 1,
            "win_length": known["win_length"] != known["n_fft"],
            "upsample_rates": math.prod(rates) != hop,
            "num_mels": known["num_mels"] != known["dims"][-1],
        }
        if wrong := [name for name, bad in refused.items() if bad]:
            seen = ", ".join(f"{name} = {known[name]}" for name in wrong)
            raise BadCheckpoint(
                f"config.json of the vocoder says {seen}: expected no template, one kernel size, windows as long as the "
                f"transform, rates that multiply to the hop of {hop}, and num_mels equal to the last of dims"
            )
        mel = MelConfig(**{name: known[name] for name in MelConfig.__dataclass_fields__})
        plain = (
            "input_channels",
            "num_mels",
            "upsample_initial_channel",
            "pre_conv_kernel_size",
            "post_conv_kernel_size",
        )
        lists = ("depths", "dims", "upsample_rates", "upsample_kernel_sizes", "resblock_kernel_sizes")
        fields: dict[str, Any] = {name: known[name] for name in plain}
        fields |= {name: tuple(known[name]) for name in lists}
        dilations = tuple(tuple(of) for of in known["resblock_dilation_sizes"])
        kernel = known["kernel_sizes"][0]
        return cls(**fields, kernel_size=kernel, resblock_dilation_sizes=dilations, mel=mel)

    @property
    def reach(self) -> int:
        """Mel frames that one sample hears to either side."""
        half = self.kernel_size // 2
        reach = float(half + half * sum(self.depths) + self.pre_conv_kernel_size // 2)
        rate = 1
        residual = max(
            sum(kernel // 2 * (dilation + 1) for dilation in dilations)
            for kernel, dilations in zip(self.resblock_kernel_sizes, self.resblock_dilation_sizes, strict=True)
        )
        for up in self.upsample_rates:
            reach += 1 / rate
            rate *= up
            reach += residual / rate
        return math.ceil(reach + self.post_conv_kernel_size // 2 / rate) + 1


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (b, w, n)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(b, w, n) → (b, w, n)"""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ConvNeXt(nn.Module):
    """Depthwise convolution, then a wide pointwise layer, scaled and added."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, NORM_EPS)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """(b, w, n) → (b, w, n)"""
        y = self.norm(self.dwconv(x).transpose(1, 2))
        return x + (self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))).transpose(1, 2)


class Backbone(nn.Module):
    """Four stages of ConvNeXt at the rate of the mel image."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        kernel, dims = config.kernel_size, config.dims
        stem = nn.Conv1d(config.input_channels, dims[0], kernel, padding=kernel // 2, padding_mode="replicate")
        self.channel_layers = nn.ModuleList([nn.Sequential(stem, ChannelNorm(dims[0]))])
        for width, wider in pairwise(dims):
            self.channel_layers.append(nn.Sequential(ChannelNorm(width), nn.Conv1d(width, wider, 1)))
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNeXt(width, kernel) for _ in range(depth)))
            for depth, width in zip(config.depths, dims, strict=True)
        )
        self.norm = ChannelNorm(dims[-1])

    def forward(self, x: Tensor) -> Tensor:
        """(b, m, n) → (b, w, n)"""
        for widen, stage in zip(self.channel_layers, self.stages, strict=True):
            x = stage(widen(x))
        return self.norm(x)


class Residual(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair added."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(width, width, kernel, dilation=d, padding=kernel // 2 * d) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=kernel // 2) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(b, w, s) → (b, w, s)"""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.silu(dilated(F.silu(x))))
        return x


class Head(nn.Module):
    """From the rate of the mel image to samples, stage by stage; residual blocks of several kernels are averaged."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        width = config.upsample_initial_channel
        self.conv_pre = nn.Conv1d(
            config.num_mels, width, config.pre_conv_kernel_size, padding=config.pre_conv_kernel_size // 2
        )
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        self.kernels = len(config.resblock_kernel_sizes)
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            self.ups.append(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2))
            width //= 2
            for size, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True):
                self.resblocks.append(Residual(width, size, dilations))
        self.conv_post = nn.Conv1d(width, 1, config.post_conv_kernel_size, padding=config.post_conv_kernel_size // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(b, w, n) → (b, 1, s)"""
        x = self.conv_pre(x)
        for i, up in enumerate(self.ups):
            x = up(F.silu(x))
            blocks = self.resblocks[i * self.kernels : (i + 1) * self.kernels]
            x = sum(block(x) for block in blocks) / self.kernels
        return torch.tanh(self.conv_post(F.silu(x)))


class Vocoder(nn.Module):
    """Log-mel images → waveforms; parameter names are the official ones, weight norm folded."""

    tile: int = TILE

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        self.head = Head(config)

    def forward(self, mel: Tensor) -> Tensor:
        """(b, m, n) → (b, n · hop), all at once."""
        return self.head(self.backbone(mel))[:, 0]

    def play(self, mel: Tensor) -> Tensor:
        """As `forward`, in tiles that together are the same; float32."""
        b, _, frames = mel.shape
        hop, reach = self.config.mel.hop_length, self.config.reach
        wave = torch.empty(b, frames * hop, dtype=torch.float32, device=mel.device)
        for window, core in tiles(frames, max(self.tile, 2 * reach + 1), reach):
            start = window.start + core.start
            heard = self(mel[..., window])[:, core.start * hop : core.stop * hop]
            wave[:, start * hop : start * hop + heard.shape[1]] = heard
        return wave


OLD_NORM = (".weight_g", ".weight_v")
NEW_NORM = (".parametrizations.weight.original0", ".parametrizations.weight.original1")
CONSTANTS = "mel_transform."


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An official state dict with plain weights: lengths times directions, under either naming; stored constants of the
    mel transform are left out. The length counts over all but the first axis."""
    plain = {name: tensor for name, tensor in state.items() if not name.startswith(CONSTANTS)}
    for lengths, directions in (OLD_NORM, NEW_NORM):
        for name in [name for name in plain if name.endswith(lengths)]:
            layer = name.removesuffix(lengths)
            if f"{layer}{directions}" not in plain:
                raise BadCheckpoint(f"the vocoder has {name} but not {layer}{directions}: fetch it again")
            length, direction = plain.pop(name), plain.pop(f"{layer}{directions}")
            v = direction.float()
            norm = v.flatten(1).norm(dim=1).view(-1, *[1] * (v.ndim - 1))
            plain[f"{layer}.weight"] = (v * (length.float() / norm)).to(direction.dtype)
    return plain
