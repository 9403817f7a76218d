"""Lyrics as the lyric encoder was taught to read them: lower case, numbers and signs in words, foreign scripts in Latin.

The rules are those of Coqui's XTTS with Chinese numbers after "chn_text_norm". They are kept to the letter, mistakes
included (Czech numbers stay digits, a German comma keeps its capital), because the checkpoint learned from text that
went through them. Libraries for numbers and scripts come with the extra `v1` and are imported when a line needs them.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from melisma.errors import MissingModel
from melisma.models.v1 import chinese

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "pl", "tr", "ru", "cs", "nl", "ar", "zh", "ja", "hu", "ko", "hi")

# What num2words raises for numbers it cannot say in a language.
UNSAYABLE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)

# fmt: off
ABBREVIATIONS: Mapping[str, Mapping[str, str]] = {
    "en": {"mrs": "misess", "mr": "mister", "dr": "doctor", "st": "saint", "co": "company", "jr": "junior",
           "maj": "major", "gen": "general", "drs": "doctors", "rev": "reverend", "lt": "lieutenant",
           "hon": "honorable", "sgt": "sergeant", "capt": "captain", "esq": "esquire", "ltd": "limited",
           "col": "colonel", "ft": "fort"},
    "es": {"sra": "señora", "sr": "señor", "dr": "doctor", "dra": "doctora", "st": "santo", "co": "compañía",
           "jr": "junior", "ltd": "limitada"},
    "fr": {"mme": "madame", "mr": "monsieur", "dr": "docteur", "st": "saint", "co": "compagnie", "jr": "junior",
           "ltd": "limitée"},
    "de": {"fr": "frau", "dr": "doktor", "st": "sankt", "co": "firma", "jr": "junior"},
    "pt": {"sra": "senhora", "sr": "senhor", "dr": "doutor", "dra": "doutora", "st": "santo", "co": "companhia",
           "jr": "júnior", "ltd": "limitada"},
    "it": {"sig": "signore", "dr": "dottore", "st": "santo", "co": "compagnia", "jr": "junior", "ltd": "limitata"},
    "pl": {"p": "pani", "m": "pan", "dr": "doktor", "sw": "święty", "jr": "junior"},
    "cs": {"dr": "doktor", "ing": "inženýr", "p": "pan"},
    "ru": {"г-жа": "госпожа", "г-н": "господин", "д-р": "доктор"},
    "nl": {"dhr": "de heer", "mevr": "mevrouw", "dr": "dokter", "jhr": "jonkheer"},
    "tr": {"b": "bay", "byk": "büyük", "dr": "doktor"},
    "hu": {"dr": "doktor", "b": "bácsi", "nőv": "nővér"},
}
SIGNS = "&@%#$£°"
SIGN_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": ("and", "at", "percent", "hash", "dollar", "pound", "degree"),
    "es": ("y", "arroba", "por ciento", "numeral", "dolar", "libra", "grados"),
    "fr": ("et", "arobase", "pour cent", "dièse", "dollar", "livre", "degrés"),
    "de": ("und", "at", "prozent", "raute", "dollar", "pfund", "grad"),
    "pt": ("e", "arroba", "por cento", "cardinal", "dólar", "libra", "graus"),
    "it": ("e", "chiocciola", "per cento", "cancelletto", "dollaro", "sterlina", "gradi"),
    "pl": ("i", "małpa", "procent", "krzyżyk", "dolar", "funt", "stopnie"),
    "ar": ("و", "على", "في المئة", "رقم", "دولار", "جنيه", "درجة"),
    "zh": ("和", "在", "百分之", "号", "美元", "英镑", "度"),
    "cs": ("a", "na", "procento", "křížek", "dolar", "libra", "stupně"),
    "ru": ("и", "собака", "процентов", "номер", "доллар", "фунт", "градус"),
    "nl": ("en", "bij", "procent", "hekje", "dollar", "pond", "graden"),
    "tr": ("ve", "at", "yüzde", "diyez", "dolar", "sterlin", "derece"),
    "hu": ("és", "kukac", "százalék", "kettőskereszt", "dollár", "font", "fok"),
    "ko": ("그리고", "에", "퍼센트", "번호", "달러", "파운드", "도"),
}
ORDINALS = {
    "en": "(st|nd|rd|th)", "es": "(º|ª|er|o|a|os|as)", "fr": "(º|ª|er|re|e|ème)",
    "de": r"(st|nd|rd|th|º|ª|\.(?=\s|$))", "pt": "(º|ª|o|a|os|as)", "it": "(º|°|ª|o|a|i|e)",
    "pl": "(º|ª|st|nd|rd|th)", "ar": "(ون|ين|ث|ر|ى)", "cs": r"\.(?=\s|$)", "ru": "(-й|-я|-е|-ое|-ье|-го)",
    "nl": "(de|ste|e)", "tr": r"(\.|inci|nci|uncu|üncü|\.)", "hu": r"(\.|adik|edik|odik|edik|ödik|ödike|ik)",
    "ko": "(번째|번|차|째)",
}
# What stands between a sum's whole and its cents; whole sums are cut there.
JOINERS = {"en": ", ", "es": " con ", "fr": " et ", "de": " und ", "pt": " e ", "it": " e "}
CURRENCIES = {"GBP": "£", "USD": r"\$", "EUR": "€"}
# fmt: on


def spelled(text: str, language: str) -> str:
    """One line in one of `LANGUAGES`, as it goes into the vocabulary. Raises MissingModel where a library is absent."""
    if language == "ja":
        return _romaji(text).lower()
    if language == "hi":
        return re.sub(r"\s+", " ", text.lower())
    text = text.replace('"', "")
    if language == "tr":
        text = text.translate(str.maketrans("İÖÜ", "iöü"))
    text = numbers_spoken(text.lower(), language)
    text = re.sub(r"\s+", " ", _signs_spoken(_unabbreviated(text, language), language))
    if language == "zh":
        return _pinyin(text)
    return _romaja(text) if language == "ko" else text


def numbers_spoken(text: str, language: str) -> str:
    """Sums, decimals, ordinals and numbers in words; all as they were where one of them cannot be said."""
    if language == "zh":
        return chinese.spoken(text)
    if not re.search(r"\d", text):
        return text
    grouped, mark = (
        (r"\b\d{1,3}(,\d{3})*(\.\d+)?\b", ",") if language in ("en", "ru") else (r"\b\d{1,3}(.\d{3})*(\,\d+)?\b", ".")
    )
    original, text = text, re.sub(grouped, lambda found: found[0].replace(mark, ""), text)
    with suppress(*UNSAYABLE):
        text = _sums_spoken(text, language)
    try:
        if language != "tr":
            text = re.sub(r"[0-9]+[.,][0-9]+", lambda found: _said(float(found[0].replace(",", ".")), language), text)
        text = re.sub(f"([0-9]+){ORDINALS[language]}", lambda found: _said(int(found[1]), language, ordinal=True), text)
        return re.sub(r"[0-9]+", lambda found: _said(int(found[0]), language), text)
    except UNSAYABLE:
        return original


def _sums_spoken(text: str, language: str) -> str:
    for currency, sign in CURRENCIES.items():

        def say(found: re.Match[str], currency: str = currency) -> str:
            amount = float(re.sub(r"[^\d.]", "", found[0].replace(",", ".")))
            said = _said(amount, language, to="currency", currency=currency)
            joiner = JOINERS.get(language, ", ")
            return said.rpartition(joiner)[0] if amount.is_integer() and joiner in said else said

        before, after = rf"{sign}[0-9\.\,]*[0-9]+", rf"[0-9\.\,]*[0-9]+{sign}"
        text = re.sub(f"{after}|{before}" if currency == "EUR" else f"{before}|{after}", say, text)
    return text


def _said(number: float, language: str, **how: Any) -> str:
    if language == "cs":
        # Training asked for Czech by a code that the library does not know.
        raise NotImplementedError
    said: str = _library("num2words", "num2words")(number, lang=language, **how)
    return said


def _unabbreviated(text: str, language: str) -> str:
    end = r"\b" if language == "ru" else r"\."
    for short, long in ABBREVIATIONS.get(language, {}).items():
        text = re.sub(rf"\b{short}{end}", long, text, flags=re.IGNORECASE)
    return text


def _signs_spoken(text: str, language: str) -> str:
    for sign, word in zip(SIGNS, SIGN_WORDS[language], strict=True):
        text = text.replace(sign, f" {word} ").replace("  ", " ")
    return text.strip()


def _pinyin(text: str) -> str:
    """Syllables with tone numbers, 5 for none, without spaces."""
    pinyin, style = _library("pypinyin", "pinyin"), _library("pypinyin", "Style")
    read = pinyin(text, style=style.TONE3, heteronym=False, neutral_tone_with_five=True)
    return "".join(readings[0] for readings in read)


@cache
def _cutlet() -> Any:
    return _library("cutlet", "Cutlet")()


def _romaji(text: str) -> str:
    said: str = _cutlet().romaji(text)
    return said


def _romaja(text: str) -> str:
    transliter, rule = _library("hangul_romanize", "Transliter"), _library("hangul_romanize.rule", "academic")
    said: str = transliter(rule).translit(text)
    return said


def _library(module: str, name: str) -> Any:
    """Something from a library of the extra `v1`."""
    import importlib

    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise MissingModel(
            f"these lyrics need {error.name} to be spelled for ACE-Step v1, which is not installed: pip install 'melisma[v1]'"
        ) from error
