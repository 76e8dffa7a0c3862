"""Candidates of a joke: texts that a model wrote for a photo and that were not shown; and what a chat saw lately."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from storage.database import Database


@dataclass(frozen=True)
class UnshownCandidate:
    """A complete text that was not shown.

    `repeated`: the chat had seen its text or its shape lately. `score` is the judge's P(liked), `logprob` the mean
    log-probability of the text's tokens.
    """

    text: str
    repeated: bool = False
    score: float | None = None
    logprob: float | None = None
    completion_tokens: int | None = None
    latency_s: float = 0.0


COLUMNS = tuple(UnshownCandidate.__dataclass_fields__)
RECENT = """SELECT text FROM (SELECT * FROM (
        SELECT text, deliveries.created_at AS at FROM deliveries JOIN jokes ON jokes.id = deliveries.joke_id
        WHERE chat_id = :chat ORDER BY message_id DESC LIMIT :limit)
    UNION ALL SELECT * FROM (
        SELECT text, duels.created_at AS at FROM duels JOIN jokes ON jokes.id IN (joke_a, joke_b)
        WHERE chat_id = :chat AND message_id IS NOT NULL ORDER BY duels.id DESC LIMIT :limit))
    ORDER BY at DESC LIMIT :limit"""
"""Each half reads only its newest rows, by an index."""


async def insert_candidates(
    connection: aiosqlite.Connection, joke_id: int, candidates: Sequence[UnshownCandidate]
) -> None:
    """Store the candidates of a joke that were not shown, within its transaction."""
    await connection.executemany(
        f"INSERT INTO joke_candidates (joke_id, {', '.join(COLUMNS)}) VALUES (?{', ?' * len(COLUMNS)})",
        [(joke_id, *(getattr(candidate, name) for name in COLUMNS)) for candidate in candidates],
    )


async def list_candidates(database: Database, joke_id: int) -> list[UnshownCandidate]:
    """The candidates of a joke that were not shown, the best score first."""
    rows = await database.rows(
        f"SELECT {', '.join(COLUMNS)} FROM joke_candidates WHERE joke_id = ? ORDER BY score DESC, id", (joke_id,)
    )
    return [UnshownCandidate(**{**dict(row), "repeated": bool(row["repeated"])}) for row in rows]


async def list_recent_texts(database: Database, chat_id: int, limit: int) -> list[str]:
    """The texts that a chat saw last, in jokes and duels, the newest first."""
    return [row["text"] for row in await database.rows(RECENT, {"chat": chat_id, "limit": limit})]
