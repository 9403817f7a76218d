"""Do the editing tasks do their work on songs from held-out seeds?

Repaint must leave what is outside its region alone. A cover must keep more of its source's notes as its strength rises.
Extract, lego and complete are compared with answers that need no model: silence, the mix itself, another song's track.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmarks.quality import figures
from benchmarks.quality.following import mean
from benchmarks.quality.stage import HeldOut, Stage
from benchmarks.quality.table import Figure, Findings, number, table
from melisma.audio import Waveform
from melisma.song import AudioRef, Complete, Cover, Extract, Lego, Playable, Repaint, SongRequest

REGION_S = (5.0, 10.0)
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
REPAINTED, COVERED, TAKEN_APART = 8, 6, 16
ORDER = ("vocals", "drums", "bass", "guitar", "keyboard", "woodwinds", "strings", "brass", "synth", "percussion")


def asked(song: HeldOut, task: Playable) -> SongRequest:
    """A task on a song, described as it was made."""
    sheet = song.sheet
    return SongRequest(
        task=task,
        caption=song.caption,
        lyrics=None if sheet.voice is None else sheet.lyrics,
        bpm=sheet.bpm,
        key=sheet.key,
        meter=sheet.meter,
        seeds=(sheet.seed,),
    )


def played(stage: Stage, name: str, song: HeldOut, task: Playable) -> Waveform:
    return stage.take(f"{name}/{song.folder.name}", asked(song, task))


# --- Repaint --------------------------------------------------------------------------------------------------------


def repaint_figures(stage: Stage) -> Findings:
    """Outside the region sample for sample the same (but for the crossfade next to it), inside something new."""
    songs = stage.plans[:REPAINTED]
    start, end = REGION_S
    largest, share, inside, coded, fit, other = [], [], [], [], [], []
    for i, song in enumerate(songs):
        task = Repaint(source=song.ref(), start_s=start, end_s=end, crossfade_s=0.05)
        take = stage.play(asked(song, task), None)
        mix = song.mix
        difference = np.abs(take.samples - mix.samples[:, : take.count]).max(axis=0)
        outside = np.ones(len(difference), bool)
        outside[round((start - 0.06) * 48_000) : round((end + 0.06) * 48_000)] = False
        largest.append(float(difference[outside].max()))
        share.append(float((difference[~outside] > 1e-3).mean()))
        part, true = take.between(*REGION_S), mix.between(*REGION_S)
        inside.append(figures.mel_distance(part, true))
        coded.append(figures.mel_distance(stage.coded(true), true))
        others = songs[(i + 1) % len(songs)].mix.between(*REGION_S)
        before = mix.between(0.0, start)
        fit.append(_timbre_gap(part, before))
        other.append((_timbre_gap(others, before), _timbre_gap(true, before)))
    n = len(songs)
    return Findings(
        [
            Figure("repaint: largest difference outside the region", max(largest), n, "≤ 0.0001"),
            Figure("repaint: share of the region's samples that changed", mean(share), n, "≥ 0.9"),
            Figure("repaint: mel distance of the region to what was there, dB", mean(inside), n, None, None, None, mean(coded), 0.0),
            Figure(
                "repaint: mean spectrum of the region against the music before, dB (chance: another song's)",
                mean(fit), n, None, mean([a for a, _ in other]), None, None, mean([b for _, b in other]),
            ),
        ]
    )  # fmt: skip


def _timbre_gap(one: Waveform, other: Waveform) -> float:
    """Mean absolute difference of mean mel spectra, dB."""
    return float(np.abs(figures.log_mel(one).mean(axis=0) - figures.log_mel(other).mean(axis=0)).mean())


# --- Cover ----------------------------------------------------------------------------------------------------------


def cover_figures(stage: Stage) -> Findings:
    """Notes of the source that are kept, against strength, by codes and by latents."""
    songs = stage.plans[:COVERED]
    n = len(songs)
    chance = mean([figures.chroma_likeness(song.mix, songs[(i + 1) % n].mix) for i, song in enumerate(songs)])
    ceiling = mean([figures.chroma_likeness(stage.coded(song.mix), song.mix) for song in songs])
    rows, found = [], []
    for name, semantic in (("codes", True), ("latents", False)):
        kept, onsets, distance = [], [], []
        for strength in STRENGTHS:
            takes = [
                played(
                    stage,
                    f"cover-{name}-{strength}",
                    song,
                    Cover(source=song.ref(), strength=strength, semantic=semantic),
                )
                for song in songs
            ]
            pairs = list(zip(takes, songs, strict=True))
            kept.append(mean([figures.chroma_likeness(take, song.mix) for take, song in pairs]))
            onsets.append(mean([figures.onset_likeness(take, song.mix) for take, song in pairs]))
            distance.append(mean([figures.mel_distance(take, song.mix) for take, song in pairs]))
        rows += [
            [f"{name}: chroma", *map(number, kept)],
            [f"{name}: onsets", *map(number, onsets)],
            [f"{name}: mel distance, dB", *map(number, distance)],
        ]
        found += [
            Figure(f"cover by {name}: chroma likeness to the source at strength 1", kept[-1], n, None, chance, kept[0], ceiling, 1.0),
            Figure(f"cover by {name}: steps of strength that raise it, of 4", sum(b > a for a, b in pairwise(kept)), n, "≥ 4"),
        ]  # fmt: skip
    return Findings(found, [table(("cover against strength", *map(str, STRENGTHS)), rows)])


# --- Extract, lego, complete ----------------------------------------------------------------------------------------


def parted(stage: Stage) -> list[tuple[HeldOut, str]]:
    """Songs, half of them sung, and a track of each, so that many tracks have their turn."""
    half = TAKEN_APART // 2
    chosen = []
    for i, song in enumerate([*stage.sung[:half], *stage.plans[:half]]):
        there = [track for track in ORDER if track in song.tracks and song.stem(track).peak > 0.01]
        chosen.append((song, there[i % len(there)]))
    return chosen


def another(pairs: Sequence[tuple[HeldOut, str]], i: int, pool: Sequence[HeldOut]) -> Waveform:
    """The same track of another song, and if nobody else has it, another track."""
    song, track = pairs[i]
    others = [one for one in pool if one is not song and one.folder != song.folder and track in one.tracks]
    return (
        others[i % len(others)].stem(track)
        if others
        else pairs[(i + 1) % len(pairs)][0].stem(pairs[(i + 1) % len(pairs)][1])
    )


def silence_like(song: Waveform) -> Waveform:
    return Waveform(np.zeros_like(song.samples), song.rate_hz)


def extract_figures(stage: Stage) -> Findings:
    """One track out of the mix, against silence and against the mix left as it is."""
    pairs = parted(stage)
    rows, made, mixes, nones, ceiling, sdr, sdr_mix, sdr_coded = [], [], [], [], [], [], [], []
    for song, track in pairs:
        take = played(stage, f"extract-{track}", song, Extract(source=song.ref(), track=track))
        stem = song.stem(track)
        mine, mix, none = (figures.mel_distance(one, stem) for one in (take, song.mix, silence_like(stem)))
        coded = stage.coded(stem)
        made.append(mine)
        mixes.append(mix)
        nones.append(none)
        ceiling.append(figures.mel_distance(coded, stem))
        sdr.append(figures.si_sdr(take, stem))
        sdr_mix.append(figures.si_sdr(song.mix, stem))
        sdr_coded.append(figures.si_sdr(coded, stem))
        rows.append(
            [f"{song.sheet.style}, {track}", *map(number, (mine, mix, none, ceiling[-1], sdr[-1], sdr_mix[-1]))]
        )
    n = len(pairs)
    trivial = min(mean(mixes), mean(nones))
    nearest = [min(mix, none) for mix, none in zip(mixes, nones, strict=True)]
    better = mean([mine < best for mine, best in zip(made, nearest, strict=True)])
    return Findings(
        [
            Figure("extract: mel distance to the true track, dB", mean(made), n, f"≤ {trivial:.2f}", None, trivial, mean(ceiling), 0.0),
            Figure("extract: mel distance of whichever is nearer, silence or the mix, chosen with the true track in hand", mean(nearest), n),
            Figure("extract: nearer than both silence and the mix", better, n, "≥ 0.75"),
            Figure("extract: SI-SDR, dB (median; trivial: the mix)", float(np.median(sdr)), n, None, None, float(np.median(sdr_mix)), float(np.median(sdr_coded))),
        ],
        [table(("extract", "mel dB", "mix as it is", "silence", "codec", "SI-SDR", "of the mix"), rows)],
    )  # fmt: skip


def lego_figures(stage: Stage) -> Findings:
    """One more track that fits: against silence and the same track of another song."""
    pairs = parted(stage)
    rows, made, none, random_, ceiling, better = [], [], [], [], [], []
    notes: dict[str, list[float]] = {"take": [], "other": [], "true": []}
    for i, (song, track) in enumerate(pairs):
        rest = AudioRef(path=song.rest(track))
        take = played(stage, f"lego-{track}", song, Lego(source=rest, track=track))
        stem, other = song.stem(track), another(pairs, i, [*stage.sung, *stage.plans])
        values = [figures.mel_distance(one, stem) for one in (take, silence_like(stem), other)]
        made.append(values[0])
        none.append(values[1])
        random_.append(values[2])
        ceiling.append(figures.mel_distance(stage.coded(stem), stem))
        better.append(values[0] < min(values[1:]))
        if track not in ("drums", "percussion"):
            around = song.without(track)
            for name, sound in (("take", take), ("other", other), ("true", stem)):
                notes[name].append(figures.chroma_likeness(sound, around))
        rows.append([f"{song.sheet.style}, {track}", *map(number, values), number(ceiling[-1])])
    n = len(pairs)
    best = min(mean(none), mean(random_))
    return Findings(
        [
            Figure("lego: mel distance to the track that was there, dB (chance: another song's)", mean(made), n, f"≤ {best:.2f}", mean(random_), mean(none), mean(ceiling), 0.0),
            Figure("lego: nearer than silence and another song's track", mean(better), n, "≥ 0.75"),
            Figure("lego: notes that fit the rest (chance: another song's)", mean(notes["take"]), len(notes["take"]), None, mean(notes["other"]), 0.0, None, mean(notes["true"])),
        ],
        [table(("lego", "mel dB", "silence", "another song's", "codec"), rows)],
    )  # fmt: skip


def complete_figures(stage: Stage) -> Findings:
    """A band around one track: against silence, the track alone and another song."""
    pairs = parted(stage)
    n = len(pairs)
    made, alone, random_, ceiling, better = [], [], [], [], []
    beats: dict[str, list[float]] = {"take": [], "other": [], "true": []}
    notes: dict[str, list[float]] = {"take": [], "other": [], "true": []}
    for i, (song, track) in enumerate(pairs):
        others = tuple(name for name in song.tracks if name != track)
        path = song.folder / "stems" / f"{track}.flac"
        take = played(stage, f"complete-{track}", song, Complete(source=AudioRef(path=path), tracks=others))
        stem, mix, other = song.stem(track), song.mix, pairs[(i + 1) % n][0].mix
        made.append(figures.mel_distance(take, mix))
        alone.append(figures.mel_distance(stem, mix))
        random_.append(figures.mel_distance(other, mix))
        ceiling.append(figures.mel_distance(stage.coded(mix), mix))
        better.append(made[-1] < min(alone[-1], random_[-1]))
        for name, sound in (("take", take), ("other", other), ("true", mix)):
            beats[name].append(figures.onset_likeness(sound, mix))
            notes[name].append(figures.chroma_likeness(sound, mix))
    return Findings(
        [
            Figure("complete: mel distance to the whole song, dB (chance: another song; trivial: the track alone)", mean(made), n, f"≤ {min(mean(alone), mean(random_)):.2f}", mean(random_), mean(alone), mean(ceiling), 0.0),
            Figure("complete: nearer than the track alone and another song", mean(better), n, "≥ 0.75"),
            Figure("complete: onsets like the whole song's", mean(beats["take"]), n, None, mean(beats["other"]), None, None, 1.0),
            Figure("complete: notes like the whole song's", mean(notes["take"]), n, None, mean(notes["other"]), None, None, 1.0),
        ]
    )  # fmt: skip
