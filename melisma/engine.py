"""The journey of a request, in one straight line.

request → blueprint → canvas → conditioning → latents → waveform → mastered take. Each step is a pure hand-over; nothing
later reaches back. `rehearse` does what all takes share, once; a `Rehearsal` then gives one take per seed, so that the
first can be heard while the next is made. `perform` is both together. No step writes to a disk.

Takes are played one at a time: results do not depend on which takes are asked for together (the official network lets
padding leak between the items of a batch), memory stays that of one take, and everything that could be shared is
(docs/decisions/004-one-take-at-a-time.md).
"""

import math
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from melisma import __version__, audio
from melisma.audio import Waveform
from melisma.audio.files import SILENT_PEAK
from melisma.errors import BadRequest, MissingModel, OutOfMemory, UnsoundResult
from melisma.generators import Conditioning, Flow, Generator, refuse_unknown_codes, refuse_unless_able
from melisma.generators.v1 import V1, load_v1
from melisma.generators.v15 import V15, load_v15
from melisma.listen import Listener, quiet
from melisma.models.adapters import merge, read_adapter
from melisma.models.autoencoders import Loaded
from melisma.models.store import Parts, Store
from melisma.planning import Planner, drafts, load_planner, scored, writes_codes
from melisma.planning.finding import find_planner
from melisma.ranking import alignment, insight
from melisma.ranking.alignment import Singing
from melisma.ranking.judges import Verdict
from melisma.ranking.judges import listen as judge
from melisma.ranking.order import order
from melisma.sampling import (
    Draw,
    Kept,
    Plan,
    flow_edit,
    hand_over_time,
    handed_over,
    near,
    seeded_noise,
    solve,
)
from melisma.score.singer import Singer, voice_for
from melisma.song import (
    MAX_DURATION_S,
    Adapter,
    AudioRef,
    Blueprint,
    Complete,
    Compose,
    FinishOptions,
    Lego,
    Provenance,
    SamplingOptions,
    SongRequest,
    TimedLine,
)
from melisma.tasks import Canvas, Hear, Sing, lay_out

# Loudness of the guide voice against the band. Two test songs, words wrong by Whisper-tiny: 51 % at 0 dB, 38 % at 4 dB,
# 31 % at 8 dB, where the band begins to disappear.
VOICE_DB = 4.0
# The noise through which finished music is looked at for its words: always the same, so that takes compare.
LOOKING_SEED = 42


@dataclass(frozen=True)
class Band:
    """Who plays: a generator, its autoencoder, and a planner if there is one."""

    generator: Generator
    autoencoder: Loaded
    planner: Planner | None = None

    @classmethod
    def of(cls, request: SongRequest, store: Store | None = None) -> Self:
        """Call the players that a request asks for; `store` keeps those that were called before.

        Raises MissingModel with the next step where a checkpoint is not here.
        """
        store = store or Store()
        parts = store.find(request.model)
        key = ("generator", parts.root, request.adapters)
        generator = store.owned(key, lambda: generator_of(store, parts, request.adapters))
        asked = request.planning
        folder = find_planner(asked.planner, store.home) if asked.planner else parts.planner
        planner = None
        if folder and may_plan(request):
            planner = store.owned(("planner", folder), lambda: planner_of(store, folder))
        return cls(generator, store.autoencoder(parts), planner)


def may_plan(request: SongRequest) -> bool:
    """Whether a planner has anything to do: for songs unless it is not wanted, for parts of songs where it is."""
    asked = request.planning
    if asked.use_planner is False:
        return False
    wanted = asked.use_planner or asked.codes or asked.planner is not None
    return isinstance(request.played, Compose) or (bool(wanted) and isinstance(request.played, Lego | Complete))


def planner_of(store: Store, folder: Path) -> Planner:
    """A planner whose network comes to the device to work, as the store's memory policy says."""
    return load_planner(folder, store.device, hosting=store.hosting)


