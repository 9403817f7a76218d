"""How fast a large library lists and finds: `python benchmarks/library.py --songs 10000`.

Fills a fresh data folder with made-up songs (rows and search index, no sound), then asks for pages of fifty as the routes
do, without HTTP. Prints medians and 95th percentiles in milliseconds, and the
processor's own time, which a busy machine does not change much.
"""

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from melisma.studio import search
from melisma.studio.database import Database, sqlite_url
from melisma.studio.listing import Wanted, find
from melisma.studio.tables import File as FileRow
from melisma.studio.tables import Song, Tag, Take, User, new_id
from melisma.studio.views import song_cards

WORDS = [
    "amber",
    "ballad",
    "blue",
    "bright",
    "broken",
    "candle",
    "chorus",
    "city",
    "cloud",
    "cold",
    "dance",
    "dawn",
    "deep",
    "dog",
    "dream",
    "dust",
    "echo",
    "ember",
    "empty",
    "fall",
    "fire",
    "flame",
    "folk",
    "garden",
    "ghost",
    "glass",
    "gold",
    "green",
    "harbour",
    "heart",
    "hollow",
    "home",
    "house",
    "light",
    "little",
    "lonely",
    "love",
    "machine",
    "moon",
    "morning",
    "mountain",
    "night",
    "ocean",
    "old",
    "paper",
    "piano",
    "rain",
    "red",
    "river",
    "road",
    "rose",
    "sailor",
    "sea",
    "shadow",
    "silver",
    "slow",
    "snow",
    "song",
    "stone",
    "storm",
    "summer",
    "sun",
    "tango",
    "thunder",
    "time",
    "train",
    "velvet",
    "voice",
    "waltz",
    "water",
    "wild",
    "wind",
    "window",
    "winter",
    "wolf",
    "wonder",
]
HAN = "爱春江花月夜雨风山海星光梦想时间城市火车早晨回家歌声心河路云天空秋冬夏"
KEYS = ("C major", "A minor", "F# minor", "Bb major", "D minor", "G major")


def fill(database: Database, owner: User, songs: int, seed: int = 0) -> None:
    """Add made-up songs: a title, a caption, about a hundred words of lyrics, tags, two takes; every tenth in Chinese."""
    draw = random.Random(seed)
    start = datetime.now(UTC) - timedelta(days=365)
    with database.transaction() as session:
        session.add(FileRow(sha256="0" * 64, suffix=".flac", size=0))
    for first in range(0, songs, 500):
        with database.transaction() as session:
            for number in range(first, min(first + 500, songs)):
                add_one(session, draw, owner, start + timedelta(minutes=number), chinese=number % 10 == 0)


def add_one(session: Session, draw: random.Random, owner: User, moment: datetime, chinese: bool) -> None:
    """One song."""

    def words(count: int) -> str:
        if chinese:
            return "".join(draw.choices(HAN, k=2 * count))
        return " ".join(draw.choices(WORDS, k=count))

    song = Song(
        id=new_id(),
        owner_id=owner.id,
        title=words(3).capitalize(),
        caption=words(12),
        lyrics="\n".join(words(6) for _ in range(16)),
        language="zh" if chinese else "en",
        bpm=draw.randint(60, 180),
        key=draw.choice(KEYS),
        meter=4,
        duration_s=draw.uniform(60, 300),
        favourite=draw.random() < 0.1,
        created_at=moment,
        updated_at=moment,
    )
    song.tags = [Tag(name=name) for name in sorted(set(draw.choices(WORDS[:20], k=2)))]
    takes = [
        Take(
            id=new_id(),
            song_id=song.id,
            job_id=new_id(),
            number=number,
            kind="compose",
            sha256="0" * 64,
            sample_rate=48000,
            duration_s=song.duration_s,
            created_at=moment,
        )
        for number in (1, 2)
    ]
    song.chosen_take_id = takes[0].id
    session.add(song)
    session.flush()
    session.add_all(takes)
    session.flush()
    search.index(session, song)


def measured(action: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Median and 95th percentile of the time that passed, and median of the processor's, milliseconds."""
    action()
    passed, worked = [], []
    for _ in range(times):
        start, begun = time.perf_counter(), time.process_time()
        action()
        passed.append(1000 * (time.perf_counter() - start))
        worked.append(1000 * (time.process_time() - begun))
    return statistics.median(passed), statistics.quantiles(passed, n=20)[18], statistics.median(worked)


QUESTIONS: dict[str, Wanted] = {
    "newest first": Wanted(),
    "by title": Wanted(sort="title"),
    "favourites by tempo": Wanted(favourite=True, sort="bpm"),
    "one tag": Wanted(tag=("dog",)),
    "type 'w'": Wanted(q="w"),
    "type 'wa'": Wanted(q="wa"),
    "type 'waltz d'": Wanted(q="waltz d"),
    "type 'waltz dog moon'": Wanted(q="waltz dog moon"),
    "type '春江'": Wanted(q="春江"),
    "nothing found": Wanted(q="zzzz"),
}


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--database", help="address of an empty PostgreSQL database; default: SQLite in a fresh folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(given.database or sqlite_url(Path(folder)))
        database.migrate()
        owner = User(name="You", admin=True)
        with database.transaction() as session:
            session.add(owner)
        start = time.perf_counter()
        fill(database, owner, given.songs)
        print(f"{given.songs} songs filled in {time.perf_counter() - start:.1f} s")
        print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
        print(f"{'question':24}{'found':>8}{'median ms':>12}{'p95 ms':>10}{'CPU ms':>10}")
        for name, wanted in QUESTIONS.items():

            def ask(wanted: Wanted = wanted) -> int:
                with database.reading() as session:
                    songs, total = find(session, owner, wanted, 50, 0)
                    song_cards(session, owner, songs)
                    return total

            median, worst, worked = measured(ask, given.times)
            print(f"{name:24}{ask():>8}{median:>12.1f}{worst:>10.1f}{worked:>10.1f}")
        database.close()


if __name__ == "__main__":
    main()
