"""Where in a take its words are sung, and where its sections lie.

The network that sang knows best, where it can tell; else the score of the plan says where the words were written.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from melisma.notation import Score
from melisma.song import Provenance, TimedLine
from melisma.studio.shapes import Line, Section

TAG = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True)
class Told:
    """Words and form of a take, in time."""

    lines: Sequence[Line]
    sections: Sequence[Section]


def told(provenance: Provenance | None) -> Told:
    """What a take says of its words; nothing for a sound from elsewhere."""
    if provenance is None:
        return Told([], [])
    score = provenance.blueprint.score
    heard = provenance.lines
    return Told(
        list(lines_heard(heard)) or lines_of(score), sections_of(score) if score else list(sections_heard(heard))
    )


def lines_heard(heard: Sequence[TimedLine]) -> Iterator[Line]:
    """Lines as they were heard. A tag among them is no line: it names the section of those that follow."""
    section = None
    for line in heard:
        if tag := TAG.fullmatch(line.text.strip()):
            section = tag[1].strip()
        else:
            yield Line(start_s=line.start_s, end_s=line.end_s, text=line.text, section=section)


def sections_heard(heard: Sequence[TimedLine]) -> Iterator[Section]:
    """Sections from the tags: from one to the next, the last one to the end of its last line."""
    tags = [(at, tag[1].strip()) for at, line in enumerate(heard) if (tag := TAG.fullmatch(line.text.strip()))]
    for (at, name), after in zip_longest(tags, tags[1:]):
        end_s = heard[after[0]].start_s if after else max(line.end_s for line in heard[at:])
        if end_s > heard[at].start_s:
            yield Section(start_s=heard[at].start_s, end_s=end_s, name=name)


def lines_of(score: Score | None) -> list[Line]:
    """Lines of lyrics in time, by the notes that carry their syllables."""
    if score is None:
        return []
    spans: dict[int, tuple[float, float]] = {}
    for syllable in score.sung():
        if not syllable.notes:
            continue
        start, end = syllable.notes[0].start, syllable.notes[-1].start + syllable.notes[-1].length
        first, last = spans.get(syllable.line, (start, end))
        spans[syllable.line] = (min(first, start), max(last, end))
    return [
        Line(
            start_s=round(score.seconds(start), 3),
            end_s=round(score.seconds(end), 3),
            text=score.lines[number].text,
            section=score.sections[score.lines[number].section].tag,
        )
        for number, (start, end) in sorted(spans.items())
    ]


def sections_of(score: Score | None) -> list[Section]:
    """Sections in time; the last one lasts until the sound has died away."""
    if score is None:
        return []
    starts = [round(score.seconds(beat), 3) for beat in score.section_starts]
    ends = [*starts[1:], round(score.duration_s, 3)]
    return [
        Section(start_s=start, end_s=end, name=section.tag)
        for start, end, section in zip(starts, ends, score.sections, strict=True)
    ]
