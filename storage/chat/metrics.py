"""Metrics for monitoring. They are read every few seconds, so a call reads only the jokes since the last call."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from storage.database import Database


@dataclass
class LatencyHistogram:
    """Generation times by model: number of jokes, total seconds, jokes within each of `bounds` (seconds)."""

    bounds: Sequence[float]
    last_id: int = 0
    jokes: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    within: dict[str, list[int]] = field(default_factory=dict)

    async def catch_up(self, database: Database) -> None:
        """Add the jokes stored since the last call. A joke that is deleted later stays counted."""
        newest = await database.value("SELECT coalesce(max(id), 0) FROM jokes")
        counts = ", ".join("sum(latency_s <= ?)" for _ in self.bounds)
        rows = await database.rows(
            f"SELECT models.name, count(*), sum(latency_s), {counts} FROM jokes JOIN models ON models.id = "
            "jokes.model_id "
            "WHERE jokes.id > ? AND jokes.id <= ? GROUP BY models.name",
            (*self.bounds, self.last_id, newest),
        )
        for name, jokes, seconds, *within in rows:
            self.jokes[name] += jokes
            self.seconds[name] += seconds
            before = self.within.get(name, [0] * len(within))
            self.within[name] = [old + new for old, new in zip(before, within, strict=True)]
        # SQLite reuses the id of a deleted newest joke.
        self.last_id = newest


BY_JOKE = (
    "SELECT joke_id, sum(value = 3) AS funny, sum(value = 2) AS somewhat, sum(value = 1) AS unfunny FROM "
    "ratings GROUP BY joke_id"
)
"""Ratings by joke, in storage order, so that each joke is looked up once: 0.25 s for a million ratings instead of 5 s.
"""


async def count_ratings_by_model(database: Database) -> dict[tuple[str, int], int]:
    """Number of ratings by model name and current value (3, 2, 1). Reads all ratings."""
    rows = await database.rows(
        f"SELECT models.name, sum(funny), sum(somewhat), sum(unfunny) FROM ({BY_JOKE}) AS by_joke CROSS JOIN jokes "
        "ON jokes.id = by_joke.joke_id "
        "JOIN models ON models.id = jokes.model_id GROUP BY models.id"
    )
    return {
        (name, value): count for name, *counts in rows for value, count in zip((3, 2, 1), counts, strict=True) if count
    }


@dataclass(frozen=True)
class RunCounts:
    """Number of ended runs by state, the unfinished run's state, and when the last run ended (seconds since 1970)."""

    ended: dict[str, int]
    under_way: str | None
    last_at: float | None


async def count_runs(database: Database) -> RunCounts:
    """Counts of all runs."""
    rows = await database.rows(
        "SELECT state, finished_at IS NOT NULL AS over, count(*) AS runs, max(finished_at) AS last_at FROM runs "
        "GROUP BY state, over"
    )
    ended = {row["state"]: row["runs"] for row in rows if row["over"]}
    return RunCounts(
        ended,
        next((row["state"] for row in rows if not row["over"]), None),
        max((row["last_at"] for row in rows if row["over"]), default=None),
    )


async def list_monitored_models(database: Database, limit: int) -> set[str]:
    """Names of the newest models, the champion and the canary; `limit` bounds the number of metric labels."""
    rows = await database.rows(
        "SELECT name FROM models WHERE status IN ('champion', 'canary') OR id IN (SELECT id FROM models ORDER BY id "
        "DESC LIMIT ?)",
        (limit,),
    )
    return {row["name"] for row in rows}


async def count_banned_users(database: Database) -> int:
    """Number of users banned now."""
    return await database.value("SELECT count(*) FROM banned_people")


async def count_pending_updates(database: Database) -> int:
    """Number of unfinished updates."""
    return await database.value("SELECT count(*) FROM inbox WHERE state = 'pending'")
