"""From a request to a blueprint: what the person gave stays, only blanks are filled.

`decided_by` names who decided each field: the person, the source of an edit, the planner, a default of ours, or the
generator, which is left free on purpose.

With a planner there are two steps, as in the checkpoints' training. First the plan: from a sentence alone the planner
writes everything (inspire); from caption and lyrics it writes metadata and a fuller caption (compose); rough words it
can rewrite first (format). Then the audio codes, one sequence per take, from what the person wrote and the plan.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from melisma.errors import BadRequest, MissingModel
from melisma.listen import Listener, quiet
from melisma.planning import fit, hints, prompts
from melisma.planning.codes import codes_in
from melisma.planning.limits import LONGEST_FREE, SHORTEST_S
from melisma.planning.parse import PlanError, parse_blueprint
from melisma.planning.planner import Planner
from melisma.planning.slots import LONGEST_CAPTION, Pen, write_lyrics, write_reasoning
from melisma.planning.writing import write_codes
from melisma.sampling.tokens import Taste
from melisma.score.genres import suggested_style
from melisma.score.grammar import stated_bpm, stated_key, stated_meter
from melisma.song import (
    DEFAULT_DURATION_S,
    INSTRUMENTAL,
    Blueprint,
    Complete,
    Compose,
    Decider,
    Lego,
    PlanningOptions,
    Retake,
    SongRequest,
)

# Tokens of a plan without lyrics: a caption and the skeleton around it.
PLAN_TOKENS = LONGEST_CAPTION + 128
# One more try if an answer cannot be used; then the person is told.
TRIES = 2

MUSIC = ("bpm", "key", "meter")


def draft(
    request: SongRequest, planner: Planner | None = None, listen: Listener = quiet, source_s: float | None = None
) -> Blueprint:
    """Fill the blanks of a request. source_s: length of the music that the task starts from, in seconds.

    Without a planner nothing is invented: tempo, key and metre stay open for the generator. Codes, if any, are those of
    the first take; `drafts` gives every take its own.
    """
    return _drafts(request, planner, listen, source_s, _seeds(request)[:1])[0]


def drafts(
    request: SongRequest, planner: Planner | None = None, listen: Listener = quiet, source_s: float | None = None
) -> tuple[Blueprint, ...]:
    """One blueprint per take: the same plan, and codes of their own where the planner writes them.

    The codes of a take follow from the planner's seed and the take's, whichever takes are asked for beside it.
    """
    return _drafts(request, planner, listen, source_s, _seeds(request))


def plans(request: SongRequest, planner: Planner | None) -> bool:
    """Whether a planner takes part. Raises MissingModel if one was asked for and none is here.

    The checkpoints plan whole songs and parts for them; an edit of existing music takes its plan from the source.
    """
    asked = request.planning.use_planner
    if planner is None and (asked or request.planning.codes):
        raise MissingModel(
            "there is no planner here: fetch one (`melisma models list`), or do not ask for its plan or codes"
        )
    return planner is not None and asked is not False and isinstance(_played(request), Compose | Lego | Complete)


def writes_codes(request: SongRequest, planner: Planner) -> bool:
    """Whether a planner would write audio codes for a request."""
    options = request.planning.over(planner.preferred)
    return plans(request, planner) and _wants_codes(request.model_copy(update={"planning": options}))


def unplanned(request: SongRequest, source_s: float | None = None) -> Blueprint:
    """The blueprint that needs no language model."""
    return merged(request, {}, source_s)


def merged(request: SongRequest, planned: dict[str, Any], source_s: float | None = None) -> Blueprint:
    """A blueprint of what the person gave and, where that leaves blanks, of what was planned.

    planned: fields as `parse_blueprint` gives them. The caption is the exception: a planned one says the person's in
    more detail, and takes its place. Length is the source's if there is one.
    """
    fields: dict[str, Any] = {}
    deciders: dict[str, Decider] = {}

    def decide(name: str, *choices: tuple[Any, Decider]) -> None:
        fields[name], deciders[name] = next(((value, who) for value, who in choices if value is not None), choices[-1])

    for name in MUSIC:
        decide(name, (getattr(request, name), "person"), (planned.get(name), "planner"), (None, "generator"))
    decide(
        "caption",
        (planned.get("caption"), "planner"),
        (request.caption if request.caption.strip() else None, "person"),
        (request.caption, "generator"),
    )
    decide("language", (request.language, "person"), (planned.get("language"), "planner"), ("unknown", "default"))
    decide(
        "duration_s",
        (source_s, "source"),
        (request.duration_s, "person"),
        (planned.get("duration_s"), "planner"),
        (DEFAULT_DURATION_S, "default"),
    )
    decide("lyrics", (_given_lyrics(request), "person"), (planned.get("lyrics"), "planner"), _no_lyrics(request))
    return Blueprint.of(**fields, decided_by=deciders)


@dataclass(frozen=True)
class Session:
    """One planner at work on one request."""

    planner: Planner
    options: PlanningOptions
    seed: int
    listen: Listener

    @property
    def taste(self) -> Taste:
        """How this request's tokens are chosen."""
        assert self.options.temperature is not None
        return Taste(self.options.temperature, self.options.top_k, self.options.top_p)

    def answer(
        self,
        name: str,
        prompt: prompts.Prompt,
        given: dict[str, Any],
        skip: Sequence[str] = (),
        lyrics: bool = False,
        taste: Taste | None = None,
        usable: Callable[[dict[str, Any]], None] = lambda fields: None,
    ) -> dict[str, Any]:
        """The planner's answer as blueprint fields; asked once more if it cannot be used, then PlanError.

        given: metadata by official names that is decided already. lyrics: whether words follow the metadata.
        """
        vocabulary = self.planner.language.vocabulary
        ids = vocabulary.encode(prompt.parts)
        room = min(PLAN_TOKENS + lyrics * LONGEST_FREE, max(self.planner.language.context - len(ids), PLAN_TOKENS))
        for attempt in range(TRIES):
            self.listen.stage(name, room if lyrics else PLAN_TOKENS)
            source = np.random.default_rng([self.seed, attempt, len(ids)])
            pen = Pen(self.planner.language.open([ids], 1, room), vocabulary, taste or self.taste, source, self.listen)
            write_reasoning(pen, self.planner.form, given, skip, close=lyrics)
            if lyrics:
                write_lyrics(pen, self.planner.form, room - len(pen.written))
            try:
                fields = parse_blueprint(vocabulary.decode(pen.written))
                usable(fields)
            except PlanError as error:
                if attempt + 1 == TRIES:
                    raise
                self.listen.note(f"Asking the planner once more: {error}")
            else:
                return fields
        raise AssertionError("unreachable")


