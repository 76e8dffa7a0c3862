"""Duels: the champion's and the candidate's joke for a photo in one message; the users of the chat choose one."""

import time
from dataclasses import dataclass
from typing import Literal

from storage.database import Database

Side = Literal["a", "b"]
Choice = Literal["a", "b", "meh"]
ChoiceOutcome = Literal["recorded", "again", "hidden"]
"""What became of a choice: it is recorded, the user has chosen before, or one of the jokes is hidden."""


@dataclass(frozen=True)
class DuelRecord:
    """A duel.

    Jokes are None before generation, `message_id` before the message is sent, `choice` before the sender of the photo
    chooses. Choices of other members of a group are in a table of their own.
    """

    id: int
    trial_id: int
    update_id: int
    person_id: int
    chat_id: int
    first_model_id: int
    joke_a: int | None
    joke_b: int | None
    message_id: int | None
    choice: Choice | None
    after_delivery: int
    created_at: float
    chosen_at: float | None

    @property
    def is_private(self) -> bool:
        """Whether it is in the user's private chat, so that no other user can choose."""
        return self.chat_id == self.person_id


DUE = """SELECT newest.id FROM (SELECT coalesce(max(id), 0) AS id FROM deliveries) AS newest
    WHERE newest.id >= (SELECT coalesce(max(after_delivery), -:every) + :every - 1 FROM duels)
    AND NOT EXISTS (SELECT 1 FROM duels WHERE chat_id = :chat AND message_id IS NULL AND created_at > :now - 3600)
    AND NOT EXISTS (SELECT 1 FROM duels WHERE chat_id = :chat AND message_id >
        (SELECT coalesce(max(message_id), 0) FROM deliveries WHERE deliveries.chat_id = :chat))"""
"""The newest delivery's id if a duel is due.

A duel is due after `every` deliveries since the last duel, unless the chat's last answer was a duel or one is in
progress.
"""

OPEN = "NOT EXISTS (SELECT 1 FROM hidden_jokes WHERE joke_id IN (joke_a, joke_b))"
"""Condition on duels: both jokes are shown."""


async def begin_duel(
    database: Database, trial_id: int, update_id: int, user_id: int, chat_id: int, first_model_id: int, *, every: int
) -> DuelRecord | None:
    """Begin a duel for an update if one is due, else return None.

    At most one in `every` photos is a duel, and no two answers in a row in a chat.

    Returns the existing duel of an update that began one before a restart.
    """
    async with database.write() as connection:
        async with connection.execute("SELECT * FROM duels WHERE update_id = ?", (update_id,)) as cursor:
            row = await cursor.fetchone()
        if row is None:
            now = time.time()
            async with connection.execute(DUE, {"every": every, "chat": chat_id, "now": now}) as cursor:
                due = await cursor.fetchone()
            if due is None:
                return None
            async with connection.execute(
                "INSERT INTO duels (trial_id, update_id, person_id, chat_id, first_model_id, after_delivery, "
                "created_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
                (trial_id, update_id, user_id, chat_id, first_model_id, due[0], now),
            ) as cursor:
                (row,) = await cursor.fetchall()
    return DuelRecord(**dict(row))


async def get_duel(database: Database, duel_id: int) -> DuelRecord | None:
    """The duel, or None for an unknown id."""
    row = await database.row("SELECT * FROM duels WHERE id = ?", (duel_id,))
    return DuelRecord(**dict(row)) if row else None


async def get_duel_of_update(database: Database, update_id: int) -> DuelRecord | None:
    """The duel of an update, or None."""
    row = await database.row("SELECT * FROM duels WHERE update_id = ?", (update_id,))
    return DuelRecord(**dict(row)) if row else None


async def get_duel_of_joke(database: Database, joke_id: int) -> DuelRecord | None:
    """The duel in which the joke is A or B, or None."""
    row = await database.row("SELECT * FROM duels WHERE joke_a = ?1 OR joke_b = ?1 LIMIT 1", (joke_id,))
    return DuelRecord(**dict(row)) if row else None


async def is_duel_shown(database: Database, update_id: int) -> bool:
    """Whether the duel of that update was sent."""
    return bool(
        await database.value("SELECT 1 FROM duels WHERE update_id = ? AND message_id IS NOT NULL", (update_id,))
    )


async def record_duel_joke(database: Database, duel_id: int, side: Side, joke_id: int) -> None:
    """Record the joke of side `a` or `b`."""
    async with database.write() as connection:
        await connection.execute(f"UPDATE duels SET joke_{side} = ? WHERE id = ?", (joke_id, duel_id))


async def record_duel_message(database: Database, duel_id: int, message_id: int) -> None:
    """Record the message that contains both jokes."""
    async with database.write() as connection:
        await connection.execute("UPDATE duels SET message_id = ? WHERE id = ?", (message_id, duel_id))


async def record_choice(database: Database, duel: DuelRecord, user_id: int, choice: Choice) -> ChoiceOutcome:
    """Record a user's choice. Only the user's first counts, and none while a joke of the duel is hidden (🚩)."""
    now = time.time()
    async with database.write() as connection:
        async with connection.execute(f"SELECT {OPEN} FROM duels WHERE id = ?", (duel.id,)) as cursor:
            row = await cursor.fetchone()
        if row is not None and not row[0]:
            return "hidden"
        if user_id == duel.person_id:
            cursor = await connection.execute(
                "UPDATE duels SET choice = ?, chosen_at = ? WHERE id = ? AND choice IS NULL", (choice, now, duel.id)
            )
        else:
            cursor = await connection.execute(
                "INSERT INTO duel_choices SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM duels WHERE id = ?1) "
                "ON CONFLICT DO NOTHING",
                (duel.id, user_id, choice, now),
            )
        return "recorded" if cursor.rowcount == 1 else "again"


async def delete_duel(database: Database, duel_id: int) -> None:
    """Delete a duel that was not sent, for example because a model didn't answer. Its photo gets a single joke."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM duels WHERE id = ? AND message_id IS NULL", (duel_id,))
