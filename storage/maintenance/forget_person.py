"""`/forget`: erases a user's data from the database and from files."""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import aiosqlite

from storage.chat import access
from storage.database import Database
from storage.judge.erasure import erase_from_judges, note_erasure
from storage.learning import bans, dataset_files
from storage.maintenance.erasure import finish_erasure

log = logging.getLogger(__name__)

USER_TABLES = (
    "ratings",
    "jokes",
    "photo_senders",
    "dataset_raters",
    "private_people",
    "duels",
    "duel_choices",
    "admin_languages",
    "aged_people",
    "chosen_languages",
    "albums",
    "known_people",
    "flags",
    "held_updates",
    "punchlines",
    "punchline_requests",
    "punchline_authors",
    "round_votes",
    "rounds",
)
"""Tables whose rows with the user's `person_id` are deleted; a test compares this list with the migrations."""

PRIVATE_CHAT_TABLES = (
    "deliveries",
    "run_messages",
    "run_news",
    "alert_news",
    "progress_news",
    "chats",
    "chat_jokes",
    "weekly_posts",
)
"""Tables whose rows of the user's private chat are deleted."""

ONLY_FROM_USER = """id IN (SELECT photo_id FROM photo_senders WHERE person_id = ?)
    AND NOT EXISTS (SELECT 1 FROM photo_senders WHERE photo_id = photos.id AND person_id != ?)
    AND id NOT IN (SELECT photo_id FROM photo_credits)"""


REMOVE_GALLERY_ITEMS = """UPDATE runs SET verdict = json_set(verdict, '$.gallery', (SELECT json_group_array(json(value))
    FROM json_each(verdict, '$.gallery') WHERE substr(json_extract(value, '$.photo'), 8, 64) NOT IN (SELECT sha256
    FROM abandoned_files)))
    WHERE json_extract(verdict, '$.gallery') IS NOT NULL"""
"""Removes gallery items about deleted photos (`images/SHA256.jpg`) from the gate's verdicts."""

SENDER = "CASE WHEN json_valid(payload) THEN json_extract(payload, '$.{}.from.id') END = ?"
FORGET_MESSAGES = f"""UPDATE inbox SET state = 'done', payload = NULL, album = NULL, sent = NULL, finished_at = ?1
    WHERE state = 'pending' AND ({SENDER.format("message")}2 OR {SENDER.format("edited_message")}2)"""
"""The user's messages in work have captions and names."""
REMOVE_NAMES = f"""UPDATE inbox SET payload = json_remove(json_set(payload, '$.callback_query.from.first_name', '-'),
    '$.callback_query.from.last_name', '$.callback_query.from.username', '$.callback_query.message.reply_to_message',
    '$.callback_query.message.chat.first_name', '$.callback_query.message.chat.last_name',
    '$.callback_query.message.chat.username', '$.callback_query.message.text', '$.callback_query.message.caption')
    WHERE state = 'pending' AND {SENDER.format("callback_query")}"""
"""The user's button presses in work, that of this erasure among them, have to be resumed after a kill."""


@dataclass(frozen=True)
class ErasureResult:
    """Numbers of deleted rows; `pending` if files are not erased yet."""

    photos: int
    jokes: int
    ratings: int
    pending: bool = False


async def forget_user(
    database: Database,
    user_id: int,
    photos: Path,
    datasets: Path,
    *,
    judges: Path | None = None,
    wait_s: float = 5.0,
) -> ErasureResult:
    """Delete a user's photos, jokes and ratings from the database at once, and then from files.

    A negative id stands for what was sent in the name of a chat.

    A photo that another user sent too stays, without this user's jokes about it. Datasets not yet trained on are
    rewritten under their new hash; those trained on keep their manifest, with the rows marked as `forgotten`. If an
    export is running, or a file can't be changed, the export or the next `finish_erasure` changes the files. The
    user's effects are removed from the files in the folder `judges`, and all judges are fitted anew. The database's
    write-ahead log is emptied, so that the data is in no file when this returns.
    """
    forgotten = await forget_rows(database, user_id)
    try:
        if judges:
            await erase_from_judges(database, judges)
    except OSError as error:
        log.warning("erased data is still in a judge's file: %s", error)
        forgotten = replace(forgotten, pending=True)
    try:
        async with dataset_files.lock(datasets, wait_s=wait_s):
            await finish_erasure(database, photos, datasets)
    except dataset_files.DatasetError as error:
        log.warning("erased data is still in files: %s", error)
        forgotten = replace(forgotten, pending=True)
    if not await database.truncate_log():
        log.warning("erased data is still in the database's log, because another process reads the database")
        forgotten = replace(forgotten, pending=True)
    return forgotten


async def forget_rows(database: Database, user_id: int) -> ErasureResult:
    """Erase a user's rows in one transaction. Jokes go with their photo, deliveries and ratings with their joke."""
    async with database.write() as connection:
        before = await count_rows(connection)
        await connection.execute(
            f"INSERT INTO abandoned_files SELECT sha256 FROM photos WHERE {ONLY_FROM_USER} ON CONFLICT DO NOTHING",
            (user_id, user_id),
        )
        await connection.execute(f"DELETE FROM photos WHERE {ONLY_FROM_USER}", (user_id, user_id))
        # Their aged rows count as forgotten from now on: models trained on them are tainted.
        await connection.execute(
            "UPDATE dataset_rows SET aged = 0 WHERE (dataset_id, row_id) IN "
            "(SELECT dataset_id, row_id FROM aged_people WHERE person_id = ?)",
            (user_id,),
        )
        for table in USER_TABLES:
            await connection.execute(f"DELETE FROM {table} WHERE person_id = ?", (user_id,))
        # A private chat has the id of its user and contains only messages for this user. A group is no user's.
        for table in PRIVATE_CHAT_TABLES if user_id > 0 else ():
            await connection.execute(f"DELETE FROM {table} WHERE chat_id = ?", (user_id,))
        for table in ("runs", "promotions", "reviews", "flagged_jokes"):
            await connection.execute(f"UPDATE {table} SET asked_by = NULL WHERE asked_by = ?", (user_id,))
        await bans.forget_user(connection, user_id)
        await access.forget_user(connection, user_id)
        await connection.execute(REMOVE_GALLERY_ITEMS)
        await connection.execute(FORGET_MESSAGES, (time.time(), user_id))
        await connection.execute(REMOVE_NAMES, (user_id,))
        after = await count_rows(connection)
        if after != before:
            await note_erasure(connection)
    photos, jokes, ratings = (old - new for old, new in zip(before, after, strict=True))
    return ErasureResult(photos, jokes, ratings)


async def count_rows(connection: aiosqlite.Connection) -> tuple[int, int, int]:
    """Number of photos, jokes and ratings."""
    async with connection.execute(
        "SELECT (SELECT count(*) FROM photos), (SELECT count(*) FROM jokes), (SELECT count(*) FROM ratings)"
    ) as cursor:
        row = await cursor.fetchone()
    return tuple(row) if row else (0, 0, 0)
