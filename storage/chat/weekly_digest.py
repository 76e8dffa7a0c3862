"""The weekly digest: a chat's best liked jokes, and which of them are posted."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.chat.best import CHATS, PRIOR_RATINGS, SUMS
from storage.chat.consent import BANNED, SHOWABLE
from storage.chat.ratings import RatingCounts
from storage.database import Database

MIN_INTERVAL_S = 6 * 86400.0
"""Two weeks' posts are at least so far apart, also where the day or hour was changed in between."""
COLUMNS = f"jokes.id AS joke_id, photo_id, text, language, sha256, width, height, bytes, {SUMS}"
RATED = f"""SELECT {COLUMNS}, count(*) AS ratings, sum(value - 1) / 2.0 AS liking FROM jokes JOIN photos
            ON photos.id = photo_id
    JOIN ratings ON ratings.joke_id = jokes.id AND ratings.person_id NOT IN {BANNED}
    WHERE jokes.id IN (SELECT joke_id FROM deliveries WHERE chat_id IN {CHATS} AND created_at >= :since
    AND created_at < :until)
    AND {SHOWABLE} GROUP BY jokes.id"""
BEST = f"""WITH rated AS ({RATED}) SELECT * FROM rated WHERE ratings >= :minimum AND liking > 0
    ORDER BY (liking + :prior * (SELECT sum(liking) / sum(ratings)
    FROM rated)) / (ratings + :prior) DESC, ratings DESC, joke_id DESC LIMIT :limit"""
MAX_CANDIDATES = 50


@dataclass(frozen=True)
class DigestJoke:
    """A liked joke with its photo (`sha256`; sides in pixels, `bytes` the file's size) and its ratings."""

    joke_id: int
    photo_id: int
    text: str
    language: str
    sha256: str
    width: int
    height: int
    bytes: int
    counts: RatingCounts


@dataclass(frozen=True)
class DigestPost:
    """What is to be posted next: at which place, and whether it is the first of its week."""

    place: int
    liked: DigestJoke
    first: bool


async def list_most_liked(
    database: Database, chat_id: int, since: float, until: float, *, minimum: int
) -> tuple[int, list[DigestJoke]]:
    """How many jokes shown in a chat in that time (seconds since 1970) are rated, and those liked most, best first.

    Of those with at least `minimum` ratings and one that isn't 😐, ordered as `storage.chat.best` orders them,
    CANDIDATES at most.
    """
    week = {"chat": chat_id, "since": since, "until": until}
    rows = await database.rows(BEST, {**week, "minimum": minimum, "prior": PRIOR_RATINGS, "limit": MAX_CANDIDATES})
    return await database.value(f"SELECT count(*) FROM ({RATED})", week), [_digest_joke(row) for row in rows]


async def list_due_chats(database: Database, due: float) -> list[int]:
    """The chats whose week that was due at `due` is still to be posted, or posted to its end; those that want it
    since before.
    """
    rows = await database.rows(
        "SELECT chat_id FROM chats WHERE weekly_since <= ?1 AND (week_at IS NULL OR week_at <= ?1 - ?2 OR (week_at "
        "= ?1 AND EXISTS "
        "(SELECT 1 FROM weekly_posts WHERE weekly_posts.chat_id = chats.chat_id AND NOT begun))) ORDER BY chat_id",
        (due, MIN_INTERVAL_S),
    )
    return [row["chat_id"] for row in rows]


async def is_digest_planned(database: Database, chat_id: int, due: float) -> bool:
    """Whether it is settled what a chat gets for that week."""
    return await database.value("SELECT week_at FROM chats WHERE chat_id = ?", (chat_id,)) == due


async def plan_digest(database: Database, chat_id: int, due: float, joke_ids: Sequence[int]) -> None:
    """Settle what a chat gets for a week, best first; nothing is something too."""
    async with database.write() as connection:
        await connection.execute("UPDATE chats SET week_at = ? WHERE chat_id = ?", (due, chat_id))
        await connection.execute("DELETE FROM weekly_posts WHERE chat_id = ?", (chat_id,))
        # A joke may have been forgotten since it was chosen.
        await connection.executemany(
            "INSERT INTO weekly_posts (chat_id, place, joke_id) SELECT ?, ?, id FROM jokes WHERE id = ?",
            [(chat_id, place, joke_id) for place, joke_id in enumerate(joke_ids, 1)],
        )


async def get_next_post(database: Database, chat_id: int) -> DigestPost | None:
    """The best of what isn't begun yet and may still be shown, or None."""
    row = await database.row(
        f"SELECT {COLUMNS}, place, NOT EXISTS (SELECT 1 FROM weekly_posts WHERE chat_id = ?1 AND begun) AS first "
        "FROM weekly_posts "
        "JOIN jokes ON jokes.id = weekly_posts.joke_id JOIN photos ON photos.id = photo_id LEFT JOIN ratings ON "
        "ratings.joke_id = jokes.id "
        f"WHERE chat_id = ?1 AND NOT begun AND {SHOWABLE} GROUP BY place ORDER BY place LIMIT 1",
        (chat_id,),
    )
    return DigestPost(row["place"], _digest_joke(row), bool(row["first"])) if row else None


async def mark_post_begun(database: Database, chat_id: int, place: int, *, begun: bool = True) -> None:
    """Record that a post is about to be sent, so that it is never sent twice; `begun` False takes it back where it
    wasn't sent.
    """
    async with database.write() as connection:
        await connection.execute(
            "UPDATE weekly_posts SET begun = ? WHERE chat_id = ? AND place = ?", (begun, chat_id, place)
        )


async def delete_unsent_posts(database: Database, chat_id: int) -> None:
    """Drop the rest of this week's posts: the chat removed the bot, or the rest can't be shown."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM weekly_posts WHERE chat_id = ? AND NOT begun", (chat_id,))


def _digest_joke(row) -> DigestJoke:
    counts = RatingCounts(row["funny"], row["somewhat"], row["unfunny"])
    return DigestJoke(
        *(row[name] for name in ("joke_id", "photo_id", "text", "language", "sha256", "width", "height", "bytes")),
        counts,
    )
