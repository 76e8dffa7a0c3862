"""Admins are told when something is wrong, once, and again when it is over; a restart repeats nothing.

What is wrong is a row (`storage/chat/alerts.py`), and so is who has been told. Only where the database itself can't be
written is an alert kept in memory, until it can. A periodic job that meets a defect is an alert too: `job:` and the
job's name.
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

LOOK_S, TELL_S = 15.0, 3.0
WELL_S = 60.0
"""All must be well for so long before it is said to be over: what flutters is one trouble."""
STALE_S = 86400.0
"""A job that reports nothing for so long is no job any more; the rarest one runs every six hours."""
JOB = "job:"
WHY = 300
"""Longest reason that is told, characters."""


class AlertManager:
    """Its `jobs` look and tell, and it observes all periodic jobs. `lasting` are the troubles that last."""

    def __init__(
        self, database: Database, notifier: AdminNotifier, translator: Translator, checks: Mapping[str, AlertCheck]
    ) -> None:
        self._database, self._notifier, self._translator, self._checks = database, notifier, translator, checks
        self.lasting: dict[str, Alert] = {}
        self._unsaved: dict[str, set[int]] = {}
        """What can't be written down, with the chats that know of it."""
        self._bad_since: dict[str, float] = {}
        self._well_since: dict[str, float] = {}
        self._looked_at: dict[str, float] = {}
        self._reported_at: dict[str, float] = {}
        self._started_at = time.monotonic()
        self._taken_up = False
        self._taking_up, self._telling = asyncio.Lock(), asyncio.Lock()

    def jobs(self) -> list[Periodic]:
        """`look` and `tell`, again and again."""
        return [Periodic("alert-checks", LOOK_S, self.look), Periodic("alert-messages", TELL_S, self.tell)]

    async def job_failed(self, name: str, error: Exception) -> None:
        """Begin the job's alert and tell it at once: the job that tells alerts may be the one that fails."""
        what = JOB + name
        self._reported_at[what] = time.monotonic()
        self._well_since.pop(what, None)
        if what not in self.lasting:
            # Only an OSError's text is known to hold no secret.
            await self._begin(what, {"why": str(error) if isinstance(error, OSError) else type(error).__name__})
        await self.tell()

    async def job_succeeded(self, name: str) -> None:
        """The job's alert ends once there has been no defect for WELL_S."""
        what = JOB + name
        self._reported_at[what] = time.monotonic()
        if what in self.lasting:
            self._well_since.setdefault(what, time.monotonic())

    async def _take_up(self) -> None:
        """What lasted when the bot stopped.

        What nothing looks at is over: that a bot runs is proof that its token is taken.
        """
        async with self._taking_up:
            if self._taken_up:
                return
            self.lasting.update(await alerts.lasting(self._database))
            for what in self.lasting.keys() - self._checks.keys():
                if not what.startswith(JOB):
                    await self._end(what)
            self._taken_up = True

    async def look(self) -> None:
        """Look at all that is due."""
        await self._take_up()
        await self._end_job_alerts()
        for what, check in self._checks.items():
            if time.monotonic() - self._looked_at.get(what, float("-inf")) >= check.every_s:
                self._looked_at[what] = time.monotonic()
                await self._look_at(what, check)

    async def _end_job_alerts(self) -> None:
        now = time.monotonic()
        for what in [what for what in self.lasting if what.startswith(JOB)]:
            well_s = now - self._well_since.get(what, now)
            if well_s >= WELL_S or now - self._reported_at.get(what, self._started_at) >= STALE_S:
                await self._end(what)

    async def _look_at(self, what: str, check: AlertCheck) -> None:
        try:
            detail = await check.look(self.lasting.get(what))
        except CheckInconclusive:
            return
        now = time.monotonic()
        if detail is None:
            self._bad_since.pop(what, None)
            if what in self.lasting and now - self._well_since.setdefault(what, now) >= WELL_S:
                await self._end(what)
            return
        self._well_since.pop(what, None)
        if now - self._bad_since.setdefault(what, now) >= check.patience_s and what not in self.lasting:
            await self._begin(what, detail)

    async def _begin(self, what: str, detail: Detail) -> None:
        log.warning("alert: %s %s", what, detail)
        try:
            self.lasting[what] = await alerts.begin(self._database, what, detail)
        except sqlite3.Error:
            self.lasting[what] = Alert(0, what, json.dumps(detail, ensure_ascii=False), time.time())
            self._unsaved[what] = set()
            await self._tell_unsaved(self.lasting[what])

    async def _end(self, what: str) -> None:
        log.warning("over: %s", what)
        if what in self._unsaved:
            await alerts.begin(self._database, what, {}, at=self.lasting[what].began_at, told=self._unsaved[what])
            del self._unsaved[what]
        await alerts.end(self._database, what)
        del self.lasting[what]

    async def tell(self) -> None:
        """Tell every admin what they don't know yet. Raises what went wrong with one alert once the others are told."""
        await self._take_up()
        defects: list[Exception] = []
        async with self._telling:
            for alert, chat_id, words in await alerts.pending_notices(self._database, self._notifier.admins):
                try:
                    await finish_despite_cancel(self._tell(alert, chat_id, words))
                except Exception as error:  # noqa: BLE001  raised once all admins were tried
                    defects.append(error)
        if defects:
            raise defects[0]

    async def _tell(self, alert: Alert, admin_id: int, words: list[str]) -> None:
        async def note(_: int) -> None:
            await alerts.mark_notified(self._database, alert.id, admin_id, words)

        text = self.text(alert, Localizer(self._translator, await self._notifier.language(admin_id)), words)
        await self._notifier.send(admin_id, text, note=note)

    async def _tell_unsaved(self, alert: Alert) -> None:
        for admin_id in self._notifier.admins:
            text = self.text(alert, Localizer(self._translator, await self._notifier.language(admin_id)), ["began"])
            if await self._notifier.send(admin_id, text):
                self._unsaved[alert.what].add(admin_id)

    def text(self, alert: Alert, say: Localizer, words: list[str]) -> str:
        """What there is to say of an alert: its beginning, its end, or both (`words`: "began", "ended")."""
        kind, _, job = alert.what.partition(":")
        detail = alert.details
        values = {
            "minutes": 0,
            "free": "?",
            "had": 0,
            "now": 0,
            "waiting": 0,
            **detail,
            "why": str(detail.get("why", "none"))[:WHY],
            "began": day_and_time(alert.began_at),
            "time": say.duration((alert.ended_at or time.time()) - alert.began_at),
            "job": say.text_or(job, f"job-{job}") if job else "",
        }
        return "\n".join(say(f"alert-{kind}-{word}", **values) for word in words)
