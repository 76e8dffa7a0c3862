"""Users and groups that admins were asked about: who waits, who was let in, and what they and the admins were told.

A private chat has the id of its user. All that is told is recorded, so that a restart repeats no message.
"""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Literal

import aiosqlite

from storage.database import Database

State = Literal["waiting", "allowed", "refused", "withdrawn"]
MAX_HELD = 10
"""Photos held for a chat that waits; further ones are not answered."""
HELD_LIFETIME_S = 7 * 86400.0
"""Held photos are deleted if no admin has decided by then."""


@dataclass(frozen=True)
class AccessRecord:
    """A user's private chat or a group. `told`: the key of the message that the chat got last. Times are seconds."""

    id: int
    chat_id: int
    state: State
    title: str | None
    language: str | None
    asked_by: int | None
    asked_at: float
    decided_by: int | None
    decided_at: float | None
    told: str | None
    told_to: int | None


@dataclass(frozen=True)
class AccessQuestion:
    """The message in which an admin was asked about a record, and the state that it shows."""

    record: AccessRecord
    admin_id: int
    message_id: int
    shown: State


COLUMNS = ", ".join(f"access.{field.name}" for field in fields(AccessRecord))


async def list_allowed(database: Database) -> set[int]:
    """The chats that were let in."""
    return {row["chat_id"] for row in await database.rows("SELECT chat_id FROM access WHERE state = 'allowed'")}


async def get_access(database: Database, chat_id: int) -> AccessRecord | None:
    """The record of a chat; None for a chat that no admin was asked about."""
    row = await database.row(f"SELECT {COLUMNS} FROM access WHERE chat_id = ?", (chat_id,))
    return AccessRecord(**dict(row)) if row else None


async def get_access_by_id(database: Database, access_id: int) -> AccessRecord | None:
    """The record that an admin's button names."""
    row = await database.row(f"SELECT {COLUMNS} FROM access WHERE id = ?", (access_id,))
    return AccessRecord(**dict(row)) if row else None


async def request_access(
    database: Database, chat_id: int, *, asked_by: int, title: str | None, language: str
) -> AccessRecord:
    """The record of a chat; one that is new or was withdrawn waits from now on, and admins are asked anew."""
    async with database.write() as connection:
        await connection.execute(
            "DELETE FROM access_questions WHERE access_id IN (SELECT id FROM access WHERE chat_id = ? AND state = "
            "'withdrawn')",
            (chat_id,),
        )
        await connection.execute(
            "INSERT INTO access (chat_id, state, title, language, asked_by, asked_at) "
            "VALUES (?, 'waiting', ?, ?, ?, ?) ON CONFLICT (chat_id) DO UPDATE SET state = 'waiting', "
            "title = excluded.title, asked_by = excluded.asked_by, language = excluded.language, "
            "asked_at = excluded.asked_at, told = NULL WHERE state = 'withdrawn'",
            (chat_id, title, language, asked_by, time.time()),
        )
        async with connection.execute(f"SELECT {COLUMNS} FROM access WHERE chat_id = ?", (chat_id,)) as cursor:
            (row,) = await cursor.fetchall()
    return AccessRecord(**dict(row))


async def allow_chat(database: Database, chat_id: int, *, by: int, title: str | None, told: str) -> None:
    """Let a chat in without a question. `told`: the key of the message that it doesn't need any more."""
    now = time.time()
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO access (chat_id, state, title, asked_by, asked_at, decided_by, decided_at, told) "
            "VALUES (?1, 'allowed', ?2, ?3, ?4, ?3, ?4, ?5) ON CONFLICT (chat_id) DO UPDATE SET state = 'allowed', "
            "title = excluded.title, decided_by = excluded.decided_by, decided_at = excluded.decided_at, told = ?5",
            (chat_id, title, by, now, told),
        )


async def allow_known(database: Database, chat_ids: Collection[int]) -> None:
    """Let in those of these chats that wait: the settings name them now."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE access SET state = 'allowed', decided_at = ? WHERE state = 'waiting' AND chat_id IN (SELECT value "
            "FROM json_each(?))",
            (time.time(), json.dumps([*chat_ids])),
        )


async def decide(database: Database, access_id: int, state: Literal["allowed", "refused"], *, by: int) -> bool:
    """Record an admin's decision; False if it was decided so already, or the record is gone."""
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE access SET state = ?, decided_by = ?, decided_at = ? WHERE id = ? AND state != 'withdrawn' "
            "AND state != ?",
            (state, by, time.time(), access_id, state),
        )
        changed = cursor.rowcount == 1
        if changed and state == "refused":
            await connection.execute(
                "DELETE FROM held_updates WHERE chat_id = (SELECT chat_id FROM access WHERE id = ?)", (access_id,)
            )
    return changed


async def refuse_all_waiting(database: Database, *, by: int) -> int:
    """Refuse every chat that waits; returns their number."""
    async with database.write() as connection:
        await connection.execute(
            "DELETE FROM held_updates WHERE chat_id IN (SELECT chat_id FROM access WHERE state = 'waiting')"
        )
        cursor = await connection.execute(
            "UPDATE access SET state = 'refused', decided_by = ?, decided_at = ? WHERE state = 'waiting'",
            (by, time.time()),
        )
        return cursor.rowcount


