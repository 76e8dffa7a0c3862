"""Which admins were notified of which runs, and admins' languages."""

import time
from collections.abc import Iterable

from storage.database import Database
from storage.learning.runs import Run

RECENT_S, RECENT_RUNS = 7 * 86400.0, 3
"""Older runs, and all but the last few, are not notified: a new admin needs no history."""


async def untold(database: Database, chat_ids: Iterable[int], what: str) -> list[tuple[Run, int]]:
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


async def tell(database: Database, run_id: int, chat_id: int, what: str) -> None:
    """Record that a chat was notified."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO run_news VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (run_id, chat_id, what, time.time())
        )


async def note_language(database: Database, person_id: int, language: str) -> None:
    """Remember the language that an admin speaks."""
    if await language_of(database, person_id) == language:
        return
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO admin_languages VALUES (?, ?) ON CONFLICT DO UPDATE SET language = excluded.language",
            (person_id, language),
        )


async def language_of(database: Database, person_id: int) -> str | None:
    """The language that an admin chose, else the one that they spoke last, or None."""
    return await database.value(
        "SELECT coalesce((SELECT language FROM chosen_languages WHERE person_id = ?1), "
        "(SELECT language FROM admin_languages WHERE person_id = ?1))",
        (person_id,),
    )
