"""Audio: waveforms, files, loudness, mastering, edges and tags. Nothing here knows a model, and nothing needs torch."""

from melisma.audio.checks import Finding, level_dbfs, listen_for_faults
from melisma.audio.dynamics import Stretch, shaped
from melisma.audio.edges import crossfade, fade, patch, splice
from melisma.audio.files import FORMATS, Encoding, Facts, probe, read, write
from melisma.audio.loudness import loudness, true_peak
from melisma.audio.mastering import limited, master
from melisma.audio.mixing import overlaid
from melisma.audio.tags import read_provenance
from melisma.audio.waveform import Waveform

__all__ = [
    "FORMATS",
    "Encoding",
    "Facts",
    "Finding",
    "Stretch",
    "Waveform",
    "crossfade",
    "fade",
    "level_dbfs",
    "limited",
    "listen_for_faults",
    "loudness",
    "master",
    "overlaid",
    "patch",
    "probe",
    "read",
    "read_provenance",
    "shaped",
    "splice",
    "true_peak",
    "write",
]
