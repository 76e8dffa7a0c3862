"""Numbers for /stats."""

from dataclasses import dataclass
from sqlite3 import Row

from storage.chat.ratings import LIKED
from storage.database import Database


@dataclass(frozen=True)
class UsageStats:
    """Number of photos, jokes of models, punchlines of users and ratings; `liked` of the ratings are 😂 or 🙂."""

    photos: int
    jokes: int
    ratings: int
    liked: int
    punchlines: int = 0

    @property
    def liking(self) -> float:
        """Share of ratings that are 😂 or 🙂, 0 to 1; 0 without ratings."""
        return self.liked / self.ratings if self.ratings else 0.0


async def get_user_stats(database: Database, user_id: int) -> UsageStats:
    """A user's photos, requested jokes, punchlines and given ratings."""
    row = await database.row(
        "SELECT (SELECT count(*) FROM photo_senders WHERE person_id = ?1) AS photos, "
        "(SELECT count(*) FROM jokes WHERE person_id = ?1) AS jokes, (SELECT count(*) FROM jokes WHERE "
        "person_id = ?1 AND model_id IS NULL) AS punchlines, count(*) AS ratings, coalesce(sum(value >= "
        f"{LIKED}), 0) AS liked "
        "FROM ratings WHERE person_id = ?1",
        (user_id,),
    )
    return _usage(row)


async def get_overall_stats(database: Database) -> UsageStats:
    """Totals over all users."""
    row = await database.row(
        "SELECT (SELECT count(*) FROM photos) AS photos, (SELECT count(*) FROM jokes) AS jokes, "
        "(SELECT count(*) FROM jokes WHERE model_id IS NULL) AS punchlines, "
        f"count(*) AS ratings, coalesce(sum(value >= {LIKED}), 0) AS liked FROM ratings"
    )
    return _usage(row)


def _usage(row: Row | None) -> UsageStats:
    """The numbers of a row whose `jokes` are those of models and of users."""
    if row is None:
        return UsageStats(0, 0, 0, 0)
    return UsageStats(**{**dict(row), "jokes": row["jokes"] - row["punchlines"]})
