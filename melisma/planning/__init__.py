"""Planning: from what a person asked to a blueprint that can be read, edited and sung.

`draft` is the door. With a planner, a language model fills what was left open; without one, the person's own words
and the generator's freedom have to do.
"""

from melisma.planning.drafting import DEFAULT_DURATION_S, draft
from melisma.planning.planner import Planner

__all__ = ["DEFAULT_DURATION_S", "Planner", "draft"]
