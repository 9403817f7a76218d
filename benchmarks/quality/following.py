"""Does the music keep to its plan: tempo, key, chords, energy, style, lead; and does it lie where real songs lie?

All on instrumentals from held-out seeds, one take each. Chance compares takes with other songs' plans.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.quality import figures
from benchmarks.quality.figures import Floats
from benchmarks.quality.probes import FAMILIES, LEADS, Probe, family_of
from benchmarks.quality.stage import HeldOut, Stage, kept, plan_of
from benchmarks.quality.table import Figure, Findings, number, table
from melisma.audio import Waveform
from melisma.notation import Score
from melisma.ranking import measures
from melisma.ranking.measures import Sound
from melisma.score import STYLES
from melisma.score.guide import render_guide
from melisma.song import INSTRUMENTAL, SongRequest
from starter.arrange import arrange
from starter.mix import mix_down, set_up
from starter.sampler import open_sampler
from starter.songs import render_parts

TOLERANCE = 0.04
CLOUD_SONGS, CODED_CLIPS, CODED_S, REAL_S = 320, 80, 10.24, 16.0
VARIETY = (500_003, 500_018)
VARIED = 16


def mean(values: Sequence[float] | Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


# --- Tempo, key, chords ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """What the judges hear in a song."""

    song: Waveform
    tempo: measures.Tempo | None
    key: measures.Key | None

    @classmethod
    def of(cls, song: Waveform) -> "Heard":
        sound = Sound.of(song)
        return cls(song, measures.tempo(sound), measures.key(sound))

    def keeps_tempo(self, plan: HeldOut) -> bool:
        return self.tempo is not None and self.tempo.agrees(plan.sheet.bpm, plan.sheet.meter)

    def keeps_tempo_strictly(self, plan: HeldOut) -> bool:
        return self.tempo is not None and abs(self.tempo.bpm / plan.sheet.bpm - 1) <= TOLERANCE

    def keeps_grid(self, plan: HeldOut) -> bool:
        """As above, or two thirds of it: fast drums with accents three by three are on the beat, and heard as slower."""
        return self.tempo is not None and self.tempo.agrees(plan.sheet.bpm, 3)

    def kinship(self, plan: HeldOut) -> float:
        return measures.kinship(plan.sheet.key, self.key.name) if self.key else 0.0

    def chords(self, plan: HeldOut) -> float:
        return figures.chord_likeness(self.song, plan.sheet.score)


JUDGES: dict[str, tuple[str | None, Callable[[Heard, HeldOut], float]]] = {
    "tempo within 4 %, half and double allowed": ("≥ 0.9", Heard.keeps_tempo),
    "tempo within 4 %, two thirds and three halves allowed, too": (None, Heard.keeps_grid),
    "tempo within 4 %, strict": (None, Heard.keeps_tempo_strictly),
    "key exact or relative": ("≥ 0.6", lambda heard, plan: heard.kinship(plan) in (1.0, 0.3)),
    "key exact": (None, lambda heard, plan: heard.kinship(plan) == 1.0),
    "key, MIREX": (None, Heard.kinship),
    "chords: chroma against the plan": ("≥ 0.6", Heard.chords),
}


def plan_figures(stage: Stage) -> Findings:
    """Tempo, key and chords of 16-second takes."""
    plans = stage.plans
    rows = {
        "measured": [Heard.of(song) for song in stage.followed("plans", plans)],
        "ceiling": [Heard.of(song) for song in stage.coded_songs("plans", plans)],
        "real": [Heard.of(plan.mix) for plan in plans],
    }
    found = []
    for name, (aim, judge) in JUDGES.items():
        each = {
            row: mean([judge(one, plan) for one, plan in zip(heard, plans, strict=True)]) for row, heard in rows.items()
        }
        shifts = range(1, len(plans), max(1, len(plans) // 6))
        chance = mean(
            [judge(one, plans[(i + shift) % len(plans)]) for shift in shifts for i, one in enumerate(rows["measured"])]
        )
        found.append(Figure(name, each["measured"], len(plans), aim, chance, None, each["ceiling"], each["real"]))
    return Findings(found)


# --- Style, lead, and where songs lie -------------------------------------------------------------------------------


def clip_start(song: HeldOut, seconds: float) -> float:
    """Where a stretch of a song begins: a place that depends on its seed."""
    return Random(f"{song.sheet.seed}/clip").uniform(0, max(0.0, song.mix.duration_s - seconds))


def clip(song: HeldOut, seconds: float) -> Waveform:
    """A stretch of a song."""
    start = clip_start(song, seconds)
    return song.mix.between(start, start + seconds)


def pieces_of(song: HeldOut, seconds: float, through: Callable[[Waveform], Waveform]) -> Floats:
    """(pieces, e) of a stretch of a song."""
    count = int(seconds / figures.PIECE_S)
    return _filled(figures.pieces(through(clip(song, seconds))), count).astype(np.float32)


def _pieces_kept(
    stage: Stage, place: Path, songs: Sequence[HeldOut], seconds: float, through: Callable[[Waveform], Waveform]
) -> list[Floats]:
    """The pieces of each song, kept on disk song by song: a stopped run goes on."""
    return [stage.array(place, song.folder.name, lambda song=song: pieces_of(song, seconds, through)) for song in songs]


def _filled(pieces: Floats, count: int) -> Floats:
    """Exactly so many rows; the last one again where there are fewer."""
    return pieces[np.minimum(np.arange(count), len(pieces) - 1)]


def training_pieces(stage: Stage) -> tuple[list[HeldOut], list[Floats]]:
    """Songs that clouds of sound are learned from, each twice where it was coded: as it is, and through the codec."""
    every = stage.learnt(CLOUD_SONGS)
    some = stage.learnt(CODED_CLIPS)
    real = _pieces_kept(stage, stage.out / "songs" / "pieces", every, REAL_S, lambda song: song)
    coded = _pieces_kept(stage, stage.codec_folder / "pieces", some, CODED_S, stage.coded)
    return [*every, *some], [*real, *coded]


def traits_of(song: Waveform, plan: HeldOut, start_s: float = 0.0) -> tuple[Floats, Floats]:
    """What style, and what lead instrument are told from: (1, e) each."""
    return figures.song_statistics(song)[None], figures.tune_statistics(song, plan.sheet.score, start_s)[None]


def training_traits(stage: Stage) -> tuple[list[HeldOut], list[Floats], list[Floats]]:
    """Songs that probes learn from, as they are and, every third one, through the codec."""
    every = [*stage.learnt(10_000), *stage.judging]
    some = every[::3]

    def kept_traits(
        songs: Sequence[HeldOut], place: Path, through: Callable[[Waveform], Waveform]
    ) -> list[tuple[Floats, Floats]]:
        def one(song: HeldOut) -> Floats:
            start = clip_start(song, REAL_S)
            sound = through(song.mix.between(start, start + REAL_S))
            return np.concatenate(traits_of(sound, song, start), axis=1)

        rows = [stage.array(place, song.folder.name, lambda song=song: one(song)) for song in songs]
        width = 3 * (4 * figures.HARMONICS + 2)
        return [(row[:, :-width], row[:, -width:]) for row in rows]

    traits = [
        *kept_traits(every, stage.out / "songs" / "traits", lambda sound: sound),
        *kept_traits(some, stage.codec_folder / "traits", stage.coded),
    ]
    return [*every, *some], [style for style, _ in traits], [tune for _, tune in traits]


def style_probe(stage: Stage) -> Probe:
    """Tells the style of a song by its statistics."""
    songs, traits, _ = training_traits(stage)
    return Probe.learn(traits, [song.sheet.style for song in songs])


def lead_probe(stage: Stage) -> Probe:
    """Tells who plays the planned tune."""
    songs, _, traits = training_traits(stage)
    fit = [
        i
        for i, song in enumerate(songs)
        if song.sheet.voice is None and family_of(song.lead or "", LEADS) and np.isfinite(traits[i]).all()
    ]
    return Probe.learn([traits[i] for i in fit], [str(songs[i].lead) for i in fit])


def style_figures(stage: Stage) -> Findings:
    """Style and lead instrument by probes; distance of clouds of sounds."""
    plans = stage.plans
    heard = {
        "measured": stage.followed("plans", plans),
        "ceiling": stage.coded_songs("plans", plans),
        "real": [plan.mix for plan in plans],
    }
    traits = {
        row: [traits_of(song, plan) for song, plan in zip(songs, plans, strict=True)] for row, songs in heard.items()
    }
    styles, leads = style_probe(stage), lead_probe(stage)
    by_style = {row: [style for style, _ in songs] for row, songs in traits.items()}
    found = [
        _probed(
            "genre family, of 12",
            "≥ 0.85",
            by_style,
            plans,
            lambda p: styles.family(p, FAMILIES),
            lambda s: family_of(s.sheet.style, FAMILIES),
        ),
        _probed("genre, of 28", None, by_style, plans, styles.verdict, lambda s: s.sheet.style),
    ]
    led = [
        i
        for i, plan in enumerate(plans)
        if family_of(plan.lead or "", LEADS) and all(np.isfinite(songs[i][1]).all() for songs in traits.values())
    ]
    by_tune = {row: [songs[i][1] for i in led] for row, songs in traits.items()}
    plans_led = [plans[i] for i in led]
    found += [
        _probed(
            "lead instrument's family, of 8",
            "≥ 0.6",
            by_tune,
            plans_led,
            lambda p: leads.family(p, LEADS),
            lambda s: family_of(s.lead or "", LEADS),
        ),
        _probed(f"lead instrument, of {len(leads.labels)}", None, by_tune, plans_led, leads.verdict, lambda s: s.lead),
    ]
    learnt, pieces = training_pieces(stage)
    instrumental = [pieces[i] for i, song in enumerate(learnt) if song.sheet.voice is None]
    found += _distances(stage, instrumental, {row: [figures.pieces(s) for s in songs] for row, songs in heard.items()})
    wrong = [
        (plan.sheet.style, str(styles.verdict(p)))
        for plan, p in zip(plans, by_style["measured"], strict=True)
        if styles.verdict(p) != plan.sheet.style
    ]
    confused = "Styles heard as others: " + "; ".join(f"{asked} as {got}" for asked, got in sorted(wrong)) + "."
    return Findings(found, [confused])


def _probed(
    name: str,
    aim: str | None,
    heard: dict[str, list[Floats]],
    plans: Sequence[HeldOut],
    verdict: Callable[[Floats], str],
    truth: Callable[[HeldOut], str | None],
) -> Figure:
    true = [truth(plan) for plan in plans]
    said = {row: [verdict(song) for song in songs] for row, songs in heard.items()}
    right = {row: mean([a == b for a, b in zip(ones, true, strict=True)]) for row, ones in said.items()}
    n = len(true)
    chance = mean([said["measured"][i] == true[(i + shift) % n] for shift in range(1, n) for i in range(n)])
    return Figure(name, right["measured"], n, aim, chance, None, right["ceiling"], right["real"])


def embedding(pieces: Sequence[Floats], width: int = 32) -> Callable[[Floats], Floats]:
    """Pieces (n, e) to points (n, width): the directions in which real pieces differ most."""
    model = make_pipeline(StandardScaler(), PCA(width, random_state=0)).fit(np.concatenate(pieces))
    return lambda some: np.asarray(model.transform(some))


def _distances(stage: Stage, instrumental: Sequence[Floats], heard: dict[str, list[Floats]]) -> list[Figure]:
    """Fréchet distances to real songs."""
    place = embedding(instrumental)
    real = place(np.concatenate(instrumental))
    far = {row: figures.frechet(place(np.concatenate(songs)), real) for row, songs in heard.items()}
    guides = [figures.pieces(render_guide(plan.sheet.score)) for plan in stage.plans]
    noise = np.random.default_rng(0).standard_normal((2, 48_000 * 16)).astype(np.float32) * np.float32(0.1)
    n = len(stage.plans)
    return [
        Figure(
            "Fréchet distance to real songs (chance: white noise; trivial: the guide track)",
            far["measured"],
            n,
            None,
            figures.frechet(place(figures.pieces(Waveform(noise, 48_000))), real),
            figures.frechet(place(np.concatenate(guides)), real),
            far["ceiling"],
            far["real"],
        )
    ]


# --- Whole songs ----------------------------------------------------------------------------------------------------


def form_figures(stage: Stage) -> Findings:
    """Songs of a minute: energy by section, what comes again, and tempo and key again.

    Half of the energy is loudness, which a take gets from the fader (`audio.shaped`); the other half, how busy it is, it
    has from the generator alone.
    """
    plans = [plan for plan in stage.whole if figures.section_likeness(plan.mix, plan.sheet.score) is not None]
    rows = {
        "measured": stage.followed("whole", plans),
        "ceiling": stage.coded_songs("whole", plans),
        "real": [plan.mix for plan in plans],
    }
    n = len(plans)
    again = {row: mean([measures.repetition(Sound.of(song)) or 0.0 for song in songs]) for row, songs in rows.items()}
    chords = {
        row: mean([figures.chord_likeness(song, plan.sheet.score) for song, plan in zip(songs, plans, strict=True)])
        for row, songs in rows.items()
    }
    tempo = {
        row: mean([Heard.of(song).keeps_tempo(plan) for song, plan in zip(songs, plans, strict=True)])
        for row, songs in rows.items()
    }
    return Findings(
        [
            _by_section("energy by section, songs of 60 s", "≥ 0.5", rows, plans, figures.section_likeness),
            _by_section("sections begin where planned, within 1 s (F-measure), songs of 60 s", None, rows, plans, figures.boundary_likeness),
            Figure("repetition, songs of 60 s", again["measured"], n, None, None, None, again["ceiling"], again["real"]),
            Figure("chords, songs of 60 s", chords["measured"], n, "≥ 0.6", None, None, chords["ceiling"], chords["real"]),
            Figure("tempo, songs of 60 s", tempo["measured"], n, "≥ 0.9", None, None, tempo["ceiling"], tempo["real"]),
        ]
    )  # fmt: skip


def _by_section(
    name: str,
    aim: str | None,
    heard: dict[str, list[Waveform]],
    plans: Sequence[HeldOut],
    judge: Callable[[Waveform, Score], float | None],
) -> Figure:
    """How well songs agree with the sections of their plans, and takes with those of others."""
    n = len(plans)
    right = {
        row: mean([judge(song, plan.sheet.score) or 0.0 for song, plan in zip(songs, plans, strict=True)])
        for row, songs in heard.items()
    }
    chance = mean(
        [
            judge(song, plans[(i + shift) % n].sheet.score) or 0.0
            for shift in (1, 2, 3)
            for i, song in enumerate(heard["measured"])
        ]
    )
    return Figure(name, right["measured"], n, aim, chance, None, right["ceiling"], right["real"])


# --- Variety --------------------------------------------------------------------------------------------------------


def variety_figures(stage: Stage) -> Findings:
    """16 seeds of one plan, asked for by the name of its style alone, beside 16 arrangements of the same score."""
    learnt, pieces = training_pieces(stage)
    place = embedding([pieces[i] for i, song in enumerate(learnt) if song.sheet.voice is None])
    plans = [plan for plan in stage.plans if plan.sheet.seed in VARIETY]
    made, arranged, coded = [], [], []
    for plan in plans:
        score = plan.sheet.score
        blueprint = plan_of(score, plan.sheet.style, INSTRUMENTAL)
        takes = [
            stage.take(f"variety/{score.style}-{seed}", SongRequest(seeds=(seed,)), blueprint) for seed in range(VARIED)
        ]
        real = [_arranged(stage, plan, seed) for seed in range(VARIED)]
        made.append(_spread(place, takes))
        arranged.append(_spread(place, real))
        coded.append(_spread(place, [stage.coded(song) for song in real[:8]]))
    whole, other = mean(made), mean(arranged)
    rows = [
        [plan.sheet.style, number(a), number(b), number(a / b)]
        for plan, a, b in zip(plans, made, arranged, strict=True)
    ]
    return Findings(
        [Figure("variety over 16 seeds of a plan, as a share of the data's", whole / other, VARIED * len(plans), "≥ 0.7", None, 0.0, mean(coded) / other, 1.0)],
        [table(("one plan, 16 seeds", "spread of takes", "spread of arrangements", "share"), rows)],
    )  # fmt: skip


def _arranged(stage: Stage, plan: HeldOut, seed: int) -> Waveform:
    """The same score played by another band."""

    def make() -> Waveform:
        score = plan.sheet.score
        parts = arrange(score, seed)
        sampler = open_sampler("musescore")
        sounds = render_parts(parts, sampler, round(score.duration_s * 48_000))
        mix, _ = mix_down(sounds, parts, set_up(parts, STYLES[score.style], seed, sung=False), seed)
        return Waveform(np.asarray(mix, np.float32), 48_000)

    return kept(stage.out / "songs" / "arranged" / f"{plan.sheet.seed}-{seed}.flac", make)


def _spread(place: Callable[[Floats], Floats], songs: Sequence[Waveform]) -> float:
    return figures.spread(np.stack([place(figures.pieces(song)).mean(axis=0) for song in songs]))
