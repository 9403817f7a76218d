"""The exact words that ACE-Step 1.5 was trained with.

Every newline here is load-bearing: the checkpoints saw these templates and nothing else. The tokenizer appends one
more end token to both.
"""

from collections.abc import Sequence

from melisma.song import Blueprint, Complete, Compose, Cover, Edit, Extend, Extract, Lego, Playable, Repaint

TEXT_TOKENS = 256
LYRIC_TOKENS = 2048
END = "<|endoftext|>"

MAKE = "Fill the audio semantic mask based on the given conditions:"
FOLLOW = "Generate audio semantic tokens based on the given conditions:"
REPAINT = "Repaint the mask area based on the given conditions:"


def instruction(task: Playable, has_codes: bool = False) -> str:
    """The instruction of a task; whatever follows semantic codes is told so."""
    if has_codes:
        return FOLLOW
    match task:
        case Compose() | Edit():
            return MAKE
        case Cover():
            return FOLLOW
        case Repaint() | Extend():
            return REPAINT
        case Extract(track=track):
            return f"Extract the {track.upper()} track from the audio:"
        case Lego(track=track):
            return f"Generate the {track.upper()} track based on the audio context:"
        case Complete(tracks=tracks):
            return f"Complete the input track with {joined(tracks)}:" if tracks else "Complete the input track:"


def joined(tracks: Sequence[str]) -> str:
    """Track classes as the checkpoints know them."""
    return " | ".join(track.upper() for track in tracks)


def metadata(blueprint: Blueprint) -> str:
    """The four metadata lines; what is left open reads N/A."""
    return (
        f"- bpm: {blueprint.bpm or 'N/A'}\n"
        f"- timesignature: {blueprint.meter or 'N/A'}\n"
        f"- keyscale: {blueprint.key or 'N/A'}\n"
        f"- duration: {int(blueprint.duration_s)} seconds\n"
    )


def text_prompt(caption: str, instruction: str, metadata: str) -> str:
    """What the text encoder reads. The final newline follows the end token."""
    return f"# Instruction\n{instruction}\n\n# Caption\n{caption}\n\n# Metas\n{metadata}{END}\n"


def lyric_prompt(lyrics: str, language: str) -> str:
    """What the lyric encoder reads."""
    return f"{lyric_header(language)}{lyrics}{END}"


def lyric_header(language: str) -> str:
    """What stands before the words."""
    return f"# Languages\n{language}\n\n# Lyric\n"


def stems_caption(caption: str, part: str, masked: bool) -> str:
    """The caption block of checkpoints fine-tuned on stems (`is_lego_sft`)."""
    return f"Global: {caption}\nLocal: {part}\nMask Control: {'true' if masked else 'false'}"
