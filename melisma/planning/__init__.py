"""Planning: from what a person asked to a blueprint that can be read, edited and sung.

`draft` is the door. With a planner, a language model fills what was left open; without one, the person's own words
and the generator's freedom have to do. `understand` is the reverse: from music to a blueprint.
"""

from melisma.planning.drafting import draft, drafts, writes_codes
from melisma.planning.parse import PlanError
from melisma.planning.planner import Planner, load_planner
from melisma.planning.scoring import scored
from melisma.planning.understanding import understand
from melisma.song import DEFAULT_DURATION_S

__all__ = [
    "DEFAULT_DURATION_S",
    "PlanError",
    "Planner",
    "draft",
    "drafts",
    "load_planner",
    "scored",
    "understand",
    "writes_codes",
]
