"""The monitoring ("watch") of a champion after its promotion: one row for each promotion by a trial or an admin."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.database import Database


@dataclass(frozen=True)
class MonitorRecord:
    """The monitoring of a promoted champion, compared with its predecessor's ratings before `began_at`.

    `suspicion` is the JSON of the comparison that found it worse, "" until then.
    """

    id: int
    promotion_id: int
    model_id: int
    predecessor_id: int
    began_at: float
    ended_at: float | None
    outcome: str | None
    measures: str
    told: int
    suspicion: str

    @property
    def measured(self) -> dict[str, Any]:
        """The measures, decoded from JSON."""
        return json.loads(self.measures)


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


async def record_suspicion(database: Database, watch_id: int, suspicion: Mapping[str, Any]) -> None:
    """Record why the champion is suspected to be worse. A second call changes nothing."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE watches SET suspicion = ? WHERE id = ? AND suspicion = ''", (json.dumps(suspicion), watch_id)
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


async def list_unnotified(database: Database) -> list[MonitorRecord]:
    """Monitoring records that the admins should know of and were not notified of.

    These are champions that were rolled back, and suspected ones whose predecessor can't be served beside them.
    """
    return [
        MonitorRecord(**dict(row))
        for row in await database.rows(
            "SELECT * FROM watches WHERE NOT told AND (outcome = 'fell' OR (outcome = 'kept' AND "
            "json_extract(measures, '$.untested')))"
        )
    ]


async def mark_notified(database: Database, watch_id: int) -> None:
    """Record that the admins were notified of a watch's result."""
    async with database.write() as connection:
        await connection.execute("UPDATE watches SET told = 1 WHERE id = ?", (watch_id,))
