"""The autoencoder of the first generation against recorded tensors; windows, tiles, both namings of weight norm."""

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models.autoencoders import load
from melisma.models.autoencoders.dcae import MusicDCAE, as_image, as_sequence, network_of, windows
from melisma.models.autoencoders.vocoder import NEW_NORM, OLD_NORM, Vocoder, VocoderConfig, folded
from melisma.models.v1.checkpoint import PUBLISHED_DCAE
from melisma.models.v1.toy import write_toy_v1

DATA = Path(__file__).parents[1] / "data/v1"
SIZES = json.loads((DATA / "cases.json").read_text())


def close(out: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-5)


@pytest.fixture(scope="module")
def codec() -> MusicDCAE:
    weights, vocoder = (load_file(DATA / f"{name}_weights.safetensors") for name in ("dcae", "vocoder"))
    module = MusicDCAE.from_weights(SIZES["dcae"], weights, SIZES["vocoder"], vocoder, "the recording")
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def io() -> dict[str, Tensor]:
    return load_file(DATA / "dcae_io.safetensors")


def test_mel(codec: MusicDCAE) -> None:
    t = load_file(DATA / "mel.safetensors")
    close(codec.mel.bank, t["const.fb"])
    close(codec.mel.window, t["const.window"])
    waveform = torch.nn.functional.pad(t["out.audio44"], (0, -t["out.audio44"].shape[-1] % 4096))
    close(codec.mel(waveform[0]), t["out.logmel"])


def test_stages(codec: MusicDCAE, io: dict[str, Tensor]) -> None:
    close(codec.encoder(io["in.mel"]), io["out.encoder"])
    close(codec.decoder(io["in.z"]), io["out.decoder"])
    close(codec.decoder(io["in.z_small_quadratic"]), io["out.decoder_small_quadratic"])
    close(codec.vocoder.backbone(io["in.logmel"]), io["mid.backbone"])
    close(codec.vocoder(io["in.logmel"])[:, None], io["out.vocoder"])


def test_sound_to_latents_and_back(codec: MusicDCAE, io: dict[str, Tensor]) -> None:
    audio = load_file(DATA / "mel.safetensors")["out.audio44"]
    close(as_image(codec.encode(audio)), io["out.latents"])
    close(codec.decode(as_sequence(io["in.latents"])), io["out.wav44"])
    assert torch.equal(as_image(as_sequence(io["in.latents"])), io["in.latents"])


def test_long_songs_are_decoded_as_officially_between_its_seams(codec: MusicDCAE, io: dict[str, Tensor]) -> None:
    """The official vocoder joins pieces of 508 mel frames with crossfades; 40 frames from a joint it agrees with the
    exact one. Compared behind the seam of the autoencoder's two windows, at mel frame 3072."""
    latents = torch.randn(1, 8, 16, 620, generator=torch.Generator().manual_seed(1009))
    assert torch.equal(latents.flatten()[:8], io["check.overlap_latents_first8"])
    mel = codec.mel_image(as_sequence(latents))[0]
    assert mel.shape[-1] == 620 * 8
    first, last, reach = 3095, 3295, codec.vocoder.config.reach
    assert 6 * 508 + reach < first
    assert last < 7 * 508 - reach
    wave = codec.vocoder(mel[..., first - reach : last + reach])
    # Both rates meet every 147 samples; the piece begins at such a place.
    begin = (first - reach) * 512
    cut = -begin % 147
    heard, start = resampled(wave[:, cut:], 44100, 48000), (begin + cut) * 160 // 147
    places = torch.arange(27368) * 101
    inside = (places > first * 512 * 480 / 441 + 100) & (places < last * 512 * 480 / 441 - 100)
    assert int(inside.sum()) > 1000
    close(heard[:, places[inside] - start], io["overlap.stride101"][:, inside])


