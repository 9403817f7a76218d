"""A measured figure beside what it is worth, and how a part's figures are kept and printed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table. chance: guessing, or songs compared with another's plan; trivial: the best answer that
    needs no model; ceiling: the same judge on real songs through the autoencoder; real: on the real songs."""

    name: str
    measured: float
    count: int
    aim: str | None = None
    chance: float | None = None
    trivial: float | None = None
    ceiling: float | None = None
    real: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the aim, written as "≥ 0.9" or "≤ 0.5", is reached; None without one."""
        if self.aim is None:
            return None
        sign, limit = self.aim.split()
        return self.measured >= float(limit) if sign == "≥" else self.measured <= float(limit)


@dataclass(frozen=True)
class Findings:
    """What a part found: figures for the table, and more tables or remarks as Markdown."""

    figures: list[Figure]
    more: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False))
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Findings":
        told: dict[str, Any] = json.loads(path.read_text())
        return cls([Figure(**one) for one in told["figures"]], told["more"], told["seconds"])

    def markdown(self) -> str:
        return "\n\n".join(part for part in (figure_table(self.figures), *self.more) if part)


def figure_table(figures: Sequence[Figure]) -> str:
    """All figures as a Markdown table."""
    if not figures:
        return ""
    header = ("", "aim", "**measured**", "chance", "trivial", "through the codec", "real", "n")
    rows = [
        (
            one.name,
            {None: "", True: f"{one.aim} ✓", False: f"{one.aim} ✗"}[one.reached],
            f"**{number(one.measured)}**",
            *(number(value) for value in (one.chance, one.trivial, one.ceiling, one.real)),
            str(one.count),
        )
        for one in figures
    ]
    return table(header, rows)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is words, the others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None) -> str:
    """Two digits behind the point for shares, one for larger figures; a dash for none."""
    if value is None:
        return "–"
    return f"{value:.1f}".replace("-", "−") if abs(value) >= 10 else f"{value:.2f}".replace("-", "−")
