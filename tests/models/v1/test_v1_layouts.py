"""Both layouts of a v1 checkpoint give the same network."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from melisma.errors import BadCheckpoint, MissingModel
from melisma.models.v1 import load_checkpoint
from melisma.models.v1.checkpoint import DCAE, TRANSFORMER, VOCODER, config_of, unpacked
from melisma.models.v1.toy import write_toy_v1


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_v1(tmp_path_factory.mktemp("v1"))


def test_a_folder(toy: Path) -> None:
    checkpoint = load_checkpoint(toy)
    assert checkpoint.net.projectors is None
    assert not any("add_" in name for name, _ in checkpoint.net.named_parameters())
    assert load_checkpoint(toy, projectors=True).net.projectors is not None
    assert load_checkpoint(toy, torch.bfloat16).net.lyric_proj.weight.dtype == torch.bfloat16
    assert checkpoint.fingerprint == load_checkpoint(toy).fingerprint
    assert checkpoint.text.hidden(["a waltz"])[0].shape[-1] == 16


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(next(folder.glob("*.safetensors")))


def test_one_file_holds_the_same_parts(toy: Path, tmp_path: Path) -> None:
    parts = {name: weights_of(toy / name) for name in (TRANSFORMER, DCAE, VOCODER, "umt5-base")}
    places = ("model.diffusion_model.", "vae.dcae.", "vae.vocoder.", "text_encoders.umt5base.transformer.")
    packed = {
        f"{place}{name}": t for place, part in zip(places, parts.values(), strict=True) for name, t in part.items()
    }
    save_file(packed, tmp_path / "one.safetensors")
    found = unpacked(load_file(tmp_path / "one.safetensors"))
    for mine, part in zip((found.transformer, found.dcae, found.vocoder, found.text), parts.values(), strict=True):
        assert mine.keys() == part.keys()
    bare = {name.removeprefix("model.diffusion_model."): t for name, t in packed.items()}
    assert unpacked(bare).transformer.keys() == parts[TRANSFORMER].keys()
    with pytest.raises(BadCheckpoint, match="no whole ACE-Step v1"):
        unpacked(parts[TRANSFORMER])
    assert found.tokenizer is None
    for named in (packed, bare):
        silent = {name: tensor for name, tensor in named.items() if not name.startswith("text_encoders.")}
        assert unpacked(silent).text == {}
    # What such files hold beside the parts: a scale that nothing uses, and the tokenizer as bytes.
    beside = {"umt5base.logit_scale": torch.ones(()), "spiece_model": torch.tensor([*b"bytes"], dtype=torch.uint8)}
    whole = unpacked(packed | {f"text_encoders.{name}": tensor for name, tensor in beside.items()})
    assert (whole.tokenizer, whole.text.keys()) == (b"bytes", found.text.keys())


def test_one_file_without_a_vocabulary_or_text_encoder(toy: Path, tmp_path: Path) -> None:
    places = {"model.diffusion_model.": TRANSFORMER, "vae.dcae.": DCAE, "vae.vocoder.": VOCODER}
    path = tmp_path / "one.safetensors"
    save_file({f"{place}{n}": t for place, part in places.items() for n, t in weights_of(toy / part).items()}, path)
    with pytest.raises(MissingModel, match="brings no lyric vocabulary: put it beside the file as lyric_vocab.json"):
        load_checkpoint(path)
    (tmp_path / "lyric_vocab.json").write_bytes((toy / "lyric_vocab.json").read_bytes())
    with pytest.raises(MissingModel, match="holds no text encoder"):
        load_checkpoint(path)


def test_sizes_are_read_from_shapes() -> None:
    import json

    manifest = json.loads((Path(__file__).parents[2] / "data/v1/manifests/transformer.json").read_text())
    config = config_of({name: torch.empty(shape, device="meta") for name, shape in manifest.items()})
    assert (config["num_layers"], config["num_attention_heads"], config["mlp_ratio"]) == (24, 20, 2.5)
    assert (config["lyric_encoder_vocab_size"], config["text_embedding_dim"]) == (6693, 768)
    with pytest.raises(BadCheckpoint, match="only part"):
        config_of({})


def test_what_is_absent_is_named(tmp_path: Path) -> None:
    toy = write_toy_v1(tmp_path)
    (toy / "lyric_vocab.json").unlink()
    with pytest.raises(MissingModel, match="lyric vocabulary"):
        load_checkpoint(toy)
