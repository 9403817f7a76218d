"""Lyrics as token ids for ACE-Step v1.

Every line stands alone: the token of its language, its words spelled for the vocabulary (see `spelling`), and [SPACE],
which is also the line break. A line that begins with a tag is read as English, so that [chorus] stays one token. The
vocabulary is a byte-pair table that belongs to the checkpoint (Coqui's XTTS with twelve structure tags); it is read from
there and not kept here.
"""

import re
from functools import cache
from pathlib import Path

from melisma.errors import BadCheckpoint, BadRequest, MissingModel
from melisma.models.files import AGAIN
from melisma.models.text.encoder import tokenizer_at
from melisma.models.v1.languages import languages_of
from melisma.models.v1.spelling import LANGUAGES, spelled

START, BREAK = "[START]", "[SPACE]"
NO_LYRICS = [0]
"""What stands for no lyrics; its mask is 0."""
TAGS = ("start", "intro", "verse", "chorus", "bridge", "outro", "end", "inst", "solo", "hook", "pre-chorus", "break")
# Other names of what the vocabulary has a tag for.
SAME = {"instrumental": "inst", "interlude": "inst", "prechorus": "pre-chorus", "refrain": "chorus", "drop": "break"}
_TAG = re.compile(r"\[\s*([^\]\d]*?)[\s\d]*\]")


class LyricTokenizer:
    """The vocabulary of a checkpoint, and the way lines are written in it."""

    def __init__(self, vocab_path: Path | str) -> None:
        """Raises MissingModel or BadCheckpoint with the file and the next step."""
        path = Path(vocab_path)
        if not path.is_file():
            raise MissingModel(f"no lyric vocabulary at {path}: ACE-Step v1 cannot sing without it. {AGAIN}")
        self._tokenizer = tokenizer_at(path)
        absent = [token for token in (START, BREAK, *map(_language_token, LANGUAGES)) if self._id(token) is None]
        if absent:
            raise BadCheckpoint(
                f"{path} lacks {', '.join(absent[:3])}: it is not the lyric vocabulary of ACE-Step v1. {AGAIN}"
            )

    def _id(self, token: str) -> int | None:
        number: int | None = self._tokenizer.token_to_id(token)
        return number

    def encode(self, text: str, language: str | None = None) -> list[int]:
        """Ids of whole lyrics; `language` None finds one for each line. Without words: [0], to be masked out.

        Raises BadRequest for a language that the checkpoint does not sing, MissingModel where a library is absent.
        """
        if language is not None and language not in LANGUAGES:
            raise BadRequest(
                f"ACE-Step v1 does not sing in {language!r}: choose one of {' '.join(LANGUAGES)}, or leave it open"
            )
        if not text.strip():
            return list(NO_LYRICS)
        lines = [line.strip() for line in text.split("\n")]
        ids = [self._id(START)]
        for line, own in zip(lines, self._languages(lines, language), strict=True):
            ids += [*(self.line(line, own) if line else ()), self._id(BREAK)]
        return [number for number in ids if number is not None]

    def line(self, text: str, language: str) -> list[int]:
        """Ids of one line in one language, without start and break."""
        words = f"{_language_token(language)}{spelled(text, language)}".replace(" ", BREAK)
        numbers: list[int] = self._tokenizer.encode(words).ids
        return numbers

    @staticmethod
    def _languages(lines: list[str], language: str | None) -> list[str]:
        """A language per line: English for tags, the one asked for, or what each is found to be."""
        sung = [line for line in lines if line and not re.match(r"\[.*?\]", line)]
        found = iter([language] * len(sung) if language else languages_of(sung) if sung else [])
        return ["en" if not line or re.match(r"\[.*?\]", line) else next(found) for line in lines]


@cache
def _language_token(language: str) -> str:
    return "[zh-cn]" if language == "zh" else f"[{language}]"


def with_known_tags(lyrics: str) -> str:
    """Lyrics in which tags are those of the vocabulary: [Verse 1] is [verse], [Instrumental] is [inst].

    The official code leaves them to fall into letters, which are then sung. A tag that has no counterpart loses its line.
    """

    def known(found: re.Match[str]) -> str:
        name = found[1].split(":")[0].strip().lower().replace(" ", "-").replace("_", "-")
        name = SAME.get(name.replace("-", ""), name)
        return f"[{name}]" if name in TAGS else ""

    lines = (_TAG.sub(known, line) if line.strip().startswith("[") else line for line in lyrics.split("\n"))
    return "\n".join(new for new, old in zip(lines, lyrics.split("\n"), strict=True) if new.strip() or not old.strip())