def _drafts(
    request: SongRequest, planner: Planner | None, listen: Listener, source_s: float | None, takes: Sequence[int]
) -> tuple[Blueprint, ...]:
    """One blueprint per take seed."""
    if not plans(request, planner) or planner is None:
        blueprint = unplanned(request, source_s)
        _warn(request, blueprint, listen)
        return (blueprint,) * len(takes)
    options = request.planning.over(planner.preferred)
    request = request.model_copy(update={"planning": options})
    session = Session(planner, options, takes[0] if options.seed is None else options.seed, listen)
    request = _understood(request)
    with planner.at_work():
        read, blueprint, metadata = _plan(request, session, source_s)
        _warn(request, blueprint, listen)
        if not _wants_codes(request):
            return (blueprint,) * len(takes)
        return _with_codes(read, blueprint, metadata, session, takes)


def _seeds(request: SongRequest) -> tuple[int, ...]:
    """One seed per take; where none is given, from the planner's on, or drawn."""
    if request.seeds is not None:
        return request.seeds
    first = request.planning.seed
    return tuple(secrets.randbelow(2**32) if first is None else first + i for i in range(request.takes))


def _plan(
    request: SongRequest, session: Session, source_s: float | None
) -> tuple[SongRequest, Blueprint, dict[str, Any]]:
    """The request as the codes will read it, the blueprint without codes, and the metadata before them."""
    given = official(request, source_s)
    wordless = _given_lyrics(request) is None and isinstance(_played(request), Compose)
    if wordless or session.options.polish:
        blueprint = merged(request.model_copy(update={"lyrics": None}), _worded(request, session, given), source_s)
        words = {"caption": blueprint.caption, "lyrics": blueprint.lyrics}
        return request.model_copy(update=words), blueprint, metadata_of(blueprint)
    if session.options.reasoning is False or _complete(request, given):
        blueprint = merged(request, {}, source_s)
        return request, blueprint, {**given, "duration": int(blueprint.duration_s)}
    skip = _own_words(request, session)
    planned = session.answer("write the plan", prompts.compose(_told(request, session)), given, skip)
    blueprint = merged(request, planned, source_s)
    metadata = metadata_of(blueprint)
    return request, blueprint, {name: value for name, value in metadata.items() if name not in skip}


