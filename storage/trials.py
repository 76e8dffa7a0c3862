"""Trials of a candidate beside the champion, watches over a new champion, and what people's ratings say in them."""
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.database import Database
from storage.evidence import LEARNT_FROM


@dataclass(frozen=True)
class Trial:
    """A candidate on trial; `share` is its part of the deliveries, `outcome` None while the trial goes on."""

    id: int
    run_id: int
    champion_id: int
    candidate_id: int
    share: float
    began_at: float
    ended_at: float | None
    outcome: str | None
    reason: str
    measures: str


@dataclass(frozen=True)
class Watch:
    """The liking of a new champion, held against its predecessor's since `before_since`."""

    id: int
    model_id: int
    predecessor_id: int
    before_since: float
    began_at: float
    ended_at: float | None
    outcome: str | None
    measures: str


@dataclass(frozen=True)
class Rated:
    """One joke's ratings: how many there are and how many liked it (😂 or 🙂)."""

    joke_id: int
    model_id: int
    likes: int
    ratings: int

    @property
    def liking(self) -> float:
        return self.likes / self.ratings


@dataclass(frozen=True)
class DuelCounts:
    """How the duels of a trial came out; those that nobody answered are not counted."""

    candidate: int
    champion: int
    meh: int


async def begin_trial(database: Database, run_id: int, champion_id: int, candidate_id: int, share: float) -> Trial:
    """Begin a run's trial, or return the one that goes on. Raises sqlite3.IntegrityError while another run's does."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO trials (run_id, champion_id, candidate_id, share, began_at) SELECT ?1, ?2, ?3, ?4, ?5 "
            "WHERE NOT EXISTS (SELECT 1 FROM trials WHERE ended_at IS NULL AND run_id = ?1)",
            (run_id, champion_id, candidate_id, share, time.time()))
        async with connection.execute("SELECT * FROM trials WHERE ended_at IS NULL") as cursor:
            row = await cursor.fetchone()
    return Trial(**dict(row))


async def open_trial(database: Database) -> Trial | None:
    """The trial that goes on, or None."""
    row = await database.row("SELECT * FROM trials WHERE ended_at IS NULL")
    return Trial(**dict(row)) if row else None


async def trial_of_run(database: Database, run_id: int) -> Trial | None:
    """A run's latest trial, or None."""
    row = await database.row("SELECT * FROM trials WHERE run_id = ? ORDER BY id DESC LIMIT 1", (run_id,))
    return Trial(**dict(row)) if row else None


async def set_share(database: Database, trial_id: int, share: float) -> None:
    """Note the candidate's new part of the deliveries."""
    async with database.write() as connection:
        await connection.execute("UPDATE trials SET share = ? WHERE id = ?", (share, trial_id))


async def note_look(database: Database, trial_id: int, measures: Mapping[str, Any]) -> None:
    """Keep what the last look at a trial saw, for those who ask how it stands."""
    async with database.write() as connection:
        await connection.execute("UPDATE trials SET measures = ? WHERE id = ?", (json.dumps(measures), trial_id))


async def end_trial(database: Database, trial_id: int, outcome: str, reason: str) -> None:
    """End a trial with what came of it; one that has ended stays as it is."""
    async with database.write() as connection:
        await connection.execute("UPDATE trials SET ended_at = ?, outcome = ?, reason = ? WHERE id = ? AND ended_at IS NULL",
                                 (time.time(), outcome, reason, trial_id))


async def rated_jokes(database: Database, model_id: int, since: float, before: float | None = None) -> list[Rated]:
    """One model's rated jokes made from `since` on (and before `before`), oldest first.

    Ratings of private people, and of what is theirs, don't count, and neither do jokes of duels: their ratings would be
    those of a joke that stood beside another.
    """
    rows = await database.rows(
        "SELECT jokes.id AS joke_id, model_id, sum(value > 1) AS likes, count(*) AS ratings FROM jokes "
        "JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id = ? AND jokes.created_at >= ? AND jokes.created_at < ? "
        f"AND {LEARNT_FROM} AND NOT EXISTS (SELECT 1 FROM duels WHERE jokes.id IN (joke_a, joke_b)) "
        "GROUP BY jokes.id ORDER BY jokes.id", (model_id, since, float("inf") if before is None else before))
    return [Rated(**dict(row)) for row in rows]


async def duel_counts(database: Database, trial: Trial) -> DuelCounts:
    """What people chose in a trial's duels, private people left out."""
    row = await database.row(
        "SELECT coalesce(sum(choice != 'meh' AND (choice = 'a') = (first_model_id = ?1)), 0), "
        "coalesce(sum(choice != 'meh' AND (choice = 'a') != (first_model_id = ?1)), 0), coalesce(sum(choice = 'meh'), 0) "
        "FROM duels WHERE trial_id = ?2 AND person_id NOT IN (SELECT person_id FROM private_people)",
        (trial.candidate_id, trial.id))
    return DuelCounts(*row) if row else DuelCounts(0, 0, 0)


async def begin_watch(database: Database, model_id: int, predecessor_id: int, before_since: float) -> Watch:
    """Begin to watch a new champion; a watch over an earlier one ends, one over this model goes on."""
    now = time.time()
    async with database.write() as connection:
        await connection.execute("UPDATE watches SET ended_at = ?, outcome = 'superseded' WHERE ended_at IS NULL AND model_id != ?",
                                 (now, model_id))
        await connection.execute(
            "INSERT INTO watches (model_id, predecessor_id, before_since, began_at) SELECT ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM watches WHERE ended_at IS NULL)", (model_id, predecessor_id, before_since, now))
        async with connection.execute("SELECT * FROM watches WHERE ended_at IS NULL") as cursor:
            row = await cursor.fetchone()
    return Watch(**dict(row))


async def open_watch(database: Database) -> Watch | None:
    """The watch that goes on, or None."""
    row = await database.row("SELECT * FROM watches WHERE ended_at IS NULL")
    return Watch(**dict(row)) if row else None


async def end_watch(database: Database, watch_id: int, outcome: str, measures: Mapping[str, Any]) -> None:
    """End a watch with what came of it: kept, fell, superseded."""
    async with database.write() as connection:
        await connection.execute("UPDATE watches SET ended_at = ?, outcome = ?, measures = ? WHERE id = ? AND ended_at IS NULL",
                                 (time.time(), outcome, json.dumps(measures), watch_id))
