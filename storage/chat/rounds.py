"""Rounds of Oogiri: entries, ballots and votes.

States: `collecting` entries; `closing` until the ballot is sent; `voting`; `scoring` until the result is sent; `over`.
A chat has at most one round that isn't over. Each state is stored before anything is sent in it.
"""

import random
import time
from dataclasses import dataclass, fields
from typing import Literal

import aiosqlite

from storage.chat.consent import BANNED, NOT_HIDDEN
from storage.database import Database

RoundState = Literal["collecting", "closing", "voting", "scoring", "over"]
MAX_ENTRIES = 20
"""Entries of users in a round; a ballot of more isn't read."""
MAX_VOTES = 2
"""Votes of one user in a round."""
VoteOutcome = Literal["voted", "unvoted", "own", "limit", "closed"]


@dataclass(frozen=True)
class Round:
    """A round. `joke_id` is the bot's entry, `due_at` when its state ends by itself (seconds since 1970).

    `update_id` is negative for a round of the schedule. `quoted_id`: the message with the photo, which the opening
    quotes; None where the opening shows the photo itself.
    """

    id: int
    chat_id: int
    person_id: int
    photo_id: int
    joke_id: int
    state: RoundState
    update_id: int | None
    message_id: int | None
    ballot_id: int | None
    due_at: float
    created_at: float
    quoted_id: int | None


@dataclass(frozen=True)
class RoundEntry:
    """An entry with its number on the ballot and its votes; `author_id` is None for the bot's."""

    joke_id: int
    position: int
    text: str
    author_id: int | None
    votes: int


@dataclass(frozen=True)
class RoundPoints:
    """A user's votes received in rounds of a chat; the bot has `user_id` None."""

    user_id: int | None
    points: int


async def begin_round(
    database: Database,
    chat_id: int,
    user_id: int,
    joke_id: int,
    update_id: int,
    due_at: float,
    quoted_id: int | None = None,
) -> Round | None:
    """Begin a round with the bot's entry; that of the update if it began one. None while the chat has another one."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO rounds (chat_id, person_id, photo_id, joke_id, state, update_id, due_at, created_at, "
            "quoted_id) SELECT ?1, ?2, photo_id, id, 'collecting', ?4, ?5, ?6, ?7 FROM jokes WHERE id = ?3 "
            "ON CONFLICT DO NOTHING",
            (chat_id, user_id, joke_id, update_id, due_at, time.time(), quoted_id),
        )
        await connection.execute(
            "INSERT INTO round_entries (round_id, joke_id) SELECT id, joke_id FROM rounds WHERE update_id = ? "
            "ON CONFLICT DO NOTHING",
            (update_id,),
        )
    return await _first(database, "update_id = ?", update_id)


async def count_rounds(database: Database, chat_id: int, since: float) -> int:
    """Number of a chat's rounds since then (seconds since 1970)."""
    return await database.value("SELECT count(*) FROM rounds WHERE chat_id = ? AND created_at > ?", (chat_id, since))


async def get_round(database: Database, round_id: int) -> Round | None:
    """The round, or None."""
    return await _first(database, "id = ?", round_id)


async def get_open_round(database: Database, chat_id: int) -> Round | None:
    """The chat's round that isn't over, or None."""
    return await _first(database, "chat_id = ? AND state != 'over'", chat_id)


async def get_round_of_joke(database: Database, joke_id: int) -> Round | None:
    """The round in which a joke is the bot's entry, or None."""
    return await _first(database, "joke_id = ?", joke_id)


async def get_round_of_message(database: Database, chat_id: int, message_id: int) -> Round | None:
    """The round whose photo, or whose ballot, is in that message, or None."""
    return await _first(database, "chat_id = ?1 AND (message_id = ?2 OR ballot_id = ?2)", chat_id, message_id)


async def list_open_rounds(database: Database) -> list[Round]:
    """All rounds that are not over."""
    rows = await database.rows("SELECT * FROM rounds WHERE state != 'over' ORDER BY id")
    return [_as_round(row) for row in rows]


