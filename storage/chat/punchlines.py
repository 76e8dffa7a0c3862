"""Punchlines: users' own jokes about a photo, which they write in reply to a joke.

A punchline is a row of `jokes` without a model, whose `person_id` is its author. `punchlines` has the author's message,
and the text until the author has agreed to its use.
"""

import time
from dataclasses import astuple, dataclass

import aiosqlite

from storage.chat.jokes import INSERT_JOKE, NEW_COLUMNS, Joke, NewJoke
from storage.database import Database

DAY_S = 86400.0
DRAFT_S = 2 * DAY_S
"""Age from which a draft and a request are deleted."""
CORRECTED_COLUMNS = ("language", "style", "caption", "prompt", "text")


@dataclass(frozen=True)
class Punchline:
    """A user's punchline; `joke_id` is None while its author hasn't agreed, and after it was withdrawn."""

    id: int
    person_id: int
    chat_id: int
    message_id: int
    parent_id: int
    joke_id: int | None
    draft: str | None
    created_at: float


@dataclass(frozen=True)
class PunchlineRequest:
    """A message in which the bot asked a user for a punchline, in answer to `joke_id`."""

    chat_id: int
    message_id: int
    person_id: int
    joke_id: int


SHOWN_JOKE = """SELECT coalesce((SELECT joke_id FROM deliveries WHERE chat_id = ?1 AND message_id = ?2),
    (SELECT coalesce(joke_a, joke_b) FROM duels WHERE chat_id = ?1 AND message_id = ?2),
    (SELECT joke_id FROM rounds WHERE chat_id = ?1 AND message_id = ?2))"""


async def find_shown_joke(database: Database, chat_id: int, message_id: int) -> int | None:
    """The joke in that message, the first one of a duel, or the bot's entry of a round; None for another message."""
    return await database.value(SHOWN_JOKE, (chat_id, message_id))


async def find_message(database: Database, joke_id: int, chat_id: int) -> int | None:
    """The message that shows a joke, or a duel with it, in a chat; None where there is none."""
    return await database.value(
        "SELECT message_id FROM deliveries WHERE joke_id = ?1 AND chat_id = ?2 AND message_id > 0 UNION ALL "
        "SELECT message_id FROM duels WHERE ?1 IN (joke_a, joke_b) AND chat_id = ?2 AND message_id > 0 "
        "ORDER BY message_id DESC LIMIT 1",
        (joke_id, chat_id),
    )


async def add_punchline(
    database: Database, author_id: int, chat_id: int, message_id: int, parent_id: int, text: str, *, per_day: int
) -> Punchline | None:
    """Store a text as a draft, in answer to the joke `parent_id`; the stored row if the message has one.

    None where the author has written `per_day` punchlines within 24 hours. Withdrawn ones count. Raises
    sqlite3.IntegrityError if the joke was deleted.
    """
    now = time.time()
    async with database.write() as connection:
        for table, unused in (("punchlines", "joke_id IS NULL"), ("punchline_requests", "true")):
            await connection.execute(f"DELETE FROM {table} WHERE {unused} AND created_at < ?", (now - DRAFT_S,))
        stored = await _first(
            connection, "SELECT * FROM punchlines WHERE chat_id = ? AND message_id = ?", chat_id, message_id
        )
        if stored is None and await _count_today(connection, author_id, now) < per_day:
            stored = await _first(
                connection,
                "INSERT INTO punchlines (person_id, chat_id, message_id, parent_id, draft, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
                author_id,
                chat_id,
                message_id,
                parent_id,
                text,
                now,
            )
    return stored


async def count_today(database: Database, author_id: int) -> int:
    """Number of punchlines that a user has written within 24 hours."""
    return await database.value(TODAY, (author_id, time.time() - DAY_S))


async def publish_punchline(database: Database, punchline_id: int, joke: NewJoke) -> tuple[Joke, bool] | None:
    """Make a draft a joke; returns it, and whether it is new. None for an unknown or withdrawn punchline.

    Raises sqlite3.IntegrityError if the photo was deleted.
    """
    async with database.write() as connection:
        punchline = await _first(connection, "SELECT * FROM punchlines WHERE id = ?", punchline_id)
        if punchline is None or (punchline.joke_id is None and punchline.draft is None):
            return None
        if punchline.joke_id is not None:
            columns = ", ".join(NEW_COLUMNS)
            sql, values = f"SELECT id, created_at, {columns} FROM jokes WHERE id = ?", (punchline.joke_id,)
        else:
            sql, values = INSERT_JOKE, (*astuple(joke), time.time())
        async with connection.execute(sql, values) as cursor:
            (row,) = await cursor.fetchall()
        stored = Joke(**dict(row))
        await connection.execute(
            "UPDATE punchlines SET joke_id = ?, draft = NULL WHERE id = ?", (stored.id, punchline_id)
        )
    return stored, punchline.joke_id is None


