"""Ratings of the base's jokes and of the present model's, for photos that were divided between them at random.

Also: which admins have got the week's line about them.
"""

from dataclasses import dataclass

from storage.chat.consent import LEARNT_FROM
from storage.chat.ratings import LIKED
from storage.database import Database


@dataclass(frozen=True)
class PhotoLikes:
    """The ratings of a model's jokes about one photo: `likes` of them are 😂 or 🙂."""

    likes: int
    ratings: int


@dataclass(frozen=True)
class BaseComparison:
    """Rated photos of both models; the base's share of the photos was random at that time."""

    base: list[PhotoLikes]
    present: list[PhotoLikes]


async def compare_with_base(database: Database, base_id: int, present_id: int) -> BaseComparison:
    """The rated photos since the present model came into service, without data of private and banned users.

    Only photos count that came while the base was served beside it: the base got each with the same probability.
    """
    rows = await database.rows(
        f"SELECT model_id, sum(value >= {LIKED}) AS likes, count(*) AS ratings FROM jokes "
        "JOIN ratings ON ratings.joke_id = jokes.id WHERE base_share IS NOT NULL AND model_id IN (?1, ?2) "
        "AND jokes.created_at >= coalesce((SELECT max(at) FROM promotions WHERE model_id = ?2), 0) "
        f"AND {LEARNT_FROM} GROUP BY model_id, photo_id",
        (base_id, present_id),
    )
    photos: dict[int, list[PhotoLikes]] = {base_id: [], present_id: []}
    for row in rows:
        photos[row["model_id"]].append(PhotoLikes(row["likes"], row["ratings"]))
    return BaseComparison(photos[base_id], photos[present_id])


async def list_notified(database: Database, due: float) -> list[int]:
    """The admins who have got the line that was due at that time (seconds since 1970), or a later one."""
    rows = await database.rows("SELECT chat_id FROM progress_news WHERE due_at >= ?", (due,))
    return [row["chat_id"] for row in rows]


async def record_notified(database: Database, admin_id: int, due: float) -> None:
    """Record that an admin has got the line that was due at that time."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO progress_news VALUES (?, ?) ON CONFLICT DO UPDATE SET due_at = excluded.due_at",
            (admin_id, due),
        )
