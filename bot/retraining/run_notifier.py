"""What admins see of a run: one message that goes on with it, a picture when the gate has spoken, a word at the end.

Everything is sent to each admin's private chat. What has been sent is noted in the database, so a bot that is restarted
goes on with the same message, tells what it missed, and repeats nothing (but the one message that was on its way when
it was killed).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from telegram.error import BadRequest, Forbidden

from bot.i18n.localizer import Localizer
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.retraining.run_progress import RunProgressReader, text_of
from bot.retraining.run_report import RunReport
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import Priority
from bot.telegram.send_journal import journal_sends
from configs.errors import JokebotError
from configs.settings import Settings
from storage.database import Database
from storage.learning import run_notices, runs
from storage.learning.runs import Run

log = logging.getLogger(__name__)

SLOWEST_S = 30.0
"""A long run's message changes at least that often, a short one's a hundred times in all."""
STEPS_SHOWN = 100


class RunNotifier:
    """Call `show` as often as there is a run to look at, and `tell` now and then: both do what is due and nothing
    twice.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        messenger: Messenger,
        notifier: AdminNotifier,
        latest: Coalescer,
        progress: RunProgressReader,
    ) -> None:
        self._database, self._settings, self._messenger, self._notifier = database, settings, messenger, notifier
        self._latest, self._progress = latest, progress
        self._shown: dict[int, str] = {}
        self._not_before: dict[int, float] = {}
        self._telling = asyncio.Lock()

    async def show(self, run: Run) -> None:
        """Bring the message about a run up to date in every admin's chat; sends it where there is none yet."""
        progress = await self._progress.read(run)
        interval = max(self._settings.limits.edit_interval_s, min(SLOWEST_S, (progress.eta_s or 0.0) / STEPS_SHOWN))
        for chat_id in self._notifier.admins:
            text = text_of(run, progress, await self._localizer(chat_id))
            known, now = f"{run.id} {text}", time.monotonic()
            if self._shown.get(chat_id) == known or (progress.of and now < self._not_before.get(chat_id, 0.0)):
                continue
            self._not_before[chat_id] = now + interval
            self._latest.submit(("run", chat_id), self._showing(run, chat_id, text, known))

    def _showing(self, run: Run, chat_id: int, text: str, known: str) -> Callable[[], Awaitable[None]]:
        async def show() -> None:
            message_id = (await run_notices.all_tracked_messages(self._database, run.id)).get(chat_id)
            priority = Priority.NORMAL if run.finished else Priority.BEST_EFFORT
            if message_id is None or not await self._messenger.edit(chat_id, message_id, text, priority=priority):
                await self._send(run, chat_id, text)
            self._shown[chat_id] = known

        return show

    async def _send(self, run: Run, chat_id: int, text: str) -> None:
        """The message that goes on with the run; no phone has to ring for it.

        Nothing for an admin who blocked the bot.
        """
        if (await runs.get_run(self._database, run.id)).finished:
            return
        try:
            with journal_sends(
                lambda message_id: run_notices.track_message(self._database, run.id, chat_id, message_id)
            ):
                await self._messenger.send(chat_id, text, silent=True)
        except (Forbidden, BadRequest) as error:
            log.info("admin %d can't be told of run %d: %s", chat_id, run.id, error)

    async def tell(self) -> None:
        """Tell every admin what came of runs that they haven't been told of yet: each thing once."""
        async with self._telling:
            for what in ("judged", "ended"):
                for run, chat_id in await run_notices.pending_notices(self._database, self._notifier.admins, what):
                    await self.show(run)
                    await self._tell(run, chat_id, what)

    async def _tell(self, run: Run, chat_id: int, what: str) -> None:
        async def told(_: int) -> None:
            await run_notices.mark_notified(self._database, run.id, chat_id, what)
            if run.finished:
                await run_notices.mark_notified(self._database, run.id, chat_id, "ended")

        report = RunReport(self._database, self._settings, run, await self._localizer(chat_id))
        text, picture = await report.text(), await self._picture(report)
        await self._notifier.send(chat_id, text, photo=picture, note=told, priority=Priority.ESSENTIAL)

    async def _picture(self, report: RunReport) -> bytes | None:
        """A run's end is told all the same where its picture can't be drawn."""
        try:
            return await report.picture()
        except JokebotError as error:
            log.error("%s", error)
            return None

    async def _localizer(self, chat_id: int) -> Localizer:
        return Localizer(self._messenger.translator, await self._notifier.language(chat_id))
