"""Train the starter's diffusion transformer:
`python -m starter.train_dit --latents DIR --vae DIR --codes FILE --out DIR --minutes 60`.

Network, prompts and tasks are ACE-Step 1.5's, only smaller, so everything that plays the official checkpoints plays
this one. Two things are its own: a tiny text encoder learns along with it, and composing hears a guide track, so the
network need not invent time, harmony and melody. All attention is local (±2.6 s): whole songs are as easy to it as the
ten seconds it is trained on.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import soundfile
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor

from melisma.generators.v15 import prompts
from melisma.models.autoencoders import load
from melisma.models.qwen3 import Qwen3, Qwen3Config
from melisma.models.text.encoder import END, TextEncoder
from melisma.models.v15 import AceStep15, AceStep15Config
from melisma.song import TRACKS, SamplingOptions
from melisma.training.data import held_out
from melisma.training.dit import Learner, Lessons, SongLatents, TaskShares, objective, rehearse, telling
from melisma.training.flow import draw_times
from melisma.training.loop import TrainingOptions, leads, load_average, train
from starter.train_codec import Echo

LAYERS = 8
CONFIG: dict[str, Any] = {
    "architectures": ["AceStepConditionGenerationModel"],
    "model_type": "acestep",
    "model_version": "starter",
    "is_turbo": False,
    "hidden_size": 256,
    "intermediate_size": 1280,
    "encoder_intermediate_size": 704,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "layer_types": ["sliding_attention"] * LAYERS,
    "sliding_window": 32,
    "in_channels": 192,
    "audio_acoustic_hidden_dim": 64,
    "timbre_hidden_dim": 64,
    "text_hidden_dim": 128,
    "timbre_fix_frame": 125,
    "num_lyric_encoder_hidden_layers": 1,
    "num_timbre_encoder_hidden_layers": 1,
    "num_attention_pooler_hidden_layers": 1,
    "fsq_input_levels": [8, 8, 8, 8],
    "lyric_alignment_layers_config": {},
}
BUNDLED = "melisma-starter"
"""Name of the transformer's folder in a bundle."""
PIECES = 2000
LISTENING = 300
"""Steps in which nothing but words tells what to play."""
NOISIER = partial(draw_times, mean=0.4, deviation=1.2)
"""Flow times of the music lessons. The official ones lie above 0.9 once in a hundred draws, and there it is decided what
is played: from less noise the music itself can be seen, and words are not needed."""
COMPOSE = TaskShares(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
TAKE_APART = TaskShares(0.0, 0.0, 0.6, 0.4, 0.0, 0.0)
PREVIEW = SamplingOptions(steps=8, shift=1.0, solver="dpm2m", guidance=3.0, guidance_method="cfg")


def read_songs(folder: Path) -> tuple[list[SongLatents], list[SongLatents]]:
    """Cached songs to learn from, and every twentieth by name to listen with."""
    learn, listen = held_out(sorted(folder.glob("*.safetensors")))
    return [SongLatents.load(path) for path in learn], [SongLatents.load(path) for path in listen]


def prompts_of(songs: list[SongLatents]) -> Iterator[str]:
    """Texts to find common pieces in."""
    for track in TRACKS:
        yield f"Extract the {track.upper()} track from the audio: Generate the {track.upper()} track based on the audio context:"
    for instruction in (prompts.MAKE, prompts.FOLLOW, prompts.REPAINT, "Complete the input track with"):
        yield prompts.text_prompt(
            "", instruction, "- bpm: N/A\n- timesignature: 4\n- keyscale: C minor\n- duration: 30 seconds\n"
        )
    for song in songs:
        yield from song.captions
        yield prompts.lyric_prompt(song.lyrics, song.language)
        yield f"- bpm: {song.bpm}\n- keyscale: {song.key}\n"


def new_tokenizer(songs: list[SongLatents]) -> Tokenizer:
    """Byte-level pieces; digits stand alone, and the end token is appended to every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, initial_alphabet=alphabet, special_tokens=[END], show_progress=False
    )
    tokenizer.train_from_iterator(prompts_of(songs), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", pair=f"$A $B {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return tokenizer


def new_words(tokenizer: Tokenizer) -> Qwen3:
    """A text encoder of two layers."""
    width = CONFIG["text_hidden_dim"]
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
    )
    words = Qwen3(config)
    for parameter in words.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.05)
    return words


def new_net() -> AceStep15:
    """The network at the start of its life: modest weights, and blocks that begin by changing nothing."""
    net = AceStep15(AceStep15Config.from_dict(CONFIG))
    for name, parameter in net.named_parameters():
        if parameter.ndim > 1 and name.endswith("weight"):
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
        elif "table" in name or "special" in name or "null" in name:
            torch.nn.init.normal_(parameter, std=0.02)
        if name.endswith(("o_proj.weight", "down_proj.weight", "time_proj.weight")):
            torch.nn.init.normal_(parameter, std=0.002)
    last: Any = net.decoder.proj_out[1]
    torch.nn.init.normal_(last.weight, std=0.002)
    return net


def begin(model: Learner, codes: Path | None, start: Path | None) -> None:
    """Put in the weights of an earlier run or of a bundle, where there is one to begin from, and the semantic codes.

    A network with more or wider layers keeps what it has more; it begins by changing nothing.
    """
    weights = load_file(network_of(start) / "model.safetensors") if start else {}
    if codes:
        weights |= load_file(codes)
    own = model.net.state_dict()
    model.net.load_state_dict({**own, **{name: widened(tensor, own[name]) for name, tensor in weights.items()}})
    if start:
        words = load_file(start / "text" / "model.safetensors")
        model.words.load_state_dict({name: tensor.float() for name, tensor in words.items()})


def network_of(start: Path) -> Path:
    """The folder of the transformer within a run's folder or a bundle."""
    return start / "dit" if (start / "dit").is_dir() else start / BUNDLED


def widened(tensor: Tensor, place: Tensor) -> Tensor:
    """A weight in the corner of one that may be larger. What the inputs it did not have send on is nothing; what it
    makes in addition is as in the larger one."""
    if tensor.shape == place.shape:
        return tensor.float()
    wide = place.clone()
    wide[: len(tensor), tensor.shape[1] :] = 0
    wide[: len(tensor), : tensor.shape[1]] = tensor.float()
    return wide


def listen_anew(net: AceStep15) -> None:
    """Begin cross-attention again, loud enough to be noticed: one that heard nothing of use has learned to be silent."""
    for name, parameter in net.decoder.named_parameters():
        if ".cross_attn." in name and name.endswith("proj.weight"):
            torch.nn.init.normal_(parameter, std=0.03 if "o_proj" in name else parameter[0].numel() ** -0.5)
        elif ".cross_attn." in name:
            torch.nn.init.ones_(parameter)


def teach_words(model: Learner, lessons: Lessons, seed: int, device: str, folder: Path) -> None:
    """Let the text encoder find wish, style and lead instrument first: two minutes, then words have something to say."""
    lessons = replace(lessons, takes=32)
    options = TrainingOptions(seed=seed, peak_rate=2e-3, steps=600, device=device, report_every=100)
    train(model, telling, lessons, options, folder, listen=Echo())
    load_average(model, folder)


def teach_listening(model: Learner, lessons: Lessons, seed: int, device: str, folder: Path) -> None:
    """Let cross-attention find out that words matter, where nothing but a word tells what to play: which track of a
    mix. Among other tasks, whose guide says nearly everything, it never does."""
    listen_anew(model.net)
    options = TrainingOptions(seed=seed, peak_rate=1e-3, steps=LISTENING, device=device, report_every=20)
    noisiest = partial(objective, times=partial(draw_times, mean=1.5))
    train(model, noisiest, replace(lessons, shares=TAKE_APART), options, folder, listen=Echo())


def save(model: Learner, tokenizer: Tokenizer, folder: Path) -> None:
    """Write transformer and text encoder as the folders of a bundle, in half precision."""
    for name, module in (("dit", model.net), ("text", model.words)):
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        halves = {key: tensor.half().contiguous() for key, tensor in module.state_dict().items()}
        save_file(halves, place / "model.new", {"format": "pt"})
        (place / "model.new").replace(place / "model.safetensors")
    (folder / "dit" / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    silence = model.silence.T[None].half().contiguous()
    save_file({"silence_latent": silence}, folder / "dit" / "silence_latent.safetensors")
    (folder / "text" / "config.json").write_text(json.dumps(model.words.config.official(), indent=2) + "\n")
    tokenizer.save(str(folder / "text" / "tokenizer.json"))


def silence_of(vae: Path) -> Tensor:
    """What the autoencoder makes of silence, (t, c): a minute."""
    autoencoder = load(vae)
    second = autoencoder.encode(torch.zeros(1, 2, 5 * autoencoder.sample_rate))[0]
    return second[60:61].repeat(1500, 1)


@click.command()
@click.option("--latents", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--vae", type=click.Path(path_type=Path, exists=True), required=True)
@click.option(
    "--codes", type=click.Path(path_type=Path, exists=True), help="From starter.train_codes; left out: that of --from."
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path, exists=True),
    help="Folder of a finished run, or a bundle, to begin from.",
)
@click.option(
    "--listens", is_flag=True, help="What it begins from listens to words already: only go on with the music."
)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--minutes", type=float, default=60.0, show_default=True)
@click.option("--takes", type=int, default=12, show_default=True, help="Lessons per step.")
@click.option("--frames", type=int, default=256, show_default=True, help="Latent frames of a lesson.")
@click.option("--rate", type=float, default=4e-4, show_default=True, help="Peak learning rate.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--precision", help="32-true or bf16-mixed; left out: bf16-mixed on CUDA, 32-true elsewhere.")
def main(
    latents: Path,
    vae: Path,
    codes: Path | None,
    start: Path | None,
    listens: bool,
    out: Path,
    minutes: float,
    takes: int,
    frames: int,
    rate: float,
    seed: int,
    device: str,
    precision: str | None,
) -> None:
    """Train the starter's transformer and text encoder and write them, averaged, to OUT/dit and OUT/text."""
    if not (codes or start):
        raise click.UsageError("codes come from somewhere: give --codes, or --from with a run or bundle that has them")
    torch.manual_seed(seed)
    (songs, others), pieces = read_songs(latents), out / "tokenizer.json"
    out.mkdir(parents=True, exist_ok=True)
    if start and not pieces.is_file():
        shutil.copy(start / "text" / "tokenizer.json", pieces)
    if not pieces.is_file():
        new_tokenizer(songs).save(str(pieces))
    tokenizer = Tokenizer.from_file(str(pieces))
    model = Learner(new_net(), new_words(tokenizer), silence_of(vae))
    begin(model, codes, start)
    reader = TextEncoder(model.words, tokenizer, "")
    lessons = Lessons(songs, model.silence, reader.tokens, frames, takes, CONFIG["timbre_fix_frame"], seed)
    million = sum(p.numel() for p in model.parameters()) / 1e6
    click.echo(f"{len(songs)} songs, {million:.1f} M parameters, {tokenizer.get_vocab_size()} text pieces")
    options = TrainingOptions(
        seed=seed,
        peak_rate=rate,
        minutes=minutes,
        device=device,
        precision=precision,
        shape="linear",
        warmup_steps=100,
        preview_every=250,
    )
    if not (start and listens):
        teach_words(model, lessons, seed, device, out / "words")
    for part in (model.words, model.pupil, model.net.encoder.text_projector):
        part.requires_grad_(False)
    if not (start and listens):
        teach_listening(model, lessons, seed, device, out / "listening")
    asked = replace(lessons, songs=others, takes=2, shares=COMPOSE, guided=1.0)(0)
    autoencoder = load(vae)

    def preview(model: torch.nn.Module, step: int) -> None:
        assert isinstance(model, Learner)
        save(model, tokenizer, out)
        for i, wave in enumerate(autoencoder.decode(rehearse(model, asked, PREVIEW, seed))):
            (out / "previews").mkdir(exist_ok=True)
            sound = wave.clamp(-1, 1).T.numpy()
            soundfile.write(out / "previews" / f"{step:06d}-{i}.flac", sound, autoencoder.sample_rate)

    noisier = partial(objective, times=NOISIER)
    train(model, noisier, lessons, options, out, preview=preview, listen=Echo())
    if leads():
        load_average(model, out)
        save(model, tokenizer, out)


if __name__ == "__main__":
    main()
