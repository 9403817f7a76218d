"""Sampling: schedules, guidance, solvers and edits, as pure functions of tensors and callables.

A velocity is any function of latents (b, t, c) and a flow time (1 is noise, 0 is music); no model is known here.
"""

from melisma.sampling.editing import Side, flow_edit
from melisma.sampling.guidance import Guidance, Velocity, correcting, guided, handed_over
from melisma.sampling.keeping import Kept
from melisma.sampling.noise import Draw, draws, near, seeded_noise
from melisma.sampling.schedules import schedule
from melisma.sampling.walk import Plan, advanced, hand_over_time, resolve, solve

__all__ = [
    "Draw",
    "Guidance",
    "Kept",
    "Plan",
    "Side",
    "Velocity",
    "advanced",
    "correcting",
    "draws",
    "flow_edit",
    "guided",
    "hand_over_time",
    "handed_over",
    "near",
    "resolve",
    "schedule",
    "seeded_noise",
    "solve",
]
