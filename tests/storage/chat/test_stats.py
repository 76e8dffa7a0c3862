"""Statistics of a user and of all users."""

import time

import pytest

from storage.chat import ratings, stats
from storage.chat.jokes import NewJoke, add_joke
from storage.database import Database
from storage.learning.models import register_base


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


async def add_photo(database: Database, sha256: str, person_id: int) -> int:
    async with database.write() as connection:
        cursor = await connection.execute(
            "INSERT INTO photos (sha256, phash, width, height, bytes, media_type, created_at) VALUES (?, 0, 9, 9, "
            "9, 'image/jpeg', ?)",
            (sha256, time.time()),
        )
        await connection.execute(
            "INSERT INTO photo_senders VALUES (?, ?, ?)", (cursor.lastrowid, person_id, time.time())
        )
    return cursor.lastrowid


async def test_each_person_counts_for_themselves_and_all_count_together(database):
    model = await register_base(database, "base", None)
    ids = [
        (
            await add_joke(
                database,
                NewJoke(
                    await add_photo(database, sha256, person),
                    model.id,
                    person,
                    "en",
                    "neutral",
                    None,
                    "Tell.",
                    "Ha.",
                    0.8,
                    0.9,
                    160,
                    None,
                    None,
                    0.1,
                ),
            )
        ).id
        for sha256, person in [("aa", 1), ("bb", 1), ("cc", 2)]
    ]
    for joke_id, person, value in [(ids[0], 1, 3), (ids[1], 1, 1), (ids[2], 1, 2), (ids[0], 2, 1)]:
        await ratings.record_rating(database, joke_id, person, value)
    mine = await stats.get_user_stats(database, 1)
    assert (mine.photos, mine.jokes, mine.ratings, mine.liked) == (2, 2, 3, 2)
    assert mine.liking == pytest.approx(2 / 3)
    assert await stats.get_overall_stats(database) == stats.UsageStats(photos=3, jokes=3, ratings=4, liked=2)
    assert (await stats.get_user_stats(database, 99)).liking == 0.0