def silence_of(autoencoder: Loaded) -> Tensor:
    """(t, c): what the autoencoder makes of silence, without its edges; as long as the longest song."""
    seconds = 4
    latents = autoencoder.encode(torch.zeros(1, 2, seconds * autoencoder.sample_rate))[0]
    middle = latents[len(latents) // 2 :][:1]
    return middle.repeat(round(MAX_DURATION_S * autoencoder.latent_hz), 1)


def generator_of(store: Store, parts: Parts, adapters: Sequence[Adapter] = ()) -> Generator:
    """A checkpoint with its text encoder and adapters merged; parts come to the device as the store's memory policy
    says."""
    generator: V15 | V1
    if parts.family == "v1":
        generator = load_v1(parts.root, device=store.device, dtype=store.dtype, hosting=store.hosting, name=parts.name)
        adapted: nn.Module = generator.net
    else:
        generator = load_v15(
            parts.root,
            store.text_encoder(parts),
            device=store.device,
            dtype=store.dtype,
            hosting=store.hosting,
            name=parts.name,
            silence=lambda: silence_of(store.autoencoder(parts)),
        )
        adapted = generator.net.decoder
    for adapter in adapters:
        found = read_adapter(store.adapter(adapter.name))
        merge(adapted, found, adapter.weight)
        generator.fingerprint += f"+{found.fingerprint}@{adapter.weight:g}"
    return generator


@dataclass(frozen=True)
class Rendering:
    """One take, not yet stored. latents: (t, c); kept frames are exactly those of the source.

    `singing` is how its words are sung, where that was looked at; when, its provenance says.
    """

    waveform: Waveform
    latents: Tensor
    provenance: Provenance
    timings: dict[str, float]
    singing: Singing | None = None

    def report(self, path: Path) -> dict[str, Any]:
        """What a script wants to know of a written take."""
        lufs = audio.loudness(self.waveform)
        return {
            "path": str(path),
            "seed": self.provenance.seed,
            "duration_s": round(self.waveform.duration_s, 3),
            "sample_rate": self.waveform.rate_hz,
            "lufs": None if lufs is None else round(lufs, 2),
            "true_peak_dbtp": round(audio.true_peak(self.waveform), 2),
            "reasons": list(self.provenance.reasons),
            "lines": [line.model_dump() for line in self.provenance.lines],
            "timings": {stage: round(seconds, 3) for stage, seconds in self.timings.items()},
        }


@dataclass(frozen=True)
class Performance:
    """A request, what was planned, and all its takes."""

    request: SongRequest
    blueprint: Blueprint
    sampling: SamplingOptions
    takes: tuple[Rendering, ...]


def read_ref(ref: AudioRef) -> Waveform:
    """The audio behind a reference to a file."""
    if ref.path is None:
        raise BadRequest(f"{ref} lies in a library, not in a file: ask through the studio, or give a path")
    return audio.read(ref.path, rate_hz=None)


@dataclass
class Rehearsal:
    """What all takes of a request share. `seeds` says which takes were asked for; `take` plays any seed.

    Where a planner wrote audio codes every take has its own: then `blueprints` holds one per seed, and `blueprint` is
    the first.
    """

    request: SongRequest
    band: Band
    blueprint: Blueprint
    blueprints: dict[int, Blueprint]
    canvas: Canvas
    conditioning: Conditioning
    sampling: SamplingOptions
    plan: Plan
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed per take."""
        return seeds_of(self.request)

    @property
    def fingerprint(self) -> str:
        """Identifies weights, adapters and code: with request, blueprint and seed it makes a take again."""
        return f"{self.band.generator.fingerprint}+{self.band.autoencoder.fingerprint}+{__version__}"

    def report(self) -> dict[str, Any]:
        """What a script wants to know beside the takes."""
        return {
            "model": self.band.generator.name,
            "fingerprint": self.fingerprint,
            "blueprint": self.blueprint.model_dump(mode="json"),
            "sampling": self.sampling.model_dump(mode="json"),
            "timings": {stage: round(seconds, 3) for stage, seconds in self.timings.items()},
        }

    @property
    def tells_words(self) -> bool:
        """Whether this band can tell where the words of this song are sung."""
        return self.conditioning.look is not None

    def take(self, seed: int, listen: Listener = quiet, follow: bool = False) -> Rendering:
        """Play one take. `follow` also finds out where and how its words are sung, where the band can tell.

        Raises UnsoundResult rather than returning silence or noise that is not finite.
        """
        timings: dict[str, float] = {}
        self._take_up(self.blueprints.get(seed, self.blueprint))
        with memory_explained(self.canvas):
            with clock(timings, "denoise"):
                latents = self._latents(seed, listen)
            listen.stage("decode")
            with clock(timings, "decode"):
                decoded = self.band.autoencoder.decode(latents)[0].float().cpu().numpy()
            listen.step()
            singing: Singing | None = None
            lines: tuple[TimedLine, ...] = ()
            if follow:
                with clock(timings, "follow"):
                    singing, lines = self._followed(latents)
        with clock(timings, "master"):
            waveform = self._finished(sound_checked(decoded, self.band), self.request.finish.over(self.canvas.finish))
        provenance = Provenance(
            version=__version__,
            request=self.request,
            blueprint=self.blueprint,
            seed=seed,
            sampling=self.sampling,
            fingerprint=self.fingerprint,
            lines=lines,
        )
        kept = self.canvas.restore(latents)[0].float().cpu()
        return Rendering(waveform, kept, provenance, timings, singing)

    def _followed(self, latents: Tensor) -> tuple[Singing | None, tuple[TimedLine, ...]]:
        """How and when the words of finished latents (1, t, c) are sung, as the network sees it in its last step."""
        if self.conditioning.look is None:
            return None, ()
        t = 1 / self.plan.steps
        noise = seeded_noise((LOOKING_SEED,), *latents.shape[1:]).to(latents)
        seen = self.conditioning.look(t * noise + (1 - t) * latents, t)
        words = alignment.lyric_span(seen.tokens, seen.header, seen.end)
        tokens, attention = seen.tokens[words], seen.attention[:, words]
        if not tokens:
            return None, ()
        tags = alignment.tags_in(alignment.token_texts(tokens, seen.spell))
        timed = alignment.lines(attention, tokens, self.canvas.blueprint.duration_s, seen.spell)
        return alignment.singing(attention, tags), tuple(timed)

    def _take_up(self, blueprint: Blueprint) -> None:
        """Prepare again where this take hears other codes than the last one."""
        if blueprint.codes != self.canvas.blueprint.codes:
            self.canvas = replace(self.canvas, blueprint=blueprint)
            self.conditioning = self.band.generator.prepare(self.canvas)
            self.blueprint = blueprint

    def _latents(self, seed: int, listen: Listener) -> Tensor:
        """(1, t, c), once more in float32 where half precision overflows."""
        try:
            return sing(self, seed, listen)
        except UnsoundResult as error:
            if not self.band.generator.widen():
                raise
            listen.note(f"{error} Trying again in float32, which needs twice the memory.")
            self.conditioning = self.band.generator.prepare(self.canvas)
            return sing(self, seed, listen)

    def _finished(self, waveform: Waveform, finish: FinishOptions) -> Waveform:
        """Cut to the length promised, shape, put what is kept back in, bring to loudness."""
        length = round(self.canvas.blueprint.duration_s * waveform.rate_hz)
        waveform = Waveform(waveform.samples[:, :length], waveform.rate_hz)
        if self.canvas.dynamics and finish.master is not False:
            waveform = audio.shaped(waveform, self.canvas.dynamics)
        if self.canvas.voice:
            waveform = audio.overlaid(waveform, self.canvas.voice, VOICE_DB)
        if finish.master is False and self.request.finish.master is None:
            # Nobody asked for samples as decoded: what stands beside sound that stays as it is may not clip either.
            waveform = audio.limited(waveform)
        if self.canvas.keeping:
            kept = self.canvas.keeping
            waveform = audio.patch(kept.original, waveform, kept.spans_s, kept.crossfade_s)
        return audio.master(waveform, finish)


def rehearse(
    request: SongRequest,
    band: Band,
    blueprint: Blueprint | None = None,
    listen: Listener = quiet,
    hear: Hear = read_ref,
) -> Rehearsal:
    """Everything up to the first note: plan, canvas and conditioning. `hear` finds the audio behind a reference."""
    refuse_unless_able(band.generator, request.task.kind)
    if band.generator.notice:
        listen.note(band.generator.notice)
    request = seeded(request)
    if blueprint is None:
        request = agreed(request, band, listen)
    sampling = request.sampling.over(band.generator.preferred)
    plan = band.generator.plan(sampling)
    timings: dict[str, float] = {}
    hear = cache(hear)
    with clock(timings, "plan"):
        blueprints = (scored_for(band, request, blueprint),) if blueprint else planned(request, band, listen, hear)
    for one in blueprints:
        refuse_unknown_codes(band.generator, one.codes)
    with clock(timings, "listen"):
        canvas = lay_out(request, blueprints[0], band.autoencoder, hear, guide_voice(blueprints[0], listen))
        canvas = band.generator.suited(canvas, plan)
    length = {"duration_s": canvas.blueprint.duration_s}
    blueprints = tuple(one.model_copy(update=length) for one in blueprints)
    listen.stage("prepare")
    with clock(timings, "prepare"), memory_explained(canvas):
        conditioning = band.generator.prepare(canvas)
    listen.step()
    own = dict(zip(seeds_of(request), blueprints, strict=False)) if len(blueprints) > 1 else {}
    return Rehearsal(request, band, blueprints[0], own, canvas, conditioning, sampling, plan, timings)


def planned(request: SongRequest, band: Band, listen: Listener = quiet, hear: Hear = read_ref) -> tuple[Blueprint, ...]:
    """The blueprints of a request that was `agreed` on: one, or one for each take where the planner writes its codes."""
    found = drafts(request, band.planner, listen, source_s=source_length(request, hear))
    first = scored_for(band, request, found[0])
    return found if first is found[0] else (first,)


def scored_for(band: Band, request: SongRequest, blueprint: Blueprint) -> Blueprint:
    """A blueprint with its notes, where the generator follows notes and nothing else says what is played."""
    if band.generator.follows_score and request.played.kind == "compose" and blueprint.codes is None:
        return scored(blueprint, request.planning.seed or seeds_of(request)[0])
    return blueprint


def perform(
    request: SongRequest,
    band: Band,
    blueprint: Blueprint | None = None,
    listen: Listener = quiet,
    hear: Hear = read_ref,
) -> Performance:
    """Play one request: all its takes."""
    rehearsal = rehearse(request, band, blueprint, listen, hear)
    takes = tuple(rehearsal.take(seed, listen) for seed in rehearsal.seeds)
    return Performance(rehearsal.request, rehearsal.blueprint, rehearsal.sampling, takes)


def best(
    takes: Sequence[Rendering], keep: int, planner: Planner | None = None, listen: Listener = quiet
) -> list[Rendering]:
    """The best takes: fewest failed gates first, then the mixture stated in `ranking.order`.

    Judges listen to the sound; how words are sung counts where takes were made with `follow`, and how well the planner
    finds the description in a take's audio codes where it has any. Each take carries what was found, in words.
    """
    heard = [judged(take, planner, listen) for take in takes]
    return [
        replace(takes[one.index], provenance=takes[one.index].provenance.model_copy(update={"reasons": one.reasons}))
        for one in order(heard)[:keep]
    ]


def judged(take: Rendering, planner: Planner | None = None, listen: Listener = quiet) -> dict[str, Verdict]:
    """All verdicts on one take, by name."""
    known = take.provenance
    verdicts = judge(take.waveform, known.request, known.blueprint)
    if take.singing is not None:
        verdicts["words"] = insight.words(take.singing)
    found = insight.found_by(planner, known.blueprint, listen) if planner else None
    return verdicts | ({"planner": found} if found else {})


def agreed(request: SongRequest, band: Band, listen: Listener) -> SongRequest:
    """The request, without audio codes where planner and generator do not speak of the same ones.

    Raises MissingModel where codes, or just this planner, were asked for.
    """
    planner, asked = band.planner, request.planning
    if planner is None or not writes_codes(request, planner):
        return request
    strange = strangers(planner, band.generator)
    if strange is None:
        return request
    if asked.codes or asked.planner:
        raise MissingModel(f"{strange}. Name another planner or checkpoint, or sing without codes (--no-codes)")
    listen.note(f"{strange}: its plan is used, without codes.")
    return request.model_copy(update={"planning": asked.model_copy(update={"codes": False})})


def strangers(planner: Planner, generator: Generator) -> str | None:
    """What is wrong if a planner and a generator were trained for different audio codes; None if nothing is."""
    written, known = planner.language.vocabulary.codes, generator.codebook
    if written == known:
        return None
    return f"{planner.name} writes {written} audio codes, {generator.name} knows {known or 'none'}: they do not belong together"


def seeded(request: SongRequest) -> SongRequest:
    """The request with a seed for every take."""
    if request.seeds is not None:
        return request
    return request.model_copy(update={"seeds": tuple(secrets.randbelow(2**32) for _ in range(request.takes))})


def seeds_of(request: SongRequest) -> tuple[int, ...]:
    """The seeds of a request that has them (see `seeded`)."""
    assert request.seeds is not None
    return request.seeds


def guide_voice(blueprint: Blueprint, listen: Listener) -> Sing | None:
    """A singer for the words of a score; None where nothing is sung, or the voice is not installed."""
    if blueprint.score is None or blueprint.instrumental:
        return None
    try:
        singer = Singer(threads=torch.get_num_threads())
    except MissingModel as error:
        listen.note(f"The guide voice is not installed, so words will not be understood. {error}")
        return None
    return lambda score, caption: singer.sing(score, voice_for(caption)).sound


def source_length(request: SongRequest, hear: Hear) -> float | None:
    """Seconds of the music a task starts from, if it starts from any."""
    source = getattr(request.played, "source", None)
    return hear(source).duration_s if source is not None else None


def sound_checked(samples: np.ndarray, band: Band) -> Waveform:
    """Decoded samples as a waveform, unless they are no music at all."""
    if not np.isfinite(samples).all():
        raise UnsoundResult(
            "the autoencoder returned samples that are not finite: try --device cpu, and `melisma models verify` if that fails too"
        )
    if np.abs(samples).max(initial=0.0) < SILENT_PEAK:
        raise UnsoundResult("the song came out silent: try another seed, and `melisma models verify` if that fails too")
    return Waveform(samples, band.autoencoder.sample_rate)


def sing(rehearsal: Rehearsal, seed: int, listen: Listener) -> Tensor:
    """Noise to latents (1, t, c): the walk that the canvas asks for."""
    canvas, plan, generator = rehearsal.canvas, rehearsal.plan, rehearsal.band.generator
    fresh = on(generator.device, generator.draws(seed, canvas.frames, plan))
    if canvas.source is not None and canvas.edit:
        return edit(rehearsal, fresh, listen)
    noise = fresh()
    if canvas.near:
        of = on(generator.device, generator.draws(canvas.near.seed, canvas.frames, plan))
        noise = near(of(), noise, canvas.near.variance)
    plan, start = generator.start(canvas, plan, noise)
    velocity = generator.guide(heard_for(canvas.hears, rehearsal.conditioning, plan), plan)
    listen.stage(f"sing (seed {seed})", plan.steps)
    return solve(velocity, start, plan, fresh=fresh, noise=noise, kept=kept_of(canvas), listen=listen)


def edit(rehearsal: Rehearsal, fresh: Draw, listen: Listener) -> Tensor:
    """Source latents to edited latents (1, t, c), from one description to the other."""
    canvas, plan, conditioning = rehearsal.canvas, rehearsal.plan, rehearsal.conditioning
    assert canvas.edit is not None
    assert canvas.source is not None
    assert conditioning.origin is not None
    listen.stage("edit", plan.steps)
    generator = rehearsal.band.generator
    origin = generator.compare(conditioning.origin, plan, "origin")
    target = generator.compare(conditioning.song, plan, "target")
    music = canvas.source[None].to(generator.device)
    window, draws_ = canvas.edit.window, canvas.edit.draws
    return flow_edit(origin, target, music, plan, fresh=fresh, window=window, draws=draws_, listen=listen)


def heard_for(share: float, conditioning: Conditioning, plan: Plan) -> Flow:
    """The flow that hears the source for a share of the steps."""
    first, second = conditioning.song, conditioning.deaf
    if second is None:
        return first
    at = hand_over_time(plan.times, share)
    return Flow(
        handed_over(first.conditional, second.conditional, at),
        handed_over(first.unconditional, second.unconditional, at),
    )


def kept_of(canvas: Canvas) -> Kept | None:
    """What the walk must hold on to."""
    if canvas.keeping is None or canvas.source is None:
        return None
    return Kept(canvas.made, canvas.source[None], canvas.keeping.inject, canvas.keeping.crossfade_frames)


def on(device: torch.device, draw: Draw) -> Draw:
    """A source of noise whose numbers are drawn on the CPU and brought to a device."""
    return lambda: draw().to(device)


@contextmanager
def clock(timings: dict[str, float], stage: str) -> Iterator[None]:
    """Add the seconds spent inside to `timings`."""
    start = time.perf_counter()
    yield
    timings[stage] = timings.get(stage, 0.0) + time.perf_counter() - start


@contextmanager
def memory_explained(canvas: Canvas) -> Iterator[None]:
    """Turn the device's out-of-memory error into advice."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        minutes = math.ceil(canvas.blueprint.duration_s / 60)
        raise OutOfMemory(
            f"the device ran out of memory on {canvas.blueprint.duration_s:g} s of music: try --memory one, a length below "
            f"{max(1, minutes - 1)} min, or --device cpu; `melisma doctor` shows what fits"
        ) from error
