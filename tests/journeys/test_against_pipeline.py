"""A whole song against diffusers' AceStepPipeline: same weights, words and noise, from the prompt to the waveform."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
    AceStepConditionEncoder,
    AceStepPipeline,
    AceStepTransformer1DModel,
    AutoencoderOobleck,
    FlowMatchEulerDiscreteScheduler,
)
from transformers import PreTrainedTokenizerFast, Qwen3Model

from melisma.engine import Band, perform
from melisma.models.store import Store
from melisma.sampling import seeded_noise
from melisma.song import SongRequest
from melisma.toys import CHANNELS, TEXT_WIDTH

ATTENTION = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 4}
WIDTHS = {"hidden_size": 32, "intermediate_size": 48, **ATTENTION}
SECONDS = 6.0


@pytest.fixture(scope="module")
def pipeline(toys: dict[str, Path]) -> AceStepPipeline:
    """diffusers' pipeline with random networks, and the toy's autoencoder and text encoder."""
    torch.manual_seed(0)
    bundle = toys["turbo"]
    text = bundle / "Qwen3-Embedding-0.6B"
    condition = AceStepConditionEncoder(
        **WIDTHS,
        text_hidden_dim=TEXT_WIDTH,
        timbre_hidden_dim=CHANNELS,
        num_lyric_encoder_hidden_layers=2,
        num_timbre_encoder_hidden_layers=2,
    )
    condition.silence_latent = torch.randn(1, 15000, CHANNELS)
    parts = {
        "transformer": AceStepTransformer1DModel(
            **WIDTHS, num_hidden_layers=3, in_channels=3 * CHANNELS, audio_acoustic_hidden_dim=CHANNELS, is_turbo=True
        ),
        "condition_encoder": condition,
        "audio_tokenizer": AceStepAudioTokenizer(
            **WIDTHS, audio_acoustic_hidden_dim=CHANNELS, fsq_dim=32, fsq_input_levels=[8, 8, 8, 5, 5, 5]
        ),
        "audio_token_detokenizer": AceStepAudioTokenDetokenizer(**WIDTHS, audio_acoustic_hidden_dim=CHANNELS),
    }
    for part in parts.values():
        for parameter in part.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return AceStepPipeline(
        vae=AutoencoderOobleck.from_pretrained(bundle / "vae"),
        text_encoder=Qwen3Model.from_pretrained(text),
        tokenizer=PreTrainedTokenizerFast(tokenizer_file=str(text / "tokenizer.json"), pad_token="<|endoftext|>"),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        **parts,
    )


@pytest.fixture(scope="module")
def band(pipeline: AceStepPipeline, tmp_path_factory: pytest.TempPathFactory) -> Band:
    """Ours, loaded from the folder that the whole pipeline writes."""
    folder = tmp_path_factory.mktemp("pipeline")
    pipeline.save_pretrained(folder)
    return Band.of(SongRequest(model=str(folder)), Store("cpu", dtype=torch.float32))


@torch.no_grad()
def theirs(pipeline: AceStepPipeline, **fields: object) -> np.ndarray:
    noise = seeded_noise((7,), round(25 * SECONDS), CHANNELS)
    pipeline.set_progress_bar_config(disable=True)
    options = {"audio_duration": SECONDS, "num_inference_steps": 8, "shift": 3.0, "guidance_scale": 1.0}
    out = pipeline(latents=noise, **{**options, **fields})
    return np.asarray(out.audios[0])


def ours(band: Band, **fields: object) -> np.ndarray:
    finish = {"master": False}
    request = SongRequest.of(**{"duration_s": SECONDS, "seeds": (7,), "finish": finish, **fields})
    return perform(request, band).takes[0].waveform.samples


def close(a: np.ndarray, b: np.ndarray) -> None:
    b = b * np.abs(a).max() / np.abs(b).max()  # their pipeline divides by the peak
    assert np.abs(a).max() > 0.05
    np.testing.assert_allclose(a, b, atol=1e-3)


LYRICS = "[verse]\nrain on the window\nstay a while"


def test_words_and_music_reach_the_waveform(band: Band, pipeline: AceStepPipeline) -> None:
    song = {"lyrics": LYRICS, "bpm": 92}
    mine = ours(band, caption="slow waltz", language="en", key="A minor", meter=3, **song)
    other = theirs(pipeline, prompt="slow waltz", vocal_language="en", keyscale="A minor", timesignature="3", **song)
    close(mine, other)
    assert not np.allclose(
        mine, ours(band, caption="fast polka", language="en", key="A minor", meter=3, **song), atol=1e-3
    )


def test_semantic_codes_are_heard_alike(band: Band, pipeline: AceStepPipeline) -> None:
    from melisma.song import Blueprint

    codes = tuple(range(100, 63_100, 2100))
    blueprint = Blueprint(caption="x", lyrics=LYRICS, language="en", duration_s=SECONDS, codes=codes)
    request = SongRequest.of(seeds=(7,), finish={"master": False})
    mine = perform(request, band, blueprint).takes[0].waveform.samples
    spoken = "".join(f"<|audio_code_{code}|>" for code in codes)
    close(mine, theirs(pipeline, prompt="x", lyrics=LYRICS, vocal_language="en", audio_codes=spoken))
