"""Ratings: one user's latest verdict on a joke, 3 (😂), 2 (🙂) or 1 (😐), as in the New Yorker Caption Contest."""

import time
from dataclasses import dataclass

from storage.chat.inbox import OFFSET_LIFETIME_S
from storage.database import Database

VALUES = (3, 2, 1)
"""😂, 🙂 and 😐."""
LIKED = 2
"""The lowest value that counts as a like: 🙂 or 😂."""


@dataclass(frozen=True)
class RatingCounts:
    """Number of ratings of a joke by value."""

    funny: int = 0
    somewhat: int = 0
    unfunny: int = 0

    @property
    def total(self) -> int:
        return self.funny + self.somewhat + self.unfunny


async def record_rating(
    database: Database, joke_id: int, user_id: int, value: int, update_id: int | None = None, *, hidden_s: float = 0.0
) -> RatingCounts:
    """Store a user's rating, replacing an earlier one, and return the joke's new counts.

    Messages in groups younger than `hidden_s` seconds are listed, to show their counts later (hidden_votes.py). An
    update that is processed again doesn't replace the rating of a later update. Raises ValueError if the value is not
    1, 2 or 3, sqlite3.IntegrityError for an unknown joke.
    """
    if value not in VALUES:
        raise ValueError(f"a rating is 1, 2 or 3, not {value!r}")
    now = time.time()
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO ratings (joke_id, person_id, value, created_at, updated_at, update_id) VALUES (?, ?, ?, ?, "
            "?, ?) "
            "ON CONFLICT (joke_id, person_id) DO UPDATE SET value = excluded.value, update_id = excluded.update_id, "
            "updated_at = iif(value = excluded.value, updated_at, excluded.updated_at) "
            "WHERE coalesce(ratings.update_id, -1) <= coalesce(excluded.update_id, ratings.update_id, -1) OR "
            "ratings.updated_at < ?",
            (joke_id, user_id, value, now, now, update_id, now - OFFSET_LIFETIME_S),
        )
        if hidden_s:
            await connection.execute(
                "INSERT INTO hidden_votes SELECT id, created_at + ?1 FROM deliveries WHERE joke_id = ?2 "
                "AND chat_id < 0 AND created_at + ?1 > ?3 ON CONFLICT DO NOTHING",
                (hidden_s, joke_id, now),
            )
        async with connection.execute(COUNTS, (joke_id,)) as cursor:
            (row,) = await cursor.fetchall()
    return RatingCounts(*row)


async def get_rating(database: Database, joke_id: int, user_id: int) -> int | None:
    """A user's rating of a joke (3, 2 or 1), or None."""
    return await database.value("SELECT value FROM ratings WHERE joke_id = ? AND person_id = ?", (joke_id, user_id))


async def get_counts(database: Database, joke_id: int) -> RatingCounts:
    """A joke's ratings by value."""
    row = await database.row(COUNTS, (joke_id,))
    return RatingCounts(*row) if row else RatingCounts()


COUNTS = """SELECT coalesce(sum(value = 3), 0), coalesce(sum(value = 2), 0), coalesce(sum(value = 1), 0)
            FROM ratings WHERE joke_id = ?"""
