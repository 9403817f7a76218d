"""Phases from their differences: how a spectrum that knows no absolute phase is made to sound clean.

The phase of an STFT bin cannot be told from magnitudes, but two differences can: the *advance* from one frame to the
next (the frequency of the partial under the bin) and the *step* from one bin to the next (the time of the event under
the frame). A network predicts both as vectors whose direction is the expected difference and whose length is the
confidence, the natural parameter of a von Mises distribution. `integrate` turns them back into phases: frame by frame
it solves the least-squares problem "agree with the last frame plus advance, and with the neighbouring bins plus step,
each as far as it is trusted". The matrix is tridiagonal, so a frame costs one LAPACK call (~40 µs for 961 bins).

Follows Masuyama, Yatabe, Koizumi, Oikawa, Harada, "Phase reconstruction based on recurrent phase unwrapping with deep
neural networks" (ICASSP 2020) in its least-squares form; the confidences are ours.

Axes: b take, f bin, n frame. Frames are framed without centring; advances are relative to the bin's own centre
frequency and steps to the middle of the window, so both are zero for a bin-centred tone and a mid-window click.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import lapack
from torch import Tensor

ComplexArray = NDArray[np.complexfloating]

_LEAST_WEIGHT = 1e-3
"""Weight of "stay where you are" for a bin that nothing is known about; keeps the system definite."""


def carrier(bins: int, window: int, hop: int, device: torch.device | None = None) -> Tensor:
    """Advance of each bin's centre frequency over one hop, as unit vectors, complex (f, 1)."""
    turns = torch.arange(bins, dtype=torch.float64, device=device) * hop / window
    angle = 2 * math.pi * (turns % 1.0)
    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)[:, None]


def differences(spectrum: Tensor, window: int, hop: int) -> tuple[Tensor, Tensor]:
    """Advance and step of every bin of a complex spectrum (b, f, n), each (b, f, n) of unit vectors.

    The first frame's advance and the last bin's step have no neighbour and are 1.
    """
    unit = spectrum / spectrum.abs().clamp_min(1e-9)
    advance, step = torch.ones_like(unit), torch.ones_like(unit)
    turn = carrier(unit.shape[1], window, hop, unit.device).conj()
    advance[..., 1:] = unit[..., 1:] * unit[..., :-1].conj() * turn
    step[:, :-1] = -unit[:, 1:] * unit[:, :-1].conj()
    return advance, step


def surprise(belief: Tensor, truth: Tensor) -> Tensor:
    """Negative log-likelihood (less log 2π) of unit vectors `truth` under von Mises `belief`; both (2, ...), out (...).

    `belief` is concentration times mean direction, as (cosine, sine); 0 means nothing known.
    """
    concentration = (belief.square().sum(0) + 1e-8).sqrt()
    return concentration - (belief * truth).sum(0) + torch.log(torch.special.i0e(concentration))


def integrate(
    advance: ComplexArray, step: ComplexArray, last: ComplexArray | None, turn: ComplexArray
) -> tuple[NDArray[np.complex64], ComplexArray]:
    """Phases (n, f) as unit vectors from beliefs about advance and step, both complex (n, f).

    `last` holds the phases (f) of the frame before, None at the start of a song; `turn` is the carrier (f). Returns
    the phases and those of the last frame, so that a song may be integrated piece by piece with the same result.
    """
    frames, bins = advance.shape
    side = np.abs(step[:, :-1])
    diagonal = (np.abs(advance) + _LEAST_WEIGHT).astype(np.float64)
    diagonal[:, :-1] += side
    diagonal[:, 1:] += side
    pull = (advance + _LEAST_WEIGHT) * turn
    phases = np.empty((frames, bins), np.complex64)
    unit = np.ones(bins, np.complex128) if last is None else last
    for n in range(frames):
        # the step to the next bin, with the sign of a window that does not start at its middle, below the diagonal
        _, _, solved, _ = lapack.zptsv(diagonal[n], step[n, :-1], pull[n] * unit)
        unit = solved / np.maximum(np.abs(solved), 1e-12)
        phases[n] = unit
    return phases, unit
