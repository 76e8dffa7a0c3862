"""Flags (🚩) of jokes: who flagged which joke, and whether it is hidden."""

import time
from dataclasses import dataclass
from typing import Literal

from storage.chat.jokes import Delivery
from storage.database import Database

DAY_S = 86400.0


@dataclass(frozen=True)
class FlagResult:
    """What became of a flag: the joke is "hidden", the user has reached a "limit", or an admin has "settled" it.

    `first`: the user had not flagged the joke before. `today`: the number of flags of the user in 24 hours.
    """

    outcome: Literal["hidden", "limit", "settled"]
    first: bool = False
    today: int = 0


@dataclass(frozen=True)
class FlagState:
    """A flagged joke: an admin's decision, "hidden" or "restored", None without one; and who flags it now."""

    decision: str | None
    user_ids: tuple[int, ...]

    @property
    def is_hidden(self) -> bool:
        return self.decision != "restored"


async def flag_joke(database: Database, joke_id: int, user_id: int, *, most: int | None) -> FlagResult:
    """Hide a joke at a user's wish. A repeated call changes nothing.

    `most` is the limit of flags in 24 hours for a user without special rights, None for others. Such a user can't flag
    a joke that an admin has restored. Raises sqlite3.IntegrityError for an unknown joke.
    """
    now = time.time()
    async with database.write() as connection:
        async with connection.execute(
            "SELECT (SELECT decision FROM flagged_jokes WHERE joke_id = ?1), "
            "EXISTS (SELECT 1 FROM flags WHERE joke_id = ?1 AND person_id = ?2), "
            "(SELECT count(*) FROM flags WHERE person_id = ?2 AND flagged_at > ?3)",
            (joke_id, user_id, now - DAY_S),
        ) as cursor:
            ((decision, known, today),) = await cursor.fetchall()
        if most is not None and decision == "restored":
            return FlagResult("settled")
        if most is not None and not known and today >= most:
            return FlagResult("limit")
        await connection.execute(
            "INSERT INTO flagged_jokes (joke_id, flagged_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET decision = NULL, "
            "asked_by = NULL, decided_at = NULL WHERE decision = 'restored'",
            (joke_id, now),
        )
        await connection.execute(
            "INSERT INTO flags (joke_id, person_id, flagged_at) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET withdrawn = 0",
            (joke_id, user_id, now),
        )
    return FlagResult("hidden", first=not known, today=today + (not known))


async def withdraw_flags(database: Database, joke_id: int) -> None:
    """Show a joke again without an admin's decision: its flags are withdrawn."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM flagged_jokes WHERE joke_id = ?", (joke_id,))
        await connection.execute("UPDATE flags SET withdrawn = 1 WHERE joke_id = ?", (joke_id,))


async def decide(database: Database, joke_id: int, *, hidden: bool, asked_by: int) -> bool:
    """Record an admin's decision, replacing an earlier one; False if the joke was deleted."""
    now = time.time()
    async with database.write() as connection:
        cursor = await connection.execute(
            "INSERT INTO flagged_jokes (joke_id, flagged_at, decision, asked_by, decided_at) "
            "SELECT id, ?2, ?3, ?4, ?2 FROM jokes WHERE id = ?1 "
            "ON CONFLICT DO UPDATE SET decision = excluded.decision, asked_by = excluded.asked_by, "
            "decided_at = excluded.decided_at",
            (joke_id, now, "hidden" if hidden else "restored", asked_by),
        )
        return cursor.rowcount == 1


async def get_flag_state(database: Database, joke_id: int) -> FlagState | None:
    """The state of a joke that was flagged and not withdrawn; None for other jokes."""
    row = await database.row("SELECT decision FROM flagged_jokes WHERE joke_id = ?", (joke_id,))
    if row is None:
        return None
    users = await database.rows(
        "SELECT person_id FROM flags WHERE joke_id = ? AND NOT withdrawn ORDER BY flagged_at", (joke_id,)
    )
    return FlagState(row["decision"], tuple(user["person_id"] for user in users))


async def is_hidden(database: Database, joke_id: int) -> bool:
    """Whether the joke is hidden in its messages."""
    return bool(await database.value("SELECT 1 FROM hidden_jokes WHERE joke_id = ?", (joke_id,)))


async def list_deliveries(database: Database, joke_id: int) -> list[Delivery]:
    """The messages of this bot that show the joke. Those of another bot on this database have negative ids."""
    rows = await database.rows("SELECT * FROM deliveries WHERE joke_id = ? AND message_id > 0 ORDER BY id", (joke_id,))
    return [Delivery(**dict(row)) for row in rows]