def _worded(request: SongRequest, session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Words where there were none, or better ones, and all that was planned with them."""
    sung = not request.instrumental
    caption = _told(request, session).caption if request.caption.strip() else prompts.NOTHING
    if _given_lyrics(request) is None:
        prompt, name = prompts.inspire(request.model_copy(update={"caption": caption})), "write the song's words"
    else:
        rough = request.model_copy(update={"caption": caption, "lyrics": prompts.words(request)})
        prompt, name = prompts.format(rough), "rewrite the words"

    def has_words(fields: dict[str, Any]) -> None:
        if sung and not fields.get("lyrics"):
            raise PlanError("the planner wrote no lyrics: try another seed, or give lyrics")

    return session.answer(name, prompt, given, _own_words(request, session), lyrics=sung, usable=has_words)


def _told(request: SongRequest, session: Session) -> SongRequest:
    """The request as the planner reads it: the style that the words suggest goes before them, if it likes that.

    A small planner knows how fast jazz is, and not that a smoky bar is where it is played.
    """
    style = suggested_style(request.caption) if session.options.name_style else None
    if style is None or style.name in request.caption.lower():
        return request
    return request.model_copy(update={"caption": f"{style.name}, {request.caption}"})


def _own_words(request: SongRequest, session: Session) -> tuple[str, ...]:
    """The caption is left out of the plan where the person's own is to stay; a song nobody described needs one."""
    keeps = session.options.enrich_caption is False and request.caption.strip()
    return ("caption",) if keeps else ()


def _with_codes(
    request: SongRequest, blueprint: Blueprint, metadata: dict[str, Any], session: Session, takes: Sequence[int]
) -> tuple[Blueprint, ...]:
    """One blueprint per take seed, each with its own codes."""
    vocabulary = session.planner.language.vocabulary
    count = codes_in(blueprint.duration_s)
    assert session.options.guidance is not None
    codes = write_codes(
        session.planner.language,
        vocabulary.encode(prompts.codes(request, metadata).parts),
        vocabulary.encode(prompts.unconditional(session.options.negative).parts),
        count,
        [np.random.default_rng([session.seed, seed]) for seed in takes],
        session.taste,
        session.options.guidance,
        session.listen,
        session.options.repetition_penalty or 1.0,
    )
    deciders: dict[str, Decider] = {**blueprint.decided_by, "codes": "planner"}
    return tuple(blueprint.model_copy(update={"codes": own, "decided_by": deciders}) for own in codes)


def official(request: SongRequest, source_s: float | None = None) -> dict[str, Any]:
    """What the person gave, as metadata under its official names. Lengths are whole seconds there."""
    duration_s = source_s or request.duration_s
    given = {
        "bpm": request.bpm,
        "duration": int(duration_s) if duration_s else None,
        "keyscale": request.key,
        "language": request.language,
        "timesignature": request.meter,
    }
    return {name: value for name, value in given.items() if value is not None}


def metadata_of(blueprint: Blueprint) -> dict[str, Any]:
    """A blueprint's metadata under its official names."""
    return {
        "bpm": blueprint.bpm,
        "caption": blueprint.caption or None,
        "duration": int(blueprint.duration_s),
        "keyscale": blueprint.key,
        "language": blueprint.language,
        "timesignature": blueprint.meter,
    }


def _complete(request: SongRequest, given: dict[str, Any]) -> bool:
    """Whether the official pipeline would ask for nothing more: all four facts are given, and so is a caption."""
    facts = {"bpm", "duration", "keyscale", "timesignature"} <= set(given)
    return facts and bool(request.caption.strip()) and not request.planning.enrich_caption


def _understood(request: SongRequest) -> SongRequest:
    """The request with what its caption says in passing: a language, that nobody sings, tempo, key and metre.

    The official pipeline leaves these to the planner, which has the caption before it and now and then decides otherwise.
    """
    silent = request.instrumental
    if silent is None and not (request.lyrics or "").strip():
        silent = hints.wordless(request.caption)
    language = request.language or (None if silent else hints.language_in(request.caption))
    facts = {
        "bpm": request.bpm or stated_bpm(request.caption),
        "key": request.key or stated_key(request.caption),
        "meter": request.meter or stated_meter(request.caption),
    }
    return request.model_copy(update={"instrumental": silent, "language": language, **facts})


def _wants_codes(request: SongRequest) -> bool:
    """Codes guide whole songs unless they are switched off; parts hear the source instead, unless codes are asked for."""
    asked = request.planning.codes
    return isinstance(_played(request), Compose) if asked is None else asked


def _given_lyrics(request: SongRequest) -> str | None:
    """What the person wants sung, or that nothing is; None if that is open."""
    if request.lyrics and request.lyrics.strip():
        return request.lyrics
    return INSTRUMENTAL if request.instrumental else None


def _no_lyrics(request: SongRequest) -> tuple[str, Decider]:
    """What is sung if nobody wrote words. Words in an existing source are not ours to forbid."""
    if not isinstance(_played(request), Compose):
        return "", "generator"
    return INSTRUMENTAL, "default"


def _played(request: SongRequest) -> Any:
    """The task that is played; a retake plays another one again."""
    return request.task.again if isinstance(request.task, Retake) else request.task


def _warn(request: SongRequest, blueprint: Blueprint, listen: Listener) -> None:
    """Say what a person should know before singing; refuse what nobody can sing."""
    if not blueprint.instrumental:
        too_full = fit.warning(
            blueprint.lyrics, blueprint.duration_s, blueprint.bpm, blueprint.meter, blueprint.language
        )
        if too_full:
            listen.note(too_full)
    elif request.instrumental is False and isinstance(_played(request), Compose):
        raise BadRequest(
            "a song with vocals needs words, and there is no planner here to write them: give lyrics, "
            "or fetch a planner (`melisma models list` shows them)"
        )
    named = stated_bpm(request.caption)
    if named and request.bpm and abs(named - request.bpm) > 1:
        listen.note(f"The caption says {named} bpm, the request {request.bpm}: the request is followed.")
    if not request.caption.strip() and not (request.lyrics or "").strip() and isinstance(_played(request), Compose):
        listen.note("Nothing was asked for in words: expect a surprise.")
    if blueprint.duration_s < SHORTEST_S and blueprint.codes is None and request.planning.codes:
        listen.note(f"Planners were trained on songs of {SHORTEST_S:g} s and more: expect little form.")
