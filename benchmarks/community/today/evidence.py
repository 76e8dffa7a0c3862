"""What trial and watch of commit e77f410 read: ratings by photo of one model's jokes, without those in duels."""

from dataclasses import dataclass

from storage.database import Database

LIKED = 2


@dataclass(frozen=True)
class PhotoRatings:
    """Ratings of one model's jokes for one photo in one stage; `likes` of them are 😂 or 🙂."""

    photo_id: int
    late: bool
    likes: int
    ratings: int


async def list_photo_ratings(
    database: Database, model_id: int, since: float, *, before: float = float("inf"), late_at: float | None = None
) -> list[PhotoRatings]:
    """Ratings by photo of one model's jokes made in [since, before), in the order of each photo's first joke."""
    rows = await database.rows(
        f"SELECT photo_id, jokes.created_at >= ? AS late, sum(value >= {LIKED}) AS likes, count(*) AS ratings "
        "FROM jokes JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id = ? AND jokes.created_at >= ? AND "
        "jokes.created_at < ? "
        "AND NOT EXISTS (SELECT 1 FROM duels WHERE joke_a = jokes.id OR joke_b = jokes.id) "
        "GROUP BY photo_id, late ORDER BY min(jokes.id)",
        (float("inf") if late_at is None else late_at, model_id, since, before),
    )
    return [PhotoRatings(row["photo_id"], bool(row["late"]), row["likes"], row["ratings"]) for row in rows]


async def list_duel_choices(database: Database, trial_id: int, candidate_id: int) -> list[int]:
    """Choices in a trial's duels: 1 candidate, -1 champion, 0 neither."""
    rows = await database.rows(
        "SELECT CASE WHEN choice = 'meh' THEN 0 WHEN (choice = 'a') = (first_model_id = ?) THEN 1 ELSE -1 END AS "
        "pick FROM duels WHERE trial_id = ? AND choice IS NOT NULL ORDER BY id",
        (candidate_id, trial_id),
    )
    return [row["pick"] for row in rows]
