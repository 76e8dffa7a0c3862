"""What each chat has set, and how many jokes it has had today."""

from dataclasses import dataclass, fields

from storage.database import Database


@dataclass(frozen=True)
class ChatSettings:
    """A chat's settings; the defaults are those of a chat that has changed none.

    `language` is that of a group's jokes, None for that of the user who asks. `style` is a style's name, None for the
    usual one. `answers`: "called" (mentioned, replied to, commanded) or "photos" (every photo). `daily`: jokes a day,
    None for no limit. `changers`: "admins" or "all", who may change this. `weekly_since`: when the best of the week was
    turned on (seconds since 1970), None where it is off. `speaks`: the language to speak with all of them.
    """

    chat_id: int
    language: str | None = None
    style: str | None = None
    answers: str = "called"
    daily: int | None = None
    changers: str = "admins"
    weekly_since: float | None = None
    speaks: str | None = None


COLUMNS = tuple(field.name for field in fields(ChatSettings))


async def all_chats(database: Database) -> dict[int, ChatSettings]:
    """The settings of all chats that have changed any, by chat."""
    return {
        row["chat_id"]: ChatSettings(**dict(row))
        for row in await database.rows(f"SELECT {', '.join(COLUMNS)} FROM chats")
    }


async def change_chat(database: Database, chat_id: int, **values: object) -> ChatSettings:
    """Set some of a chat's settings and return all of them.

    Raises sqlite3.IntegrityError for a value that none may have.
    """
    if not values.keys() <= set(COLUMNS[1:]):
        raise TypeError(f"a chat has no setting {', '.join(values.keys() - set(COLUMNS[1:]))}")
    async with database.write() as connection:
        await connection.execute("INSERT INTO chats (chat_id) VALUES (?) ON CONFLICT DO NOTHING", (chat_id,))
        await connection.execute(
            f"UPDATE chats SET {', '.join(f'{name} = ?' for name in values)} WHERE chat_id = ?",
            (*values.values(), chat_id),
        )
        async with connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM chats WHERE chat_id = ?", (chat_id,)
        ) as cursor:
            row = await cursor.fetchone()
    return ChatSettings(**dict(row))


async def move_chat(database: Database, former_id: int, chat_id: int) -> ChatSettings | None:
    """A group became a supergroup: move its settings to the new id. A second call changes nothing.

    Returns the settings under the new id, None where it has none.
    """
    async with database.write() as connection:
        await connection.execute("UPDATE former_chats SET chat_id = ? WHERE chat_id = ?", (chat_id, former_id))
        await connection.execute(
            "INSERT INTO former_chats VALUES (?, ?) ON CONFLICT DO UPDATE SET chat_id = excluded.chat_id",
            (former_id, chat_id),
        )
        for table in ("chats", "chat_jokes", "weekly_posts"):
            await connection.execute(
                f"UPDATE OR IGNORE {table} SET chat_id = ? WHERE chat_id = ?", (chat_id, former_id)
            )
        await connection.execute("DELETE FROM chats WHERE chat_id = ?", (former_id,))
        async with connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM chats WHERE chat_id = ?", (chat_id,)
        ) as cursor:
            row = await cursor.fetchone()
    return ChatSettings(**dict(row)) if row else None


async def is_quota_used_up(database: Database, chat_id: int, update_id: int, day: str, limit: int) -> bool:
    """Whether a chat has had `limit` jokes on that day, and the update's is none of them."""
    return bool(
        await database.value(
            "SELECT count(*) >= ? AND NOT coalesce(max(update_id = ?), 0) FROM chat_jokes WHERE chat_id = ? AND day "
            "= ?",
            (limit, update_id, chat_id, day),
        )
    )


async def reserve_quota(database: Database, chat_id: int, update_id: int, day: str, limit: int) -> bool:
    """Count the joke that answers an update, before it is made; False where the chat has had `limit` on that day."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM chat_jokes WHERE chat_id = ? AND day != ?", (chat_id, day))
        await connection.execute(
            "INSERT INTO chat_jokes SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM chat_jokes WHERE chat_id = ?2) < ?4 "
            "ON CONFLICT DO NOTHING",
            (update_id, chat_id, day, limit),
        )
        async with connection.execute("SELECT 1 FROM chat_jokes WHERE update_id = ?", (update_id,)) as cursor:
            return await cursor.fetchone() is not None


async def release_quota(database: Database, update_id: int) -> None:
    """Count no joke for an update that got none."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM chat_jokes WHERE update_id = ?", (update_id,))


async def claim_quota_notice(database: Database, chat_id: int, update_id: int, day: str) -> bool:
    """Whether to say that a chat is full: True for one update a day, again where that is worked on again."""
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE chats SET full_day = ?1, full_update = ?2 WHERE chat_id = ?3 AND (full_day IS NOT ?1 OR "
            "full_update = ?2)",
            (day, update_id, chat_id),
        )
        return cursor.rowcount == 1
