"""ACE-Step 1.5 and XL: configuration, network, weight names."""

from melisma.models.v15.conditions import Condition
from melisma.models.v15.config import AceStep15Config
from melisma.models.v15.decoder import Prepared
from melisma.models.v15.model import AceStep15, Checkpoint, load_checkpoint

__all__ = ["AceStep15", "AceStep15Config", "Checkpoint", "Condition", "Prepared", "load_checkpoint"]
