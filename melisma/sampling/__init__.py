"""Sampling: schedules, guidance, solvers and edits, as pure functions of tensors and callables.

A velocity is any function of latents (b, t, c) and a flow time (1 is noise, 0 is music); no model is known here. Here
one that knows its song, and one that leads to silence, which guidance leans away from:

>>> import torch
>>> from melisma.sampling import draws, guided, resolve, solve
>>> from melisma.song import SamplingOptions
>>> song = torch.ones(1, 4, 2)
>>> with_words = lambda x, t: (x - song) / t
>>> without_words = lambda x, t: x / t
>>> options = SamplingOptions(steps=8, shift=3.0, solver="dpm2m", guidance=1.5, guidance_method="cfg")

>>> plan = resolve(options)
>>> noise = draws(seeds=(7,), frames=4, channels=2)
>>> velocity = guided(with_words, without_words, plan.guidance)
>>> latents = solve(velocity, noise(), plan, fresh=noise)

>>> torch.allclose(latents, 1.5 * song)
True

`solve` also takes what is `Kept` while the rest is made and a listener; `handed_over` changes the velocity on the way,
`advanced` starts part of the way, `near` turns the noise, and `flow_edit` walks from music to music.
"""

from melisma.sampling.editing import flow_edit
from melisma.sampling.guidance import Guidance, Guided, Velocity, guided, handed_over
from melisma.sampling.keeping import Kept
from melisma.sampling.noise import Draw, draws, near, seeded_noise
from melisma.sampling.schedules import schedule
from melisma.sampling.walk import Plan, advanced, hand_over_time, resolve, solve

__all__ = [
    "Draw",
    "Guidance",
    "Guided",
    "Kept",
    "Plan",
    "Velocity",
    "advanced",
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
