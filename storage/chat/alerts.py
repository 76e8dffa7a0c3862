"""Alerts, and which admins were notified of them. Both are stored, so that a restart repeats no message."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from storage.database import Database

RECENT_S = 86400.0
"""Admins are not notified of alerts that ended longer ago."""
RETENTION_S = 90 * 86400.0


@dataclass(frozen=True)
class Alert:
    """An alert; `detail` is JSON, `ended_at` None while it is open. Times are seconds since 1970."""

    id: int
    what: str
    detail: str
    began_at: float
    ended_at: float | None = None

    @property
    def details(self) -> dict[str, Any]:
        return json.loads(self.detail)


async def begin_alert(
    database: Database, what: str, detail: Mapping[str, Any], *, at: float | None = None, told: Iterable[int] = ()
) -> Alert:
    """Record that an alert began and that the chats `told` are notified. An open alert of this kind is not replaced."""
    now = time.time()
    async with database.write() as connection:
        await connection.execute("DELETE FROM alerts WHERE ended_at < ?", (now - RETENTION_S,))
        await connection.execute(
            "INSERT INTO alerts (what, detail, began_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (what, json.dumps(dict(detail), ensure_ascii=False), now if at is None else at),
        )
        async with connection.execute("SELECT * FROM alerts WHERE what = ? AND ended_at IS NULL", (what,)) as cursor:
            (row,) = await cursor.fetchall()
        alert = Alert(**dict(row))
        await connection.executemany(
            "INSERT INTO alert_news VALUES (?, ?, 'began', ?) ON CONFLICT DO NOTHING",
            [(alert.id, chat_id, now) for chat_id in told],
        )
    return alert


async def end_alert(database: Database, what: str) -> None:
    """Record that the open alert of this kind ended; does nothing if there is none."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE alerts SET ended_at = ? WHERE what = ? AND ended_at IS NULL", (time.time(), what)
        )


async def all_open_alerts(database: Database) -> dict[str, Alert]:
    """The open alerts by kind."""
    return {
        row["what"]: Alert(**dict(row))
        for row in await database.rows("SELECT * FROM alerts WHERE ended_at IS NULL ORDER BY began_at")
    }


async def pending_notices(database: Database, chat_ids: Iterable[int]) -> list[tuple[Alert, int, list[str]]]:
    """Notices not yet sent, oldest first: the alert, the chat, and the missing words (`began`, `ended`)."""
    missing = []
    for chat_id in chat_ids:
        rows = await database.rows(
            "SELECT alerts.*, (SELECT group_concat(word) FROM alert_news WHERE alert_id = alerts.id AND chat_id = "
            "?) AS told FROM alerts "
            "WHERE ended_at IS NULL OR ended_at >= ? ORDER BY coalesce(ended_at, began_at)",
            (chat_id, time.time() - RECENT_S),
        )
        for row in rows:
            values = dict(row)
            notified = (values.pop("told") or "").split(",")
            words = [
                word
                for word, there in (("began", True), ("ended", values["ended_at"] is not None))
                if there and word not in notified
            ]
            missing += [(Alert(**values), chat_id, words)] if words else []
    return missing


async def mark_notified(database: Database, alert_id: int, chat_id: int, words: Iterable[str]) -> None:
    """Record the words of which a chat was notified."""
    async with database.write() as connection:
        await connection.executemany(
            "INSERT INTO alert_news VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(alert_id, chat_id, word, time.time()) for word in words],
        )


async def record_pulse(database: Database) -> None:
    """Check that the database can be written. Raises sqlite3.Error if not."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO pulse VALUES (1, ?) ON CONFLICT DO UPDATE SET at = excluded.at", (time.time(),)
        )
