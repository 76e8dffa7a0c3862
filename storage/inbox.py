"""The inbox: an update is a committed row before Telegram is told that it may forget it."""
import json
import time
from collections.abc import Sequence
from typing import Any

from storage.database import Database


async def receive(database: Database, updates: Sequence[dict[str, Any]]) -> list[int]:
    """Commit updates in one transaction and return the ids that were new; a repeated update_id changes nothing."""
    now, new = time.time(), []
    async with database.write() as connection:
        for update in updates:
            cursor = await connection.execute(
                "INSERT INTO inbox (update_id, payload, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (update["update_id"], json.dumps(update, ensure_ascii=False), now))
            if cursor.rowcount == 1:
                new.append(update["update_id"])
            await cursor.close()
    return new


async def next_offset(database: Database) -> int:
    """The offset for getUpdates: one past the newest update that was ever received, 0 before the first."""
    newest = await database.value("SELECT max(update_id) FROM inbox")
    return 0 if newest is None else newest + 1


async def pending(database: Database, *, after: int = -1, limit: int = 100) -> list[tuple[dict[str, Any], int]]:
    """Unfinished updates past `after`, oldest first, each with the number of attempts already made."""
    rows = await database.rows(
        "SELECT payload, attempts FROM inbox WHERE state = 'pending' AND update_id > ? ORDER BY update_id LIMIT ?", (after, limit))
    return [(json.loads(row["payload"]), row["attempts"]) for row in rows]


async def start(database: Database, update_id: int) -> None:
    """Count an attempt, before the update is worked on again after a restart."""
    async with database.write() as connection:
        await connection.execute("UPDATE inbox SET attempts = attempts + 1 WHERE update_id = ?", (update_id,))


async def finish(database: Database, update_id: int, *, failed: bool = False) -> None:
    """Mark an update as done (or given up); its payload is forgotten."""
    async with database.write() as connection:
        await connection.execute("UPDATE inbox SET state = ?, payload = NULL, finished_at = ? WHERE update_id = ?",
                                 ("failed" if failed else "done", time.time(), update_id))


async def prune(database: Database, *, older_than_s: float = 2 * 86400.0) -> int:
    """Delete finished rows older than that, but never the newest row, which holds the offset; return how many."""
    async with database.write() as connection:
        cursor = await connection.execute(
            "DELETE FROM inbox WHERE state != 'pending' AND finished_at < ? AND update_id < (SELECT max(update_id) FROM inbox)",
            (time.time() - older_than_s,))
        return cursor.rowcount
