"""What the planner wrote, as blueprint fields.

The official reader takes whatever stands there; this one keeps its results for well-formed text, and says clearly
what cannot be used. Two deliberate differences: YAML quotes around a value are part of the writing, not of the value,
and headings above lyrics are removed in all their spellings.
"""

import re
from typing import Any

import yaml

from melisma.errors import MelismaError
from melisma.planning.codes import parse_codes
from melisma.song import LANGUAGES, MAX_DURATION_S, METERS, canonical_key

FIELDS = ("bpm", "caption", "duration", "genres", "keyscale", "language", "timesignature")
LOWEST_BPM, HIGHEST_BPM = 30, 300

_THOUGHT = re.compile(r"<think>(.*?)</think>|<reasoning>(.*?)</reasoning>", re.DOTALL)
_HEADINGS = re.compile(r"^(#\s*Languages?[ \t]*\n[^\n]*\n+(?=#\s*Lyric))?#\s*Lyrics?[ \t]*\n", re.IGNORECASE)


class PlanError(MelismaError):
    """The planner's answer cannot be used."""

    exit_code = 5


def parse_blueprint(text: str) -> dict[str, Any]:
    """Blueprint fields from the model's answer: only those it wrote, in our names and types.

    Knows `bpm`, `caption`, `duration_s`, `key`, `language`, `meter`, `lyrics` and `codes`. Raises PlanError if nothing
    is there, or if a value cannot be used; the message names every such value.
    """
    raw = parse_metadata(text)
    if not raw:
        raise PlanError(
            f"the planner wrote no metadata but {excerpt(text)}: try another seed, or draft without a planner"
        )
    fields, problems = typed(raw)
    if problems:
        raise PlanError(
            "the planner wrote " + "; ".join(problems) + ". Try another seed, or give these fields yourself"
        )
    codes = parse_codes(text)
    if codes:
        fields["codes"] = tuple(codes)
    lyrics = parse_lyrics(text)
    if lyrics and not codes:
        fields["lyrics"] = lyrics
    return fields


def parse_metadata(text: str) -> dict[str, Any]:
    """Metadata as the model wrote it, by its official names: whole numbers where they are, else strings."""
    collected: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in _thoughts(text).split("\n"):
        if line.strip().startswith("<"):
            continue
        if line[:1].isspace():
            if current is not None:
                current.append(line)
        elif ":" in line:
            name, value = line.split(":", 1)
            current = [value] if value.strip() else []
            collected[name.strip().lower()] = current
    values = {name: _scalar(name, lines) for name, lines in collected.items() if name in FIELDS and lines}
    return {name: value for name, value in values.items() if value != ""}


def parse_lyrics(text: str) -> str:
    """The words after the metadata, without their heading; empty if there are none."""
    _, closed, after = text.partition("</think>")
    if not closed:
        return ""
    return _HEADINGS.sub("", after.strip()).removesuffix("<|im_end|>").strip()


def clean_caption(caption: str | None) -> str | None:
    """A caption on one line."""
    return " ".join(line.strip() for line in caption.splitlines() if line.strip()) if caption is not None else None


def typed(raw: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Metadata in our names and types, and what is wrong with the rest, in words. `N/A` counts as not written."""
    fields: dict[str, Any] = {}
    problems = []
    for name, value in raw.items():
        if name == "genres" or value is None or str(value).strip().lower() in ("n/a", ""):
            continue
        ours, read, allowed = _READERS[name]
        try:
            fields[ours] = read(value)
        except ValueError:
            problems.append(f"{name} {value!r}, which is not {allowed}")
    return fields, problems


def excerpt(text: str) -> str:
    """Enough of a text to recognise it in a message."""
    text = text.strip()
    return "nothing" if not text else repr(text if len(text) <= 60 else f"{text[:57]}...")


def _thoughts(text: str) -> str:
    """The part of an answer that holds metadata: the thinking block, else all before the first code."""
    found = _THOUGHT.search(text)
    inside = (found[1] or found[2] or "").strip() if found else ""
    return inside or text.split("<|audio_code_", 1)[0]


def _scalar(name: str, lines: list[str]) -> Any:
    """A value from its lines, unquoted; bpm and duration as whole numbers where they are."""
    joined = clean_caption("\n".join(lines)) if name == "caption" else "\n".join(lines).strip()
    text = _unquoted(joined or "")
    if name in ("bpm", "duration"):
        try:
            return int(text)
        except ValueError:
            return text
    return text


def _unquoted(text: str) -> str:
    """The value of a quoted YAML scalar; any other text as it is."""
    if text[:1] not in ("'", '"') or text[-1:] != text[:1] or len(text) < 2:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, str) else text


def _bpm(value: Any) -> int:
    bpm = int(value)
    if not LOWEST_BPM <= bpm <= HIGHEST_BPM:
        raise ValueError
    return bpm


def _duration(value: Any) -> float:
    duration_s = float(value)
    if not 0 < duration_s <= 2 * MAX_DURATION_S:
        raise ValueError
    return duration_s


def _meter(value: Any) -> int:
    meter = int(str(value).removesuffix("/4").removesuffix("/8"))
    if meter not in METERS:
        raise ValueError
    return meter


def _language(value: Any) -> str:
    if value not in LANGUAGES:
        raise ValueError
    return str(value)


_READERS: dict[str, tuple[str, Any, str]] = {
    "bpm": ("bpm", _bpm, f"a whole number from {LOWEST_BPM} to {HIGHEST_BPM}"),
    "caption": ("caption", str, "text"),
    "duration": ("duration_s", _duration, "a length in seconds"),
    "keyscale": ("key", canonical_key, "a key such as 'F# minor'"),
    "language": ("language", _language, "a language code such as 'en'"),
    "timesignature": ("meter", _meter, "2, 3, 4 or 6"),
}
