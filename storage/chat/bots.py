"""The bot that a database belongs to.

Message ids and update ids hold for one bot: in private chats, each bot counts messages from 1. When a database gets
another bot's token, what was stored under the former bot's ids is detached from them. Jokes, ratings and photos stay;
deliveries get their message ids back when the former bot returns.
"""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from storage.database import Database, connect_read_only

DETACH = (
    "INSERT INTO other_bots_deliveries SELECT id, :former, message_id FROM deliveries WHERE message_id > 0",
    "UPDATE deliveries SET message_id = -id, update_id = NULL WHERE message_id > 0",
    "DELETE FROM albums WHERE message_id IS NULL",
    "UPDATE albums SET message_id = -id, update_id = -id WHERE message_id > 0",
    "DELETE FROM duels WHERE message_id IS NULL",
    "UPDATE duels SET message_id = -id, update_id = -id WHERE message_id > 0",
    "UPDATE ratings SET update_id = NULL WHERE update_id IS NOT NULL",
    "UPDATE OR REPLACE chat_jokes SET update_id = -update_id WHERE update_id > 0",
    "UPDATE chats SET full_update = NULL",
    "DELETE FROM run_messages",
    "DELETE FROM punchline_requests",
    "DELETE FROM rounds WHERE state != 'over'",
    "UPDATE rounds SET message_id = -id, ballot_id = NULL, update_id = NULL",
    "UPDATE punchlines SET message_id = -id WHERE message_id > 0",
    "DELETE FROM hidden_votes",
    "DELETE FROM access WHERE state = 'waiting'",
    "DELETE FROM access_questions",
    "DELETE FROM held_updates",
    "UPDATE bots SET is_current = 0, last_update_id = (SELECT update_id FROM inbox ORDER BY received_at DESC, "
    "update_id DESC LIMIT 1), last_received_at = (SELECT max(received_at) FROM inbox) WHERE is_current",
    "DELETE FROM inbox",
)
"""Takes the former bot's ids out of the way. Its unfinished updates end: the new bot can't download their files."""

ATTACH = (
    "INSERT INTO bots (bot_id, is_current, first_used_at) VALUES (:bot, 1, :now) "
    "ON CONFLICT DO UPDATE SET is_current = 1",
    "UPDATE deliveries SET message_id = (SELECT message_id FROM other_bots_deliveries WHERE delivery_id = id) "
    "WHERE id IN (SELECT delivery_id FROM other_bots_deliveries WHERE bot_id = :bot)",
    "DELETE FROM other_bots_deliveries WHERE bot_id = :bot",
    "INSERT INTO inbox (update_id, state, received_at, finished_at) SELECT last_update_id, 'done', last_received_at, "
    "last_received_at FROM bots WHERE bot_id = :bot AND last_update_id IS NOT NULL ON CONFLICT DO NOTHING",
)
"""Makes a bot the current one, with its message ids and its offset if it was here before."""


@dataclass(frozen=True)
class BotChange:
    """Another bot took over a database. `unfinished`: updates of the former one that ended without an answer."""

    former_id: int
    unfinished: int


async def claim_database(database: Database, bot_id: int) -> BotChange | None:
    """Record that the database belongs to a bot; returns the change if it belonged to another one before.

    A database without a record is taken to be this bot's.
    """
    async with database.write() as connection:
        former_id = await _value(connection, "SELECT bot_id FROM bots WHERE is_current")
        if former_id == bot_id:
            return None
        change = None
        if former_id is not None:
            unfinished = await _value(connection, "SELECT count(*) FROM inbox WHERE state = 'pending'")
            change = BotChange(former_id, unfinished or 0)
            for statement in DETACH:
                await connection.execute(statement, {"former": former_id} if ":former" in statement else {})
        values = {"bot": bot_id, "now": time.time()}
        for statement in ATTACH:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(statement, used)
    return change


def read_bot_id(path: Path) -> int | None:
    """The bot that a database file belongs to; None for an unknown one and for a file that can't be read. Blocks."""
    try:
        with closing(connect_read_only(path)) as connection:
            row = connection.execute("SELECT bot_id FROM bots WHERE is_current").fetchone()
    except sqlite3.Error:
        return None
    return row[0] if row else None


async def _value(connection: aiosqlite.Connection, sql: str) -> int | None:
    async with connection.execute(sql) as cursor:
        row = await cursor.fetchone()
    return row[0] if row else None
