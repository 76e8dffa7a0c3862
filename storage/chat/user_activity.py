"""Users' names and activity, for admins."""

from collections.abc import Iterable
from dataclasses import dataclass

from storage.chat.ratings import LIKED
from storage.database import Database


@dataclass(frozen=True)
class UserName:
    """A user's name in Telegram; `username` is without its @."""

    person_id: int
    name: str
    username: str | None = None


@dataclass(frozen=True)
class UserActivity:
    """A user's activity. `name` is None if unknown; `last_at` and `until` (end of a ban) are seconds since 1970."""

    person_id: int
    name: str | None
    username: str | None
    photos: int
    jokes: int
    ratings: int
    liked: int
    last_at: float | None
    banned: bool
    until: float | None


ACTIONS = """SELECT person_id, count(*) AS done FROM jokes GROUP BY person_id UNION ALL SELECT person_id, count(*)
          FROM ratings GROUP BY person_id
    UNION ALL SELECT person_id, 0 FROM photo_senders GROUP BY person_id UNION ALL SELECT person_id, 0
    FROM banned_people"""
"""Number of jokes and ratings by user, read from an index; other columns are read only for the users of one page."""


async def record_names(database: Database, people: Iterable[UserName]) -> None:
    """Store users' current names. A username that another user took over is removed from its former user."""
    rows = [(user.person_id, user.name, user.username) for user in people]
    async with database.write() as connection:
        await connection.executemany(
            "UPDATE known_people SET username = NULL WHERE username = ? AND person_id != ?",
            [(username, person_id) for person_id, _, username in rows if username],
        )
        await connection.executemany(
            "INSERT INTO known_people VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name, "
            "username = excluded.username",
            rows,
        )


async def get_user_by_username(database: Database, username: str) -> UserName | None:
    """The user with that username (without @, in any case), or None if unknown."""
    row = await database.row("SELECT * FROM known_people WHERE username = ?", (username,))
    return UserName(**dict(row)) if row else None


async def get_user_name(database: Database, user_id: int) -> UserName | None:
    """A user's name; None if unknown."""
    row = await database.row("SELECT * FROM known_people WHERE person_id = ?", (user_id,))
    return UserName(**dict(row)) if row else None


async def list_most_active(database: Database, limit: int, offset: int = 0) -> list[UserActivity]:
    """Users ordered by number of jokes and ratings, most active first.

    Counts all ratings; on a large database, use `Database.separate_reader`.
    """
    rows = await database.rows(
        f"WITH top AS (SELECT person_id, sum(done) AS done FROM ({ACTIONS}) GROUP BY person_id ORDER BY sum(done) "
        "DESC, person_id LIMIT ? OFFSET ?) "
        "SELECT top.person_id, name, username, "
        "(SELECT count(*) FROM photo_senders WHERE person_id = top.person_id) AS photos, "
        "(SELECT count(*) FROM jokes WHERE person_id = top.person_id) AS jokes, "
        "(SELECT count(*) FROM ratings WHERE person_id = top.person_id) AS ratings, "
        f"(SELECT coalesce(sum(value >= {LIKED}), 0) FROM ratings WHERE person_id = top.person_id) AS liked, "
        "nullif(max(coalesce((SELECT max(sent_at) FROM photo_senders WHERE person_id = top.person_id), 0), "
        "coalesce((SELECT max(created_at) FROM jokes WHERE person_id = top.person_id), 0), "
        "coalesce((SELECT max(updated_at) FROM ratings WHERE person_id = top.person_id), 0)), 0) AS last_at, "
        "top.person_id IN (SELECT person_id FROM banned_people) AS banned, "
        "(SELECT until FROM bans WHERE bans.person_id = top.person_id AND lifted_at IS NULL) AS until "
        "FROM top LEFT JOIN known_people ON known_people.person_id = top.person_id ORDER BY done DESC, top.person_id",
        (limit, offset),
    )
    return [UserActivity(**{**dict(row), "banned": bool(row["banned"])}) for row in rows]


async def count_users(database: Database) -> int:
    """Number of users with a joke, rating, photo or ban."""
    return await database.value(
        "SELECT count(*) FROM (SELECT person_id FROM jokes UNION SELECT person_id FROM ratings "
        "UNION SELECT person_id FROM photo_senders UNION SELECT person_id FROM banned_people)"
    )
