"""Verdicts that need more than the sound: how the words are sung, and how the planner finds a take.

Both exist only where a model can tell: words where a checkpoint names the heads that look at them, the planner's view
where a planner is here and the take was made from audio codes that it knows.
"""

from melisma.listen import Listener, quiet
from melisma.planning import Planner
from melisma.planning.drafting import metadata_of
from melisma.planning.scores import reward, view
from melisma.ranking.alignment import Singing
from melisma.ranking.judges import Verdict
from melisma.song import Blueprint


def words(singing: Singing) -> Verdict:
    """How completely, how much in order and how surely the words are sung."""
    reason = (
        f"{singing.coverage:.0%} of the words are looked at, {singing.monotonicity:.0%} of them in order, "
        f"with a sureness of {singing.confidence:.2f}"
    )
    return Verdict(singing.score, True, reason, singing.score)


def found_by(planner: Planner, blueprint: Blueprint, listen: Listener = quiet) -> Verdict | None:
    """How well the planner finds the blueprint's description in its audio codes; None where there is nothing to read."""
    codes = blueprint.codes
    if not codes or max(codes) >= planner.language.vocabulary.codes:
        return None
    scores = view(codes, metadata_of(blueprint), blueprint.lyrics, planner, listen)
    value = reward(scores)
    parts = ", ".join(f"{name} {score:.2f}" for name, score in scores.items())
    return Verdict(value, True, f"finds {value:.2f} of the description in the codes ({parts})", value)
