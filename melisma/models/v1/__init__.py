"""ACE-Step v1: configuration, network, checkpoints, lyric tokens, and what it is trained to do."""

from melisma.models.v1.checkpoint import Checkpoint, load_autoencoder, load_checkpoint
from melisma.models.v1.config import AceStep1Config
from melisma.models.v1.model import AceStep1, Condition, Prepared
from melisma.models.v1.objective import encode_for_training

__all__ = [
    "AceStep1",
    "AceStep1Config",
    "Checkpoint",
    "Condition",
    "Prepared",
    "encode_for_training",
    "load_autoencoder",
    "load_checkpoint",
]
