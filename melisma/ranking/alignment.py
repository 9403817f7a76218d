"""Where each word of the lyrics is sung, and how surely, from the network's cross-attention.

Some heads of the diffusion network look at the word they are singing. Dynamic time warping through what they see gives
a path from word to word and frame to frame: times for every line (LRC), and a score of how completely, how much in
order and how confidently the words are sung. Which heads, is part of a checkpoint. The arithmetic is the official one,
peculiarities included, because thresholds were set with it; only LRC stamps carry seconds into minutes properly.
Nothing here knows a network: attention comes as numbers.

Axes: l layer, h head, i lyric token, t latent frame.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from melisma.song import TimedLine

HEARD, PRESENT, BACKWARD_FRAMES = 0.1, 0.01, 9
VIOLENCE = 2.0


@dataclass(frozen=True)
class Singing:
    """How words are sung, 0–1 each: how many, how much in order, how surely; `score` is their product, rounded."""

    coverage: float
    monotonicity: float
    confidence: float

    @property
    def score(self) -> float:
        """One number, 0–1."""
        return round(min(max(self.coverage**2 * self.monotonicity**2 * self.confidence, 0.0), 1.0), 4)


def singing(attention: np.ndarray, tags: np.ndarray) -> Singing:
    """Judge singing from chosen attention (h, i, t); tags (i,) bool are tokens of [section tags], which nobody sings."""
    mean = attention.mean(axis=0)
    spread = mean.max() - mean.min()
    energy = (mean - mean.min()) / spread if spread > 1e-9 else np.zeros_like(mean)
    rows, columns = warp((-(energy**2)).astype(np.float32))
    sung = energy[~tags]
    coverage = float((sung.max(axis=1) > HEARD).mean()) if len(sung) else 1.0
    return Singing(coverage, _order(sung), float(energy[rows, columns].mean()))


def lines(
    attention: np.ndarray, token_ids: Sequence[int], duration_s: float, decode: Callable[[Sequence[int]], str]
) -> list[TimedLine]:
    """When each line is sung, section tags included, from chosen attention (h, i, t) of lyric tokens (i,)."""
    clear = sharpened(attention)
    spans = token_spans(clear, duration_s)
    found = []
    start = 0
    for end in _line_ends(token_ids, decode):
        text = decode(token_ids[start:end]).strip()
        if text:
            found.append(TimedLine(text=text, start_s=round(spans[start][0], 3), end_s=round(spans[end - 1][1], 3)))
        start = end
    return found


def sharpened(attention: np.ndarray) -> np.ndarray:
    """Attention (h, i, t) with everything usual taken away, as one matrix (i, t)."""
    from scipy.special import softmax  # the engine need not wait for scipy

    both = softmax(attention, axis=-1) * softmax(attention, axis=-2)
    both = np.maximum(both - VIOLENCE * np.quantile(both, 0.5, axis=-1, keepdims=True), 0)
    both = np.maximum(both - VIOLENCE * np.quantile(both, 0.5, axis=-2, keepdims=True), 0)
    energy = both**2
    mean: np.ndarray = ((energy - energy.mean()) / (energy.std() + 1e-9)).mean(axis=0)
    return mean


def token_spans(matrix: np.ndarray, duration_s: float) -> list[tuple[float, float]]:
    """Start and end of each token in seconds, from a matrix (i, t); one that the path skips has no length."""
    rows, columns = warp(-matrix.astype(np.float64))
    frame_s = duration_s / matrix.shape[1]
    spans: list[tuple[float, float]] = []
    for row in range(matrix.shape[0]):
        frames = columns[rows == row]
        last = spans[-1][1] if spans else 0.0
        spans.append((frames[0] * frame_s, frames[-1] * frame_s) if len(frames) else (last, last))
    return spans


def warp(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest monotonic path through cost (i, t): its rows and columns from first to last.

    Sums are kept in float32 and a tie goes left, as officially: either changes paths. Cells whose row and column add up
    to the same number do not depend on each other and are filled together.
    """
    height, width = cost.shape
    trace = np.full((height + 1, width + 1), 2, dtype=np.int8)
    trace[1:, 0] = 1
    # Sums along the last two such diagonals, by row; what lies outside the table costs everything.
    before = np.full(height + 1, np.inf, dtype=np.float32)
    last = before.copy()
    before[0] = 0
    for both in range(2, height + width + 1):
        rows = np.arange(max(1, both - width), min(height, both - 1) + 1)
        columns = both - rows
        diagonal, up, left = before[rows - 1], last[rows - 1], last[rows]
        best, step = left, np.full(len(rows), 2, dtype=np.int8)
        for value, other, name in ((up, diagonal, 1), (diagonal, up, 0)):
            cheaper = (value < other) & (value < left)
            best, step = np.where(cheaper, value, best), np.where(cheaper, name, step)
        before, last = last, np.full(height + 1, np.inf, dtype=np.float32)
        last[rows] = cost[rows - 1, columns - 1] + best
        trace[rows, columns] = step
    at = (height, width)
    path = []
    while at != (0, 0):
        path.append((at[0] - 1, at[1] - 1))
        direction = int(trace[at])
        at = (at[0] - int(direction != 2), at[1] - int(direction != 1))
    steps = np.array(path[::-1])
    return steps[:, 0], steps[:, 1]


def tags_in(texts: Sequence[str]) -> np.ndarray:
    """Which tokens belong to [section tags], brackets included; texts: each token's own. Returns (i,) bool."""
    inside = False
    flags = []
    for text in texts:
        inside = inside or "[" in text
        flags.append(inside)
        inside = inside and "]" not in text
    return np.array(flags, dtype=bool)


def lyric_span(token_ids: Sequence[int], header: Sequence[int], end: int) -> slice:
    """Where the words lie among the lyric encoder's tokens: after the header, up to the end token."""
    start = len(header)
    ids = list(token_ids)
    return slice(start, ids.index(end, start) if end in ids[start:] else len(ids))


def token_texts(token_ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[str]:
    """What each token adds to the text; one that ends inside a character adds little or nothing."""
    texts = []
    before = ""
    for end in range(1, len(token_ids) + 1):
        now = decode(token_ids[:end])
        texts.append(now[len(before) :])
        before = now
    return texts


def lrc(timed: Sequence[TimedLine], ends: bool = False) -> str:
    """Lines as LRC: `[01:02.50]text`, with `ends` a second stamp behind the first."""
    return "\n".join(_stamp(line.start_s) + (_stamp(line.end_s) if ends else "") + line.text for line in timed)


def _stamp(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"[{hundredths // 6000:02d}:{hundredths % 6000 / 100:05.2f}]"


def _line_ends(token_ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[int]:
    """Index after each token that holds a line break, and the end."""
    texts = token_texts(token_ids, decode)
    ends = [i + 1 for i, text in enumerate(texts) if "\n" in text]
    return ends if ends and ends[-1] == len(texts) else [*ends, len(texts)]


def _order(energy: np.ndarray) -> float:
    """Share of neighbouring words (i, t) whose centres do not step back."""
    centres = []
    for row in energy:
        strong = row > PRESENT
        if strong.any():
            centres.append(np.average(np.flatnonzero(strong), weights=row[strong]))
    if len(centres) < 2:
        return 1.0
    return float((np.diff(centres) >= -BACKWARD_FRAMES).mean())
