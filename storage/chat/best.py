"""The best liked jokes of a chat, and a user's latest jokes and punchlines."""

from dataclasses import dataclass
from sqlite3 import Row

from storage.chat.consent import NOT_HIDDEN
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
    """A delivered joke and its ratings; `author_id` is the user who wrote it, None for a model's joke."""

    text: str
    counts: RatingCounts
    author_id: int | None = None


SUMS = (
    "coalesce(sum(value = 3), 0) AS funny, coalesce(sum(value = 2), 0) AS somewhat, coalesce(sum(value = 1), 0) "
    "AS unfunny"
)
AUTHOR = "iif(model_id IS NULL, jokes.person_id, NULL) AS author_id"
CHATS = "(SELECT :chat UNION SELECT former_id FROM former_chats WHERE chat_id = :chat)"
"""A chat, and the group that became this supergroup."""
SHOWN_IN_CHAT = f"jokes.id IN (SELECT joke_id FROM deliveries WHERE chat_id IN {CHATS})"
BEST = f"""WITH rated AS (SELECT jokes.id, text, {AUTHOR},
        count(*) AS ratings,
         sum(value - 1) / 2.0 AS liking, {SUMS}
        FROM jokes JOIN ratings ON joke_id = jokes.id WHERE {SHOWN_IN_CHAT} AND {NOT_HIDDEN} GROUP BY jokes.id)
    SELECT text, author_id, funny, somewhat, unfunny FROM rated WHERE ratings >= :minimum AND liking > 0
    ORDER BY (liking + :prior * (SELECT sum(liking) / sum(ratings)
    FROM rated)) / (ratings + :prior) DESC, ratings DESC, id DESC LIMIT :limit"""


async def list_best_jokes(database: Database, chat_id: int, *, minimum: int, limit: int) -> list[BestJoke]:
    """The best liked jokes that were shown in a chat, best first.

    A joke needs at least `minimum` ratings, one of them above 😐, and isn't hidden. A rating counts 0 (😐), ½ (🙂) or
    1 (😂). The mean of a joke is shrunk towards the chat's mean, more strongly if it has few ratings.
    """
    rows = await database.rows(BEST, {"chat": chat_id, "minimum": minimum, "limit": limit, "prior": PRIOR_RATINGS})
    return [_best_joke(row) for row in rows]


async def list_latest_jokes(database: Database, user_id: int, *, chat_id: int | None, limit: int) -> list[BestJoke]:
    """The latest jokes that a user requested or wrote, newest first, without hidden ones.

    With `chat_id`, only those that were shown in that chat.
    """
    where = f" AND {SHOWN_IN_CHAT}" if chat_id is not None else ""
    rows = await database.rows(
        f"SELECT text, {AUTHOR}, {SUMS} FROM jokes LEFT JOIN ratings ON joke_id = jokes.id "
        f"WHERE jokes.person_id = :person{where} AND {NOT_HIDDEN} "
        "AND jokes.id NOT IN (SELECT joke_id FROM rounds WHERE state != 'over') "
        "GROUP BY jokes.id ORDER BY jokes.id DESC LIMIT :limit",
        {"person": user_id, "chat": chat_id, "limit": limit},
    )
    return [_best_joke(row) for row in rows]


def _best_joke(row: Row) -> BestJoke:
    return BestJoke(row["text"], RatingCounts(row["funny"], row["somewhat"], row["unfunny"]), row["author_id"])
