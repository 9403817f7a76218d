"""Listening instead of planning: from the audio codes of existing music to a blueprint."""

from collections.abc import Sequence

from melisma.errors import BadRequest, MissingModel
from melisma.listen import Listener, quiet
from melisma.planning import prompts
from melisma.planning.codes import CODES_HZ
from melisma.planning.drafting import Session
from melisma.planning.planner import Planner
from melisma.sampling.tokens import Taste
from melisma.song import INSTRUMENTAL, Blueprint

# Description wants the likeliest words, not the freshest.
TASTE = Taste(0.3)


def understand(codes: Sequence[int], planner: Planner, listen: Listener = quiet, seed: int = 0) -> Blueprint:
    """Describe music from its 5 Hz audio codes: caption, tempo, key, language, metre, lyrics.

    The length is that of the codes. Raises BadRequest for no codes, MissingModel for
    codes the planner does not know, PlanError if the planner gives no usable answer.
    """
    if not codes:
        raise BadRequest("no audio codes: there is nothing to listen to. Give music of at least 0.2 s")
    known = planner.language.vocabulary.codes
    if max(codes) >= known:
        raise MissingModel(
            f"{planner.name} knows {known} audio codes, the music has code {max(codes)}: planner and checkpoint do not "
            "belong together. Name another planner"
        )
    duration_s = len(codes) / CODES_HZ
    session = Session(planner, planner.preferred, seed, listen)
    with planner.at_work():
        given = {"duration": max(1, int(duration_s))}
        fields = session.answer("describe the music", prompts.understand(codes), given, lyrics=True, taste=TASTE)
    deciders = dict.fromkeys(fields, "planner") | {"duration_s": "source", "codes": "source"}
    return Blueprint.of(
        **{
            "caption": "",
            "lyrics": INSTRUMENTAL,
            **fields,
            "duration_s": duration_s,
            "codes": tuple(codes),
            "decided_by": deciders,
        }
    )
