"""The weekly digest: a chat's best liked jokes, and which of them are posted."""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Row

from storage.chat.best import AUTHOR, CHATS, PRIOR_RATINGS, SUMS
from storage.chat.consent import BANNED, SHOWABLE
from storage.chat.ratings import RatingCounts
from storage.database import Database

MIN_INTERVAL_S = 6 * 86400.0
"""Minimum time between two digests of a chat, also if the day or hour was changed."""
COLUMNS = f"jokes.id AS joke_id, photo_id, text, language, sha256, {AUTHOR}, {SUMS}"
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
    """A liked joke with its photo and its ratings.

    `author_id` is the user who wrote it, None for a model's joke.
    """

    joke_id: int
    photo_id: int
    text: str
    language: str
    sha256: str
    author_id: int | None
    counts: RatingCounts


@dataclass(frozen=True)
class DigestPost:
    """The next post: its rank `place`, its joke, and whether it is the first of its week."""

    place: int
    liked: DigestJoke
    first: bool


async def list_most_liked(
    database: Database, chat_id: int, since: float, until: float, *, minimum: int
) -> tuple[int, list[DigestJoke]]:
    """Number of rated jokes shown in a chat in that period (seconds since 1970), and the best liked ones, best first.

    A joke needs at least `minimum` ratings, one of them above 😐. The order is that of `storage.chat.best`. At most
    MAX_CANDIDATES are returned.
    """
    week = {"chat": chat_id, "since": since, "until": until}
    rows = await database.rows(BEST, {**week, "minimum": minimum, "prior": PRIOR_RATINGS, "limit": MAX_CANDIDATES})
    return await database.value(f"SELECT count(*) FROM ({RATED})", week), [_digest_joke(row) for row in rows]


async def list_due_chats(database: Database, due: float) -> list[int]:
    """Chats whose digest of `due` is not completely posted, if they turned the digest on before that time."""
    rows = await database.rows(
        "SELECT chat_id FROM chats WHERE weekly_since <= ?1 AND (week_at IS NULL OR week_at <= ?1 - ?2 OR (week_at "
        "= ?1 AND EXISTS "
        "(SELECT 1 FROM weekly_posts WHERE weekly_posts.chat_id = chats.chat_id AND NOT begun))) ORDER BY chat_id",
        (due, MIN_INTERVAL_S),
    )
    return [row["chat_id"] for row in rows]


async def is_digest_planned(database: Database, chat_id: int, due: float) -> bool:
    """Whether the posts of a chat's digest of `due` are stored."""
    return await database.value("SELECT week_at FROM chats WHERE chat_id = ?", (chat_id,)) == due


async def plan_digest(database: Database, chat_id: int, due: float, joke_ids: Sequence[int]) -> None:
    """Store the posts of a chat's digest, best first; an empty digest is stored too."""
    async with database.write() as connection:
        await connection.execute("UPDATE chats SET week_at = ? WHERE chat_id = ?", (due, chat_id))
        await connection.execute("DELETE FROM weekly_posts WHERE chat_id = ?", (chat_id,))
        # A joke may have been deleted since it was chosen.
        await connection.executemany(
            "INSERT INTO weekly_posts (chat_id, place, joke_id) SELECT ?, ?, id FROM jokes WHERE id = ?",
            [(chat_id, place, joke_id) for place, joke_id in enumerate(joke_ids, 1)],
        )


async def get_next_post(database: Database, chat_id: int) -> DigestPost | None:
    """The best post that is not begun and may still be shown, or None."""
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
    """Record that a post is about to be sent, so that it is never sent twice.

    `begun=False` undoes this if sending failed.
    """
    async with database.write() as connection:
        await connection.execute(
            "UPDATE weekly_posts SET begun = ? WHERE chat_id = ? AND place = ?", (begun, chat_id, place)
        )


async def delete_unsent_posts(database: Database, chat_id: int) -> None:
    """Delete the posts of this week that are not begun: the chat removed the bot, or they can't be shown."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM weekly_posts WHERE chat_id = ? AND NOT begun", (chat_id,))


def _digest_joke(row: Row) -> DigestJoke:
    counts = RatingCounts(row["funny"], row["somewhat"], row["unfunny"])
    return DigestJoke(
        **{name: row[name] for name in ("joke_id", "photo_id", "text", "language", "sha256", "author_id")},
        counts=counts,
    )
