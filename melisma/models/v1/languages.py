"""In which language a line of lyrics is sung, where nobody says.

Scripts decide what they can. Lines in Latin letters are too short to judge alone, and a wrong guess gives a line a
foreign accent: the language of all such lines together stands for each of them, unless a line alone is surely another.
(The official code judges line by line and is wrong on every fifth one of the recorded lines.)
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from melisma.errors import MissingModel
from melisma.models.v1.spelling import LANGUAGES

LATIN = ("en", "de", "fr", "es", "it", "pt", "pl", "tr", "cs", "nl", "hu")
SCRIPTS = {
    "ko": "ᄀ-ᇿ㄰-㆏가-힯",
    "ru": "Ѐ-ӿ",
    "ar": "؀-ۿ",
    "hi": "ऀ-ॿ",
    "ja": "぀-ヿ",
    "zh": "㐀-鿿",
}
# How sure, and from how many letters on, a line alone may differ from the song.
SURE, ENOUGH = 0.95, 20
# Up to how many letters one contraction tells more than the classifier.
FEW = 40
_CONTRACTED = re.compile(r"\w(n['’]t|['’](re|ll|ve|m))\b", re.IGNORECASE)


def script_of(line: str) -> str | None:
    """The language whose script a line is written in, by most letters; None for Latin letters, or none.

    Chinese characters count for Japanese where kana stand among them.
    """
    counts = {language: len(re.findall(f"[{letters}]", line)) for language, letters in SCRIPTS.items()}
    if counts["ja"]:
        counts["ja"] += counts.pop("zh")
    language = max(counts, key=lambda language: counts[language])
    return language if counts[language] else None


def languages_of(lines: Sequence[str]) -> list[str]:
    """The language of each line, one of those the checkpoint sings. Raises MissingModel without the classifier."""
    scripts = [script_of(line) for line in lines]
    latin = [line for line, script in zip(lines, scripts, strict=True) if script is None]
    common = _guess(" ".join(latin))[0]
    return [script or _own(line, common) for line, script in zip(lines, scripts, strict=True)]


def _own(line: str, common: str) -> str:
    if sum(letter.isalpha() for letter in line) < ENOUGH:
        return common
    language, probability = _guess(line)
    return language if probability >= SURE else common


def _guess(text: str) -> tuple[str, float]:
    """The likeliest Latin-written language and how sure that is; English where there are no letters."""
    letters = sum(letter.isalpha() for letter in text)
    if not letters:
        return "en", 0.0
    if letters <= FEW and _CONTRACTED.search(text):
        return "en", 1.0
    language, probability = _classifier().classify(text.lower())
    return str(language), float(probability)


@cache
def _classifier() -> Any:
    """py3langid, limited to the Latin-written languages that the checkpoint sings."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ModuleNotFoundError as error:
        raise MissingModel(
            "to tell the language of lyrics, ACE-Step v1 needs py3langid, which is not installed: "
            "pip install 'melisma[v1]', or say the language (--language)"
        ) from error
    identifier: Any = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LATIN))
    return identifier


assert set(LATIN) | set(SCRIPTS) == set(LANGUAGES)
