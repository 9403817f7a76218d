"""A toy planner: the official layout and every kind of token, a few thousand random weights.

Its plans are nonsense in perfect form, which is what tests of everything around the network need.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen3Config, Qwen3ForCausalLM
from transformers.utils import logging

MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
# How Qwen's tokenizer cuts a text before merging bytes; digits stand alone.
CUTS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PRIMER = (
    "system\n# Instruction\nGenerate audio semantic tokens based on the given conditions:\n\n",
    "user\n# Caption\na slow waltz with piano and strings, female voice.\n\n# Lyric\n[Verse 1]\nla la la\n\n[Chorus]\n",
    "assistant\n\nbpm: 120\ncaption: A calm piano piece.\n  with soft drums.\nduration: 180\nkeyscale: F# minor\n",
    "language: en\ntimesignature: 4\nkeyscale: C major\ninstrumental: false\nNO USER INPUT",
)


def write_toy_planner(folder: Path, codes: int = 64, seed: int = 0, layers: int = 2, width: int = 32) -> Path:
    """Write a toy planner with a codebook of `codes` to a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = toy_tokenizer(codes)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=width // 4,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.token_to_id("<|im_end|>"),
        pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
        initializer_range=0.2,
    )
    with torch.random.fork_rng(devices=[]):  # the network draws its weights from the global generator
        torch.manual_seed(seed)
        network = Qwen3ForCausalLM(config)
    with without_bars():
        network.save_pretrained(folder)
    return folder


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep transformers from drawing on the terminal."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def toy_tokenizer(codes: int) -> Tokenizer:
    """A byte-level BPE of a few hundred pieces, the marks, and an unbroken run of audio codes."""
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
    tokenizer.train_from_iterator(
        PRIMER, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_tokens([*MARKS, *(f"<|audio_code_{code}|>" for code in range(codes))])
    return tokenizer
