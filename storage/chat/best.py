"""The best liked jokes of a chat, and a user's latest jokes and punchlines."""

from dataclasses import dataclass
from sqlite3 import Row

from storage.chat.consent import NOT_HIDDEN, SHOWABLE
from storage.chat.ratings import RatingCounts
from storage.database import Database

PRIOR_RATINGS = 1.5
"""Number of ratings at the chat's mean that are added to each joke's ratings, so that a single 😂 does not rank first.

It is σ²/(τ² + τ_φ²) of `PRIOR_SHARES` in trainer/selection/empirical_bayes.py, which storage doesn't import; a test
compares the two.
"""
MIN_RATINGS_IN_GROUPS = 2
"""Minimum number of ratings for a best joke of a group. A private chat has only one user."""


@dataclass(frozen=True)
class BestJoke:
    """A delivered joke, its photo and its ratings; `author_id` is the user who wrote it, None for a model's joke."""

    text: str
    counts: RatingCounts
    photo_id: int
    author_id: int | None = None


SUMS = (
    "coalesce(sum(value = 3), 0) AS funny, coalesce(sum(value = 2), 0) AS somewhat, coalesce(sum(value = 1), 0) "
    "AS unfunny"
)
AUTHOR = "iif(model_id IS NULL, jokes.person_id, NULL) AS author_id"
CHATS = "(SELECT :chat UNION SELECT former_id FROM former_chats WHERE chat_id = :chat)"
"""A chat, and the group that became this supergroup."""
SHOWN_IN_CHAT = f"jokes.id IN (SELECT joke_id FROM deliveries WHERE chat_id IN {CHATS})"
RATED = f"""WITH rated AS (SELECT jokes.id, photo_id, text, {AUTHOR},
        count(*) AS ratings,
         sum(value - 1) / 2.0 AS liking, {SUMS}
        FROM jokes JOIN ratings ON joke_id = jokes.id WHERE {SHOWN_IN_CHAT} AND {{allowed}} GROUP BY jokes.id)"""
IS_BEST = "ratings >= :minimum AND liking > 0"
BEST = f"""{RATED} SELECT text, photo_id, author_id, funny, somewhat, unfunny FROM rated WHERE {IS_BEST}
    ORDER BY (liking + :prior * (SELECT sum(liking) / sum(ratings)
    FROM rated)) / (ratings + :prior) DESC, ratings DESC, id DESC LIMIT :limit OFFSET :offset"""
LATEST = f"""jokes.person_id = :person AND (:chat IS NULL OR {SHOWN_IN_CHAT}) AND {NOT_HIDDEN}
    AND jokes.id NOT IN (SELECT joke_id FROM rounds WHERE state != 'over')"""


async def list_best_jokes(
    database: Database, chat_id: int, *, minimum: int, limit: int, offset: int = 0
) -> list[BestJoke]:
    """The best liked jokes that were shown in a chat, best first, from place `offset` (0: the first) on.

    A joke needs at least `minimum` ratings, one of them above 😐, and isn't hidden. In a group, photos and jokes of
    private or banned users and dropped jokes are left out, as in the weekly digest. A rating counts 0 (😐), ½ (🙂) or 1
    (😂). The mean of a joke is shrunk towards the chat's mean, more strongly if it has few ratings.
    """
    values = {"chat": chat_id, "minimum": minimum, "limit": limit, "offset": offset, "prior": PRIOR_RATINGS}
    return [_best_joke(row) for row in await database.rows(BEST.format(allowed=_allowed(chat_id)), values)]


async def count_best_jokes(database: Database, chat_id: int, *, minimum: int) -> int:
    """How many jokes `list_best_jokes` has for a chat."""
    sql = f"{RATED} SELECT count(*) FROM rated WHERE {IS_BEST}".format(allowed=_allowed(chat_id))
    return int(await database.value(sql, {"chat": chat_id, "minimum": minimum}))


async def list_latest_jokes(
    database: Database, user_id: int, *, chat_id: int | None, limit: int, offset: int = 0
) -> list[BestJoke]:
    """The latest jokes that a user requested or wrote, newest first, without hidden ones, from place `offset` on.

    With `chat_id`, only those that were shown in that chat.
    """
    rows = await database.rows(
        f"SELECT text, photo_id, {AUTHOR}, {SUMS} FROM jokes LEFT JOIN ratings ON joke_id = jokes.id WHERE {LATEST} "
        "GROUP BY jokes.id ORDER BY jokes.id DESC LIMIT :limit OFFSET :offset",
        {"person": user_id, "chat": chat_id, "limit": limit, "offset": offset},
    )
    return [_best_joke(row) for row in rows]


async def count_latest_jokes(database: Database, user_id: int, *, chat_id: int | None) -> int:
    """How many jokes `list_latest_jokes` has for a user."""
    values = {"person": user_id, "chat": chat_id}
    return int(await database.value(f"SELECT count(*) FROM jokes WHERE {LATEST}", values))


def _allowed(chat_id: int) -> str:
    """The condition on jokes that a chat may see again; a private chat has only its user's."""
    return SHOWABLE if chat_id < 0 else NOT_HIDDEN


def _best_joke(row: Row) -> BestJoke:
    counts = RatingCounts(row["funny"], row["somewhat"], row["unfunny"])
    return BestJoke(row["text"], counts, row["photo_id"], row["author_id"])
