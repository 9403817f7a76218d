"""The mel front end of ACE-Step v1: waveforms as log-mel images, the way its vocoder was trained to read them.

Slaney's mel scale and area normalisation (as in Auditory Toolbox and librosa), natural logarithm, magnitudes and not
powers. Computed in float32 whatever the networks run in.

Axes: b waveform, s sample, m mel band, n mel frame, f frequency bin.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Slaney's scale is linear up to 1 kHz, then 27 bands to every factor of 6.4.
LINEAR_HZ, BREAK_HZ, RATIO, BANDS_PER_RATIO = 200 / 3, 1000.0, 6.4, 27


@dataclass(frozen=True)
class MelConfig:
    """Sizes in samples, limits in Hz."""

    sampling_rate: int
    n_fft: int
    hop_length: int
    f_min: float
    f_max: float
    n_mels: int


def mel_of(hz: float) -> float:
    """Place of a frequency on Slaney's scale."""
    if hz < BREAK_HZ:
        return hz / LINEAR_HZ
    return BREAK_HZ / LINEAR_HZ + math.log(hz / BREAK_HZ) * BANDS_PER_RATIO / math.log(RATIO)


def hz_of(mel: Tensor) -> Tensor:
    """Frequency of places on Slaney's scale."""
    bent = BREAK_HZ * torch.exp((mel - BREAK_HZ / LINEAR_HZ) * math.log(RATIO) / BANDS_PER_RATIO)
    return torch.where(mel < BREAK_HZ / LINEAR_HZ, mel * LINEAR_HZ, bent)


def filter_bank(config: MelConfig) -> Tensor:
    """(f, m) triangles of equal area."""
    bins = torch.linspace(0, config.sampling_rate / 2, config.n_fft // 2 + 1, dtype=torch.float64)
    places = torch.linspace(mel_of(config.f_min), mel_of(config.f_max), config.n_mels + 2, dtype=torch.float64)
    low, peak, high = hz_of(places).unfold(0, 3, 1).unbind(-1)
    rising = (bins[:, None] - low) / (peak - low)
    falling = (high - bins[:, None]) / (high - peak)
    return (torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)).float()


class LogMel(nn.Module):
    """(b, s) → (b, m, n) with n = s / hop for whole hops."""

    window: Tensor
    bank: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        # Made on the CPU even where the module is built without memory: these are constants, not weights.
        with torch.device("cpu"):
            self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
            self.register_buffer("bank", filter_bank(config), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """See the class; the ends are mirrored, so at least one window of samples is needed."""
        config, margin = self.config, self.config.n_fft - self.config.hop_length
        padded = F.pad(waveform.float()[:, None], (margin // 2, margin - margin // 2), mode="reflect")[:, 0]
        spectrum = torch.stft(
            padded, config.n_fft, config.hop_length, window=self.window, center=False, return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(-1)
        return (self.bank.T @ (power + 1e-6).sqrt()).clamp(min=1e-5).log()