async def refuse_banned(database: Database) -> None:
    """Refuse waiting users who were banned, and groups whose request comes from a banned user. Users aren't told."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE access SET state = 'refused', decided_at = ?, told = iif(chat_id > 0, 'access-refused', told) "
            "WHERE state = 'waiting' AND (chat_id IN (SELECT person_id FROM banned_people) OR asked_by IN (SELECT "
            "person_id FROM banned_people))",
            (time.time(),),
        )


async def withdraw(database: Database, chat_id: int) -> None:
    """End the request of a chat that waits: the bot was removed or blocked there."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE access SET state = 'withdrawn' WHERE chat_id = ? AND state = 'waiting'", (chat_id,)
        )
        await connection.execute(
            "DELETE FROM held_updates WHERE chat_id = ? AND chat_id NOT IN (SELECT chat_id FROM access WHERE state = "
            "'allowed')",
            (chat_id,),
        )


async def claim_notice(database: Database, chat_id: int, update_id: int, key: str) -> bool:
    """Whether to tell a chat the message `key` in reply to an update: once, also if that is processed again."""
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE access SET told = ?1, told_to = ?2 WHERE chat_id = ?3 AND (told IS NOT ?1 OR told_to = ?2)",
            (key, update_id, chat_id),
        )
        return cursor.rowcount == 1


async def list_untold(database: Database, told: dict[State, Collection[str]], limit: int = 20) -> list[AccessRecord]:
    """Decided chats that have not got a message of `told` for their state, the earliest decision first."""
    found = []
    for state, keys in told.items():
        marks = ", ".join("?" * len(keys))
        rows = await database.rows(
            f"SELECT {COLUMNS} FROM access WHERE state = ? AND coalesce(told, '') NOT IN ({marks}) "
            "ORDER BY decided_at LIMIT ?",
            (state, *keys, limit),
        )
        found += [AccessRecord(**dict(row)) for row in rows]
    return found


async def mark_told(database: Database, access_id: int, key: str) -> None:
    """Record the message that a chat got."""
    async with database.write() as connection:
        await connection.execute("UPDATE access SET told = ? WHERE id = ?", (key, access_id))


async def list_unasked(database: Database, admin_id: int, limit: int) -> list[AccessRecord]:
    """The waiting chats that an admin was not asked about, the oldest first."""
    rows = await database.rows(
        f"SELECT {COLUMNS} FROM access WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM access_questions "
        "WHERE access_id = access.id AND admin_id = ?) ORDER BY asked_at, id LIMIT ?",
        (admin_id, limit),
    )
    return [AccessRecord(**dict(row)) for row in rows]


async def count_waiting(database: Database, asked_admin: int | None = None) -> int:
    """How many chats wait; with `asked_admin`, how many of these the admin was asked about."""
    if asked_admin is None:
        return await database.value("SELECT count(*) FROM access WHERE state = 'waiting'")
    return await database.value(
        "SELECT count(*) FROM access JOIN access_questions ON access_id = access.id WHERE state = 'waiting' "
        "AND admin_id = ?",
        (asked_admin,),
    )


async def record_question(database: Database, access_id: int, admin_id: int, message_id: int, shown: State) -> None:
    """Record the message in which an admin was asked, or a change of what it shows."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO access_questions SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM access WHERE id = ?1) "
            "ON CONFLICT DO UPDATE SET message_id = excluded.message_id, shown = excluded.shown",
            (access_id, admin_id, message_id, shown),
        )


async def forget_questions(database: Database, admin_id: int) -> None:
    """Let an admin be asked again about all chats that wait."""
    async with database.write() as connection:
        await connection.execute(
            "DELETE FROM access_questions WHERE admin_id = ? AND access_id IN (SELECT id FROM access WHERE state = "
            "'waiting')",
            (admin_id,),
        )


async def list_outdated_questions(database: Database, limit: int = 20) -> list[AccessQuestion]:
    """Messages to admins that don't show the present state of their chat."""
    rows = await database.rows(
        f"SELECT {COLUMNS}, admin_id, message_id, shown FROM access_questions JOIN access ON access.id = access_id "
        "WHERE shown != state LIMIT ?",
        (limit,),
    )
    questions = []
    for row in rows:
        values = dict(row)
        admin_id, message_id, shown = (values.pop(name) for name in ("admin_id", "message_id", "shown"))
        questions.append(AccessQuestion(AccessRecord(**values), admin_id, message_id, shown))
    return questions


async def forget_user(connection: aiosqlite.Connection, user_id: int) -> None:
    """Erase a user's request. A decision stays, by the id alone, so that `/forget` changes nothing about it."""
    await connection.execute("DELETE FROM access WHERE chat_id = ? AND state IN ('waiting', 'withdrawn')", (user_id,))
    await connection.execute("DELETE FROM access_questions WHERE admin_id = ?", (user_id,))
    for column in ("asked_by", "decided_by"):
        await connection.execute(f"UPDATE access SET {column} = NULL WHERE {column} = ?", (user_id,))
    if user_id > 0:
        await connection.execute("UPDATE access SET language = NULL, told_to = NULL WHERE chat_id = ?", (user_id,))
