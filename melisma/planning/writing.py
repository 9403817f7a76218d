"""Writing audio codes: exactly as many as the music is long, for all takes at once.

No mask is needed: only the rows of the head that are codes are scored, and the count comes from the duration. With
guidance, every take is read twice, after its prompt and after nobody's wish, and the same code is read on by both.
"""

from collections.abc import Sequence

import numpy as np
import torch

from melisma.listen import Listener, quiet
from melisma.models.planner.language import LanguageModel
from melisma.sampling.tokens import Taste, choose, guide, wearied


def write_codes(
    language: LanguageModel,
    prompt: Sequence[int],
    against: Sequence[int] | None,
    count: int,
    sources: Sequence[np.random.Generator],
    taste: Taste,
    guidance: float = 1.0,
    listen: Listener = quiet,
    repetition_penalty: float = 1.0,
) -> list[tuple[int, ...]]:
    """`count` codes for each source of randomness. against: what guidance leads away from; None or scale 1 is off.

    What a take gets does not depend on the takes beside it: its source gives it one number per code, drawn here. A
    repetition penalty above 1 makes codes of a take less likely to come again in it.
    """
    guided = against is not None and guidance != 1
    prompts = [prompt, against] if guided and against is not None else [prompt]
    vocabulary = language.vocabulary
    rows = slice(vocabulary.first_code, vocabulary.first_code + vocabulary.codes)
    listen.stage("write audio codes", count)
    reader = language.open(prompts, len(sources), count)
    draws = torch.from_numpy(np.stack([source.random(count) for source in sources]))
    written: list[torch.Tensor] = []
    for i in range(count):
        if i:
            reader.read((written[-1] + vocabulary.first_code).repeat(len(prompts))[:, None])
        logits = reader.logits(rows)
        if guided:
            conditional, unconditional = logits.chunk(2)
            logits = guide(conditional, unconditional, guidance)
        if repetition_penalty != 1:
            used = torch.zeros_like(logits, dtype=torch.bool)
            logits = wearied(
                logits, used.scatter(1, torch.stack(written, dim=1), True) if written else used, repetition_penalty
            )
        written.append(choose(logits, draws[:, i].to(logits), taste))
        listen.step()
    return [tuple(codes) for codes in torch.stack(written, dim=1).tolist()] if written else [()] * len(sources)
