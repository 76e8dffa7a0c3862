"""The review queue: the jokes that the next run would train on, and admins' decisions."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from storage.database import Database


@dataclass(frozen=True)
class ReviewItem:
    """A joke to review with its photo, its model (None for a punchline) and its ratings by value.

    `left` is the number of jokes without a decision.
    """

    joke_id: int
    photo_id: int
    text: str
    model: str | None
    funny: int
    somewhat: int
    unfunny: int
    left: int


REVIEWED = "(SELECT joke_id FROM reviews UNION SELECT joke_id FROM hidden_jokes)"
"""Jokes that need no review: an admin has decided about them, or they are hidden."""


async def set_review_queue(database: Database, joke_ids: Sequence[int]) -> None:
    """Replace the queue by these jokes, best first; deleted jokes are skipped."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM review_queue")
        await connection.execute(
            "INSERT INTO review_queue (place, joke_id) SELECT key, value FROM json_each(?) "
            "WHERE value IN (SELECT id FROM jokes)",
            (json.dumps(list(joke_ids)),),
        )


async def get_next_item(database: Database) -> ReviewItem | None:
    """The best joke in the queue without a decision, or None."""
    row = await database.row(
        "SELECT jokes.id AS joke_id, photo_id, text, models.name AS model, "
        "(SELECT count(*) FROM ratings WHERE joke_id = jokes.id AND value = 3) AS funny, "
        "(SELECT count(*) FROM ratings WHERE joke_id = jokes.id AND value = 2) AS somewhat, "
        "(SELECT count(*) FROM ratings WHERE joke_id = jokes.id AND value = 1) AS unfunny, "
        f'(SELECT count(*) FROM review_queue WHERE joke_id NOT IN {REVIEWED}) AS "left" '
        "FROM review_queue JOIN jokes ON jokes.id = review_queue.joke_id LEFT JOIN models ON models.id = model_id "
        f"WHERE jokes.id NOT IN {REVIEWED} ORDER BY place LIMIT 1"
    )
    return ReviewItem(**dict(row)) if row else None


async def record_decision(database: Database, joke_id: int, *, kept: bool, asked_by: int) -> bool | None:
    """Record an admin's decision, replacing an earlier one; returns whether it is the first, None without the joke."""
    async with database.write() as connection:
        async with connection.execute(
            "SELECT (SELECT 1 FROM reviews WHERE joke_id = id) FROM jokes WHERE id = ?", (joke_id,)
        ) as cursor:
            row = await cursor.fetchone()
        if row is None:
            return None
        await connection.execute(
            "INSERT INTO reviews (joke_id, kept, asked_by, decided_at) VALUES (?, ?, ?, ?) ON CONFLICT (joke_id) DO "
            "UPDATE SET "
            "kept = excluded.kept, asked_by = excluded.asked_by, decided_at = excluded.decided_at",
            (joke_id, kept, asked_by, time.time()),
        )
        return row[0] is None
