"""Notices of runs to admins: which chats were notified, and the messages that show a run's progress."""

import time
from collections.abc import Iterable

from storage.database import Database
from storage.learning.runs import Run

RECENT_S, RECENT_RUNS = 7 * 86400.0, 3
"""Limits of age and number of runs that admins are notified of, so that a new admin doesn't get the history."""


async def pending_notices(database: Database, chat_ids: Iterable[int], what: str) -> list[tuple[Run, int]]:
    """Recent runs that were `judged` by the gate or have `ended`, each with a chat that was not notified of it."""
    since = time.time() - RECENT_S
    reached = (
        "verdict IS NOT NULL AND state NOT IN ('exporting', 'training', 'merging', 'judging')"
        if what == "judged"
        else "finished_at IS NOT NULL"
    )
    missing = []
    for chat_id in chat_ids:
        rows = await database.rows(
            f"SELECT * FROM runs WHERE {reached} AND coalesce(finished_at, created_at) >= ? "
            "AND id IN (SELECT id FROM runs ORDER BY id DESC LIMIT ?) AND NOT EXISTS "
            "(SELECT 1 FROM run_news WHERE run_id = runs.id AND chat_id = ? AND what = ?) ORDER BY id",
            (since, RECENT_RUNS, chat_id, what),
        )
        missing += [(Run(**dict(row)), chat_id) for row in rows]
    return missing


async def mark_notified(database: Database, run_id: int, chat_id: int, what: str) -> None:
    """Record that a chat was notified."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO run_news VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (run_id, chat_id, what, time.time())
        )


async def track_message(database: Database, run_id: int, chat_id: int, message_id: int) -> None:
    """Record the message that shows a run's progress in a chat, replacing an earlier one."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO run_messages VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET message_id = excluded.message_id",
            (run_id, chat_id, message_id),
        )


async def all_tracked_messages(database: Database, run_id: int) -> dict[int, int]:
    """The messages that show a run's progress: message id by chat id."""
    rows = await database.rows(
        "SELECT chat_id, message_id FROM run_messages WHERE run_id = ? ORDER BY chat_id", (run_id,)
    )
    return {row["chat_id"]: row["message_id"] for row in rows}
