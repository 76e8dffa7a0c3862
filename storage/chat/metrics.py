"""Metrics. They are read every few seconds, so each joke is read once: only those since the last call."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from storage.database import Database


@dataclass
class LatencyHistogram:
    """Jokes by model version up to a joke's id: how many, their seconds at the engine in all, and how many took at most
    each of the `bounds` (seconds)."""

    bounds: Sequence[float]
    last_id: int = 0
    jokes: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    within: dict[str, list[int]] = field(default_factory=dict)

    async def catch_up(self, database: Database) -> None:
        """Add the jokes that were stored since. A joke that is deleted later stays counted."""
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
        # The newest joke may have been deleted: SQLite gives its id to the next one.
        self.last_id = newest


BY_JOKE = (
    "SELECT joke_id, sum(value = 3) AS funny, sum(value = 2) AS somewhat, sum(value = 1) AS unfunny FROM "
    "ratings GROUP BY joke_id"
)
"""In the order in which ratings are stored, so that each joke is looked up once: a million ratings take a quarter of
a second, not five.
"""


async def count_ratings_by_model(database: Database) -> dict[tuple[str, int], int]:
    """How many ratings of each value (3, 2, 1) the jokes of each model version have now. Reads all ratings."""
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
    """How many runs ended in each state, the state of the one under way, and when the last one ended (seconds since
    1970).
    """

    ended: dict[str, int]
    under_way: str | None
    last_at: float | None


async def count_runs(database: Database) -> RunCounts:
    """All runs there were."""
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
    """The newest model versions and those that serve: a registry grows for ever, a monitor's labels must not."""
    rows = await database.rows(
        "SELECT name FROM models WHERE status IN ('champion', 'canary') OR id IN (SELECT id FROM models ORDER BY id "
        "DESC LIMIT ?)",
        (limit,),
    )
    return {row["name"] for row in rows}


async def count_banned_users(database: Database) -> int:
    """How many are banned now."""
    return await database.value("SELECT count(*) FROM banned_people")


async def count_pending_updates(database: Database) -> int:
    """Updates that are kept and not finished."""
    return await database.value("SELECT count(*) FROM inbox WHERE state = 'pending'")
