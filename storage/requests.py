"""What the command line asks of a running bot: a row that the bot obeys and answers.

Only the bot swaps models while it runs (it has to serve one before it may name it champion), so `jokebot models promote`
leaves a request and waits for the answer. A new run needs none: a run that is queued is picked up as it is.
"""
import asyncio
import time
from dataclasses import dataclass

from storage.database import Database


@dataclass(frozen=True)
class Request:
    """`kind` is promote (with `model_id`) or rollback; `answer` is None until `done` says whether it was done."""

    id: int
    kind: str
    model_id: int | None
    answer: str | None
    done: bool
    asked_at: float
    answered_at: float | None


async def ask(database: Database, kind: str, model_id: int | None = None) -> int:
    """Leave a request; returns its number."""
    async with database.write() as connection, connection.execute(
            "INSERT INTO requests (kind, model_id, asked_at) VALUES (?, ?, ?) RETURNING id", (kind, model_id, time.time())) as cursor:
        return (await cursor.fetchone())[0]


async def pending(database: Database) -> list[Request]:
    """Requests without an answer, oldest first."""
    rows = await database.rows("SELECT * FROM requests WHERE answer IS NULL ORDER BY id")
    return [Request(**{**dict(row), "done": bool(row["done"])}) for row in rows]


async def answer(database: Database, request_id: int, text: str, *, done: bool) -> None:
    """Say what came of a request."""
    async with database.write() as connection:
        await connection.execute("UPDATE requests SET answer = ?, done = ?, answered_at = ? WHERE id = ? AND answer IS NULL",
                                 (text, int(done), time.time(), request_id))


async def wait_for(database: Database, request_id: int, *, wait_s: float, poll_s: float = 0.2) -> Request:
    """The request, answered; where nobody answers in time it is withdrawn, so that it isn't obeyed late."""
    deadline = time.monotonic() + wait_s
    while True:
        row = await database.row("SELECT * FROM requests WHERE id = ? AND answer IS NOT NULL", (request_id,))
        if row:
            return Request(**{**dict(row), "done": bool(row["done"])})
        if time.monotonic() >= deadline:
            await answer(database, request_id, "The bot has not answered in time; `jokebot models` shows what serves.", done=False)
        await asyncio.sleep(poll_s)
