"""The jokes rated last, for the admin pages, without data of private or banned users and hidden jokes."""

from dataclasses import dataclass

from storage.chat.consent import LEARNT_FROM, NOT_HIDDEN
from storage.database import Database
from storage.media.photos import Photo


@dataclass(frozen=True)
class RecentRating:
    """A joke with its model, its ratings by value, and the time of the last rating (seconds since 1970)."""

    joke_id: int
    text: str
    model_id: int
    model: str
    funny: int
    somewhat: int
    unfunny: int
    at: float


async def list_recently_rated(database: Database, limit: int) -> list[RecentRating]:
    """The jokes that were rated last, newest rating first.

    Reads all ratings; on a large database, use `Database.separate_reader`.
    """
    rows = await database.rows(
        "SELECT jokes.id AS joke_id, text, models.id AS model_id, models.name AS model, sum(value = 3) AS funny, "
        "sum(value = 2) AS somewhat, "
        "sum(value = 1) AS unfunny, max(ratings.updated_at) AS at FROM ratings JOIN jokes ON jokes.id = "
        "ratings.joke_id "
        f"JOIN models ON models.id = jokes.model_id WHERE {LEARNT_FROM} AND {NOT_HIDDEN} "
        "GROUP BY jokes.id ORDER BY at DESC, jokes.id DESC LIMIT ?",
        (limit,),
    )
    return [RecentRating(**dict(row)) for row in rows]


async def get_rated_photo(database: Database, joke_id: int) -> Photo | None:
    """The photo of a joke that `list_recently_rated` may show, or None."""
    row = await database.row(
        "SELECT photos.* FROM jokes JOIN photos ON photos.id = jokes.photo_id WHERE jokes.id = ? AND EXISTS "
        f"(SELECT 1 FROM ratings WHERE ratings.joke_id = jokes.id AND {LEARNT_FROM}) AND {NOT_HIDDEN}",
        (joke_id,),
    )
    return Photo(**dict(row)) if row else None


async def count_jokes_by_model(database: Database) -> dict[int, int]:
    """Number of jokes by model id. Reads all jokes."""
    return {
        row["model_id"]: row["jokes"]
        for row in await database.rows("SELECT model_id, count(*) AS jokes FROM jokes GROUP BY model_id")
    }
