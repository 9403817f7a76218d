"""ACE-Step 1.5 and XL at work: from a canvas to velocities.

Context channels hold what the model hears frame by frame (source latents, or silence) and where it may play (mask);
cross-attention holds lyrics, timbre and text. Both are computed once per song and shared by every step, every take and
every guidance branch (docs/decisions/004-one-take-at-a-time.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from melisma.generators.base import Conditioning, Flow, Hosting, Looks, Side, at_home
from melisma.generators.v15 import prompts
from melisma.models.text import TextEncoder
from melisma.models.v15 import AceStep15, Condition, Prepared
from melisma.models.v15.looking import looks
from melisma.sampling import Draw, Guided, Plan, Velocity, advanced, draws, guided, resolve
from melisma.song import Blueprint, Lego, SamplingOptions, TaskName
from melisma.tasks.canvas import Canvas

FAINT = 0.5
"""How much of a guide track is left in what guidance leans away from, as a share of latents; the rest is silence."""
FAINT_BELOW = 0.8
"""Flow time below which it is: above, timbre is decided, which is to come from words (docs/decisions/090)."""


@dataclass
class V15:
    """A loaded 1.5 or XL checkpoint with its text encoder. `silence` (t', c) is the checkpoint's own silence latent."""

    net: AceStep15
    text: TextEncoder
    silence: Tensor
    name: str
    fingerprint: str
    preferred: SamplingOptions
    can: frozenset[TaskName]
    device: torch.device
    dtype: torch.dtype
    hosting: Hosting = at_home
    follows_score: bool = False
    notice: str | None = None

    @property
    def channels(self) -> int:
        """Latent channels."""
        return self.net.config.audio_acoustic_hidden_dim

    @property
    def codebook(self) -> int:
        """How many semantic codes it knows."""
        return self.net.config.codebook

    def widen(self) -> bool:
        """Convert the network to float32; False if it is already."""
        if self.dtype == torch.float32:
            return False
        self.net.float()
        self.dtype = torch.float32
        return True

    def plan(self, options: SamplingOptions) -> Plan:
        """A plan from options without blanks."""
        return resolve(options)

    def suited(self, canvas: Canvas, plan: Plan) -> Canvas:
        """The canvas as it is: this network hears everything on it."""
        return canvas

    def draws(self, seed: int, frames: int, plan: Plan) -> Draw:
        """Noise (1, t, c), frame by frame."""
        return draws((seed,), frames, self.channels)

    def start(self, canvas: Canvas, plan: Plan, noise: Tensor) -> tuple[Plan, Tensor]:
        """From noise, or from part of the way to the source."""
        if canvas.source is None:
            return plan, noise
        return advanced(plan, noise, canvas.source[None].to(noise), canvas.advance)

    def guide(self, flow: Flow, plan: Plan) -> Guided:
        """One velocity of two."""
        return guided(flow.conditional, flow.unconditional, plan.guidance)

    def compare(self, flow: Flow, plan: Plan, side: Side) -> Guided:
        """One velocity of two; both sides of an edit are alike."""
        return self.guide(flow, plan)

    @torch.inference_mode()
    def prepare(self, canvas: Canvas) -> Conditioning:
        """Encode words and timbre, lay the context, and hand out velocities."""
        blueprint = canvas.blueprint
        instruction = prompts.instruction(canvas.task, blueprint.codes is not None)
        heard = self._context(self._heard(canvas), canvas)
        condition = self._condition(canvas, canvas.caption, blueprint.lyrics, instruction)
        # Prepared at first use: an edit of a song asks for less than a song.
        with_words = cache(lambda: self.net.prepare(condition.hidden, heard))
        song = self._flow(with_words, heard, self._faint(canvas))
        deaf = origin = None
        if canvas.hears < 1:
            silence = self._context(self._silence(canvas.frames), canvas)
            deaf = self._described(canvas, canvas.caption, blueprint.lyrics, prompts.MAKE, silence)
        if canvas.edit:
            origin = self._described(canvas, canvas.edit.caption, canvas.edit.lyrics, instruction, heard)
        sings = bool(self.net.config.lyric_heads) and not blueprint.instrumental
        return Conditioning(song, deaf, origin, self._looking(blueprint, with_words) if sings else None)

    @torch.inference_mode()
    def codes(self, latents: Tensor) -> tuple[int, ...]:
        """The 5 Hz semantic codes of latents (t, c): what a planner hears of existing music."""
        with self.hosting(self.net.tokenizer):
            _, codes = self.net.tokenize(self._here(latents)[None], self._here(self.silence))
        return tuple(codes[0].tolist())

    def _described(self, canvas: Canvas, caption: str, lyrics: str, instruction: str, context: Tensor) -> Flow:
        condition = self._condition(canvas, caption, lyrics, instruction)
        return self._flow(cache(lambda: self.net.prepare(condition.hidden, context)), context)

    def _flow(self, with_words: Callable[[], Prepared], context: Tensor, faint: Tensor | None = None) -> Flow:
        """`faint`: a context to lean away from below `FAINT_BELOW`, so that guidance follows what is heard, too."""
        # Prepared at first use: without guidance the null branch is never computed at all.
        wordless = self._velocity(cache(lambda: self.net.prepare_null(context)))
        if faint is None:
            return Flow(self._velocity(with_words), wordless)
        half_deaf = self._velocity(cache(lambda: self.net.prepare_null(faint)))
        return Flow(self._velocity(with_words), lambda x, t: half_deaf(x, t) if t < FAINT_BELOW else wordless(x, t))

    def _looking(self, blueprint: Blueprint, with_words: Callable[[], Prepared]) -> Callable[[Tensor, float], Looks]:
        """Where the decoder looks among the lyrics. They lie first among what it attends to."""
        words = prompts.lyric_prompt(blueprint.lyrics, blueprint.language)
        tokens = self.text.tokens(words, prompts.LYRIC_TOKENS)
        header = self.text.tokens(prompts.lyric_header(blueprint.language), prompts.LYRIC_TOKENS)[:-1]

        def look(x: Tensor, t: float) -> Looks:
            with self.hosting(self.net.decoder), torch.inference_mode():
                seen = looks(self.net.decoder, self._here(x), t, with_words(), self.net.config.lyric_heads)
            attention = seen[:, : len(tokens)].cpu().numpy()
            return Looks(attention, tuple(tokens), tuple(header), self.text.end, self.text.spell)

        return look

    def _velocity(self, prepared: Callable[[], Prepared]) -> Velocity:
        def velocity(x: Tensor, t: float) -> Tensor:
            with self.hosting(self.net.decoder), torch.inference_mode():
                return self.net.step(x.to(self.device, self.dtype), t, prepared()).to(x)

        return velocity

    def _condition(self, canvas: Canvas, caption: str, lyrics: str, instruction: str) -> Condition:
        """Lyrics, timbre and text, packed as the decoder attends to them."""
        if self.net.config.is_lego_sft and isinstance(canvas.task, Lego):
            part = canvas.task.part or canvas.task.track
            caption = prompts.stems_caption(caption, part, masked=bool(canvas.regions))
        text = prompts.text_prompt(caption, instruction, prompts.metadata(canvas.blueprint))
        words = prompts.lyric_prompt(lyrics, canvas.blueprint.language)
        with self.hosting(self.text.module):
            text_hidden, text_mask = self.text.hidden([text], prompts.TEXT_TOKENS)
            lyric_hidden, lyric_mask = self.text.embed([words], prompts.LYRIC_TOKENS)
        timbre = self._here(self._timbre(canvas))[None]
        with self.hosting(self.net.encoder):
            return self.net.encode(
                self._here(text_hidden),
                text_mask.to(self.device),
                self._here(lyric_hidden),
                lyric_mask.to(self.device),
                timbre,
                torch.zeros(1, dtype=torch.long, device=self.device),
            )

    def _timbre(self, canvas: Canvas) -> Tensor:
        """(t', c): the reference, or silence where there is none, at the length the timbre encoder was trained on."""
        frames = self.net.config.timbre_fix_frame
        if canvas.timbre is None:
            return self._silence(frames)
        repeats = -(-frames // len(canvas.timbre))
        return canvas.timbre.repeat(repeats, 1)[:frames]

    def _context(self, heard: Tensor, canvas: Canvas) -> Tensor:
        """(1, t, 2c): what is heard beside the noise, and an explicit 0/1 mask of where to play."""
        mask = canvas.made.to(heard.dtype)[:, None].expand(-1, self.channels)
        return self._here(torch.cat([heard, mask], dim=-1))[None]

    def _faint(self, canvas: Canvas) -> Tensor | None:
        """The context with its guide track half drowned in silence, where there is one that this checkpoint knows."""
        if not (self.follows_score and canvas.guided) or canvas.blueprint.codes is not None:
            return None
        return self._context(torch.lerp(self._silence(canvas.frames), self._heard(canvas), FAINT), canvas)

    def _heard(self, canvas: Canvas) -> Tensor:
        """(t, c): codes, the source as codes, the source with holes, or silence."""
        silence = self._silence(canvas.frames)
        if canvas.blueprint.codes is not None:
            codes = torch.tensor([canvas.blueprint.codes], device=self.device)
            with self.hosting(self.net.tokenizer):
                quantised = self.net.codes_to_quantised(codes)
            return self._filled(self._detokenized(quantised), silence)
        if canvas.source is None or canvas.edit:
            return silence
        if canvas.semantic:
            with self.hosting(self.net.tokenizer):
                quantised, _ = self.net.tokenize(self._here(canvas.source)[None], self._here(self.silence))
            return self._filled(self._detokenized(quantised), silence)
        if canvas.erase:
            return torch.where(canvas.made[:, None], silence, canvas.source)
        return canvas.source

    def _detokenized(self, quantised: Tensor) -> Tensor:
        """(1, n, e) → (5n, c) on the CPU."""
        with self.hosting(self.net.detokenizer):
            return self.net.detokenize(quantised)[0].float().cpu()

    @staticmethod
    def _filled(hints: Tensor, silence: Tensor) -> Tensor:
        """Hints cut to the song, or continued by silence (from its first frame) where they end early."""
        frames = len(silence)
        return torch.cat([hints[:frames], silence[: max(0, frames - len(hints))]])

    def _silence(self, frames: int) -> Tensor:
        """(t, c) of the checkpoint's silence, repeated where a song is longer."""
        repeats = -(-frames // len(self.silence))
        return self.silence.repeat(repeats, 1)[:frames]

    def _here(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype)
