"""A run's messages to admins: one that shows the progress, a picture after the gate, a message at the end.

They go to each admin's private chat. Sent messages are recorded in the database: after a restart the bot edits the
same message, sends the missed ones and repeats none, except one that was being sent when the bot was killed.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden

from bot.i18n.localizer import Localizer
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.retraining.run_progress import RunProgressReader, format_progress
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

MAX_UPDATE_INTERVAL_S = 30.0
"""The longest time between two updates of a run's message."""
UPDATES_PER_RUN = 100


class RunNotifier:
    """Call `update_progress` while a run goes on, and `send_pending` regularly; neither repeats a message.

    `forecast` gives the sentence that says how likely the trial is to come to a verdict, `buttons` those under a run's
    picture.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        messenger: Messenger,
        notifier: AdminNotifier,
        latest: Coalescer,
        progress: RunProgressReader,
        forecast: Callable[[Localizer], Awaitable[str]],
        buttons: Callable[[RunReport, Localizer], InlineKeyboardMarkup | None],
    ) -> None:
        self._database, self._settings, self._messenger, self._notifier = database, settings, messenger, notifier
        self._latest, self._progress, self._forecast, self._buttons = latest, progress, forecast, buttons
        self._shown: dict[int, str] = {}
        self._not_before: dict[int, float] = {}
        self._send_lock = asyncio.Lock()

    async def update_progress(self, run: Run) -> None:
        """Update the message about a run in every admin's chat; send it if there is none yet."""
        progress = await self._progress.read(run)
        interval = max(
            self._settings.limits.edit_interval_s, min(MAX_UPDATE_INTERVAL_S, (progress.eta_s or 0.0) / UPDATES_PER_RUN)
        )
        for chat_id in self._notifier.admins:
            text = format_progress(run, progress, await self._localizer(chat_id))
            content, now = f"{run.id} {text}", time.monotonic()
            if self._shown.get(chat_id) == content or (progress.total and now < self._not_before.get(chat_id, 0.0)):
                continue
            self._not_before[chat_id] = now + interval
            self._latest.submit(("run", chat_id), self._edit_or_send(run, chat_id, text, content))

    def _edit_or_send(self, run: Run, chat_id: int, text: str, content: str) -> Callable[[], Awaitable[None]]:
        async def edit_or_send() -> None:
            message_id = (await run_notices.all_tracked_messages(self._database, run.id)).get(chat_id)
            priority = Priority.NORMAL if run.finished else Priority.BEST_EFFORT
            if message_id is None or not await self._messenger.edit(chat_id, message_id, text, priority=priority):
                await self._send(run, chat_id, text)
            self._shown[chat_id] = content

        return edit_or_send

    async def _send(self, run: Run, chat_id: int, text: str) -> None:
        """Send the progress message, without a notification sound. Admins who blocked the bot are skipped."""
        if (await runs.get_run(self._database, run.id)).finished:
            return
        try:
            with journal_sends(
                lambda message_id: run_notices.track_message(self._database, run.id, chat_id, message_id)
            ):
                await self._messenger.send(chat_id, text, silent=True)
        except (Forbidden, BadRequest) as error:
            log.info("admin %d can't get the progress of run %d: %s", chat_id, run.id, error)

    async def send_pending(self) -> None:
        """Send every admin the outcomes of runs that they haven't got yet, each once."""
        async with self._send_lock:
            for event in ("judged", "ended"):
                for run, chat_id in await run_notices.pending_notices(self._database, self._notifier.admins, event):
                    await self.update_progress(run)
                    await self._send_outcome(run, chat_id, event)

    async def _send_outcome(self, run: Run, chat_id: int, event: str) -> None:
        async def note(_: int) -> None:
            await run_notices.mark_notified(self._database, run.id, chat_id, event)
            if run.finished:
                await run_notices.mark_notified(self._database, run.id, chat_id, "ended")

        localizer = await self._localizer(chat_id)
        report = RunReport(self._database, self._settings, run, localizer)
        text, picture = await report.text(), await self._picture(report)
        if not run.finished:
            text += f"\n{await self._forecast(localizer)}"
        keyboard = self._buttons(report, localizer) if picture else None
        await self._notifier.send(
            chat_id, text, photo=picture, keyboard=keyboard, note=note, priority=Priority.ESSENTIAL
        )

    async def _picture(self, report: RunReport) -> bytes | None:
        """The report's picture; None if it can't be drawn, so that the text is sent anyway."""
        try:
            return await report.picture()
        except JokebotError as error:
            log.error("%s", error)
            return None

    async def _localizer(self, chat_id: int) -> Localizer:
        return Localizer(self._messenger.translator, await self._notifier.language(chat_id))