async def list_unopened_rounds(database: Database, now: float) -> list[Round]:
    """Rounds that collect entries, with time left at `now`, but whose opening was not sent or is in a former chat."""
    rows = await database.rows(
        "SELECT * FROM rounds WHERE state = 'collecting' AND message_id IS NULL AND due_at > ? ORDER BY id", (now,)
    )
    return [_as_round(row) for row in rows]


async def list_due_rounds(database: Database, now: float) -> list[Round]:
    """The rounds whose state has ended by then, or was interrupted while something was being sent."""
    rows = await database.rows(
        "SELECT * FROM rounds WHERE state IN ('closing', 'scoring') OR (state != 'over' AND due_at <= ?) ORDER BY id",
        (now,),
    )
    return [_as_round(row) for row in rows]


async def change_state(
    database: Database, round_id: int, before: RoundState, state: RoundState, due_at: float = 0.0
) -> bool:
    """Move a round from one state to another; False where it isn't in the first one any more."""
    async with database.write() as connection:
        cursor = await connection.execute(
            "UPDATE rounds SET state = ?, due_at = ? WHERE id = ? AND state = ?", (state, due_at, round_id, before)
        )
        return cursor.rowcount == 1


async def record_message(database: Database, round_id: int, message_id: int) -> None:
    """Record the message with the photo."""
    async with database.write() as connection:
        await connection.execute("UPDATE rounds SET message_id = ? WHERE id = ?", (message_id, round_id))


async def open_ballot(database: Database, round_id: int, ballot_id: int, due_at: float) -> None:
    """Record the ballot's message: voting begins."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE rounds SET state = 'voting', ballot_id = ?, due_at = ? WHERE id = ? AND state = 'closing'",
            (ballot_id, due_at, round_id),
        )


async def add_entry(database: Database, round_id: int, joke_id: int, author_id: int) -> list[int] | None:
    """Add a user's entry while entries are collected; returns their earlier entries' jokes, which it replaces.

    None where the round takes no more entries.
    """
    async with database.write() as connection:
        async with connection.execute(
            "SELECT joke_id FROM round_entries JOIN jokes ON jokes.id = joke_id "
            "WHERE round_id = ? AND person_id = ? AND model_id IS NULL AND joke_id != ?",
            (round_id, author_id, joke_id),
        ) as cursor:
            earlier = [row["joke_id"] for row in await cursor.fetchall()]
        cursor = await connection.execute(
            "INSERT INTO round_entries (round_id, joke_id) SELECT ?1, ?2 WHERE EXISTS "
            "(SELECT 1 FROM rounds WHERE id = ?1 AND state = 'collecting') "
            "AND (SELECT count(*) FROM round_entries WHERE round_id = ?1) < ?3 ON CONFLICT DO NOTHING",
            (round_id, joke_id, 1 + MAX_ENTRIES + len(earlier)),
        )
        if cursor.rowcount != 1:
            return None
        await connection.executemany("DELETE FROM jokes WHERE id = ?", [(joke,) for joke in earlier])
    return earlier


async def count_entries(database: Database, round_id: int) -> int:
    """Number of users' entries."""
    return await database.value("SELECT count(*) - 1 FROM round_entries WHERE round_id = ?", (round_id,))


async def number_entries(database: Database, round_id: int) -> None:
    """Give the entries a random order on the ballot, once; hidden ones and those of banned users get no place."""
    async with database.write() as connection:
        async with connection.execute(
            "SELECT joke_id FROM round_entries JOIN jokes ON jokes.id = joke_id WHERE round_id = ?1 "
            f"AND {NOT_HIDDEN} AND (model_id IS NOT NULL OR jokes.person_id NOT IN {BANNED}) "
            "AND NOT EXISTS (SELECT 1 FROM round_entries WHERE round_id = ?1 AND position IS NOT NULL)",
            (round_id,),
        ) as cursor:
            jokes = [row["joke_id"] for row in await cursor.fetchall()]
        random.shuffle(jokes)
        await connection.executemany(
            "UPDATE round_entries SET position = ? WHERE round_id = ? AND joke_id = ?",
            [(place, round_id, joke) for place, joke in enumerate(jokes, 1)],
        )


