"""Photos of users and groups that wait to be let in. Their updates are kept, and processed once an admin has agreed."""

import time

from storage.chat.access import HELD_LIFETIME_S, MAX_HELD
from storage.database import Database


async def hold_update(database: Database, update_id: int, chat_id: int, user_id: int) -> None:
    """Keep an unfinished update of the inbox for later; up to MAX_HELD of a chat."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO held_updates SELECT update_id, ?1, ?2, payload, received_at FROM inbox WHERE update_id = ?3 "
            "AND payload IS NOT NULL AND (SELECT count(*) FROM held_updates WHERE chat_id = ?1) < ?4 "
            "ON CONFLICT DO NOTHING",
            (chat_id, user_id, update_id, MAX_HELD),
        )


async def drop_held(database: Database, update_id: int) -> None:
    """Don't process a held update later: it is processed now."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM held_updates WHERE update_id = ?", (update_id,))


async def release_held(database: Database) -> int:
    """Move the held updates of chats that were let in back to the inbox; returns their number.

    An update that is still in work is left for the next call. Updates held for HELD_LIFETIME_S are deleted.
    """
    ready = (
        "SELECT held_updates.update_id FROM held_updates JOIN access USING (chat_id) WHERE state = 'allowed' AND NOT "
        "EXISTS (SELECT 1 FROM inbox WHERE inbox.update_id = held_updates.update_id AND inbox.state = 'pending')"
    )
    if not await database.value("SELECT EXISTS (SELECT 1 FROM held_updates)"):
        return 0
    async with database.write() as connection:
        await connection.execute("DELETE FROM held_updates WHERE received_at < ?", (time.time() - HELD_LIFETIME_S,))
        rows = await connection.execute_fetchall(
            "INSERT INTO inbox (update_id, payload, received_at, album) SELECT update_id, payload, received_at, "
            "json_extract(payload, '$.message.chat.id') || '/' || json_extract(payload, '$.message.media_group_id') "
            f"FROM held_updates WHERE update_id IN ({ready}) "
            "ON CONFLICT DO UPDATE SET state = 'pending', payload = excluded.payload, album = excluded.album, "
            "attempts = 0, finished_at = NULL, sent = NULL RETURNING update_id"
        )
        released = [(row["update_id"],) for row in rows]
        await connection.executemany("DELETE FROM held_updates WHERE update_id = ?", released)
    return len(released)
