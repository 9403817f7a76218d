"""How fast are audio codes written? Ours against transformers' plain `generate`, same random weights, in one run.

Both sample 5 Hz codes after the same prompt, at temperature 0.85 and top-p 0.9, with or without guidance, for 1, 4 and 8
takes. Plain generate scores the whole vocabulary, masks it to codes with a logits processor, and guides with the library's
own processor. Shapes are random weights in the sizes of released planners, or a middle size for a small machine.

    python benchmarks/planner.py --shape middle --codes 48
    python benchmarks/planner.py --shape 0.6B --device cuda --codes 300
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from transformers import LogitsProcessorList, Qwen3ForCausalLM
from transformers import Qwen3Config as TheirConfig

from melisma.models.planner import END, Vocabulary
from melisma.models.planner.qwen import Qwen
from melisma.models.planner.toy import toy_tokenizer
from melisma.models.qwen3 import Qwen3Config, Qwen3LM
from melisma.planning.writing import write_codes
from melisma.sampling.tokens import Taste, choose, guide

SHAPES = {
    "middle": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8},
    "0.6B": {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16},
    "1.7B": {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16},
}
# The released vocabulary: words and marks, then 65,535 codes of which 64,000 are spoken of.
VOCABULARY, FIRST_CODE, CODES = 217_204, 151_669, 64_000
PROMPT, AGAINST = 200, 33
TASTE = Taste(0.85, None, 0.9)
GUIDANCE = 2.0


def main() -> None:
    """Measure and print a table."""
    arguments = parsed()
    device = torch.device(arguments.device)
    plainly = random_network(arguments.shape, device)
    language = read_by_us(plainly)
    generator = np.random.default_rng(0)
    prompt = generator.integers(0, 150_000, PROMPT).tolist()
    against = generator.integers(0, 150_000, AGAINST).tolist()

    print(circumstances(arguments, language))
    print("| takes | guidance | plain s | ours s | plain tokens/s | ours tokens/s | ours is faster by |")
    print("|---|---|---|---|---|---|---|")
    for guided in (False, True):
        for takes in arguments.takes:
            plain = timed(
                lambda k=takes, g=guided: plain_generate(plainly, prompt, against, arguments.codes, k, g), device
            )
            ours = timed(lambda k=takes, g=guided: our_codes(language, prompt, against, arguments.codes, k, g), device)
            tokens = takes * arguments.codes
            print(
                f"| {takes} | {'on' if guided else 'off'} | {plain:.2f} | {ours:.2f} | {tokens / plain:.1f} "
                f"| {tokens / ours:.1f} | {plain / ours:.1f}× |",
                flush=True,
            )
    step, choice = shares(language, prompt, against, device)
    print(
        f"\nOne guided step for one take: {1e3 * step:.2f} ms, of which choosing the code {1e3 * choice:.2f} ms ({choice / step:.1%})."
    )


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="middle")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--codes", type=int, default=48)
    parser.add_argument("--takes", type=int, nargs="+", default=[1, 4, 8])
    return parser.parse_args()


def random_network(shape: str, device: torch.device) -> Any:
    """transformers' network of random weights in a shape, with the released vocabulary's ids."""
    config = TheirConfig(
        vocab_size=VOCABULARY,
        num_key_value_heads=SHAPES[shape]["num_attention_heads"] // 2,
        head_dim=64 if shape == "middle" else 128,
        tie_word_embeddings=True,
        max_position_embeddings=8192,
        eos_token_id=None,
        initializer_range=3 / SHAPES[shape]["hidden_size"] ** 0.5,  # logits as far apart as a trained planner's
        pad_token_id=0,
        **SHAPES[shape],
    )
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    torch.manual_seed(0)
    with torch.device(device):
        return Qwen3ForCausalLM(config).to(dtype)


def read_by_us(theirs: Any) -> Qwen:
    """Our planner of the same weights, which are not copied."""
    with torch.device("meta"):
        network = Qwen3LM(Qwen3Config.of(theirs.config.to_dict(), "random weights"))
    network.load_state_dict(theirs.state_dict(), assign=True)
    network.tie()
    vocabulary = Vocabulary(toy_tokenizer(0), {END: 151_645}, FIRST_CODE, CODES)
    return Qwen(network, vocabulary, 8192)


def our_codes(language: Qwen, prompt: list[int], against: list[int], codes: int, takes: int, guided: bool) -> None:
    """Write codes as melisma does."""
    sources = [np.random.default_rng(seed) for seed in range(takes)]
    write_codes(language, prompt, against, codes, sources, TASTE, GUIDANCE if guided else 1.0)


@torch.inference_mode()
def plain_generate(network: Any, prompt: list[int], against: list[int], codes: int, takes: int, guided: bool) -> None:
    """Write codes with transformers' generate."""
    device = network.device
    banned = torch.ones(VOCABULARY, dtype=torch.bool, device=device)
    banned[FIRST_CODE : FIRST_CODE + CODES] = False

    def only_codes(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores.masked_fill(banned, -torch.inf)

    ids = torch.tensor([prompt] * takes, device=device)
    guidance = {"guidance_scale": GUIDANCE, "negative_prompt_ids": torch.tensor([against] * takes, device=device)}
    network.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=codes,
        do_sample=True,
        temperature=TASTE.temperature,
        top_p=TASTE.top_p,
        top_k=0,
        logits_processor=LogitsProcessorList([only_codes]),
        **(guidance if guided else {}),
    )


@torch.inference_mode()
def shares(language: Qwen, prompt: list[int], against: list[int], device: torch.device) -> tuple[float, float]:
    """Seconds of one guided step for one take, and of choosing within it."""
    reader = language.open([prompt, against], 1, 40)
    rows, draw = slice(FIRST_CODE, FIRST_CODE + CODES), torch.tensor([0.5], device=device)
    tokens = torch.full((2, 1), FIRST_CODE, device=device)

    def pick() -> torch.Tensor:
        conditional, unconditional = reader.logits(rows).chunk(2)
        return choose(guide(conditional, unconditional, GUIDANCE), draw, TASTE)

    def step() -> None:
        reader.read(tokens)
        pick()

    logits = reader.logits(rows)[:1].clone()
    return (
        min(timed(step, device) for _ in range(10)),
        min(timed(lambda: choose(guide(logits, logits, GUIDANCE), draw, TASTE), device) for _ in range(10)),
    )


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that work takes."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def circumstances(arguments: argparse.Namespace, language: Qwen) -> str:
    """What the figures depend on."""
    parameters = sum(weight.numel() for weight in language.network.parameters()) / 1e6
    machine = (
        torch.cuda.get_device_name() if arguments.device == "cuda" else f"{platform.machine()}, {os.cpu_count()} cores"
    )
    return (
        f"{arguments.shape}: {parameters:.0f} M parameters, {language.network.lm_head.weight.dtype}, {arguments.codes} codes after "
        f"{PROMPT} tokens; {machine}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}; "
        f"torch {torch.__version__}, transformers {transformers.__version__}\n"
    )


if __name__ == "__main__":
    main()
