"""The inbox: an update is committed as a row before it is acknowledged to Telegram."""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.database import Database

OFFSET_LIFETIME_S = 6 * 86400.0
"""Lifetime of the stored offset.

After a week without updates Telegram chooses the next update id at random (https://core.telegram.org/bots/api#update).
"""


@dataclass(frozen=True)
class AnswerProgress:
    """Progress of the answer to an update: the stored joke and the message that shows it.

    `attempts` counts starts of processing; `sent` maps the number of each other reply to its message id.
    """

    joke_id: int | None = None
    message_id: int | None = None
    attempts: int = 0
    sent: dict[int, int] = field(default_factory=dict)


async def add_updates(database: Database, updates: Sequence[dict[str, Any]]) -> list[int]:
    """Store updates in one transaction and return the new ids; an update_id that is known already changes nothing."""
    now, new = time.time(), []
    async with database.write() as connection:
        for update in updates:
            cursor = await connection.execute(
                "INSERT INTO inbox (update_id, payload, received_at, album) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (update["update_id"], json.dumps(update, ensure_ascii=False), now, _album_of(update)),
            )
            if cursor.rowcount == 1:
                new.append(update["update_id"])
            await cursor.close()
    return new


async def add_failed(database: Database, update_ids: Sequence[int]) -> None:
    """Store updates that can't be handled, as failed and without their content, so that the offset counts them."""
    if not update_ids:
        return
    now = time.time()
    async with database.write() as connection:
        await connection.executemany(
            "INSERT INTO inbox (update_id, state, received_at, finished_at) VALUES (?, 'failed', ?, ?) "
            "ON CONFLICT DO NOTHING",
            [(update_id, now, now) for update_id in update_ids],
        )


async def next_offset(database: Database) -> int:
    """The offset for getUpdates: the last update id + 1; 0 before the first update and after OFFSET_LIFETIME_S."""
    last = await database.row(
        "SELECT update_id, received_at FROM inbox ORDER BY received_at DESC, update_id DESC LIMIT 1"
    )
    return last["update_id"] + 1 if last and time.time() - last["received_at"] < OFFSET_LIFETIME_S else 0


async def last_received_at(database: Database) -> float | None:
    """When the last update was received, seconds since 1970; None before the first one."""
    return await database.value("SELECT max(received_at) FROM inbox")


async def list_pending_updates(
    database: Database, *, after: int = -1, besides: Collection[int] = (), limit: int = 100
) -> list[tuple[dict[str, Any], int]]:
    """Unfinished updates with an id above `after` and not in `besides`, oldest first, each with its attempts so far."""
    rows = await database.rows(
        "SELECT payload, attempts FROM inbox WHERE state = 'pending' AND update_id > ? "
        "AND update_id NOT IN (SELECT value FROM json_each(?)) ORDER BY update_id LIMIT ?",
        (after, json.dumps([*besides]), limit),
    )
    return [(json.loads(row["payload"]), row["attempts"]) for row in rows]


async def count_attempts(database: Database, *update_ids: int) -> None:
    """Count a processing attempt of each of these updates."""
    async with database.write() as connection:
        await connection.executemany(
            "UPDATE inbox SET attempts = attempts + 1 WHERE update_id = ?", [(update_id,) for update_id in update_ids]
        )


async def get_progress(database: Database, update_id: int) -> AnswerProgress:
    """The progress of an earlier attempt at the update; empty for a new update."""
    row = await database.row("SELECT joke_id, message_id, attempts, sent FROM inbox WHERE update_id = ?", (update_id,))
    if row is None:
        return AnswerProgress()
    sent = {int(number): message_id for number, message_id in json.loads(row["sent"] or "{}").items()}
    return AnswerProgress(row["joke_id"], row["message_id"], row["attempts"], sent)


async def list_album_updates(database: Database, chat_id: int, media_group_id: str) -> list[dict[str, Any]]:
    """The unfinished updates with photos of one album, oldest first."""
    rows = await database.rows(
        "SELECT payload FROM inbox WHERE album = ? ORDER BY update_id", (f"{chat_id}/{media_group_id}",)
    )
    return [json.loads(row["payload"]) for row in rows]


async def record_album_note(
    database: Database, chat_id: int, media_group_id: str, key: str, note: dict[str, Any]
) -> set[int]:
    """Store a note under `key` in the payload of an album's unfinished updates; returns their ids."""
    async with database.write() as connection:
        rows = await connection.execute_fetchall(
            "UPDATE inbox SET payload = json_set(payload, ?, json(?)) WHERE album = ? RETURNING update_id",
            (f"$.{key}", json.dumps(note, ensure_ascii=False), f"{chat_id}/{media_group_id}"),
        )
    return {row["update_id"] for row in rows}


async def note(database: Database, update_id: int, key: str) -> None:
    """Set `key` to true in an unfinished update, for the next process that takes it up."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE inbox SET payload = json_set(payload, ?, json('true')) WHERE update_id = ? AND state = 'pending'",
            (f"$.{key}", update_id),
        )


def _album_of(update: dict[str, Any]) -> str | None:
    message = update.get("message")
    if not isinstance(message, dict) or not message.get("media_group_id"):
        return None
    return f"{message.get('chat', {}).get('id')}/{message['media_group_id']}"


async def record_message(database: Database, update_id: int, message_id: int) -> None:
    """Record the message that shows the answer to an update."""
    async with database.write() as connection:
        await connection.execute("UPDATE inbox SET message_id = ? WHERE update_id = ?", (message_id, update_id))


async def record_reply(database: Database, update_id: int, number: int, message_id: int) -> None:
    """Record the message of the `number`-th reply to an update, from 0."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE inbox SET sent = json_set(coalesce(sent, '{}'), ?, ?) WHERE update_id = ? AND state = 'pending'",
            (f'$."{number}"', message_id, update_id),
        )


async def mark_finished(database: Database, *update_ids: int, failed: bool = False) -> None:
    """Mark updates as done or failed and delete their payload."""
    state, now = "failed" if failed else "done", time.time()
    async with database.write() as connection:
        await connection.executemany(
            "UPDATE inbox SET state = ?, payload = NULL, album = NULL, sent = NULL, finished_at = ? WHERE update_id "
            "= ?",
            [(state, now, update_id) for update_id in update_ids],
        )


async def delete_finished(database: Database, *, older_than_s: float = 2 * 86400.0) -> int:
    """Delete finished rows older than that, except the newest row, which holds the offset. Returns their number."""
    async with database.write() as connection:
        cursor = await connection.execute(
            "DELETE FROM inbox WHERE state != 'pending' AND finished_at < ? AND update_id != (SELECT update_id "
            "FROM inbox ORDER BY received_at DESC, update_id DESC LIMIT 1)",
            (time.time() - older_than_s,),
        )
        return cursor.rowcount
