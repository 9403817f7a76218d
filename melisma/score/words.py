"""Lyrics to sections, lines, words and syllables.

English hyphenation is not syllabification: a dictionary hyphenator never splits "over" or "every" where one sings. So
the number of syllables is counted from vowel groups with the usual exceptions, and `pyphen` only proposes where to cut.
Other alphabets are counted by their vowels, scripts without them by character.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import pyphen

from melisma.notation import SectionTag, Word

_ALIASES: dict[str, SectionTag] = {
    "intro": "intro", "opening": "intro", "start": "intro", "prelude": "intro",
    "verse": "verse", "rap": "verse", "theme": "verse", "spoken": "verse", "a": "verse", "head": "verse",
    "pre-chorus": "pre-chorus", "prechorus": "pre-chorus", "pre chorus": "pre-chorus", "build": "pre-chorus", "build-up": "pre-chorus", "buildup": "pre-chorus", "lift": "pre-chorus",
    "chorus": "chorus", "hook": "chorus", "refrain": "chorus", "post-chorus": "chorus", "climax": "chorus",
    "drop": "drop", "bridge": "bridge", "middle": "bridge", "middle 8": "bridge", "development": "bridge", "b": "bridge",
    "solo": "solo", "inst": "solo", "instrumental": "solo", "interlude": "solo", "riff": "solo",
    "break": "break", "breakdown": "break", "silence": "break", "outro": "outro", "ending": "outro", "end": "outro", "coda": "outro", "fade out": "outro", "fade": "outro",
}  # fmt: skip

_TAG = re.compile(r"^\s*\[([^\]]*)\]\s*$")
_IN_LINE_NOTES = re.compile(r"\[[^\]]*\]")
_TWO_SYLLABLE_HIATUS = re.compile(
    r"[aeou]y[aou]|[aeo]yer|ia(?!l\b|n\b|ge)|io(?!u|n)|iu|eo(?!u)|(?<![gq])ua|uo|(?<![gq])ue(?=l|t)|ying|[aeiouy]ing$|[^aeiou]ier$|ieties|iety|creat|real|being|poem|poet|diet|quiet|lion|science|violen|giant|dial|trial|ruin|fluid|idea|theat|area|cruel|fuel|duel|client|triumph|diamond|pioneer|naive|chaos"
)
_HIATUS = re.compile(r"[aeo](?=y[aoeu])|i[aou]|i(?=e(?:nce|t))|e[ou]|u[aeio]|o[ei]|y(?=i)|a(?=ing)|e(?=ing)")
"""Where two vowels written together may be two syllables; the second begins at the second letter."""
_VOWELS = "aeiouyäöüáéíóúàèìòùâêîôûãõåæøœëïÿýăąęěůőűıаеёиоуыэюяіїєαεηιουωάέήίόύώ"
_NUMBERS = re.findall(
    r"\S+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
)
_EXCEPTIONS = {
    "every": 2, "everything": 3, "soldier": 2, "everywhere": 3, "prayer": 1, "everyone": 3, "everybody": 4, "evening": 2, "different": 2, "people": 2, "something": 2,
    "somewhere": 2, "someone": 2, "sometimes": 2, "somebody": 3, "maybe": 2, "forever": 3, "whatever": 3, "business": 2,
    "chocolate": 2, "being": 2, "seeing": 2, "heaven": 2, "given": 2, "memories": 3, "fire": 1, "hour": 1, "our": 1, "flower": 2,
    "power": 2, "tower": 2, "shower": 2, "lonely": 2, "lovely": 2, "loneliness": 3, "homeless": 2, "hopeless": 2, "careless": 2,
    "endless": 2, "timeless": 2, "safely": 2, "wherever": 3, "whenever": 3, "beloved": 3, "naked": 2, "wicked": 2, "sacred": 2,
    "crooked": 2, "blessed": 1, "family": 3, "camera": 3, "island": 2, "once": 1, "the": 1, "me": 1, "he": 1, "she": 1, "we": 1,
    "be": 1, "recipe": 3, "cafe": 2, "karaoke": 4, "hallelujah": 4, "alleluia": 4, "ooh": 1, "yeah": 1, "oh": 1, "quiet": 2,
    "poem": 2, "lion": 2, "science": 2, "ocean": 2, "real": 1, "really": 2, "idea": 3, "beautiful": 3, "area": 3, "going": 2,
    "doing": 2, "world": 1, "girl": 1, "rhythm": 2, "couldn't": 2, "wouldn't": 2, "didn't": 2, "shouldn't": 2, "isn't": 2,
    "wasn't": 2, "hasn't": 2, "doesn't": 2, "haven't": 2, "one": 1, "gone": 1, "done": 1, "come": 1, "fireflies": 3, "firefly": 3,
    "goodbye": 2, "bye": 1, "eye": 1, "eyes": 1, "aches": 1, "clothes": 1, "movement": 2, "statement": 2, "moment": 2, "apartment": 3,
    "wednesday": 2, "vegetable": 3, "comfortable": 3, "interesting": 3, "favorite": 3, "favourite": 3, "lineup": 2, "anyone": 3,
    "anymore": 3, "anywhere": 3, "nowhere": 2, "therefore": 2, "before": 2, "hereafter": 3, "nevermore": 3, "evermore": 3, "furthermore": 3,
    "lifetime": 2, "sometime": 2, "fireworks": 2, "firelight": 2, "fireside": 2, "homeward": 2, "homecoming": 3, "lifeline": 2, "timeline": 2,
    "skyline": 2, "coastline": 2, "wasteland": 2, "graveyard": 2, "lakeside": 2, "spaceship": 2, "horseback": 2, "lighthouse": 2, "warehouse": 2,
    "rose-colored": 3, "caramel": 3, "colour": 2, "violin": 3, "radio": 3, "stereo": 3, "video": 3, "piano": 3, "cruel": 2, "fuel": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Verse:
    """One tagged block of lyrics."""

    tag: SectionTag
    lines: tuple[tuple[Word, ...], ...]


def tag_of(label: str) -> SectionTag | None:
    """The section that a tag such as "Verse 2: whispered" names; None if it names none."""
    plain = re.split(r"[:\-–,(|]\s+|[:,(|]", label.strip().lower())[0]
    plain = re.sub(r"\s*\d+$|\s+[ivx]+$", "", plain).strip()
    if plain in _ALIASES:
        return _ALIASES[plain]
    for word in reversed(re.findall(r"[a-z][a-z-]*", plain)):
        if len(word) > 1 and word in _ALIASES:
            return _ALIASES[word]
    return None


def verses(lyrics: str) -> list[Verse]:
    """Lyrics as tagged blocks. Untagged words open a verse; a tag that names no section is a remark and is skipped."""
    found: list[tuple[SectionTag, list[tuple[Word, ...]]]] = []
    open_block = False
    for raw in lyrics.splitlines():
        tag = _TAG.match(raw)
        if tag:
            named = tag_of(tag.group(1))
            if named is not None:
                found.append((named, []))
                open_block = True
            continue
        words = words_of(_IN_LINE_NOTES.sub(" ", raw))
        if not words:
            continue
        if not open_block:
            found.append(("verse", []))
            open_block = True
        found[-1][1].append(words)
    return [Verse(tag, tuple(lines)) for tag, lines in found]


def words_of(line: str) -> tuple[Word, ...]:
    """The words of a line, each cut into syllables; marks without a letter or digit stay with the word before."""
    words: list[Word] = []
    for text in line.split():
        if any(_sounds(char) for char in text):
            words.append(Word(text=text, syllables=syllables(text)))
        elif words:
            last = words[-1]
            words[-1] = Word(text=last.text + text, syllables=(*last.syllables[:-1], last.syllables[-1] + text))
    return tuple(words)


@cache
def syllables(word: str) -> tuple[str, ...]:
    """Cut a word, punctuation included, into its sung syllables; together they spell it.

    A word in an alphabet with vowels gets one syllable per vowel sound, a script written by syllable one per character.
    """
    if any(_ideograph(char) for char in word):
        return _by_character(word)
    parts = re.split(r"(?<=[^\W\d_])-(?=[^\W\d_])", word)
    if len(parts) > 1:
        cut = [syllables(part) for part in parts]
        return tuple(
            piece + ("-" if k == len(part) - 1 and n < len(cut) - 1 else "")
            for n, part in enumerate(cut)
            for k, piece in enumerate(part)
        )
    return _cut(word, count(word))


def count(word: str) -> int:
    """How many syllables a word has when sung; at least one."""
    plain = _plain(word)
    if not plain:
        return max(1, sum(_spoken(char) for char in word))
    if plain in _EXCEPTIONS:
        return _EXCEPTIONS[plain]
    for ending in ("'s", "s", "ing", "less", "ness", "ly", "ful"):
        stem = plain.removesuffix(ending)
        if (
            ending in ("'s", "s")
            and stem != plain
            and stem in _EXCEPTIONS
            and not stem.endswith(("s", "x", "ch", "sh", "ce", "ge"))
        ):
            return _EXCEPTIONS[stem]
    groups = len(re.findall(f"[{_VOWELS}]+", plain))
    if not plain.isascii():
        return max(1, groups)
    stem = re.sub(r"'(s|d|ll|re|ve|m|t)$", "", plain)
    groups = len(re.findall(r"[aeiouy]+", stem))
    groups += len(_TWO_SYLLABLE_HIATUS.findall(stem)) > 0
    if re.search(r"[^aeiouy]e$", stem) and not re.search(r"[^aeiouylr][lr]e$|[^aeiouy]{2,}le$|[^aeiouyl]le$", stem):
        groups -= 1
    if re.search(r"[^aeiouytd]ed$", stem) and not re.search(r"[^aeiouy][lr]ed$", stem):
        groups -= 1
    if re.search(r"[aeiouy][^aeiouyscxzg]es$|[aeiouy][^aeiouy](?<![scxzg])es$", stem):
        groups -= 1
    if re.search(
        r"[aeiouy][^aeiouy]e(ly|less|ful|ness|ment|some|time|where|one|thing|body|light|side|land|man|men)$", stem
    ):
        groups -= 1
    if plain.endswith("n't") and len(plain) > 5 and plain[-4] in "dstc":
        groups += 1
    return max(1, groups)


def stressed(word: Word) -> tuple[bool, ...]:
    """Which syllables of a word carry weight: none of a function word, the first of most others."""
    plain = _plain(word.text)
    if len(word.syllables) == 1:
        return (plain not in _LIGHT_WORDS,)
    late = plain.startswith(_LIGHT_PREFIXES)
    return tuple(k == (1 if late else 0) for k in range(len(word.syllables)))


_LIGHT_WORDS = frozenset(
    re.findall(
        r"\S+",
        "a an the and or but of to in on at by for from with as if so than that this my your his her our their its it i you he she "
        "we they me him us them is am are was were be been do does did has have had will would can could shall should may might 'm 're "
        "i'm you're we're they're it's he's she's i'll you'll we'll oh just when where like there",
    )
)
_LIGHT_PREFIXES = (
    "be", "re", "de", "un", "a", "for", "to", "ex", "en", "in", "im", "con", "com", "per", "pre", "pro", "sur", "sub", "mis", "dis",
)  # fmt: skip


def _plain(word: str) -> str:
    return re.sub(r"[^\w']|[\d_]", "", unicodedata.normalize("NFC", word).replace("’", "'").lower()).strip("'")


def _sounds(char: str) -> bool:
    return char.isalnum()


def _spoken(char: str) -> int:
    return count(_NUMBERS[int(char)]) if char.isascii() and char.isdigit() else 0


def _ideograph(char: str) -> bool:
    return char.isalpha() and any(
        low <= ord(char) <= high
        for low, high in ((0x0E00, 0x0EFF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7AF), (0x20000, 0x3FFFF))
    )


def _by_character(word: str) -> tuple[str, ...]:
    pieces: list[str] = []
    for char in word:
        starts = _ideograph(char) and char not in "ゃゅょャュョァィゥェォぁぃぅぇぉっッーんン"
        if starts or not pieces:
            pieces.append(char)
        else:
            pieces[-1] += char
    return tuple(pieces)


@cache
def _hyphenator() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="en_US", left=1, right=2)


def _cut(word: str, pieces: int) -> tuple[str, ...]:
    """Cut a word into so many pieces, each with a vowel where there are enough, at the hyphenator's places first."""
    if pieces == 1 or len(word) < 2:
        return (word,)
    pieces = min(pieces, len(word))
    lower = word.lower()
    nuclei = [m.start() for m in re.finditer(f"[{_VOWELS}]+", lower)]
    if len(nuclei) < pieces:
        inner = [m.start() + 1 for m in _HIATUS.finditer(lower)]
        nuclei = sorted(nuclei + inner[: pieces - len(nuclei)])
    if len(nuclei) > pieces and lower.rstrip(".,!?;:'\"s").endswith("e"):
        nuclei = nuclei[:-1]
    wanted = [_between(lower, a, b) for a, b in pairwise(nuclei)]
    proposed = [p for p in _hyphenator().positions(lower) if 0 < p < len(word)]
    chosen: list[int] = []
    for place in wanted:
        near = min(proposed, key=lambda p: abs(p - place), default=place)
        cut = near if abs(near - place) <= 1 else place
        if 0 < cut < len(word) and cut not in chosen:
            chosen.append(cut)
    chosen = sorted(chosen)
    while len(chosen) > pieces - 1:
        edges = [0, *chosen, len(word)]
        tightest = min(range(1, len(edges) - 1), key=lambda i: edges[i + 1] - edges[i - 1])
        chosen.remove(edges[tightest])
    while len(chosen) < pieces - 1:
        edges = [0, *chosen, len(word)]
        widest = max(range(len(edges) - 1), key=lambda i: edges[i + 1] - edges[i])
        chosen = sorted([*chosen, (edges[widest] + edges[widest + 1] + 1) // 2])
    edges = [0, *chosen, len(word)]
    return tuple(word[a:b] for a, b in pairwise(edges))


def _between(word: str, nucleus: int, following: int) -> int:
    """Where to cut between two vowel groups: before the last consonant, keeping sounds written with two letters."""
    end = nucleus
    while end < following and word[end] in _VOWELS:
        end += 1
    consonants = word[end:following]
    if len(consonants) <= 1:
        return end
    if consonants[-2:] in (
        "th",
        "sh",
        "ch",
        "ph",
        "wh",
        "tr",
        "br",
        "dr",
        "gr",
        "pr",
        "cr",
        "fr",
        "bl",
        "cl",
        "fl",
        "gl",
        "pl",
        "sl",
    ):
        return following - 2 if len(consonants) > 1 else end
    return following - 1
