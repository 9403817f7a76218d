"""Writing songs down and sketching them in sound: the song grammar, the guide track and the score as frames.

numpy and scipy only. Nothing here is learned: given a blueprint and a seed it always gives the same song.
"""

from melisma.score.genres import STYLES, Style, style_of
from melisma.score.grammar import write

__all__ = ["STYLES", "Style", "style_of", "write"]
