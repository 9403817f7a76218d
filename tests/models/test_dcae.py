"""The autoencoder of the first generation against recorded tensors; windows, tiles, both namings of weight norm."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from melisma.audio import Waveform
from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models.autoencoders import load
from melisma.models.autoencoders.dcae import MusicDCAE, as_image, as_sequence, network_of, windows
from melisma.models.autoencoders.vocoder import NEW_NORM, OLD_NORM, Vocoder, VocoderConfig, folded
from melisma.models.v1.checkpoint import PUBLISHED_DCAE
from melisma.models.v1.toy import write_toy_v1

DATA = Path(__file__).parents[1] / "data/v1"
Resampled = Callable[[Tensor, int, int], Tensor]
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
    assert torch.equal(io["out.encoder"], io["out.encode_scaled"])  # no scaling factor, officially either
    close(codec.decoder(io["in.z"]), io["out.decoder"])
    close(codec.decoder(io["in.z_small_quadratic"]), io["out.decoder_small_quadratic"])
    close(codec.vocoder.backbone(io["in.logmel"]), io["mid.backbone"])
    close(codec.vocoder(io["in.logmel"])[:, None], io["out.vocoder"])


def test_sound_to_latents_and_back(codec: MusicDCAE, io: dict[str, Tensor]) -> None:
    t = load_file(DATA / "mel.safetensors")
    audio, audio48 = t["out.audio44"], t["in.audio48"]
    close(as_image(codec.encode(audio)), io["out.latents"])
    close(as_image(codec.encode(audio48[..., :30000])), io["out.latents_sr44100_first30000"])
    close(codec.decode(as_sequence(io["in.latents"])), io["out.wav44"])
    assert torch.equal(as_image(as_sequence(io["in.latents"])), io["in.latents"])


@pytest.fixture(scope="module")
def long_song(io: dict[str, Tensor]) -> Tensor:
    """Latents of 58 s, drawn as for the recording."""
    latents = torch.randn(1, 8, 16, 620, generator=torch.Generator().manual_seed(1009))
    assert torch.equal(latents.flatten()[:8], io["check.overlap_latents_first8"])
    return latents


def test_other_rates(codec: MusicDCAE, io: dict[str, Tensor], resampled: Resampled) -> None:
    """Sound comes through soxr, which is steeper than the official resampler: latents are those of one percent less
    treble. The recorded noise reaches to the end of the band, as music does not."""
    t = load_file(DATA / "mel.safetensors")
    whole, part = t["in.audio48"][0], t["in.audio48"][0, :, :8000]
    recorded = {
        (48000, 44100): (whole, t["out.audio44"][0]),
        (32000, 44100): (part, t["out.resample_32000_to_44100"]),
        (44100, 48000): (part, t["out.resample_44100_to_48000"]),
    }
    for (old, new), (source, expected) in recorded.items():
        close(resampled(source, old, new), expected)
        ours = torch.from_numpy(Waveform(source.numpy(), old).resampled(new).samples)
        until = min(ours.shape[-1], expected.shape[-1])  # the last sample may be counted or not
        assert expected.shape[-1] - until <= 1
        assert float((ours[:, :until] - expected[:, :until]).norm() / expected.norm()) < 0.02
    heard = as_image(codec.encode(torch.from_numpy(Waveform(whole.numpy(), 48000).resampled(44100).samples)[None]))
    assert float((heard - io["out.latents"]).norm() / io["out.latents"].norm()) < 2e-3


@pytest.mark.parametrize(("window", "recorded"), [(512, "overlap.stride101"), (None, "plain.stride101")])
def test_long_songs_are_decoded_as_officially(
    codec: MusicDCAE, io: dict[str, Tensor], long_song: Tensor, resampled: Resampled, window: int | None, recorded: str
) -> None:
    """In windows and whole, behind the seam of the autoencoder's two windows (mel frame 3072), and 40 frames from any
    joint of the official vocoder, which plays pieces of 508 frames."""
    codec.window = window
    try:
        mel = codec.mel_image(as_sequence(long_song))[0]
    finally:
        del codec.window
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
    close(heard[:, places[inside] - start], io[recorded][:, inside])


def test_an_official_joint_is_a_crossfade_of_what_tiles_give(
    codec: MusicDCAE, io: dict[str, Tensor], long_song: Tensor, resampled: Resampled
) -> None:
    """The official vocoder joins pieces of 512 mel frames that overlap by 4, over 128 samples. Both hear silence where
    the other goes on, so neither is the song there; exact tiles need no such joint."""
    reach, joint = codec.vocoder.config.reach, 508
    mel = codec.mel_image(as_sequence(long_song[..., :512]))[0][..., joint - 3 * reach : joint + 3 * reach]
    here = 3 * reach * 512  # where the later piece begins, in samples from the first mel frame at hand
    earlier, later = codec.vocoder(mel[..., : 3 * reach + 4]), codec.vocoder(mel[..., 3 * reach :])
    rising = torch.linspace(0, 1, 128)
    faded = earlier[:, here + 896 : here + 1024] * (1 - rising) + later[:, 896:1024] * rising
    official = torch.cat([earlier[:, : here + 896], faded, later[:, 1024:]], dim=1)
    exact = codec.vocoder(mel)
    begin = joint * 512 - here
    cut = -begin % 147
    start = int(io["overlap.seam_start"]) - (begin + cut) * 160 // 147
    joined, unbroken = (resampled(wave[:, cut:], 44100, 48000)[:, start : start + 3000] for wave in (official, exact))
    close(joined, io["overlap.seam"])
    assert float((unbroken - joined).abs().max()) > 0.1


def test_short_songs_are_played_in_one_piece(codec: MusicDCAE, io: dict[str, Tensor], long_song: Tensor) -> None:
    """The official piece is filled to 512 mel frames with zeros, which are loud: its last 40 frames hear them."""
    wave, reach = codec.decode(as_sequence(long_song[..., :30]))[0], codec.vocoder.config.reach
    assert wave.shape == tuple(io["overlap_short44.total"])
    until = (30 * 8 - reach) * 512 // 7
    close(wave[:, ::7][:, :until], io["overlap_short44"][:, :until])
    assert float((wave[:, ::7] - io["overlap_short44"])[:, until:].abs().max()) > 0.1


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
