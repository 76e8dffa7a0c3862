"""Which admins were notified of which runs, and admins' languages."""

import time
from collections.abc import Iterable

from storage.database import Database
from storage.learning.runs import Run

RECENT_S, RECENT_RUNS = 7 * 86400.0, 3
"""Older runs, and all but the last few, are not notified: a new admin needs no history."""


async def pending_notices(database: Database, chat_ids: Iterable[int], what: str) -> list[tuple[Run, int]]:
    """Runs that came so far (`judged`: the gate has spoken; `ended`) within RECENT_S, each with a chat that doesn't
    know yet.
    """
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
    """Note the message in which a chat follows a run; a later one takes its place."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO run_messages VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET message_id = excluded.message_id",
            (run_id, chat_id, message_id),
        )


async def all_tracked_messages(database: Database, run_id: int) -> dict[int, int]:
    """The messages that follow a run: message id by chat id."""
    rows = await database.rows(
        "SELECT chat_id, message_id FROM run_messages WHERE run_id = ? ORDER BY chat_id", (run_id,)
    )
    return {row["chat_id"]: row["message_id"] for row in rows}
