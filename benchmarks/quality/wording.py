"""Free words: does the starter understand what people write who do not know its list of styles?

What is planned is read off the score (style and tempo), what is played is heard by the probe.
"""

from benchmarks.quality import figures
from benchmarks.quality.following import Heard, mean, style_probe
from benchmarks.quality.probes import FAMILIES, family_of
from benchmarks.quality.prompts import FREE_WORDS, NEW_WORDS
from benchmarks.quality.stage import Stage, kept
from benchmarks.quality.table import Figure, Findings, table
from melisma.engine import rehearse
from melisma.song import SongRequest


def wording_figures(stage: Stage) -> Findings:
    """One take per prompt, twelve seconds, nothing given but the words."""
    styles = style_probe(stage)
    rows, planned, heard, fast, by_chance = [], [], [], [], []
    every = (*FREE_WORDS, *NEW_WORDS)
    for i, (words, fitting, (slowest, fastest)) in enumerate(every):
        seed = 900 + i
        request = SongRequest(caption=words, duration_s=12.0, seeds=(seed,), sampling=stage.sampling)
        rehearsal = rehearse(request, stage.band)
        score = rehearsal.blueprint.score
        song = kept(stage.folder / "free" / f"{i:02d}.flac", lambda r=rehearsal, s=seed: r.take(s).waveform)
        sound = figures.song_statistics(song)[None]
        family = styles.family(sound, FAMILIES)
        families = {family_of(style, FAMILIES) for style in fitting}
        planned.append(score is not None and score.style in fitting)
        heard.append(family in families)
        by_chance.append(mean([family in {family_of(s, FAMILIES) for s in other} for _, other, _ in every]))
        fast.append(score is not None and slowest <= score.bpm <= fastest)
        tempo = Heard.of(song).tempo
        rows.append(
            [
                f"{words}",
                "–" if score is None else f"{score.style}{'' if planned[-1] else ' ✗'}",
                f"{family}{'' if heard[-1] else ' ✗'}",
                "–" if score is None else f"{score.bpm}{'' if fast[-1] else ' ✗'}",
                "–" if tempo is None else f"{tempo.bpm:.0f}",
            ]
        )
    n, new = len(every), len(NEW_WORDS)
    return Findings(
        [
            Figure("free words: a fitting style is planned", mean(planned), n, "≥ 0.85", mean([len(f) / 28 for _, f, _ in every])),
            Figure("free words, the 28 written last: a fitting style is planned", mean(planned[-new:]), new, "≥ 0.85"),
            Figure("free words: a fitting family is heard", mean(heard), n, None, mean(by_chance)),
            Figure("free words, the 28 written last: a fitting family is heard", mean(heard[-new:]), new),
            Figure("free words: the tempo planned is plausible", mean(fast), n, "≥ 0.85"),
        ],
        [table(("words", "planned style", "heard family", "planned bpm", "heard bpm"), rows)],
    )  # fmt: skip
