"""The versions of the judge: which one serves, and their files in the folder `judges/`.

One judge serves at a time. A new one enters service at once, but waits during a trial, so that both variants are chosen
by one frozen judge; a usable one may enter once in each stage of a trial, since variants are compared within a stage,
and at once where no usable one serves. A rollback brings back the judge that served with the model. A judge fitted on
data of a user who was forgotten since is stale: it serves without the user's own effects until the next fit, and never
comes back.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite

from storage.database import Database

SUFFIX = ".judge"
PRIOR = f"prior{SUFFIX}"
"""The file of a judge fitted on likes of other jokes, from which fits start."""


@dataclass(frozen=True)
class JudgeRecord:
    """A version. `reactions` counts the ratings and duel choices there were; times are seconds since 1970."""

    id: int
    status: str
    model_id: int | None
    digest: str
    usable: bool
    reactions: int
    measures: str
    stale: bool
    fitted_at: float
    served_at: float | None

    @property
    def measured(self) -> dict[str, Any]:
        """The measures, decoded from JSON."""
        return json.loads(self.measures)


def judge_file(folder: Path, digest: str) -> Path:
    """The file of a version."""
    return folder / f"{digest}{SUFFIX}"


async def get_serving_judge(database: Database) -> JudgeRecord | None:
    """The judge in service, usable or not; None before the first fit."""
    return next(iter(await _list(database, "status = 'serving'")), None)


async def get_newest_judge(database: Database) -> JudgeRecord | None:
    """The judge that was fitted last, in service or not."""
    return next(iter(await _list(database, "status != 'removed'")), None)


async def list_judges(database: Database) -> list[JudgeRecord]:
    """All versions with a file, newest first."""
    return await _list(database, "status != 'removed'")


async def count_reactions(database: Database) -> int:
    """Ratings and duel choices there are. Reads an index."""
    return await database.value(
        "SELECT (SELECT count(*) FROM ratings) + (SELECT count(choice) FROM duels) + "
        "(SELECT count(*) FROM duel_choices)"
    )


async def register_judge(
    database: Database, digest: str, *, usable: bool, reactions: int, measures: dict[str, Any], began_at: float
) -> JudgeRecord:
    """Record a new version, whose file is written, and put it into service if that is allowed now.

    `began_at` is when its data was read; a user forgotten since makes it stale.
    """
    async with database.write() as connection:
        async with connection.execute(
            "INSERT INTO judges (status, model_id, digest, usable, reactions, measures, stale, fitted_at) VALUES "
            "('waiting', (SELECT id FROM models WHERE status = 'champion'), ?, ?, ?, ?, "
            "EXISTS (SELECT 1 FROM judge_erasures WHERE at >= ?), ?) RETURNING id",
            (digest, usable, reactions, json.dumps(measures), began_at, time.time()),
        ) as cursor:
            ((new,),) = await cursor.fetchall()
        await put_waiting_judge_into_service(connection)
    return (await _list(database, "id = ?", (new,)))[0]


ALLOWED = """NOT EXISTS (SELECT 1 FROM trials JOIN judges ON judges.status = 'serving' AND NOT judges.stale
    WHERE trials.ended_at IS NULL AND NOT (waiting.usable AND (NOT judges.usable
        OR judges.served_at < coalesce(trials.late_at, trials.began_at))))"""
"""Condition for a change to the judge `waiting`: none serves, the one that serves is stale, or no trial is open. During
a trial a usable judge enters where none that is usable serves, or where the present stage has had no change. The
comparison stays fair, because a new judge chooses for both variants from the same moment on."""


async def put_waiting_judge_into_service(connection: aiosqlite.Connection) -> None:
    """Within a transaction, put the newest waiting judge into service, unless a trial needs the present one."""
    async with connection.execute(
        f"SELECT id FROM judges AS waiting WHERE status = 'waiting' AND {ALLOWED} ORDER BY id DESC LIMIT 1"
    ) as cursor:
        row = await cursor.fetchone()
    if row:
        await connection.execute("UPDATE judges SET status = 'kept' WHERE status = 'waiting' AND id != ?", (row[0],))
        await _serve(connection, row[0])


async def serve_waiting_judge(database: Database) -> None:
    """Put the newest waiting judge into service if a trial has ended or has begun its next stage."""
    if await database.value("SELECT 1 FROM judges WHERE status = 'waiting'"):
        async with database.write() as connection:
            await put_waiting_judge_into_service(connection)


async def bring_back_judge(connection: aiosqlite.Connection, model_id: int) -> None:
    """Within the transaction of a rollback, put the judge that served last with that model into service.

    The present judge stays if there is none. Its own data stays too: the next fit learns from all ratings.
    """
    async with connection.execute(
        "SELECT id FROM judges WHERE model_id = ? AND status IN ('kept', 'serving') AND NOT stale AND served_at IS NOT "
        "NULL ORDER BY served_at DESC LIMIT 1",
        (model_id,),
    ) as cursor:
        row = await cursor.fetchone()
    if row:
        await connection.execute("UPDATE judges SET status = 'kept' WHERE status = 'waiting'")
        await _serve(connection, row[0])


async def _serve(connection: aiosqlite.Connection, judge_id: int) -> None:
    await connection.execute("UPDATE judges SET status = 'kept' WHERE status = 'serving' AND id != ?", (judge_id,))
    await connection.execute(
        "UPDATE judges SET status = 'serving', served_at = iif(status = 'serving', served_at, ?), model_id = "
        "coalesce((SELECT id FROM models WHERE status = 'champion'), model_id) WHERE id = ?",
        (time.time(), judge_id),
    )


async def _list(database: Database, where: str, parameters: tuple[Any, ...] = ()) -> list[JudgeRecord]:
    rows = await database.rows(f"SELECT * FROM judges WHERE {where} ORDER BY id DESC", parameters)
    return [JudgeRecord(**{**dict(row), "usable": bool(row["usable"]), "stale": bool(row["stale"])}) for row in rows]
