"""The planner's checkpoints: language models of the Qwen3 family that read and write words and audio codes."""

from melisma.models.planner.language import Candidates, LanguageModel, Reader
from melisma.models.planner.load import load_language
from melisma.models.planner.vocabulary import END, FIRST_CODE, MOST_CODES, Mark, Vocabulary, read_vocabulary

__all__ = [
    "END",
    "FIRST_CODE",
    "MOST_CODES",
    "Candidates",
    "LanguageModel",
    "Mark",
    "Reader",
    "Vocabulary",
    "load_language",
    "read_vocabulary",
]
