"""The weekly message to the admins about what learning has gained."""

import time
from collections.abc import Callable
from functools import partial

from bot.messaging.admin_notifier import AdminNotifier
from bot.progress.progress_line import ProgressLine
from bot.runtime.periodic import Periodic
from storage.database import Database
from storage.learning.base_comparison import list_notified, record_notified

POLL_INTERVAL_S = 60.0
MAX_DELAY_S = 86400.0
"""A line that is later is left out."""


class ProgressNews:
    """Sends the line at the time of the weekly digest, as soon as a trained model is in service.

    `latest_due`: the last due time at a time, both in seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        notifier: AdminNotifier,
        line: ProgressLine,
        latest_due: Callable[[float], float],
    ) -> None:
        self._database, self._notifier, self._line, self._latest_due = database, notifier, line, latest_due

    def job(self) -> Periodic:
        """Calls `send_due` every POLL_INTERVAL_S."""
        return Periodic("progress-news", POLL_INTERVAL_S, lambda: self.send_due(time.time()))

    async def send_due(self, now: float) -> None:
        """Send the line to the admins who haven't got it, each in their language; a restart repeats none."""
        due = self._latest_due(now)
        if not self._line.has_learnt or now - due >= MAX_DELAY_S:
            return
        notified = await list_notified(self._database, due)
        for admin_id in self._notifier.admins:
            if admin_id not in notified:
                text = await self._line.text(await self._notifier.language(admin_id))
                await self._notifier.send(
                    admin_id, text, note=partial(record_notified, self._database, due=due), silent=True
                )
