"""Trials of a candidate against the champion: their rows.

The candidate is a run's, or the predecessor of a champion that is suspected to be worse (`watch_id`).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.database import Database


@dataclass(frozen=True)
class TrialRecord:
    """A candidate's trial. Jokes made from `late_at` on belong to the last stage, with the candidate's full share.

    Either `run_id` or `watch_id` is None. `outcome` is None during the trial, then the state in which its run ended;
    for a watch's trial it is promoted if the predecessor is back in service.
    """

    id: int
    run_id: int | None
    champion_id: int
    candidate_id: int
    began_at: float
    late_at: float | None
    ended_at: float | None
    outcome: str | None
    reason: str
    measures: str
    watch_id: int | None


END_ORPHANS = """UPDATE trials SET ended_at = ?,
    (outcome, reason) = (SELECT state, runs.reason FROM runs WHERE runs.id = run_id)
    WHERE ended_at IS NULL AND run_id IN (SELECT id FROM runs WHERE finished_at IS NOT NULL)"""


async def begin_trial(database: Database, run_id: int, champion_id: int, candidate_id: int) -> TrialRecord:
    """Begin a run's trial, or return its open one. Raises sqlite3.IntegrityError if another trial is open.

    An open trial of a finished run, left by a killed process, is ended first.
    """
    async with database.write() as connection:
        await connection.execute(END_ORPHANS, (time.time(),))
        await connection.execute(
            "INSERT INTO trials (run_id, champion_id, candidate_id, began_at) SELECT ?1, ?2, ?3, ?4 "
            "WHERE NOT EXISTS (SELECT 1 FROM trials WHERE ended_at IS NULL AND run_id = ?1)",
            (run_id, champion_id, candidate_id, time.time()),
        )
        async with connection.execute("SELECT * FROM trials WHERE ended_at IS NULL") as cursor:
            (row,) = await cursor.fetchall()
    return TrialRecord(**dict(row))


async def begin_predecessor_trial(
    database: Database, watch_id: int, champion_id: int, predecessor_id: int
) -> TrialRecord:
    """Begin the trial of a watch's predecessor, or return the open one. It is in its last stage from the start.

    Raises sqlite3.IntegrityError if another trial is open. One of a finished run is ended first.
    """
    async with database.write() as connection:
        await connection.execute(END_ORPHANS, (time.time(),))
        await connection.execute(
            "INSERT INTO trials (watch_id, champion_id, candidate_id, began_at, late_at) SELECT ?1, ?2, ?3, ?4, ?4 "
            "WHERE NOT EXISTS (SELECT 1 FROM trials WHERE ended_at IS NULL AND watch_id = ?1)",
            (watch_id, champion_id, predecessor_id, time.time()),
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


async def get_trial_of_watch(database: Database, watch_id: int) -> TrialRecord | None:
    """The latest trial of a watch's predecessor, or None."""
    row = await database.row("SELECT * FROM trials WHERE watch_id = ? ORDER BY id DESC LIMIT 1", (watch_id,))
    return TrialRecord(**dict(row)) if row else None


async def list_abandoned_trials(database: Database) -> list[TrialRecord]:
    """Open trials of predecessors whose watch has ended: a promotion, a rollback or a kill came between."""
    rows = await database.rows(
        "SELECT trials.* FROM trials JOIN watches ON watches.id = watch_id "
        "WHERE trials.ended_at IS NULL AND watches.ended_at IS NOT NULL"
    )
    return [TrialRecord(**dict(row)) for row in rows]


async def begin_late_stage(database: Database, trial_id: int) -> TrialRecord:
    """Begin the last stage, if it has not begun; returns the trial."""
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


async def count_trial_ratings(database: Database, trial: TrialRecord) -> int:
    """Number of ratings and duel choices of a trial. A changed rating doesn't change the number. Cheap."""
    return await database.value(
        "SELECT (SELECT count(*) FROM jokes JOIN ratings ON ratings.joke_id = jokes.id WHERE model_id IN (?1, ?2) "
        "AND jokes.created_at >= ?3) "
        "+ (SELECT count(choice) FROM duels WHERE trial_id = ?4) "
        "+ (SELECT count(*) FROM duel_choices JOIN duels ON duels.id = duel_id WHERE trial_id = ?4)",
        (trial.champion_id, trial.candidate_id, trial.began_at, trial.id),
    )
