"""Removes the effects of users and chats that the database no longer knows from the judges' files."""

import asyncio
import json
import logging
import time
from pathlib import Path

import aiosqlite

from storage.database import Database
from storage.judge.registry import PRIOR, SUFFIX, JudgeRecord, judge_file, list_judges

log = logging.getLogger(__name__)

ORPHAN_S = 600.0
"""Age from which a file without a row belongs to a killed fit; a fit records its file within milliseconds."""


async def note_erasure(connection: aiosqlite.Connection) -> None:
    """Within the transaction of `/forget`: every judge was fitted on data that is partly erased."""
    await connection.execute("UPDATE judges SET stale = 1 WHERE status != 'removed'")
    await connection.execute(
        "INSERT INTO judge_erasures VALUES (1, ?) ON CONFLICT DO UPDATE SET at = excluded.at", (time.time(),)
    )


async def erase_from_judges(database: Database, folder: Path) -> int:
    """Remove users without ratings and duels, and chats without jokes, from all files; returns the files changed.

    A judge whose file is missing or damaged is removed. A repeated call completes an interrupted one. Raises OSError.
    """
    changed = 0
    for record in await list_judges(database):
        changed += await _erase_from(database, folder, record)
    await asyncio.to_thread(_remove_orphans, folder, {record.digest for record in await list_judges(database)})
    return changed


async def remove_old_judges(database: Database, folder: Path, keep: int) -> int:
    """Remove the files of judges that neither serve nor wait, except the `keep` newest and each kept model's last one.

    A stale judge is removed as soon as one serves that isn't. Returns the number removed.
    """
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE judges SET status = 'removed' WHERE status = 'kept' AND (stale AND EXISTS (SELECT 1 FROM judges "
            "WHERE status = 'serving' AND NOT stale) OR id NOT IN (SELECT id FROM judges WHERE status != 'removed' "
            "ORDER BY id DESC LIMIT ?) AND id NOT IN (SELECT max(judges.id) FROM judges JOIN models ON models.id = "
            "model_id WHERE judges.status != 'removed' AND NOT stale AND models.removed_at IS NULL GROUP BY model_id))",
            (keep,),
        )
        removed = cursor.rowcount
    names = {record.digest for record in await list_judges(database)}
    rows = await database.rows("SELECT digest FROM judges WHERE status = 'removed'")
    for digest in {row["digest"] for row in rows} - names:
        await asyncio.to_thread(judge_file(folder, digest).unlink, missing_ok=True)
    return removed


async def _erase_from(database: Database, folder: Path, record: JudgeRecord) -> bool:
    from storage.judge.artifact import JudgeError  # not at the bot's start: they import NumPy
    from storage.judge.scorer import Judge

    file = judge_file(folder, record.digest)
    try:
        judge = await asyncio.to_thread(Judge.load, file)
    except JudgeError as error:
        log.warning("judge %d is removed: %s", record.id, error)
        async with database.write() as connection:
            await connection.execute("UPDATE judges SET status = 'removed' WHERE id = ?", (record.id,))
        await asyncio.to_thread(file.unlink, missing_ok=True)
        return False
    users, chats = await _unknown(database, judge.people()), await _unknown_chats(database, judge.chats.ids.tolist())
    if not users and not chats:
        return False
    left = judge.without_people(users, chats)
    await asyncio.to_thread(left.save, judge_file(folder, left.version))
    async with database.write() as connection:
        await connection.execute(
            "UPDATE judges SET digest = ? WHERE id = ? AND digest = ?", (left.version, record.id, record.digest)
        )
    await asyncio.to_thread(file.unlink, missing_ok=True)
    return True


NO_ROW = "NOT EXISTS (SELECT 1 FROM {} WHERE {} = wanted.value)"
"""Condition that no row of a table has the id in that column."""


async def _unknown(database: Database, users: list[int]) -> list[int]:
    return await _without_rows(database, users, "person_id", ("ratings", "duels", "jokes"))


async def _unknown_chats(database: Database, chats: list[int]) -> list[int]:
    return await _without_rows(database, chats, "chat_id", ("deliveries", "duels"))


async def _without_rows(database: Database, ids: list[int], column: str, tables: tuple[str, ...]) -> list[int]:
    """The ids that are in none of these tables."""
    absent = " AND ".join(NO_ROW.format(table, column) for table in tables)
    rows = await database.rows(f"SELECT wanted.value FROM json_each(?) AS wanted WHERE {absent}", (json.dumps(ids),))
    return [row["value"] for row in rows]


def _remove_orphans(folder: Path, known: set[str]) -> None:
    """Remove files of killed fits and of interrupted erasures."""
    for file in folder.glob(f"*{SUFFIX}") if folder.exists() else ():
        if file.name == PRIOR or file.name.removesuffix(SUFFIX) in known:
            continue
        try:
            if time.time() - file.stat().st_mtime > ORPHAN_S:
                file.unlink(missing_ok=True)
        except FileNotFoundError:
            continue


async def retire_stale_judges(database: Database, folder: Path) -> None:
    """Remove stale judges where there are too few ratings for another one."""
    async with database.write() as connection:
        await connection.execute("UPDATE judges SET status = 'removed' WHERE stale")
    await remove_old_judges(database, folder, 1)
