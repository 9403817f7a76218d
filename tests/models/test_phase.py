"""Phases from their differences."""

import numpy as np
import torch

from melisma.models.autoencoders import phase

WINDOW, HOP = 64, 16
BINS = WINDOW // 2 + 1


def spectrum(wave: torch.Tensor) -> torch.Tensor:
    return torch.stft(wave, WINDOW, HOP, window=torch.hann_window(WINDOW), center=False, return_complex=True)


def test_a_tone_in_the_middle_of_a_bin_does_not_advance():
    tone = torch.cos(2 * np.pi * 5 / WINDOW * torch.arange(640) + 0.3)[None]
    advance, step = phase.differences(spectrum(tone), WINDOW, HOP)
    assert torch.allclose(advance[0, 5], torch.ones_like(advance[0, 5]), atol=1e-3)
    assert torch.allclose(step[0, 4:6], torch.ones_like(step[0, 4:6]), atol=1e-2)


def test_a_click_in_the_middle_of_the_window_does_not_step():
    click = torch.zeros(1, 640)
    click[0, 320] = 1
    _, step = phase.differences(spectrum(click), WINDOW, HOP)
    middle = (320 - WINDOW // 2) // HOP
    assert torch.allclose(step[0, :, middle], torch.ones(BINS, dtype=torch.complex64), atol=1e-4)


def test_phases_come_back_from_their_differences():
    random = torch.Generator().manual_seed(0)
    wave = torch.randn(1, 1600, generator=random)
    truth = spectrum(wave)[0]
    advance, step = (x[0].T.numpy() for x in phase.differences(truth[None], WINDOW, HOP))
    turn = phase.carrier(BINS, WINDOW, HOP)[:, 0].numpy()
    first = (truth[:, 0] / truth[:, 0].abs()).numpy().astype(np.complex128)
    phases, _ = phase.integrate(advance[1:], step[1:], first, turn)
    agreement = (torch.from_numpy(phases.T) * (truth / truth.abs())[:, 1:].conj()).real
    assert agreement.min() > 0.999


def test_pieces_join_to_the_whole():
    random = np.random.default_rng(0)
    shape = (40, BINS)
    advance, step = (random.normal(size=shape) + 1j * random.normal(size=shape) for _ in range(2))
    turn = phase.carrier(BINS, WINDOW, HOP)[:, 0].numpy()
    whole, _ = phase.integrate(advance, step, None, turn)
    early, last = phase.integrate(advance[:13], step[:13], None, turn)
    late, _ = phase.integrate(advance[13:], step[13:], last, turn)
    assert np.array_equal(whole, np.concatenate([early, late]))


def test_surprise_is_least_where_belief_is_true_and_never_for_free():
    truth = torch.tensor([[1.0], [0.0]])
    right, wrong, unsure = torch.tensor([[3.0], [0.0]]), torch.tensor([[-3.0], [0.0]]), torch.zeros(2, 1)
    assert phase.surprise(right, truth) < phase.surprise(unsure, truth) < phase.surprise(wrong, truth)
    # a density: exp(-surprise) / 2π integrates to one over the circle
    angle = torch.linspace(0, 2 * np.pi, 2001)[:-1]
    circle = torch.stack([angle.cos(), angle.sin()])
    belief = torch.tensor([1.5, -2.0])[:, None].expand(2, 2000)
    assert abs(float(torch.exp(-phase.surprise(belief, circle)).mean()) - 1) < 1e-4
