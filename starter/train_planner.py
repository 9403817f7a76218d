"""Train the starter's planner:
`python -m starter.train_planner --plans FILE --latents DIR --codes FILE --out DIR --minutes 40`.

A Qwen3 of a few million weights in the official layout, with a vocabulary of its own: word pieces of the recipe's
captions and lyrics, the marks of the official prompts, and as many audio codes as the starter's codebook has.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from melisma.models.planner.vocabulary import read_vocabulary
from melisma.models.v15 import AceStep15
from melisma.planning import prompts
from melisma.song import SongRequest
from melisma.training.data import held_out
from melisma.training.dit import MIX, SongLatents
from melisma.training.loop import TrainingOptions, load_average, train
from melisma.training.planner import Plan, PlanLessons, objective, repeated
from starter.train_codec import Echo
from starter.train_dit import CONFIG, new_net, silence_of

MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
# How Qwen's tokenizer cuts a text before merging bytes; digits stand alone.
CUTS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PIECES = 2400
CODEBOOK = math.prod(CONFIG["fsq_input_levels"])
WIDTH, LAYERS = 192, 4
LONG = (1, 1, 1, 2)
"""How many times over a played song stands in a lesson."""


def read_plans(path: Path) -> list[Plan]:
    """Plans as `starter.plans` writes them."""
    plans = [json.loads(line) for line in path.read_text().splitlines()]
    return [Plan(**{**plan, "captions": tuple(plan["captions"]), "codes": tuple(plan["codes"])}) for plan in plans]


def settled(vae: Path, codes: Path) -> tuple[AceStep15, Tensor]:
    """A network whose semantic codes are the trained ones, and silence."""
    net = new_net()
    net.load_state_dict({**net.state_dict(), **load_file(codes)})
    return net.eval(), silence_of(vae)


@torch.no_grad()
def heard(path: Path, net: AceStep15, silence: Tensor) -> Plan:
    """A cached song with the codes of its mix."""
    song = SongLatents.load(path)
    mix = song.latents[MIX].float()
    _, codes = net.tokenize(mix[None], silence)
    return Plan(
        captions=tuple(song.captions),
        lyrics=song.lyrics,
        language=song.language,
        bpm=song.bpm,
        key=song.key,
        meter=song.meter,
        duration_s=len(mix) // 25,
        codes=tuple(codes[0].tolist()),
    )


def texts(plans: Sequence[Plan]) -> Iterator[str]:
    """What is to be cut into pieces."""
    for instruction in (prompts.GENERATE, prompts.INSPIRE, prompts.FORMAT, prompts.UNDERSTAND):
        yield f"system\n# Instruction\n{instruction}\n\n"
    for plan in plans:
        yield from plan.captions
        yield f"user\n# Caption\n{plan.captions[0]}\n\n# Lyric\n{plan.lyrics}\n"
        yield "".join(prompts.reasoning(plan.metadata(plan.captions[0])).parts[1:2])
    yield from prompts.inspire(SongRequest(caption="", instrumental=True)).parts


def new_tokenizer(plans: Sequence[Plan]) -> Tokenizer:
    """Byte-level pieces, the marks, and an unbroken run of audio codes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CUTS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=PIECES, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts(plans), trainer)
    tokenizer.add_tokens([*MARKS, *(f"<|audio_code_{code}|>" for code in range(CODEBOOK))])
    return tokenizer


def new_planner(tokenizer: Tokenizer) -> Qwen3ForCausalLM:
    """The network at the start of its life."""
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=384,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=48,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.token_to_id("<|im_end|>"),
        pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
        initializer_range=0.04,
        architectures=["Qwen3ForCausalLM"],
    )
    return Qwen3ForCausalLM(config)


def save(model: nn.Module, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the planner's folder, in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    assert isinstance(model, Qwen3ForCausalLM)
    halves = {
        name: tensor.half().contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"
    }
    save_file(halves, folder / "model.new", {"format": "pt"})
    (folder / "model.new").replace(folder / "model.safetensors")
    model.config.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))


@click.command()
@click.option("--plans", "paper", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--latents", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--vae", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--codes", type=click.Path(path_type=Path, exists=True), required=True, help="From starter.train_codes.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--minutes", type=float, default=40.0, show_default=True)
@click.option("--rows", type=int, default=6, show_default=True, help="Lessons per step.")
@click.option("--rate", type=float, default=2e-3, show_default=True, help="Peak learning rate.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(
    paper: Path,
    latents: Path,
    vae: Path,
    codes: Path,
    out: Path,
    minutes: float,
    rows: int,
    rate: float,
    seed: int,
    device: str,
) -> None:
    """Train the starter's planner and write it, averaged, to OUT/planner."""
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    plans = read_plans(paper)
    net, silence = settled(vae, codes)
    learn, _ = held_out(sorted(latents.glob("*.safetensors")))
    songs = [heard(path, net, silence) for path in learn]
    pieces = out / "tokenizer.json"
    if not pieces.is_file():
        new_tokenizer(plans).save(str(pieces))
    tokenizer = Tokenizer.from_file(str(pieces))
    model = new_planner(tokenizer)
    click.echo(
        f"{len(plans)} plans, {len(songs)} songs, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M weights"
    )
    played = [repeated(song, times) for song in songs for times in LONG]
    lessons = PlanLessons([*plans, *songs], played, read_vocabulary(out), rows, seed)
    options = TrainingOptions(
        seed=seed, peak_rate=rate, minutes=minutes, device=device, shape="linear", warmup_steps=100, average=0.998
    )
    train(model, objective, lessons, options, out, listen=Echo())
    load_average(model, out)
    save(model, tokenizer, out / "planner")


if __name__ == "__main__":
    main()
