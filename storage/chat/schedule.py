"""Due times of scheduled jobs. They are stored, so that a job due while the bot is down runs once at its start."""

import time

from storage.database import Database


async def get_due_time(database: Database, name: str) -> float | None:
    """When a job is due next (seconds since 1970), or None if it is not scheduled."""
    return await database.value("SELECT due_at FROM schedule WHERE name = ?", (name,))


async def set_due_time(database: Database, name: str, at: float) -> None:
    """Set when a job is due next, replacing an earlier time."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO schedule (name, due_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET due_at = excluded.due_at",
            (name, at),
        )


async def claim_due_job(database: Database, name: str, next_at: float, *, now: float | None = None) -> bool:
    """Claim a due job and schedule it again at `next_at`; True for one caller only. Missed times count as one."""
    now = time.time() if now is None else now
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE schedule SET due_at = ?, ran_at = ? WHERE name = ? AND due_at <= ?", (next_at, now, name, now)
        )
        return cursor.rowcount == 1


async def delete_due_time(database: Database, name: str) -> None:
    """Remove a job from the schedule."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM schedule WHERE name = ?", (name,))