def resampled(wave: Tensor, old: int, new: int) -> Tensor:
    """Band-limited sinc interpolation with a Hann window, as the recording was resampled."""
    factor = math.gcd(old, new)
    old, new = old // factor, new // factor
    base = min(old, new) * 0.99
    width = math.ceil(6 * old / base)
    t = torch.arange(0, -new, -1, dtype=torch.float64)[:, None] / new
    t = ((t + torch.arange(-width, width + old, dtype=torch.float64) / old) * base).clamp(-6, 6)
    kernel = torch.sinc(t) * torch.cos(t * math.pi / 12).square() * base / old
    padded = torch.nn.functional.pad(wave.double()[:, None], (width, width + old))
    heard = torch.nn.functional.conv1d(padded, kernel[:, None], stride=old)
    return heard.transpose(1, 2).flatten(1).float()


def test_tiles_of_the_vocoder_are_exact(codec: MusicDCAE) -> None:
    mel = torch.randn(2, 128, 150, generator=torch.Generator().manual_seed(0)) * 2 - 4
    codec.vocoder.tile = 2 * codec.vocoder.config.reach + 30
    try:
        close(codec.vocoder.play(mel), codec.vocoder(mel))
    finally:
        del codec.vocoder.tile


@given(st.integers(1, 3000), st.integers(1, 200).map(lambda quarter: 4 * quarter))
def test_windows_cover_everything_once(frames: int, length: int) -> None:
    kept = [frame for window, core in windows(frames, length) for frame in range(frames)[window][core]]
    assert kept == list(range(frames))
    pieces = list(windows(frames, length))
    for window, core in pieces:
        assert window.stop - window.start <= max(length, min(frames, length))
        assert window.start == 0 or core.start == length // 4
        assert window.stop == frames or core.stop == length * 3 // 4


def test_both_namings_of_weight_norm() -> None:
    old = load_file(DATA / "vocoder_weights.safetensors")
    new = {
        next((name.replace(a, b) for a, b in zip(OLD_NORM, NEW_NORM, strict=True) if name.endswith(a)), name): tensor
        for name, tensor in old.items()
    }
    assert set(old) != set(new)
    one, other = folded(old), folded(new)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    old.pop("head.ups.0.weight_v")
    with pytest.raises(BadCheckpoint, match="head.ups.0.weight_g but not"):
        folded(old)


def test_published_sizes_fit() -> None:
    shapes = {part: json.loads((DATA / f"manifests/{part}.json").read_text()) for part in ("dcae", "vocoder")}
    tensors = {
        part: {name: torch.empty(shape, device="meta") for name, shape in of.items()} for part, of in shapes.items()
    }
    network_of(PUBLISHED_DCAE).load_state_dict(tensors["dcae"], assign=True)
    with torch.device("meta"):
        vocoder = Vocoder(VocoderConfig.from_dict({}))
        vocoder.load_state_dict(folded(tensors["vocoder"]), assign=True)
    assert vocoder.config.reach < 110


def test_a_folder_is_loaded_with_its_vocoder(tmp_path: Path) -> None:
    root = write_toy_v1(tmp_path)
    loaded = load(root / "music_dcae_f8c8")
    assert (loaded.sample_rate, loaded.hop, loaded.channels) == (44100, 4096, 128)
    wave = loaded.decode(torch.randn(2, 5, 128))
    assert wave.shape == (2, 2, 5 * 4096)
    assert loaded.encode(wave).shape == (2, 5, 128)
    half = load(root / "music_dcae_f8c8", dtype=torch.bfloat16)
    assert half.module.mel.bank.dtype == torch.float32
    assert half.decode(torch.randn(1, 2, 128)).dtype == torch.float32
    with pytest.raises(BadRequest, match="cannot decode"):
        loaded.decode(torch.randn(1, 5, 8))
    with pytest.raises(BadRequest, match="cannot encode"):
        loaded.encode(torch.randn(1, 1, 5000))
    (root / "music_vocoder" / "config.json").unlink()
    with pytest.raises(MissingModel, match="needs its vocoder"):
        load(root / "music_dcae_f8c8")
