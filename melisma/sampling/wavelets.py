"""DCW: differential correction in the wavelet domain.

After a step, the latents' low and high bands along time are pushed away from those of the clean estimate the step
aimed at, which counters the drift of few-step sampling. One level of a discrete wavelet with zero padding; filters come
from PyWavelets. Because the transform reconstructs perfectly, the correction is the low band of the difference, and
the rest of it is the high band: no second transform is needed. (dmey alone reconstructs only nearly; the official two
transforms then blur the latents by about 1 %, this one does not.)
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from melisma.errors import BadRequest
from melisma.song import Wavelets


def filters(name: str) -> tuple[list[float], list[float]]:
    """Low-pass analysis and synthesis taps of a wavelet."""
    import pywt  # few songs ask for it, and all would wait for its tables

    try:
        wavelet = pywt.Wavelet(name)
    except ValueError as error:
        families = ", ".join(pywt.families())
        raise BadRequest(
            f"unknown wavelet {name!r}: use one PyWavelets knows, such as 'haar' or 'db4' ({families})"
        ) from error
    return wavelet.dec_lo, wavelet.rec_lo


def low_band(x: Tensor, wavelet: str) -> Tensor:
    """The part of (b, t, c) in the low band along time, at full rate. Odd lengths are padded by a zero and cut."""
    analysis, synthesis = (torch.tensor(taps, dtype=torch.float32, device=x.device) for taps in filters(wavelet))
    b, t, c = x.shape
    taps, even = len(analysis), t + t % 2
    signal = F.pad(x.float().transpose(1, 2).reshape(b * c, 1, t), (0, even - t))
    # Full convolution, every second sample from the second on: pywt's convention for zero padding.
    coefficients = F.conv1d(F.pad(signal, (taps - 1, taps - 1)), analysis.flip(0)[None, None])[..., 1::2]
    whole = F.conv_transpose1d(coefficients, synthesis[None, None], stride=2)[..., taps - 2 : taps - 2 + even]
    return whole[..., :t].reshape(b, c, t).transpose(1, 2)


def corrected(x: Tensor, clean: Tensor, t: float, how: Wavelets) -> Tensor:
    """The latents (b, t, c) after a step at time t, corrected against the clean estimate before it."""
    difference = (x - clean).float()
    if how.mode == "pix":
        return (x.float() + how.scale * difference).to(x)
    low = low_band(difference, how.wavelet)
    low_weight = t * how.scale if how.mode in ("low", "double") else 0.0
    high_weight = (1 - t) * {"low": 0.0, "high": how.scale, "double": how.high_scale}[how.mode]
    return (x.float() + low_weight * low + high_weight * (difference - low)).to(x)
