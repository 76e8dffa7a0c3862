"""Trials of a candidate against the champion, monitoring of a new champion, and the ratings that both use."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.chat.consent import LEARNT_FROM, PRIVATE_OR_BANNED
from storage.chat.ratings import LIKED
from storage.database import Database


@dataclass(frozen=True)
class TrialRecord:
    """A candidate's trial. Jokes made from `late_at` on belong to the second stage, with the candidate's larger share.

    `outcome` is None during the trial, then the state in which its run ended.
    """

    id: int
    run_id: int
    champion_id: int
    candidate_id: int
    began_at: float
    late_at: float | None
    ended_at: float | None
    outcome: str | None
    reason: str
    measures: str


@dataclass(frozen=True)
class MonitorRecord:
    """The monitoring of a promoted champion, compared with its predecessor's ratings before `began_at`."""

    id: int
    promotion_id: int
    model_id: int
    predecessor_id: int
    began_at: float
    ended_at: float | None
    outcome: str | None
    measures: str
    told: int

    @property
    def measured(self) -> dict[str, Any]:
        """The measures, decoded from JSON."""
        return json.loads(self.measures)


@dataclass(frozen=True)
class PhotoRatings:
    """Ratings of one model's jokes for one photo in one stage; `likes` of them are 😂 or 🙂."""

    photo_id: int
    late: bool
    likes: int
    ratings: int


async def begin_trial(database: Database, run_id: int, champion_id: int, candidate_id: int) -> TrialRecord:
    """Begin a run's trial, or return its open one. Raises sqlite3.IntegrityError if another run's trial is open.

    An open trial of a finished run, left by a killed process, is ended first.
    """
    async with database.write() as connection:
        await connection.execute(
            "UPDATE trials SET ended_at = ?, (outcome, reason) = (SELECT state, runs.reason FROM runs WHERE runs.id "
            "= run_id) "
            "WHERE ended_at IS NULL AND run_id IN (SELECT id FROM runs WHERE finished_at IS NOT NULL)",
            (time.time(),),
        )
        await connection.execute(
            "INSERT INTO trials (run_id, champion_id, candidate_id, began_at) SELECT ?1, ?2, ?3, ?4 "
            "WHERE NOT EXISTS (SELECT 1 FROM trials WHERE ended_at IS NULL AND run_id = ?1)",
            (run_id, champion_id, candidate_id, time.time()),
        )
        async with connection.execute("SELECT * FROM trials WHERE ended_at IS NULL") as cursor:
            (row,) = await cursor.fetchall()
    return TrialRecord(**dict(row))


async def get_open_trial(database: Database) -> TrialRecord | None:
    """The open trial, or None."""
    row = await database.row("SELECT * FROM trials WHERE ended_at IS NULL")
    return TrialRecord(**dict(row)) if row else None


async def get_trial_of_run(database: Database, run_id: int) -> TrialRecord | None:
    """A run's latest trial, or None."""
    row = await database.row("SELECT * FROM trials WHERE run_id = ? ORDER BY id DESC LIMIT 1", (run_id,))
    return TrialRecord(**dict(row)) if row else None


async def begin_late_stage(database: Database, trial_id: int) -> TrialRecord:
    """Begin the second stage, if it has not begun; returns the trial."""
    sql = "UPDATE trials SET late_at = coalesce(late_at, ?) WHERE id = ? RETURNING *"
    async with database.write() as connection, connection.execute(sql, (time.time(), trial_id)) as cursor:
        (row,) = await cursor.fetchall()
    return TrialRecord(**dict(row))


async def record_trial_measures(database: Database, trial_id: int, measures: Mapping[str, Any]) -> None:
    """Store the latest evaluation of a trial, for reports."""
    async with database.write() as connection:
        await connection.execute("UPDATE trials SET measures = ? WHERE id = ?", (json.dumps(measures), trial_id))


async def end_trial(database: Database, trial_id: int, outcome: str, reason: str) -> None:
    """End a trial with its outcome; an ended trial stays as it is."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE trials SET ended_at = ?, outcome = ?, reason = ? WHERE id = ? AND ended_at IS NULL",
            (time.time(), outcome, reason, trial_id),
        )


async def list_photo_ratings(
    database: Database, model_id: int, since: float, *, before: float = float("inf"), late_at: float | None = None
) -> list[PhotoRatings]:
    """Ratings by photo of one model's jokes made in [since, before), in the order of each photo's first joke.

    Excluded are ratings of private or banned users, of their jokes or photos, and of jokes in duels.
    """
    rows = await database.rows(
        f"SELECT photo_id, jokes.created_at >= ? AS late, sum(value >= {LIKED}) AS likes, count(*) AS ratings FROM "
        "jokes "
        "JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id = ? AND jokes.created_at >= ? AND "
        "jokes.created_at < ? "
        f"AND {LEARNT_FROM} AND NOT EXISTS (SELECT 1 FROM duels WHERE joke_a = jokes.id OR joke_b = jokes.id) "
        "GROUP BY photo_id, late ORDER BY min(jokes.id)",
        (float("inf") if late_at is None else late_at, model_id, since, before),
    )
    return [PhotoRatings(row["photo_id"], bool(row["late"]), row["likes"], row["ratings"]) for row in rows]


async def list_duel_choices(database: Database, trial: TrialRecord) -> list[int]:
    """Choices in a trial's duels, without private and banned users: 1 candidate, -1 champion, 0 neither."""
    rows = await database.rows(
        "SELECT CASE WHEN choice = 'meh' THEN 0 WHEN (choice = 'a') = (first_model_id = ?) THEN 1 ELSE -1 END AS "
        "pick FROM duels "
        f"WHERE trial_id = ? AND choice IS NOT NULL AND person_id NOT IN {PRIVATE_OR_BANNED} "
        "ORDER BY id",
        (trial.candidate_id, trial.id),
    )
    return [row["pick"] for row in rows]


