"""Numbers for /stats."""

from dataclasses import dataclass

from storage.chat.ratings import LIKED
from storage.database import Database


@dataclass(frozen=True)
class UsageStats:
    """Photos that were sent, jokes told, ratings given, and how many of those were 😂 or 🙂."""

    photos: int
    jokes: int
    ratings: int
    liked: int

    @property
    def liking(self) -> float:
        """Share of the ratings that liked the joke, 0 to 1; 0 where there are none."""
        return self.liked / self.ratings if self.ratings else 0.0


async def get_user_stats(database: Database, user_id: int) -> UsageStats:
    """A user's photos, jokes and own ratings (of any user's jokes)."""
    row = await database.row(
        "SELECT (SELECT count(*) FROM photo_senders WHERE person_id = ?1) AS photos, "
        "(SELECT count(*) FROM jokes WHERE person_id = ?1) AS jokes, count(*) AS ratings, coalesce(sum(value >= "
        f"{LIKED}), 0) AS liked "
        "FROM ratings WHERE person_id = ?1",
        (user_id,),
    )
    return UsageStats(**dict(row)) if row else UsageStats(0, 0, 0, 0)


async def get_overall_stats(database: Database) -> UsageStats:
    """The same over all users."""
    row = await database.row(
        "SELECT (SELECT count(*) FROM photos) AS photos, (SELECT count(*) FROM jokes) AS jokes, "
        f"count(*) AS ratings, coalesce(sum(value >= {LIKED}), 0) AS liked FROM ratings"
    )
    return UsageStats(**dict(row)) if row else UsageStats(0, 0, 0, 0)
