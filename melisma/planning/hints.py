"""What a sentence says beside the music: the language to sing in, that nobody sings.

Officially every two-letter word that happens to be a language code counts ("hi!", "it is"). Here codes count behind
"in" only, and a country's instrument is no language unless there is singing too.
"""

import re

NAMES = {
    "english": "en",
    "chinese": "zh",
    "mandarin": "zh",
    "cantonese": "yue",
    "japanese": "ja",
    "korean": "ko",
    "spanish": "es",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "russian": "ru",
    "bengali": "bn",
    "hindi": "hi",
    "arabic": "ar",
    "thai": "th",
    "vietnamese": "vi",
    "indonesian": "id",
    "turkish": "tr",
    "dutch": "nl",
    "polish": "pl",
    "日本語": "ja",
    "中文": "zh",
    "国语": "zh",
    "粤语": "yue",
    "한국어": "ko",
}
_NAME = re.compile(
    rf"\b({'|'.join(name for name in NAMES if name.isascii())})\b|(日本語|中文|国语|粤语|한국어)", re.IGNORECASE
)
_CODE = re.compile(rf"\bin ({'|'.join(sorted(set(NAMES.values())))})\b", re.IGNORECASE)
_INSTRUMENT = re.compile(
    r"^\s+(guitars?|horns?|accordions?|piano|house|disco|touch|flutes?|drums?|style|bagpipes?|jazz|romanticism)\b",
    re.IGNORECASE,
)
_SINGING = re.compile(r"\b(vocals?|voices?|sings?|singing|sung|singer|lyrics?|song|choir)\b", re.IGNORECASE)
_WORDLESS = re.compile(
    r"\binstrumental\b|\bpure music\b|\bpure instrument|\bsolo\s*$|\b(no|without)( any)? (vocals?|voices?|singing|lyrics)\b"
    r"|纯音乐|无人声",
    re.IGNORECASE,
)
_WITH_VOICE = re.compile(r"\bwith (\w+ )?(vocals?|voices?|singing|lyrics)\b", re.IGNORECASE)


def language_in(text: str) -> str | None:
    """The language that a description asks for, as a code."""
    for found in _NAME.finditer(text):
        if not _INSTRUMENT.match(text[found.end() :]) or _SINGING.search(text):
            return NAMES[found[0].lower()]
    coded = _CODE.search(text)
    return coded[1].lower() if coded else None


def wordless(text: str) -> bool:
    """Whether a description says that nobody sings."""
    return bool(_WORDLESS.search(text)) and not _WITH_VOICE.search(text)
