"""What a checkpoint prefers and can do: what its config.json says, else the habit of its kind.

Plain data, without torch: a loaded generator takes its blanks from here, and a page shows them before anything is
loaded (docs/decisions/009-what-a-checkpoint-says-of-itself.md).
"""

from pathlib import Path
from typing import Any

from melisma.song import SamplingOptions, TaskName

# A token of the planners' vocabulary that no other Qwen3 has.
AUDIO_CODE = b"<|audio_code_0|>"
FROM_WORDS: frozenset[TaskName] = frozenset({"compose", "cover", "repaint", "extend", "edit", "retake"})
STEMS: frozenset[TaskName] = frozenset({"extract", "lego", "complete"})

# Blanks of a request. Distilled checkpoints are played without guidance; the others with the official interface's 7.
TURBO = SamplingOptions(
    steps=8,
    shift=3.0,
    solver="euler",
    guidance=1.0,
    guidance_method="apg",
    guidance_interval=(0.0, 1.0),
    velocity_clamp=0.0,
    velocity_momentum=0.0,
    latent_shift=0.0,
    latent_rescale=1.0,
)
GUIDED = TURBO.model_copy(update={"steps": 50, "guidance": 7.0})
# The first generation: the official interface's values.
GUIDED_V1 = SamplingOptions(
    steps=60,
    shift=3.0,
    solver="euler",
    guidance=15.0,
    guidance_method="apg",
    guidance_interval=(0.0, 1.0),
    guidance_share=0.5,
    guidance_decay=0.0,
    guidance_floor=3.0,
    guidance_text=0.0,
    guidance_lyrics=0.0,
    weakened=("text", "lyrics", "blocks"),
    granularity=10.0,
    velocity_clamp=0.0,
    velocity_momentum=0.0,
    latent_shift=0.0,
    latent_rescale=1.0,
)


def preferred_by(config: dict[str, Any], name: str) -> SamplingOptions:
    """Sampling where a request leaves it open: what config.json states under "sampling", else the family's habit.

    Two distilled checkpoints are trained for one shift and say so in their names only.
    """
    habit = TURBO if config.get("is_turbo") else GUIDED
    if "shift1" in name:
        habit = habit.model_copy(update={"shift": 1.0})
    return SamplingOptions.of(**config.get("sampling", {})).over(habit)


def abilities_of(config: dict[str, Any], name: str) -> frozenset[TaskName]:
    """Tasks a checkpoint was trained for: what config.json states under "tasks", else by its kind.

    Only base knows stems; sft lost them in tuning unless it was tuned on them.
    """
    if "tasks" in config:
        return frozenset(config["tasks"])
    tuned = "sft" in str(config.get("model_version") or name)
    if config.get("is_turbo") or (tuned and not config.get("is_lego_sft")):
        return FROM_WORDS
    return FROM_WORDS | STEMS


def speaks_codes(folder: Path) -> bool:
    """Whether the language model in a folder is a planner: only planners have words for sounds."""
    files = (folder / name for name in ("tokenizer.json", "added_tokens.json", "tokenizer_config.json"))
    return any(file.is_file() and AUDIO_CODE in file.read_bytes() for file in files)
