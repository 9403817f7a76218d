"""Finding songs by words, as one types: title, tags, description and lyrics.

Words are prepared here (no case, no accents), the same for both databases: SQLite searches them with FTS5, PostgreSQL
as a tsvector. A word is found by its beginning. Scripts that write no spaces between words (Chinese, Japanese, Thai, …)
are indexed letter by letter and searched as phrases, so that any part of a text is found. What a person types is only
ever a list of words: it is never read as a query language, and nothing in it can be wrong.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    FromClause,
    String,
    cast,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.orm import Session

from melisma.studio.tables import Song, number_of

MOST_WORDS = 12
MOST_LETTERS = 200
# Thai, Lao, Burmese, Khmer; CJK with kana and Yi; Hangul syllables; CJK beyond the basic plane
UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
WORD = re.compile(rf"(?P<run>{UNSPACED}+)|(?P<word>(?:(?!{UNSPACED})[^\W_])+)")
VOICED = "\u3099\u309a"  # these marks make another kana, they are no accent
FIELDS = ("title", "tags", "caption", "lyrics")
WEIGHTS = "10.0, 6.0, 4.0, 1.0"
LETTERS = dict(zip(FIELDS, "ABCD", strict=True))  # PostgreSQL's names of weights
LONGEST_WORD, LAST_PLACE = 500, 16_383  # its limits: 2046 bytes, and where a word may stand

WORDS = table("song_words", column("rowid"), *(column(field, String) for field in FIELDS))
VECTORS = table("song_vectors", column("number"), column("words"))

# --- Words ----------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Text as it is compared: without case, width and accents.

    >>> plain("ＤÉJÀ vu")
    'deja vu'
    """
    text = text.casefold()
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in parts if letter in VOICED or not unicodedata.category(letter).startswith("M"))
    return unicodedata.normalize("NFC", kept).casefold()


def phrases(text: str) -> Iterator[list[str]]:
    """Words in order; a run of an unspaced script is a phrase of its letters.

    >>> list(phrases('Walt "dog* 東京x'))
    [['walt'], ['dog'], ['東', '京'], ['x']]
    """
    for found in WORD.finditer(plain(text)):
        yield list(found["run"]) if found["run"] else [found["word"]]


def prepared(text: str) -> str:
    """Text as it is indexed: words and single letters between spaces."""
    return " ".join(word for phrase in phrases(text) for word in phrase)


def asked(query: str) -> list[list[str]]:
    """What was typed, as phrases that must all be found."""
    return list(phrases(query[:MOST_LETTERS]))[:MOST_WORDS]


# --- The index ------------------------------------------------------------------------------------------------------


def embedded(session: Session) -> bool:
    """Whether this is SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def index(session: Session, song: Song) -> None:
    """Make the index tell of a song as it is now."""
    forget(session, song.id)
    texts = {
        "title": prepared(song.title),
        "tags": prepared(" ".join(tag.name for tag in song.tags)),
        "caption": prepared(song.caption),
        "lyrics": prepared(song.lyrics),
    }
    if embedded(session):
        session.execute(insert(WORDS), {"rowid": song.number, **texts})
        return
    vector = cast(vector_of(texts), TSVECTOR)
    session.execute(insert(VECTORS).values(number=song.number, words=vector))


def vector_of(texts: dict[str, str]) -> str:
    """Prepared texts as a tsvector is written: each word with its place and weight.

    PostgreSQL's own parser would cut them again, by the server's locale. Fields are apart, so that no phrase spans two.

    >>> vector_of({"title": "a waltz", "tags": "", "caption": "", "lyrics": "la"})
    "'a':1A 'waltz':2A 'la':33D"
    """
    said, place = [], 0
    for field, text in texts.items():
        for word in text.split():
            place += 1
            said.append(f"{quoted(word[:LONGEST_WORD])}:{min(place, LAST_PLACE)}{LETTERS[field]}")
        place += 10
    return " ".join(said)


def forget(session: Session, song_id: str) -> None:
    """Take a song out of the index."""
    if embedded(session):
        session.execute(delete(WORDS).where(WORDS.c.rowid == number_of(song_id)))
    else:
        session.execute(delete(VECTORS).where(VECTORS.c.number == number_of(song_id)))


def reindex(session: Session) -> int:
    """Make the whole index again; returns how many songs it holds."""
    session.execute(delete(WORDS if embedded(session) else VECTORS))
    songs = session.scalars(select(Song).execution_options(yield_per=200))
    count = 0
    for song in songs:
        index(session, song)
        count += 1
    return count


def indexed(session: Session) -> int:
    """How many songs the index holds."""
    return session.scalar(select(func.count()).select_from(WORDS if embedded(session) else VECTORS)) or 0


# --- Asking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Match:
    """What a query means to the database: join `index` by a song's number, keep what is `found`, order by `rank`."""

    index: FromClause
    number: ColumnElement[int]
    found: ColumnElement[bool]
    rank: ColumnElement[float]


def matching(session: Session, query: str) -> Match | None:
    """Songs that hold all words of a query; None where it has no words."""
    wanted = asked(query)
    if not wanted:
        return None
    if embedded(session):
        typed = " ".join(f'"{" ".join(phrase)}"{"" if len(phrase) > 1 else "*"}' for phrase in wanted)
        found = literal_column("song_words").op("MATCH", is_comparison=True)(typed)
        return Match(WORDS, WORDS.c.rowid, found, literal_column(f"bm25(song_words, {WEIGHTS})"))
    typed = " & ".join(
        f"({' <-> '.join(quoted(word[:LONGEST_WORD]) for word in phrase)})"
        if len(phrase) > 1
        else f"{quoted(phrase[0])}:*"
        for phrase in wanted
    )
    query_ = cast(typed, TSQUERY)
    found = VECTORS.c.words.op("@@", is_comparison=True)(query_)
    return Match(VECTORS, VECTORS.c.number, found, -func.ts_rank(VECTORS.c.words, query_))


def quoted(word: str) -> str:
    """A word as PostgreSQL's query language takes it literally; prepared words hold neither quotes nor backslashes."""
    return f"'{word}'"
