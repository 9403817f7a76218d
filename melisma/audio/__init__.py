"""Audio: waveforms, files, loudness, edges and tags. Nothing here knows a model, and nothing needs torch."""

from melisma.audio.edges import crossfade, fade, patch, splice
from melisma.audio.files import Encoding, probe, read, write
from melisma.audio.loudness import limited, loudness, master, true_peak
from melisma.audio.tags import read_provenance
from melisma.audio.waveform import Waveform

__all__ = [
    "Encoding",
    "Waveform",
    "crossfade",
    "fade",
    "limited",
    "loudness",
    "master",
    "patch",
    "probe",
    "read",
    "read_provenance",
    "splice",
    "true_peak",
    "write",
]
