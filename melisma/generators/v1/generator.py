"""ACE-Step v1 at work: from a canvas to velocities.

The network hears words only. What exists of the music stays outside it: a cover starts from the source part of the way,
a repaint holds everything but its region to the source at every step. Conditions are computed once per song and shared
by every step and take.

There is no null condition to learn from a checkpoint; guidance leans away from a reading of the same words that is
weaker, part by part: absent, or heard without being grasped (ERG). Which parts, the sampling options say.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

from melisma.errors import BadRequest
from melisma.generators.base import Conditioning, Flow, Hosting, Side, at_home
from melisma.generators.v1.official import official_draws, officially_laid
from melisma.models.autoencoders.dcae import CHANNELS, ROWS, as_image, as_sequence
from melisma.models.habits import FROM_WORDS, GUIDED_V1
from melisma.models.text.umt5 import UMT5
from melisma.models.v1 import AceStep1, Condition, Prepared
from melisma.models.v1.lyrics import NO_LYRICS, LyricTokenizer, with_known_tags
from melisma.sampling import Draw, Plan, Velocity, advanced, draws, resolve
from melisma.sampling.granularity import grained
from melisma.sampling.noise import noised
from melisma.sampling.official import ForgetfulTarget, HastyOrigin, IdlePingPong, near_reference
from melisma.sampling.schedules import shifted, twice_shifted
from melisma.sampling.solvers import Euler, Heun, PingPong
from melisma.sampling.steering import Steered, Steering
from melisma.sampling.walk import FIRST_GENERATION
from melisma.song import Blueprint, Cover, Repaint, SamplingOptions, TaskName
from melisma.tasks.canvas import Canvas

INSTRUMENTAL = "[inst]"
LATENT_HZ = 44100 / 4096
# How near a cover stays to its source where nothing is said.
COVER_STRENGTH = 0.5

Presence = Literal["whole", "weak", "absent"]


@dataclass(frozen=True, kw_only=True)
class V1Plan(Plan):
    """A plan with what only the first generation knows. Guidance counts the steps of `whole`, of which `times` may be
    the rest."""

    whole: tuple[float, ...]
    shift: float
    steering: Steering
    granularity: float
    weakened: frozenset[str]
    official: bool


@dataclass(frozen=True)
class Reading(Flow):
    """A flow whose words can be read in weaker ways: (text, lyrics, weak blocks) → velocity, each prepared once."""

    read: Callable[[Presence, Presence, bool, bool], Velocity]


@dataclass
class V1:
    """A loaded v1 checkpoint with its text encoder and vocabulary."""

    net: AceStep1
    text: UMT5
    lyrics: LyricTokenizer
    name: str
    fingerprint: str
    device: torch.device
    dtype: torch.dtype
    preferred: SamplingOptions = GUIDED_V1
    can: frozenset[TaskName] = FROM_WORDS
    hosting: Hosting = at_home
    follows_score: bool = False
    notice: str | None = None

    @property
    def channels(self) -> int:
        """Latent channels."""
        return CHANNELS * ROWS

    @property
    def codebook(self) -> int:
        """It knows no semantic codes."""
        return 0

    def widen(self) -> bool:
        """Convert the network to float32; False if it is already."""
        if self.dtype == torch.float32:
            return False
        self.net.float()
        self.dtype = torch.float32
        return True

    def plan(self, options: SamplingOptions) -> V1Plan:
        """Sampling as it was resolved, on the grid that this generation was played on."""
        blank: dict[str, None] = dict.fromkeys(FIRST_GENERATION)
        rule = options.guidance_method or "apg"
        if rule == "cfg_star":
            blank["guidance_method"] = None
        plan = resolve(options.model_copy(update=blank))
        assert options.steps is not None
        assert options.shift is not None
        assert options.guidance is not None
        steering = Steering(
            options.guidance,
            rule,
            1.0 if options.guidance_share is None else options.guidance_share,
            options.guidance_decay or 0.0,
            options.guidance_floor or 0.0,
            options.guidance_text or 0.0,
            options.guidance_lyrics or 0.0,
            options.guidance_interval or (0.0, 1.0),
            rows=ROWS,
        )
        times = plan.times if options.timesteps else tuple(twice_shifted(options.steps, options.shift))
        fields: dict[str, Any] = {name: getattr(plan, name) for name in Plan.__dataclass_fields__} | {"times": times}
        official = options.compat == "official"
        if official and isinstance(plan.solver, PingPong):
            fields["solver"] = IdlePingPong()
        return V1Plan(
            **fields,
            whole=times,
            shift=options.shift,
            steering=steering,
            granularity=options.granularity or 0.0,
            weakened=frozenset(options.weakened or ()),
            official=official,
        )

    def suited(self, canvas: Canvas, plan: Plan) -> Canvas:
        """The canvas as this network can follow it: what is kept is put back at every step, as nothing else tells of it.

        Raises BadRequest for a timbre to borrow, codes to follow, or a cover that hears its source on the way.
        """
        if isinstance(canvas.task, Cover) and canvas.task.strength != 1.0:
            raise BadRequest(
                f"{self.name} hears a source only where a cover starts, not for a share ({canvas.task.strength:g}) of its "
                "steps: leave strength at 1, and say with noise_strength how near to stay"
            )
        if canvas.timbre is not None:
            raise BadRequest(
                f"{self.name} cannot borrow a timbre: leave out the reference, or cover the piece with a noise strength"
            )
        if canvas.blueprint.codes is not None:
            raise BadRequest(f"{self.name} does not know semantic codes: leave them out of the blueprint")
        assert isinstance(plan, V1Plan)
        if plan.official:
            canvas = officially_laid(canvas, LATENT_HZ)
        keeping = replace(canvas.keeping, inject=1.0, crossfade_frames=0) if canvas.keeping else None
        return replace(canvas, keeping=keeping, hears=1.0, semantic=False)

    def draws(self, seed: int, frames: int, plan: Plan) -> Draw:
        """Noise (1, t, c), frame by frame, or in the official order."""
        assert isinstance(plan, V1Plan)
        return official_draws(seed, frames) if plan.official else draws((seed,), frames, self.channels)

    def start(self, canvas: Canvas, plan: Plan, noise: Tensor) -> tuple[Plan, Tensor]:
        """A cover starts from its source at a share of the noise, a repaint after a share of the steps."""
        assert isinstance(plan, V1Plan)
        if canvas.source is None:
            return plan, noise
        source = canvas.source[None].to(noise)
        if isinstance(canvas.task, Cover):
            strength = canvas.task.noise_strength or COVER_STRENGTH
            if plan.official:
                grid, first = near_reference(source, noise, strength, plan.steps, plan.shift)
                return replace(plan, times=tuple(grid), whole=tuple(grid)), first
            nearer, first = advanced(plan, noise, source, 1 - shifted(1 - strength, plan.shift))
            return replace(plan, times=nearer.times, whole=nearer.times), first
        if plan.official:
            if bool(canvas.made.all()):
                return plan, noise
            plan = replace(plan, solver=Euler(), granularity=0.0)
        skipped = int(plan.steps * (1 - canvas.task.strength)) if isinstance(canvas.task, Repaint) else 0
        if not skipped:
            return plan, noise
        times = plan.times[skipped:]
        return replace(plan, times=times), noised(source, noise, times[0])

    def guide(self, flow: Flow, plan: Plan) -> Velocity:
        """One velocity for one run, away from weaker readings of the words."""
        assert isinstance(flow, Reading)
        assert isinstance(plan, V1Plan)
        lyrics: Presence = "weak" if "lyrics" in plan.weakened else "absent"
        # Officially weak text is used only where lyrics are weak as well.
        unheeded = plan.official and lyrics == "absent"
        text: Presence = "weak" if "text" in plan.weakened and not unheeded else "absent"
        steered = Steered(
            flow.conditional,
            flow.read(text, lyrics, "blocks" in plan.weakened, plan.official),
            plan.steering,
            plan.whole,
            flow.read("whole", lyrics, False, plan.official),
            counts_calls=plan.official and isinstance(plan.solver, Heun),
        )
        if isinstance(plan.solver, PingPong) or plan.granularity == 0:
            return steered
        return grained(steered, plan.granularity)

    def compare(self, flow: Flow, plan: Plan, side: Side) -> Steered:
        """An edit is guided by APG all the way, from words to none."""
        assert isinstance(plan, V1Plan)
        official: dict[Side, type[Steered]] = {"origin": HastyOrigin, "target": ForgetfulTarget}
        steered = official[side] if plan.official else Steered
        steering = Steering(plan.steering.scale, rows=ROWS)
        return steered(flow.conditional, flow.unconditional, steering, plan.whole)

    @torch.inference_mode()
    def prepare(self, canvas: Canvas) -> Conditioning:
        """Read the words, and hand out velocities."""
        blueprint = canvas.blueprint
        song = self._reading(canvas.caption, blueprint.lyrics, blueprint, canvas.frames)
        origin = None
        if canvas.edit:
            origin = self._reading(canvas.edit.caption, canvas.edit.lyrics, blueprint, canvas.frames)
        return Conditioning(song, origin=origin)

    def _reading(self, caption: str, lyrics: str, blueprint: Blueprint, frames: int) -> Reading:
        """Velocities for words, read whole or in weaker ways."""
        prompt, ids = prompt_of(caption, blueprint), self._ids(lyrics, blueprint)
        with self.hosting(self.text.module):
            hidden, mask = self.text.hidden([prompt])

        @cache
        def text(presence: Presence) -> Tensor:
            if presence != "weak":
                return self._here(hidden if presence == "whole" else torch.zeros_like(hidden))
            with self.hosting(self.text.module):
                return self._here(self.text.hidden([prompt], weak=True)[0])

        @cache
        def prepared(text_is: Presence, lyrics_are: Presence, official: bool) -> Prepared:
            sung = lyrics_are != "absent"
            # Officially lyrics that are left out are still attended to, as rows of token 0; in training they were not.
            seen = ids != NO_LYRICS and (sung or official)
            numbers = torch.tensor([ids if sung else [0] * len(ids)], device=self.device)
            words = text(text_is)
            with self.hosting(self.net), torch.inference_mode():
                condition: Condition = self.net.encode(
                    words,
                    mask.to(self.device),
                    torch.zeros(1, self.net.config.speaker_embedding_dim, device=self.device, dtype=self.dtype),
                    numbers,
                    torch.full_like(numbers, int(seen)),
                    weak_lyrics=lyrics_are == "weak",
                )
                return self.net.prepare(condition, frames)

        def read(text_is: Presence, lyrics_are: Presence, weak_blocks: bool, official: bool = False) -> Velocity:
            def velocity(x: Tensor, t: float) -> Tensor:
                words = prepared(text_is, lyrics_are, official)
                with self.hosting(self.net), torch.inference_mode():
                    return as_sequence(self.net.step(as_image(self._here(x)), t, words, weak_blocks)).to(x)

            return velocity

        return Reading(read("whole", "whole", False), read("absent", "absent", False), read)

    def _ids(self, lyrics: str, blueprint: Blueprint) -> list[int]:
        """Lyric ids; an instrumental has a tag of its own."""
        sung = lyrics.strip().strip("[]").lower() not in ("", "instrumental")
        language = None if blueprint.language == "unknown" else blueprint.language
        return self.lyrics.encode(with_known_tags(lyrics) if sung else INSTRUMENTAL, language)

    def _here(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype)


def prompt_of(caption: str, blueprint: Blueprint) -> str:
    """What the text encoder reads: the caption as it is, then tempo and key where they are known, as tags."""
    tags = [caption.strip(), f"{blueprint.bpm} BPM" if blueprint.bpm else "", blueprint.key or ""]
    return ", ".join(tag for tag in tags if tag)
