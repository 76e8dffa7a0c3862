"""Chat settings, and the number of jokes per chat and day."""

from dataclasses import dataclass, fields

from storage.database import Database


@dataclass(frozen=True)
class ChatSettings:
    """A chat's settings; the defaults apply to a chat that has changed none.

    `language` is the language of a group's jokes, None for the requesting user's. `style` is a style's name, None for
    the default. `answers`: "called" (mention, reply or command) or "photos" (every photo). `daily`: maximum jokes a
    day, None for no limit. `changers`: who may change settings, "admins" or "all". `weekly_since`: when the weekly
    digest was turned on (seconds since 1970), None if it is off. `speaks`: the language of the bot's messages to the
    chat. `gentle`: whether its jokes spare faces, bodies and children; None for the default of the settings.
    `punchlines`: whether users can answer jokes with punchlines in a group. `oogiri_hour`: the hour of
    the day at which the bot begins a round, -1 for none, None for the default of the settings; `oogiri_since`: when it
    was chosen (seconds since 1970).
    """

    chat_id: int
    language: str | None = None
    style: str | None = None
    answers: str = "called"
    daily: int | None = None
    changers: str = "admins"
    weekly_since: float | None = None
    speaks: str | None = None
    gentle: bool | None = None
    punchlines: bool = True
    oogiri_hour: int | None = None
    oogiri_since: float | None = None


COLUMNS = tuple(field.name for field in fields(ChatSettings))


async def all_chats(database: Database) -> dict[int, ChatSettings]:
    """Settings by chat id, for chats that have changed any."""
    return {
        row["chat_id"]: ChatSettings(**dict(row))
        for row in await database.rows(f"SELECT {', '.join(COLUMNS)} FROM chats")
    }


async def change_chat(database: Database, chat_id: int, **values: object) -> ChatSettings:
    """Change some of a chat's settings and return all of them.

    Raises sqlite3.IntegrityError for an invalid value, TypeError for an unknown setting.
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
            (row,) = await cursor.fetchall()
    return ChatSettings(**dict(row))


async def move_chat(database: Database, former_id: int, chat_id: int) -> ChatSettings | None:
    """Move a group's settings to the id of its supergroup. A repeated call changes nothing.

    Returns the settings under the new id, None if there are none.
    """
    async with database.write() as connection:
        await connection.execute("UPDATE former_chats SET chat_id = ? WHERE chat_id = ?", (chat_id, former_id))
        await connection.execute(
            "INSERT INTO former_chats VALUES (?, ?) ON CONFLICT DO UPDATE SET chat_id = excluded.chat_id",
            (former_id, chat_id),
        )
        for table in ("chats", "chat_jokes", "weekly_posts", "access", "held_updates"):
            await connection.execute(
                f"UPDATE OR IGNORE {table} SET chat_id = ? WHERE chat_id = ?", (chat_id, former_id)
            )
        # A new chat has neither the round's messages nor the one that it quotes: they are sent again.
        await connection.execute(
            "UPDATE OR IGNORE rounds SET message_id = NULL, ballot_id = NULL, quoted_id = NULL, state = iif(state = "
            "'voting', 'closing', state) WHERE chat_id = ? AND state != 'over'",
            (former_id,),
        )
        await connection.execute("UPDATE OR IGNORE rounds SET chat_id = ? WHERE chat_id = ?", (chat_id, former_id))
        for table in ("chats", "access"):
            await connection.execute(f"DELETE FROM {table} WHERE chat_id = ?", (former_id,))
        async with connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM chats WHERE chat_id = ?", (chat_id,)
        ) as cursor:
            row = await cursor.fetchone()
    return ChatSettings(**dict(row)) if row else None


async def is_quota_used_up(database: Database, chat_id: int, update_id: int, day: str, limit: int) -> bool:
    """Whether a chat has had `limit` jokes on that day, not counting the update's own joke."""
    return bool(
        await database.value(
            "SELECT count(*) >= ? AND NOT coalesce(max(update_id = ?), 0) FROM chat_jokes WHERE chat_id = ? AND day "
            "= ?",
            (limit, update_id, chat_id, day),
        )
    )


async def reserve_quota(database: Database, chat_id: int, update_id: int, day: str, limit: int) -> bool:
    """Count the joke that will answer an update; False if the chat has had `limit` jokes on that day."""
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
    """Remove the joke counted for an update that got none."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM chat_jokes WHERE update_id = ?", (update_id,))


async def claim_quota_notice(database: Database, chat_id: int, update_id: int, day: str) -> bool:
    """Whether to reply that the quota is used up: True for one update a day, also if that is processed again."""
    async with database.write() as connection:
        await connection.execute("INSERT INTO chats (chat_id) VALUES (?) ON CONFLICT DO NOTHING", (chat_id,))
        cursor = await connection.execute(
            "UPDATE chats SET full_day = ?1, full_update = ?2 WHERE chat_id = ?3 AND (full_day IS NOT ?1 OR "
            "full_update = ?2)",
            (day, update_id, chat_id),
        )
        return cursor.rowcount == 1