async def correct_punchline(database: Database, punchline: Punchline, joke: NewJoke) -> None:
    """Replace the text of a punchline. The ratings of the former text are deleted."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE punchlines SET draft = ? WHERE id = ? AND draft IS NOT NULL", (joke.text, punchline.id)
        )
        if punchline.joke_id is not None:
            changes = ", ".join(f"{name} = ?" for name in CORRECTED_COLUMNS)
            values = [getattr(joke, name) for name in CORRECTED_COLUMNS]
            await connection.execute(
                f"UPDATE jokes SET {changes} WHERE id = ? AND model_id IS NULL", (*values, punchline.joke_id)
            )
            await connection.execute("DELETE FROM ratings WHERE joke_id = ?", (punchline.joke_id,))


async def withdraw_punchline(database: Database, joke_id: int, author_id: int) -> bool:
    """Delete a user's joke with its ratings; False if it isn't theirs.

    Dataset rows made of it count as aged, as after retention: their text is erased with the next export, and models
    that were trained on it stay.
    """
    async with database.write() as connection:
        async with connection.execute(
            "SELECT 1 FROM jokes WHERE id = ? AND person_id = ? AND model_id IS NULL", (joke_id, author_id)
        ) as cursor:
            if not await cursor.fetchone():
                return False
        await connection.execute(
            "INSERT INTO aged_people SELECT dataset_id, row_id, ? FROM dataset_rows WHERE joke_id = ? "
            "ON CONFLICT DO NOTHING",
            (author_id, joke_id),
        )
        await connection.execute("UPDATE dataset_rows SET aged = 1 WHERE joke_id = ?", (joke_id,))
        await connection.execute("DELETE FROM jokes WHERE id = ?", (joke_id,))
    return True


async def get_punchline(database: Database, punchline_id: int) -> Punchline | None:
    """The punchline, or None."""
    row = await database.row("SELECT * FROM punchlines WHERE id = ?", (punchline_id,))
    return Punchline(**dict(row)) if row else None


async def get_punchline_of_message(database: Database, chat_id: int, message_id: int) -> Punchline | None:
    """The punchline that a user wrote in that message, or None."""
    row = await database.row("SELECT * FROM punchlines WHERE chat_id = ? AND message_id = ?", (chat_id, message_id))
    return Punchline(**dict(row)) if row else None


async def has_text(database: Database, photo_id: int, text: str) -> bool:
    """Whether a joke about the photo has that text already, in any case."""
    rows = await database.rows("SELECT text FROM jokes WHERE photo_id = ?", (photo_id,))
    return any(row["text"].casefold().split() == text.casefold().split() for row in rows)


async def record_consent(database: Database, user_id: int) -> None:
    """Record that a user has agreed to the use of punchlines."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO punchline_authors VALUES (?, ?) ON CONFLICT DO NOTHING", (user_id, time.time())
        )


async def has_consented(database: Database, user_id: int) -> bool:
    """Whether the user has agreed to the use of punchlines."""
    return bool(await database.value("SELECT 1 FROM punchline_authors WHERE person_id = ?", (user_id,)))


async def add_request(database: Database, request: PunchlineRequest) -> list[int]:
    """Record a request; returns the message ids of the user's earlier ones in the chat, which it replaces."""
    async with database.write() as connection:
        earlier = await _delete_requests(connection, request.person_id, request.chat_id)
        await connection.execute(
            "INSERT INTO punchline_requests SELECT ?1, ?2, ?3, id, ?5 FROM jokes WHERE id = ?4 ON CONFLICT DO NOTHING",
            (*astuple(request), time.time()),
        )
    return [number for number in earlier if number != request.message_id]


async def get_request(database: Database, chat_id: int, message_id: int) -> PunchlineRequest | None:
    """The request in that message, or None."""
    row = await database.row(
        "SELECT chat_id, message_id, person_id, joke_id FROM punchline_requests WHERE chat_id = ? AND message_id = ?",
        (chat_id, message_id),
    )
    return PunchlineRequest(**dict(row)) if row else None


async def delete_requests(database: Database, user_id: int, chat_id: int) -> list[int]:
    """Delete a user's requests in a chat; returns their message ids."""
    async with database.write() as connection:
        return await _delete_requests(connection, user_id, chat_id)


TODAY = "SELECT count(*) FROM punchlines WHERE person_id = ? AND created_at > ?"


async def _count_today(connection: aiosqlite.Connection, author_id: int, now: float) -> int:
    async with connection.execute(TODAY, (author_id, now - DAY_S)) as cursor:
        ((count,),) = await cursor.fetchall()
    return int(count)


async def _delete_requests(connection: aiosqlite.Connection, user_id: int, chat_id: int) -> list[int]:
    async with connection.execute(
        "DELETE FROM punchline_requests WHERE person_id = ? AND chat_id = ? RETURNING message_id", (user_id, chat_id)
    ) as cursor:
        return [row["message_id"] for row in await cursor.fetchall()]


async def _first(connection: aiosqlite.Connection, sql: str, *values: object) -> Punchline | None:
    async with connection.execute(sql, values) as cursor:
        rows = list(await cursor.fetchall())
    return Punchline(**dict(rows[0])) if rows else None
