"""Random tiny networks against an independent implementation: diffusers' ACE-Step classes."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from diffusers import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
    AceStepConditionEncoder,
    AceStepTransformer1DModel,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melisma.errors import BadCheckpoint
from melisma.models.v15 import AceStep15, load_checkpoint

LEVELS = [8, 8, 8, 5, 5, 5]


@dataclass
class Rival:
    """diffusers' four parts with the same sizes."""

    transformer: AceStepTransformer1DModel
    condition_encoder: AceStepConditionEncoder
    audio_tokenizer: AceStepAudioTokenizer
    audio_token_detokenizer: AceStepAudioTokenDetokenizer

    def save(self, folder: Path) -> None:
        for name, part in vars(self).items():
            part.save_pretrained(folder / name)


sizes = st.fixed_dictionaries(
    {
        "heads": st.sampled_from([(2, 1), (4, 2), (6, 3)]),
        "head_dim": st.sampled_from([8, 12]),
        "hidden": st.sampled_from([16, 24]),
        "encoder": st.sampled_from([None, 20]),
        "layers": st.integers(1, 3),
        "window": st.integers(1, 6),
        "channels": st.sampled_from([4, 6]),
        "seed": st.integers(0, 2**16),
    }
)


def rival_of(size: dict) -> Rival:
    torch.manual_seed(size["seed"])
    (heads, kv_heads), layers, c = size["heads"], size["layers"], size["channels"]
    attention = {"head_dim": size["head_dim"], "sliding_window": size["window"], "num_key_value_heads": kv_heads}
    kinds = ["sliding_attention", "full_attention"] * 2
    decoder = {"hidden_size": size["hidden"], "intermediate_size": 32, "num_attention_heads": heads, **attention}
    encoder = decoder | ({"hidden_size": size["encoder"], "intermediate_size": 28} if size["encoder"] else {})
    depth = {"num_attention_pooler_hidden_layers": 1}
    rival = Rival(
        AceStepTransformer1DModel(
            **decoder,
            num_hidden_layers=layers,
            in_channels=3 * c,
            audio_acoustic_hidden_dim=c,
            layer_types=kinds[:layers],
            encoder_hidden_size=size["encoder"],
        ),
        AceStepConditionEncoder(
            **encoder,
            text_hidden_dim=10,
            timbre_hidden_dim=c,
            num_lyric_encoder_hidden_layers=2,
            num_timbre_encoder_hidden_layers=1,
        ),
        AceStepAudioTokenizer(
            **encoder, **depth, audio_acoustic_hidden_dim=c, fsq_dim=encoder["hidden_size"], fsq_input_levels=LEVELS
        ),
        AceStepAudioTokenDetokenizer(**encoder, **depth, audio_acoustic_hidden_dim=c),
    )
    for part in vars(rival).values():
        for parameter in part.parameters():  # zero tables and unit norms would hide mistakes
            parameter.data += 0.2 * torch.randn_like(parameter)
        part.eval()
    return rival


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes, st.integers(1, 33))
@torch.inference_mode(False)
@torch.no_grad()
def test_random_networks_agree(tmp_path_factory: pytest.TempPathFactory, size: dict, frames: int) -> None:
    rival = rival_of(size)
    folder = tmp_path_factory.mktemp("diffusers")
    rival.save(folder)
    net = load_checkpoint(folder).net
    agree_on_velocity(net, rival, size, frames)
    agree_on_codes(net, rival, size, frames)
    if not size["encoder"]:  # diffusers leaves out the timbre token of XL
        agree_on_conditions(net, rival, size)


def test_an_encoder_as_wide_as_the_decoder_is_2b(tmp_path: Path) -> None:
    size = {"heads": (2, 1), "head_dim": 8, "hidden": 16, "encoder": None, "layers": 1, "window": 3, "channels": 4}
    rival_of(size | {"seed": 0}).save(tmp_path)
    config = tmp_path / "transformer/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"encoder_hidden_size": 16}))
    assert not load_checkpoint(tmp_path).net.config.timbre_prepends_token
    config.write_text(json.dumps({k: v for k, v in json.loads(config.read_text()).items() if k != "hidden_size"}))
    with pytest.raises(BadCheckpoint, match="do not say hidden_size"):
        load_checkpoint(tmp_path)


def agree_on_velocity(net: AceStep15, rival: Rival, size: dict, frames: int) -> None:
    c, width = size["channels"], size["encoder"] or size["hidden"]
    x, context, condition = torch.randn(2, frames, c), torch.randn(2, frames, 2 * c), torch.randn(2, 7, width)
    t, r = torch.rand(2), torch.rand(2)
    theirs = {"hidden_states": x, "encoder_hidden_states": condition, "context_latents": context, "return_dict": False}
    close(net.velocity(x, t, condition, context), rival.transformer(timestep=t, timestep_r=t, **theirs)[0])
    close(net.velocity(x, t, condition, context, r), rival.transformer(timestep=t, timestep_r=r, **theirs)[0])


def agree_on_codes(net: AceStep15, rival: Rival, size: dict, frames: int) -> None:
    latents, silence = torch.randn(2, 5 * frames, size["channels"]), torch.zeros(5, size["channels"])
    quantised, codes = net.tokenize(latents, silence)
    windows = latents.unflatten(1, (-1, 5))
    theirs, their_codes = rival.audio_tokenizer(windows)[:2]
    assert torch.equal(codes, their_codes.reshape(codes.shape).long())
    close(quantised, theirs)
    close(net.detokenize(quantised), rival.audio_token_detokenizer(theirs))


def agree_on_conditions(net: AceStep15, rival: Rival, size: dict) -> None:
    text, lyrics = torch.randn(2, 5, 10), torch.randn(2, 9, 10)
    text_mask, lyric_mask = torch.tensor([[1] * 5, [1] * 3 + [0] * 2]), torch.tensor([[1] * 6 + [0] * 3, [1] * 9])
    timbre, order = torch.randn(3, 8, size["channels"]), torch.tensor([0, 1, 0])
    ours = net.encode(text, text_mask, lyrics, lyric_mask, timbre, order)
    theirs, mask = rival.condition_encoder(text, text_mask, lyrics, lyric_mask, timbre, order)[:2]
    close(ours.hidden, theirs)
    assert torch.equal(ours.mask.bool(), mask.bool())
