"""Timed lyrics as subtitles: from LRC, which has a stamp per line, to WebVTT, which browsers show.

Lines that begin within two seconds of a subtitle join it, as officially, because faster ones cannot be read. Of WebVTT's
rules only the ones needed are followed: a header, times with hours, a blank line between subtitles.
"""

import math
import re
from collections.abc import Sequence

from melisma.song import TimedLine

JOINED_S, LAST_S, SHORTEST_S = 2.0, 5.0, 3.0

_STAMP = r"\[(\d+):(\d+\.\d{2,3})\]"
_LINE = re.compile(rf"{_STAMP}(?:{_STAMP})?(.*)")


def read_lrc(text: str) -> list[tuple[float, float | None, str]]:
    """Start, end if it is stamped, and words of each line, in order of their start; lines without words are left out."""
    found = []
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match and match[5].strip():
            end = _seconds(match[3], match[4]) if match[3] else None
            found.append((_seconds(match[1], match[2]), end, match[5].strip()))
    return sorted(found, key=lambda line: line[0])


def subtitles(lrc: str, total_s: float | None = None) -> list[TimedLine]:
    """LRC as subtitles. total_s: length of the music, where the last one ends."""
    groups: list[list[tuple[float, float | None, str]]] = []
    for line in read_lrc(lrc):
        if groups and line[0] - groups[-1][0][0] < JOINED_S:
            groups[-1].append(line)
        else:
            groups.append([line])
    found = []
    for i, group in enumerate(groups):
        start, stamped_end = group[0][0], group[-1][1]
        last = total_s if total_s is not None and total_s > start else start + LAST_S
        after = groups[i + 1][0][0] if i + 1 < len(groups) else last
        end = after if stamped_end is None else stamped_end
        text = "\n".join(words for _, _, words in group)
        found.append(TimedLine(text=text, start_s=start, end_s=end if end > start else start + SHORTEST_S))
    return found


def vtt(lines: Sequence[TimedLine]) -> str:
    """Lines as a WebVTT file."""
    shown = [f"{vtt_time(line.start_s)} --> {vtt_time(line.end_s)}\n{line.text}\n" for line in lines]
    return "\n".join(["WEBVTT\n", *shown])


def vtt_time(seconds: float) -> str:
    """HH:MM:SS.mmm, cut to milliseconds."""
    thousandths = math.floor(seconds * 1000 + 1e-6)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _seconds(minutes: str, seconds: str) -> float:
    return round(60 * int(minutes) + float(seconds), 3)
