"""Rounds of Oogiri at an hour of the day: which groups have one, and whether users play there."""

from dataclasses import dataclass

from storage.database import Database

ACTIVE_S = 14 * 86400.0
"""The default hour applies to groups where the bot has shown a joke, or begun a round, within this time."""


@dataclass(frozen=True)
class ScheduledChat:
    """A group with a round at an hour; `since`: when that was chosen, `paused_at`: when it was told that no user plays.

    Times are seconds since 1970.
    """

    chat_id: int
    since: float
    paused_at: float | None


async def list_chats_of_hour(database: Database, hour: int, now: float, *, is_default: bool) -> list[ScheduledChat]:
    """The groups with a round at that hour; with `is_default` also active ones that have chosen none."""
    rows = await database.rows(
        "SELECT chat_id, coalesce(oogiri_since, 0) AS since, oogiri_paused_at AS paused_at FROM chats "
        "WHERE chat_id < 0 AND oogiri_hour = ?1 UNION ALL "
        "SELECT active.chat_id, 0, oogiri_paused_at FROM (SELECT chat_id FROM deliveries WHERE created_at > ?2 "
        "UNION SELECT chat_id FROM rounds WHERE created_at > ?2) AS active LEFT JOIN chats USING (chat_id) "
        "WHERE ?3 AND active.chat_id < 0 AND oogiri_hour IS NULL AND active.chat_id NOT IN (SELECT former_id FROM "
        "former_chats) ORDER BY chat_id",
        (hour, now - ACTIVE_S, is_default),
    )
    return [ScheduledChat(**dict(row)) for row in rows]


async def has_scheduled_round(database: Database, chat_id: int, due: float) -> bool:
    """Whether the schedule has begun a round in that chat since then."""
    return bool(
        await database.value(
            "SELECT 1 FROM rounds WHERE chat_id = ? AND update_id < 0 AND created_at >= ?", (chat_id, due)
        )
    )


async def is_unplayed(database: Database, chat_id: int, since: float, count: int) -> bool:
    """Whether the latest `count` rounds of a chat, all of them since then, had no entry of a user."""
    found = await database.rows(
        "SELECT EXISTS (SELECT 1 FROM round_entries JOIN jokes ON jokes.id = round_entries.joke_id WHERE round_id = "
        "rounds.id AND model_id IS NULL) AS played FROM rounds WHERE chat_id = ? AND state = 'over' AND "
        "created_at >= ? ORDER BY created_at DESC LIMIT ?",
        (chat_id, since, count),
    )
    played = [bool(row["played"]) for row in found]
    return len(played) == count and not any(played)


async def record_pause(database: Database, chat_id: int, paused_at: float | None) -> None:
    """Record that a chat was told that the schedule pauses; None: it doesn't pause any more."""
    async with database.write() as connection:
        await connection.execute("INSERT INTO chats (chat_id) VALUES (?) ON CONFLICT DO NOTHING", (chat_id,))
        await connection.execute("UPDATE chats SET oogiri_paused_at = ? WHERE chat_id = ?", (paused_at, chat_id))
