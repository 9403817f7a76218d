"""Plans from a sentence, and whether choosing among takes is worth the wait.

Takes are chosen by the judges that `--keep` uses. They are compared by measures that take no part in choosing: how well
what sounds fits the planned chords moment by moment, how well its onsets fit the planned drums and notes, and how far
its spectrum is from the nearest real song.
"""

import time
from collections.abc import Iterator
from random import Random

import numpy as np

from benchmarks.quality import figures
from benchmarks.quality.following import mean
from benchmarks.quality.prompts import FREE_WORDS, SONGS_WITH_WORDS
from benchmarks.quality.stage import HeldOut, Stage, save_json
from benchmarks.quality.table import Figure, Findings, table
from melisma.audio import Waveform
from melisma.engine import best, rehearse
from melisma.planning import Planner, draft
from melisma.planning.fit import fit
from melisma.score import STYLES, write
from melisma.score.genres import style_of
from melisma.score.guide import GuideOptions, render_guide
from melisma.song import Blueprint, SongRequest

PROMPTS, TAKES, CHOSEN_PROMPTS, SECONDS = 50, 8, 24, 10.0
GIVEN = {"bpm": (64, 92, 120, 168), "key": ("A minor", "Eb major"), "meter": (3, 4), "duration_s": (20.0, 45.0)}
SILENT_DRUMS = GuideOptions(clicks=0.0)


def prompts(stage: Stage) -> Iterator[str]:
    """Fifty sentences: free words, songs with a voice, and plain captions of held-out plans."""
    yield from [words for words, *_ in FREE_WORDS]
    yield from [caption for caption, _ in SONGS_WITH_WORDS]
    yield from [song.caption for song in stage.plans[: PROMPTS - len(FREE_WORDS) - len(SONGS_WITH_WORDS)]]


def given_to(i: int) -> dict[str, object]:
    """What the i-th request states beside its words: nothing in half of them, else one or two fields."""
    rng = Random(i)
    names = rng.sample(sorted(GIVEN), rng.choice((1, 2))) if i % 2 else []
    return {name: rng.choice(GIVEN[name]) for name in names}


def fits_style(blueprint: Blueprint, caption: str) -> tuple[bool, bool]:
    """Whether tempo and metre are what the style that the words name usually has."""
    style = style_of(caption.lower(), Random(0))
    low, high = style.bpm
    bpm = blueprint.bpm or 0
    return any(0.85 * low <= bpm * f <= 1.15 * high for f in (0.5, 1, 2)), blueprint.meter in style.meters


def names_style(caption: str) -> bool:
    """Whether the words name a style at all."""
    return len({style_of(caption.lower(), Random(seed)).name for seed in range(6)}) == 1


def hears_pace(planner: Planner) -> list[bool]:
    """For each style, whether its slow songs are slower than its fast ones, on the mean of three."""

    def bpm(words: str) -> float:
        requests = [
            SongRequest(caption=words, seeds=(seed,), instrumental=True, duration_s=SECONDS) for seed in (1, 2, 3)
        ]
        return mean([draft(request, planner).bpm or 0 for request in requests])

    return [bpm(f"a slow {style.words[0]} song") < bpm(f"a fast {style.words[0]} song") for style in STYLES.values()]


