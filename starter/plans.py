"""Songs as words and facts alone, for the planner: `python -m starter.plans --out plans.jsonl --seeds 0:6000`.

The same grammar that writes songs to be rendered, without rendering them: a thousand plans take a minute. Lengths go
up to four minutes, which rendered songs do not.
"""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random

import click

from melisma.score import write
from melisma.score.grammar import settle
from melisma.song import INSTRUMENTAL, Blueprint
from melisma.training.planner import Plan
from starter.arrange import arrange
from starter.lyrics import lyrics
from starter.songs import blueprint_for, describe, parse_seeds, sung_blueprint_for

LENGTHS_S = (20, 30, 30, 30, 40, 45, 60, 60, 60, 75, 90, 90, 120, 120, 150, 180, 180, 210, 240)
LONGEST_SUNG_S = 120
SHORT_S = 45
"""Below this a song has the few sections that rendered songs have."""
SECTION_LINES = {"verse": 4, "pre-chorus": 2, "chorus": 4, "bridge": 2}
ROUND = ("verse", "chorus", "verse", "pre-chorus", "chorus", "bridge", "chorus")


def sung(seed: int, seconds: float) -> tuple[Blueprint, str]:
    """What a sung song is asked to be, and who sings: whole verses and choruses, as many as there is room for."""
    blueprint, voice = sung_blueprint_for(seed, min(seconds, SHORT_S))
    if seconds <= SHORT_S:
        return blueprint, voice
    facts = settle(blueprint.model_copy(update={"lyrics": INSTRUMENTAL}), Random(f"{seed}/facts"))
    span_s = facts.bar_s * (1 if facts.bar_s > 3.25 else 4 if facts.bar_s < 1.1 else 2)
    room, rng = int((seconds - 8) / span_s), Random(f"{seed}/form")
    sections: list[tuple[str, int]] = [("intro", 0)] if rng.random() < 0.4 else []
    for tag in ROUND:
        if room < SECTION_LINES[tag]:
            break
        sections.append((tag, SECTION_LINES[tag]))
        room -= SECTION_LINES[tag]
    if rng.random() < 0.3:
        sections.append(("outro", 0))
    most = max(6, min(12, int(span_s * 2.6)))
    words = lyrics(Random(f"{seed}/lyrics"), sections, fewest=max(4, most - 5), most=most)
    return blueprint.model_copy(update={"lyrics": words, "duration_s": seconds}), voice


def plan(seed: int) -> Plan:
    """One song on paper."""
    rng = Random(f"{seed}/plan")
    seconds = float(rng.choice(LENGTHS_S))
    singing = rng.random() < 0.55 and seconds <= LONGEST_SUNG_S
    blueprint, voice = sung(seed, seconds) if singing else (blueprint_for(seed, seconds), None)
    # a minute is enough to know the instruments by, and quicker to write
    score = write(blueprint.model_copy(update={"lyrics": INSTRUMENTAL, "duration_s": min(seconds, 30.0)}), seed)
    return Plan(
        captions=describe(score, arrange(score, seed), seed, voice),
        lyrics=blueprint.lyrics if singing else INSTRUMENTAL,
        language="en" if singing else "unknown",
        bpm=score.bpm,
        key=score.key,
        meter=score.meter,
        duration_s=seconds,
    )


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default="0:6000", show_default=True, help="first:last, the last one left out.")
def main(out: Path, seeds: str) -> None:
    """Write one plan per seed and line to OUT."""
    fresh = out.with_suffix(".new")
    with fresh.open("w") as file:
        for seed in parse_seeds(seeds):
            file.write(json.dumps(asdict(plan(seed)), ensure_ascii=False) + "\n")
    fresh.replace(out)


if __name__ == "__main__":
    main()
