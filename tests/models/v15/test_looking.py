"""Attention that is read off from outside is the attention that the network pays."""

import pytest
import torch
from torch import Tensor

from melisma.errors import BadCheckpoint
from melisma.models.v15 import AceStep15Config
from melisma.models.v15.config import HEADS_2B
from melisma.models.v15.decoder import Decoder
from melisma.models.v15.looking import looks
from melisma.toys import DIT


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Decoder(AceStep15Config.from_dict(DIT)).eval()


def test_weights_explain_what_the_layer_hears(decoder: Decoder) -> None:
    generator = torch.Generator().manual_seed(1)
    config = decoder.config
    x = torch.randn(1, 21, config.audio_acoustic_hidden_dim, generator=generator)
    condition = torch.randn(1, 9, config.encoder_hidden_size, generator=generator)
    context = torch.randn(1, 21, config.context_channels, generator=generator)
    heard: list[Tensor] = []
    with torch.no_grad():
        prepared = decoder.prepare(condition, context)
        before = decoder(x, torch.tensor([0.3]), prepared)
        attend = decoder.layers[1].cross_attn.attend
        decoder.layers[1].cross_attn.attend = lambda *inputs: heard.append(attend(*inputs)) or heard[-1]
        decoder(x, torch.tensor([0.3]), prepared)
        del decoder.layers[1].cross_attn.attend
        seen = looks(decoder, x, 0.3, prepared, {1: [0, 1, 2, 3]})
        attention = decoder.layers[1].cross_attn
        values = prepared.memory[1][1][0].repeat_interleave(attention.heads // attention.kv_heads, dim=0)
        mixed = (seen.transpose(1, 2) @ values).transpose(0, 1).flatten(1)
        assert torch.allclose(attention.o_proj(mixed)[None], heard[0], atol=1e-5)
        assert torch.allclose(seen.sum(dim=1), torch.ones(4, 11), atol=1e-5)
        # heads come in the order asked for, and the network is as it was
        some = looks(decoder, x, 0.3, prepared, {1: [3], 0: [2]})
        assert torch.equal(some[0], seen[3])
        assert torch.equal(decoder(x, torch.tensor([0.3]), prepared), before)


def test_a_pass_ends_behind_the_last_layer_asked_for(decoder: Decoder) -> None:
    config = decoder.config
    with torch.no_grad():
        prepared = decoder.prepare(torch.zeros(1, 3, config.encoder_hidden_size), torch.zeros(1, 8, 16))
        reached: list[int] = []
        hook = decoder.layers[1].register_forward_pre_hook(lambda *_: reached.append(1))
        looks(decoder, torch.zeros(1, 8, 8), 0.3, prepared, {0: [0]})
        hook.remove()
    assert reached == []


def test_which_heads_are_asked_is_the_checkpoints(decoder: Decoder) -> None:
    assert decoder.config.lyric_heads == {0: (0,), 1: (1, 2)}
    assert AceStep15Config.from_dict({}).lyric_heads == HEADS_2B
    silent = {key: value for key, value in DIT.items() if key != "lyric_alignment_layers_config"}
    assert AceStep15Config.from_dict(silent).lyric_heads == {}
    assert AceStep15Config.from_dict({**DIT, "lyric_alignment_layers_config": {}}).lyric_heads == {}
    with pytest.raises(BadCheckpoint, match=r"heads \[9\] of layer 1; there are 2 layers of 4 heads"):
        AceStep15Config.from_dict({**DIT, "lyric_alignment_layers_config": {"1": [9]}})
