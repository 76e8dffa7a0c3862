"""Notifies admins once when an alert begins and once when it ends. A restart repeats no message.

Alerts and their sent messages are rows (`storage/chat/alerts.py`). While the database can't be written, an alert is
kept in memory. A defect of a periodic job is an alert too, named `job:` and the job's name.
"""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Mapping

from bot.i18n.formatting import day_and_time
from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from bot.messaging.admin_notifier import AdminNotifier
from bot.monitoring.alert_checks import AlertCheck, CheckInconclusive, Detail
from bot.runtime.periodic import Periodic
from bot.telegram.send_journal import finish_despite_cancel
from storage.chat import alerts
from storage.chat.alerts import Alert
from storage.database import Database

log = logging.getLogger(__name__)

CHECK_INTERVAL_S, SEND_INTERVAL_S = 15.0, 3.0
RECOVERY_S = 60.0
"""An alert ends after this time without a failure, so that intermittent failures are one alert."""
STALE_S = 86400.0
"""A job without a report for this time no longer exists; the rarest job runs every six hours."""
JOB = "job:"
MAX_REASON_CHARS = 300


class AlertManager:
    """Its `jobs` run the checks and send the messages; it observes all periodic jobs. `lasting` are the open alerts."""

    def __init__(
        self, database: Database, notifier: AdminNotifier, translator: Translator, checks: Mapping[str, AlertCheck]
    ) -> None:
        self._database, self._notifier, self._translator, self._checks = database, notifier, translator, checks
        self.lasting: dict[str, Alert] = {}
        self._unsaved: dict[str, set[int]] = {}
        """Alerts that can't be written to the database, with the ids of the notified admins."""
        self._failing_since: dict[str, float] = {}
        self._passing_since: dict[str, float] = {}
        self._checked_at: dict[str, float] = {}
        self._job_reported_at: dict[str, float] = {}
        self._started_at = time.monotonic()
        self._loaded = False
        self._load_lock, self._send_lock = asyncio.Lock(), asyncio.Lock()

    def jobs(self) -> list[Periodic]:
        """The jobs of `run_checks` and `send_pending`."""
        return [
            Periodic("alert-checks", CHECK_INTERVAL_S, self.run_checks),
            Periodic("alert-messages", SEND_INTERVAL_S, self.send_pending),
        ]

    async def job_failed(self, name: str, error: Exception) -> None:
        """Begin the job's alert and send it at once: the failed job may be the one that sends alerts."""
        name = JOB + name
        self._job_reported_at[name] = time.monotonic()
        self._passing_since.pop(name, None)
        if name not in self.lasting:
            # Only an OSError's text is known to contain no secret.
            await self._begin(name, {"why": str(error) if isinstance(error, OSError) else type(error).__name__})
        await self.send_pending()

    async def job_succeeded(self, name: str) -> None:
        """End the job's alert once there has been no defect for RECOVERY_S."""
        name = JOB + name
        self._job_reported_at[name] = time.monotonic()
        if name in self.lasting:
            self._passing_since.setdefault(name, time.monotonic())

    async def _load_lasting(self) -> None:
        """Load the alerts that lasted when the bot stopped, once.

        Alerts without a check have ended: a bot that runs has a valid token, for example.
        """
        async with self._load_lock:
            if self._loaded:
                return
            self.lasting.update(await alerts.all_open_alerts(self._database))
            for name in self.lasting.keys() - self._checks.keys():
                if not name.startswith(JOB):
                    await self._end(name)
            self._loaded = True

    async def run_checks(self) -> None:
        """Run all checks that are due."""
        await self._load_lasting()
        await self._end_job_alerts()
        for name, check in self._checks.items():
            if time.monotonic() - self._checked_at.get(name, float("-inf")) >= check.interval_s:
                self._checked_at[name] = time.monotonic()
                await self._run_check(name, check)

    async def _end_job_alerts(self) -> None:
        now = time.monotonic()
        for name in [name for name in self.lasting if name.startswith(JOB)]:
            passing_s = now - self._passing_since.get(name, now)
            if passing_s >= RECOVERY_S or now - self._job_reported_at.get(name, self._started_at) >= STALE_S:
                await self._end(name)

    async def _run_check(self, name: str, check: AlertCheck) -> None:
        try:
            detail = await check.probe(self.lasting.get(name))
        except CheckInconclusive:
            return
        now = time.monotonic()
        if detail is None:
            self._failing_since.pop(name, None)
            if name in self.lasting and now - self._passing_since.setdefault(name, now) >= RECOVERY_S:
                await self._end(name)
            return
        self._passing_since.pop(name, None)
        if now - self._failing_since.setdefault(name, now) >= check.min_duration_s and name not in self.lasting:
            await self._begin(name, detail)

    async def _begin(self, name: str, detail: Detail) -> None:
        log.warning("alert: %s %s", name, detail)
        try:
            self.lasting[name] = await alerts.begin_alert(self._database, name, detail)
        except sqlite3.Error:
            self.lasting[name] = Alert(0, name, json.dumps(detail, ensure_ascii=False), time.time())
            self._unsaved[name] = set()
            await self._send_unsaved(self.lasting[name])

    async def _end(self, name: str) -> None:
        log.warning("alert ended: %s", name)
        if name in self._unsaved:
            await alerts.begin_alert(self._database, name, {}, at=self.lasting[name].began_at, told=self._unsaved[name])
            del self._unsaved[name]
        await alerts.end_alert(self._database, name)
        del self.lasting[name]

    async def send_pending(self) -> None:
        """Send every admin the pending messages. Raises the first defect after all messages were tried."""
        await self._load_lasting()
        defects: list[Exception] = []
        async with self._send_lock:
            for alert, chat_id, parts in await alerts.pending_notices(self._database, self._notifier.admins):
                try:
                    await finish_despite_cancel(self._send(alert, chat_id, parts))
                except Exception as error:  # noqa: BLE001  raised once all admins were tried
                    defects.append(error)
        if defects:
            raise defects[0]

    async def _send(self, alert: Alert, admin_id: int, parts: list[str]) -> None:
        async def note(_: int) -> None:
            await alerts.mark_notified(self._database, alert.id, admin_id, parts)

        text = self.format(alert, Localizer(self._translator, await self._notifier.language(admin_id)), parts)
        await self._notifier.send(admin_id, text, note=note)

    async def _send_unsaved(self, alert: Alert) -> None:
        for admin_id in self._notifier.admins:
            text = self.format(alert, Localizer(self._translator, await self._notifier.language(admin_id)), ["began"])
            if await self._notifier.send(admin_id, text):
                self._unsaved[alert.what].add(admin_id)

    def format(self, alert: Alert, localize: Localizer, parts: list[str]) -> str:
        """The message about an alert's beginning, its end, or both (`parts`: "began", "ended")."""
        kind, _, job = alert.what.partition(":")
        detail = alert.details
        values = {
            "minutes": 0,
            "free": "?",
            "had": 0,
            "now": 0,
            "waiting": 0,
            **detail,
            "why": str(detail.get("why", "none"))[:MAX_REASON_CHARS],
            "began": day_and_time(alert.began_at),
            "time": localize.duration((alert.ended_at or time.time()) - alert.began_at),
            "job": localize.text_or(job, f"job-{job}") if job else "",
        }
        return "\n".join(localize(f"alert-{kind}-{part}", **values) for part in parts)