async def count_trial_ratings(database: Database, trial: TrialRecord) -> int:
    """Number of ratings and duel choices of a trial. A changed rating doesn't change the number. Cheap."""
    return await database.value(
        "SELECT (SELECT count(*) FROM jokes JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id IN (?1, ?2) "
        "AND jokes.created_at >= ?3) "
        "+ (SELECT count(choice) FROM duels WHERE trial_id = ?4)",
        (trial.champion_id, trial.candidate_id, trial.began_at, trial.id),
    )


async def begin_monitoring(
    database: Database, promotion_id: int, model_id: int, predecessor_id: int, at: float
) -> MonitorRecord | None:
    """Begin to monitor the model of a promotion, or return its open record; None if its monitoring has ended.

    The monitoring of another promotion ends as superseded.
    """
    async with database.write() as connection:
        await connection.execute(
            "UPDATE watches SET ended_at = ?, outcome = 'superseded' WHERE ended_at IS NULL AND promotion_id != ?",
            (time.time(), promotion_id),
        )
        await connection.execute(
            "INSERT INTO watches (promotion_id, model_id, predecessor_id, began_at) VALUES (?, ?, ?, ?) ON CONFLICT "
            "DO NOTHING",
            (promotion_id, model_id, predecessor_id, at),
        )
        async with connection.execute("SELECT * FROM watches WHERE ended_at IS NULL") as cursor:
            row = await cursor.fetchone()
    return MonitorRecord(**dict(row)) if row else None


async def get_monitor(database: Database, promotion_id: int) -> MonitorRecord | None:
    """The monitoring of a promotion's model, open or ended, or None."""
    row = await database.row("SELECT * FROM watches WHERE promotion_id = ?", (promotion_id,))
    return MonitorRecord(**dict(row)) if row else None


async def count_model_ratings(database: Database, model_id: int, since: float) -> int:
    """Number of ratings of a model's jokes made from `since` on. Cheap."""
    return await database.value(
        "SELECT count(*) FROM jokes JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id = ? AND "
        "jokes.created_at >= ?",
        (model_id, since),
    )


async def supersede_monitor(database: Database) -> None:
    """End the open monitoring, if any, as superseded: its model is no longer in service."""
    if await get_open_monitor(database):
        async with database.write() as connection:
            await connection.execute(
                "UPDATE watches SET ended_at = ?, outcome = 'superseded' WHERE ended_at IS NULL", (time.time(),)
            )


async def get_open_monitor(database: Database) -> MonitorRecord | None:
    """The open monitoring, or None."""
    row = await database.row("SELECT * FROM watches WHERE ended_at IS NULL")
    return MonitorRecord(**dict(row)) if row else None


async def record_monitor_measures(database: Database, watch_id: int, measures: Mapping[str, Any]) -> None:
    """Store the latest evaluation of a monitored champion."""
    async with database.write() as connection:
        await connection.execute("UPDATE watches SET measures = ? WHERE id = ?", (json.dumps(measures), watch_id))


async def end_monitoring(database: Database, watch_id: int, outcome: str, measures: Mapping[str, Any]) -> None:
    """End the monitoring with its outcome, kept or fell. It may have been superseded by the rollback before."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE watches SET ended_at = coalesce(ended_at, ?), outcome = ?, measures = ? WHERE id = ?",
            (time.time(), outcome, json.dumps(measures), watch_id),
        )


async def list_unnotified_rollbacks(database: Database) -> list[MonitorRecord]:
    """Monitoring records of champions that were rolled back and of which the admins were not notified."""
    return [
        MonitorRecord(**dict(row))
        for row in await database.rows("SELECT * FROM watches WHERE outcome = 'fell' AND NOT told")
    ]


async def mark_rollback_notified(database: Database, watch_id: int) -> None:
    """Record that the admins were notified of a rollback."""
    async with database.write() as connection:
        await connection.execute("UPDATE watches SET told = 1 WHERE id = ?", (watch_id,))
