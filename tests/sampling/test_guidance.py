"""Guidance, wavelet correction and blending, against numbers recorded from the official code."""

from pathlib import Path

import pytest
import pywt
import torch
from safetensors.torch import load_file
from torch import Tensor

from melisma.sampling import guidance
from melisma.sampling.guidance import Momentum, adg, apg, cfg
from melisma.sampling.keeping import Kept, blend_weights
from melisma.sampling.wavelets import corrected, low_band
from melisma.song import Wavelets

GOLD = load_file(Path(__file__).parents[1] / "data/v15/guidance.safetensors")
CALLS = range(3)
T, SCALE, HIGH = 0.7, 0.3, 0.2


def pair(call: int) -> tuple[Tensor, Tensor]:
    return GOLD[f"cond_{call}"], GOLD[f"uncond_{call}"]


def close(out: Tensor, name: str) -> None:
    torch.testing.assert_close(out, GOLD[name], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("call", CALLS)
def test_cfg(call: int) -> None:
    close(cfg(*pair(call), 5.0), f"cfg_{call}")


@pytest.mark.parametrize("call", CALLS)
def test_apg_without_momentum(call: int) -> None:
    c, u = pair(call)
    close(apg(c, c - u, 4.0), f"apg_plain_{call}")
    close(apg(c, c - u, 4.0, parallel=0.5, norm_limit=None), f"apg_eta_{call}")


def test_apg_momentum_runs_through_the_calls() -> None:
    momentum = Momentum()
    for call in CALLS:
        c, u = pair(call)
        close(apg(c, momentum.advance(c - u), 7.0), f"apg_momentum_{call}")


@pytest.mark.parametrize("call", CALLS)
def test_adg_and_its_variants(call: int) -> None:
    at = (GOLD[f"x_{call}"], *pair(call), float(GOLD["adg_sigma"][call]))
    close(adg(*at, 7.0), f"adg_{call}")
    close(adg(*at, 3.0, rescale=True), f"adg_norm_{call}")
    close(adg(*at, 3.0, clip=False), f"adg_noclip_{call}")


def test_devices_without_float64_are_guided_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guidance, "precise", Tensor.float)
    c, u = pair(0)
    close(apg(c, c - u, 4.0), "apg_plain_0")
    close(adg(GOLD["x_0"], c, u, float(GOLD["adg_sigma"][0]), 7.0), "adg_0")


@pytest.mark.parametrize("wavelet", ["haar", "db4", "sym8"])
@pytest.mark.parametrize("mode", ["low", "high", "double"])
@pytest.mark.parametrize("frames", [18, 19])
def test_wavelet_correction(wavelet: str, mode: str, frames: int) -> None:
    how = Wavelets(mode=mode, scale=SCALE, high_scale=HIGH, wavelet=wavelet)  # type: ignore[arg-type]
    x, clean = GOLD["cond_0"][:, :frames], GOLD["uncond_0"][:, :frames]
    close(corrected(x, clean, T, how), f"dcw_{wavelet}_{mode}_{frames}")


@pytest.mark.parametrize("wavelet", pywt.wavelist(kind="discrete"))
def test_low_bands_are_those_of_pywavelets(wavelet: str) -> None:
    x = GOLD["cond_0"][:, :18]
    low, _ = pywt.dwt(x.double().numpy(), wavelet, mode="zero", axis=1)
    expected = torch.from_numpy(pywt.idwt(low, None, wavelet, mode="zero", axis=1))[:, :18]
    torch.testing.assert_close(low_band(x, wavelet), expected.float(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("frames", [3, 10])
def test_blend(frames: int) -> None:
    made, source = GOLD["blend_mask"].bool(), GOLD["uncond_0"]
    close(Kept(made, source, 0.0, frames).blended(GOLD["cond_0"]), f"blend_{frames}")
    assert blend_weights(made, frames).amin() >= 0


def test_injection() -> None:
    kept = Kept(GOLD["blend_mask"].bool(), GOLD["uncond_0"], 1.0, 0)
    close(kept.injected(GOLD["cond_0"], GOLD["x_0"], 0.5), "inject_t0.5")
