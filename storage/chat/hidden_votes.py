"""Votes in groups that are not on the buttons yet, so that they don't sway later voters.

`storage.chat.ratings.record_rating` lists a message here with its first vote. It stays until its counts are shown, so
a restart forgets none.
"""

import time
from dataclasses import dataclass

from storage.chat.ratings import RatingCounts, get_counts
from storage.database import Database


@dataclass(frozen=True)
class VoteRule:
    """When the counts of a group's votes are shown: from so many votes, or so many seconds after the joke.

    A private chat has one voter, whom no other vote sways: there they are shown at once.
    """

    votes: int
    seconds: float

    @property
    def listed_s(self) -> float:
        """Seconds after a joke in which a vote in a group has to be listed; 0: none."""
        return self.seconds if self.votes > 1 else 0.0

    def hides(self, chat_id: int, counts: RatingCounts) -> bool:
        """Whether the counts are too few to be shown early."""
        return chat_id < 0 and 0 < counts.total < self.votes and self.seconds > 0


@dataclass(frozen=True)
class HiddenVotes:
    """A message whose counts are due."""

    delivery_id: int
    chat_id: int
    message_id: int
    joke_id: int


async def are_hidden(database: Database, chat_id: int, message_id: int, counts: RatingCounts, rule: VoteRule) -> bool:
    """Whether the counts of a joke must not be on the buttons of a message now."""
    if not rule.hides(chat_id, counts):
        return False
    created_at = await database.value(
        "SELECT created_at FROM deliveries WHERE chat_id = ? AND message_id = ?", (chat_id, message_id)
    )
    return created_at is not None and time.time() < created_at + rule.seconds


async def get_shown_counts(
    database: Database, chat_id: int, message_id: int, joke_id: int, rule: VoteRule
) -> RatingCounts:
    """The counts for the buttons of a message: a joke's ratings by value, none while they are hidden."""
    counts = await get_counts(database, joke_id)
    return RatingCounts() if await are_hidden(database, chat_id, message_id, counts, rule) else counts


async def list_due(database: Database, now: float) -> list[HiddenVotes]:
    """The messages whose time is over at `now` (seconds since 1970), the oldest first."""
    rows = await database.rows(
        "SELECT delivery_id, chat_id, message_id, joke_id FROM hidden_votes JOIN deliveries ON deliveries.id = "
        "delivery_id WHERE show_at <= ? ORDER BY show_at LIMIT 100",
        (now,),
    )
    return [HiddenVotes(**dict(row)) for row in rows]


async def delete_hidden(database: Database, delivery_id: int) -> None:
    """Record that a message shows its counts."""
    async with database.write() as connection:
        await connection.execute("DELETE FROM hidden_votes WHERE delivery_id = ?", (delivery_id,))