def planning_figures(stage: Stage) -> Findings:
    """Fifty blueprints by the planner, beside those that the grammar makes alone."""
    planner = stage.band.planner
    if planner is None:
        return Findings([], ["This model has no planner."])
    rows: dict[str, list[bool]] = {name: [] for name in ("plays", "kept", "words", "tempo", "metre")}
    alone: dict[str, list[bool]] = {"tempo": [], "metre": []}
    started = time.perf_counter()
    for i, words in enumerate(prompts(stage)):
        given = given_to(i)
        blueprint = draft(SongRequest(caption=words, seeds=(i,), **given), planner)  # type: ignore[arg-type]
        score = write(blueprint, i)
        rows["plays"].append(score.bpm == blueprint.bpm and score.key == blueprint.key)
        rows["kept"].append(all(getattr(blueprint, name) == value for name, value in given.items()))
        if not blueprint.instrumental:
            room = fit(blueprint.lyrics, blueprint.duration_s, blueprint.bpm, blueprint.meter, blueprint.language)
            rows["words"].append(room.fits)
        if names_style(words) and not given:
            tempo, metre = fits_style(blueprint, words)
            rows["tempo"].append(tempo)
            rows["metre"].append(metre)
            plain = write(Blueprint(caption=words, lyrics="[Instrumental]", duration_s=30.0), i)
            tempo, metre = fits_style(
                Blueprint(caption="", lyrics="", duration_s=1, bpm=plain.bpm, meter=plain.meter), words
            )
            alone["tempo"].append(tempo)
            alone["metre"].append(metre)
    seconds = (time.perf_counter() - started) / PROMPTS
    pace = hears_pace(planner)
    low, high = (np.array([style.bpm[k] for style in STYLES.values()]) for k in (0, 1))
    return Findings(
        [
            Figure("plans that the grammar can play as they are", mean(rows["plays"]), PROMPTS, "≥ 1"),
            Figure("fields a person gave, kept", mean(rows["kept"]), PROMPTS, "≥ 1"),
            Figure("words that fit their length", mean(rows["words"]), len(rows["words"]), "≥ 0.9"),
            Figure("tempo usual for the style named", mean(rows["tempo"]), len(rows["tempo"]), "≥ 0.8", float(((high - low) * 1.3 / 140).mean()), mean(alone["tempo"])),
            Figure("metre usual for the style named", mean(rows["metre"]), len(rows["metre"]), "≥ 0.9", None, mean(alone["metre"])),
            Figure("slow songs of a style are slower than fast ones (mean of three plans)", mean(pace), len(pace), "≥ 0.8", 0.5),
        ],
        [f"Trivial: what the song grammar makes of the same words without a planner. {seconds:.1f} s per plan."],
    )  # fmt: skip


def independent(song: Waveform, blueprint: Blueprint, real: figures.Floats) -> dict[str, float]:
    """What judges that chose nothing say of a take; higher is better."""
    assert blueprint.score is not None
    guide = render_guide(blueprint.score, options=SILENT_DRUMS)
    own = figures.statistics(figures.log_mel(song))
    return {
        "chords": figures.chord_likeness(song, blueprint.score),
        "onsets": figures.onset_likeness(song, guide),
        "near real": -float(np.linalg.norm(real - own, axis=1).min()),
    }


def choice_figures(stage: Stage) -> Findings:
    """The best of eight takes by the judges of `--keep`, beside the first and the mean, by other judges."""
    songs: list[HeldOut] = stage.plans
    real = np.stack([figures.statistics(figures.log_mel(stage.coded(song.mix))) for song in songs[:24]])
    kept, path = {}, stage.folder / "choice-takes.json"
    for i, words in enumerate(list(prompts(stage))[::2][:CHOSEN_PROMPTS]):
        request = SongRequest(
            caption=words, duration_s=SECONDS, instrumental=True, seeds=tuple(range(70 * i, 70 * i + TAKES)),
            sampling=stage.sampling,
        )  # fmt: skip
        rehearsal = rehearse(request, stage.band)
        takes = [rehearsal.take(seed) for seed in rehearsal.seeds]
        chosen = best(takes, 1, stage.band.planner)[0].provenance.seed
        told = [independent(take.waveform, rehearsal.blueprint, real) for take in takes]
        kept[words] = {"chosen": rehearsal.seeds.index(chosen), "told": told}
        save_json(path, kept)
    return _compared(kept)


def _compared(kept: dict[str, dict]) -> Findings:
    """First, mean, chosen and the best there was, per judge; and how often chosen beats first."""
    rows, wins = [], []
    for name in ("chords", "onsets", "near real"):
        told = np.array([[take[name] for take in one["told"]] for one in kept.values()])
        chosen = told[np.arange(len(told)), [one["chosen"] for one in kept.values()]]
        gap = (chosen - told.mean(axis=1)) / (told.std(axis=1) + 1e-9)
        wins.append((chosen > told.mean(axis=1)).mean())
        rows.append(
            [
                name,
                *(
                    f"{v:.3f}"
                    for v in (told[:, 0].mean(), told.mean(), chosen.mean(), told.max(axis=1).mean(), gap.mean())
                ),
            ]
        )
    return Findings(
        [Figure("the chosen of 8 takes beats the mean take, by other judges", float(np.mean(wins)), len(kept) * 3, "≥ 0.55", 0.5)],
        [table(("judge that chose nothing", "first take", "mean of 8", "chosen", "best there was", "gain, deviations"), rows)],
    )  # fmt: skip
