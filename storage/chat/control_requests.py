"""Requests of the command line to a running bot: a row that the bot carries out and answers.

Only the bot deploys models while it runs (a champion must be served first), so `jokebot models promote` stores a
request and waits for the answer. A new run needs no request: the bot picks up queued runs.
"""

import asyncio
import time
from dataclasses import dataclass

from storage.database import Database


@dataclass(frozen=True)
class ControlRequest:
    """A request: promote (with `model_id`) or rollback.

    `answer` is None before the request is handled; `done` says whether it succeeded.
    """

    id: int
    kind: str
    model_id: int | None
    answer: str | None
    done: bool
    asked_at: float
    answered_at: float | None


async def add_request(database: Database, kind: str, model_id: int | None = None) -> int:
    """Store a request and return its id."""
    async with (
        database.write() as connection,
        connection.execute(
            "INSERT INTO requests (kind, model_id, asked_at) VALUES (?, ?, ?) RETURNING id",
            (kind, model_id, time.time()),
        ) as cursor,
    ):
        ((request_id,),) = await cursor.fetchall()
    return request_id


async def list_pending_requests(database: Database) -> list[ControlRequest]:
    """Requests without an answer, oldest first."""
    rows = await database.rows("SELECT * FROM requests WHERE answer IS NULL ORDER BY id")
    return [ControlRequest(**{**dict(row), "done": bool(row["done"])}) for row in rows]


async def record_answer(database: Database, request_id: int, text: str, *, done: bool) -> None:
    """Record the result of a request."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE requests SET answer = ?, done = ?, answered_at = ? WHERE id = ? AND answer IS NULL",
            (text, int(done), time.time(), request_id),
        )


async def wait_for_answer(database: Database, request_id: int, *, wait_s: float, poll_s: float = 0.2) -> ControlRequest:
    """Wait for the answer. After `wait_s` the request is withdrawn, so that it isn't carried out late."""
    deadline = time.monotonic() + wait_s
    while True:
        row = await database.row("SELECT * FROM requests WHERE id = ? AND answer IS NOT NULL", (request_id,))
        if row:
            return ControlRequest(**{**dict(row), "done": bool(row["done"])})
        if time.monotonic() >= deadline:
            await record_answer(
                database,
                request_id,
                "The bot has not answered in time; `jokebot models` shows what serves.",
                done=False,
            )
        await asyncio.sleep(poll_s)
