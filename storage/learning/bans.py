"""Bans of users by admins. Ended bans stay as a record."""

import time
from dataclasses import dataclass

import aiosqlite

from storage.database import Database

ACTIVE = "lifted_at IS NULL AND (until IS NULL OR until > ?)"


@dataclass(frozen=True)
class BanRecord:
    """A ban.

    `until` is None for a permanent ban, `banned_by` None if the admin was forgotten since. Times are seconds since
    1970.
    """

    id: int
    person_id: int
    reason: str
    banned_by: int | None
    banned_at: float
    until: float | None
    lifted_by: int | None
    lifted_at: float | None
    told_at: float | None


async def add_ban(
    database: Database, user_id: int, *, by: int, until: float | None = None, reason: str = ""
) -> BanRecord:
    """Ban a user from now on, replacing an earlier ban."""
    now = time.time()
    async with database.write() as connection:
        await _lift(connection, user_id, by, now)
        async with connection.execute(
            "INSERT INTO bans (person_id, reason, banned_by, banned_at, until) VALUES (?, ?, ?, ?, ?) RETURNING *",
            (user_id, reason, by, now, until),
        ) as cursor:
            (row,) = await cursor.fetchall()
    return BanRecord(**dict(row))


async def lift_ban(database: Database, user_id: int, *, by: int | None = None) -> bool:
    """Lift a user's ban; False if there is none."""
    now = time.time()
    async with database.write() as connection:
        async with connection.execute(f"SELECT 1 FROM bans WHERE person_id = ? AND {ACTIVE}", (user_id, now)) as cursor:
            banned = await cursor.fetchone() is not None
        await _lift(connection, user_id, by, now)
    return banned


async def list_active_bans(database: Database) -> list[BanRecord]:
    """All active bans, oldest first."""
    return [
        BanRecord(**dict(row))
        for row in await database.rows(f"SELECT * FROM bans WHERE {ACTIVE} ORDER BY id", (time.time(),))
    ]


async def list_bans_of_user(database: Database, user_id: int) -> list[BanRecord]:
    """A user's bans, latest first."""
    return [
        BanRecord(**dict(row))
        for row in await database.rows("SELECT * FROM bans WHERE person_id = ? ORDER BY id DESC", (user_id,))
    ]


async def mark_notified(database: Database, ban_id: int, at: float) -> None:
    """Record when the banned user was notified."""
    async with database.write() as connection:
        await connection.execute("UPDATE bans SET told_at = ? WHERE id = ?", (at, ban_id))


async def forget_user(connection: aiosqlite.Connection, user_id: int) -> None:
    """Erase a user's data from bans. An active ban keeps the user's id, so that `/forget` doesn't lift it."""
    await connection.execute(f"DELETE FROM bans WHERE person_id = ? AND NOT ({ACTIVE})", (user_id, time.time()))
    await connection.execute("UPDATE bans SET reason = '' WHERE person_id = ?", (user_id,))
    for column in ("banned_by", "lifted_by"):
        await connection.execute(f"UPDATE bans SET {column} = NULL WHERE {column} = ?", (user_id,))


async def _lift(connection: aiosqlite.Connection, user_id: int, by: int | None, now: float) -> None:
    await connection.execute(
        "UPDATE bans SET lifted_by = ?, lifted_at = ? WHERE person_id = ? AND lifted_at IS NULL", (by, now, user_id)
    )