async def list_entries(database: Database, round_id: int) -> list[RoundEntry]:
    """The entries on the ballot, in its order."""
    rows = await database.rows(
        "SELECT entries.joke_id, position, text, iif(model_id IS NULL, person_id, NULL) AS author_id, "
        "(SELECT count(*) FROM round_votes AS votes WHERE votes.round_id = entries.round_id "
        "AND votes.joke_id = entries.joke_id) AS votes FROM round_entries AS entries "
        "JOIN jokes ON jokes.id = entries.joke_id WHERE round_id = ? AND position IS NOT NULL ORDER BY position",
        (round_id,),
    )
    return [RoundEntry(**dict(row)) for row in rows]


async def vote(database: Database, round_id: int, position: int, user_id: int) -> tuple[VoteOutcome, list[int]]:
    """Give a vote to an entry, or take it back; returns what happened, and the numbers that the user votes for now.

    A user has MAX_VOTES votes and none for an own entry.
    """
    async with database.write() as connection:
        async with connection.execute(
            "SELECT jokes.id, model_id IS NULL AND jokes.person_id = ? AS own FROM round_entries "
            "JOIN rounds ON rounds.id = round_id JOIN jokes ON jokes.id = round_entries.joke_id "
            "WHERE round_id = ? AND position = ? AND state = 'voting'",
            (user_id, round_id, position),
        ) as cursor:
            found = await cursor.fetchone()
        async with connection.execute(
            "SELECT votes.joke_id, position FROM round_votes AS votes JOIN round_entries USING (round_id, joke_id) "
            "WHERE round_id = ? AND person_id = ? ORDER BY position",
            (round_id, user_id),
        ) as cursor:
            given = {row["joke_id"]: row["position"] for row in await cursor.fetchall()}
        outcome: VoteOutcome = "closed"
        if found and found["own"]:
            outcome = "own"
        elif found and found["id"] in given:
            outcome = "unvoted"
            del given[found["id"]]
            await connection.execute(
                "DELETE FROM round_votes WHERE round_id = ? AND joke_id = ? AND person_id = ?",
                (round_id, found["id"], user_id),
            )
        elif found and len(given) >= MAX_VOTES:
            outcome = "limit"
        elif found:
            outcome = "voted"
            given[found["id"]] = position
            await connection.execute(
                "INSERT INTO round_votes VALUES (?, ?, ?, ?)", (round_id, found["id"], user_id, time.time())
            )
    return outcome, sorted(given.values())


async def list_points(database: Database, chat_id: int, since: float, limit: int) -> list[RoundPoints]:
    """Points in a chat's finished rounds since then, the most first; only entries with votes count.

    A vote is a point, except where a user votes for one author clearly more often than the others do (see
    `storage.chat.ballots`).
    """
    import numpy as np  # Here, with what needs it: a starting bot counts nothing.

    from storage.chat.ballots import BOT, count_credits, read_ballots_of_chat

    ballots = await read_ballots_of_chat(database, chat_id)
    counted = ballots.voted & (ballots.entries.at[ballots.entry] >= int(since))
    authors, author = np.unique(ballots.entries.author[ballots.entry[counted]], return_inverse=True)
    points = np.rint(np.bincount(author, count_credits(ballots)[counted], len(authors))).astype(int)
    table = sorted(zip(authors.tolist(), points.tolist(), strict=True), key=lambda row: (-row[1], row[0]))
    return [RoundPoints(None if author == BOT else author, count) for author, count in table[:limit]]


async def _first(database: Database, where: str, *values: object) -> Round | None:
    row = await database.row(f"SELECT * FROM rounds WHERE {where} LIMIT 1", values)
    return _as_round(row) if row else None


def _as_round(row: aiosqlite.Row) -> Round:
    return Round(**{field.name: row[field.name] for field in fields(Round)})
