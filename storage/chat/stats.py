"""Numbers for /stats."""

from dataclasses import dataclass

from storage.chat.ratings import LIKED
from storage.database import Database


@dataclass(frozen=True)
class UsageStats:
    """Number of photos, jokes and ratings; `liked` of the ratings are 😂 or 🙂."""

    photos: int
    jokes: int
    ratings: int
    liked: int

    @property
    def liking(self) -> float:
        """Share of ratings that are 😂 or 🙂, 0 to 1; 0 without ratings."""
        return self.liked / self.ratings if self.ratings else 0.0


async def get_user_stats(database: Database, user_id: int) -> UsageStats:
    """A user's photos, jokes and given ratings."""
    row = await database.row(
        "SELECT (SELECT count(*) FROM photo_senders WHERE person_id = ?1) AS photos, "
        "(SELECT count(*) FROM jokes WHERE person_id = ?1) AS jokes, count(*) AS ratings, coalesce(sum(value >= "
        f"{LIKED}), 0) AS liked "
        "FROM ratings WHERE person_id = ?1",
        (user_id,),
    )
    return UsageStats(**dict(row)) if row else UsageStats(0, 0, 0, 0)


async def get_overall_stats(database: Database) -> UsageStats:
    """Totals over all users."""
    row = await database.row(
        "SELECT (SELECT count(*) FROM photos) AS photos, (SELECT count(*) FROM jokes) AS jokes, "
        f"count(*) AS ratings, coalesce(sum(value >= {LIKED}), 0) AS liked FROM ratings"
    )
    return UsageStats(**dict(row)) if row else UsageStats(0, 0, 0, 0)
