"""What admins see of a run: one message that goes on with it, a picture when the gate has spoken, a word at the end.

Everything is sent to each admin's private chat. What has been sent is noted in the database, so a bot that is restarted goes
on with the same message, tells what it missed, and repeats nothing (but the one message that was on its way when it was killed).
"""
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from telegram.error import BadRequest, Forbidden, TelegramError

from bot.loop.progress import Progress, read_progress, text_of
from bot.loop.report import Report
from bot.outgoing import Priority, Shed
from bot.parts import Parts
from bot.replies import noted_by
from bot.telegram.text import NO_PREVIEW, is_unchanged, truncate_for_telegram
from configs.errors import JokebotError
from storage import news, runs, trials
from storage.runs import Run

log = logging.getLogger(__name__)

CAPTION = 1024
"""Telegram's limit for the words under a picture."""
SLOWEST_S = 30.0
"""A long run's message changes at least that often, a short one's a hundred times in all."""
STEPS_SHOWN = 100


class News:
    """Call `show` as often as there is a run to look at, and `tell` now and then: both do what is due and nothing twice."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._shown: dict[int, str] = {}
        self._not_before: dict[int, float] = {}
        self._telling = asyncio.Lock()

    @property
    def _chats(self) -> list[int]:
        return self._parts.settings.telegram.admins

    def folder(self, run: Run) -> Path:
        """Where the run's process writes."""
        return self._parts.settings.storage.runs / str(run.id)

    async def show(self, run: Run) -> None:
        """Bring the message about a run up to date in every admin's chat; sends it where there is none yet."""
        progress = await self.progress(run)
        interval = max(self._parts.settings.limits.edit_interval_s, min(SLOWEST_S, (progress.eta_s or 0.0) / STEPS_SHOWN))
        for chat_id in self._chats:
            text = text_of(run, progress, self._parts.words, await self.language(chat_id))
            known, now = f"{run.id} {text}", time.monotonic()
            if self._shown.get(chat_id) == known or (progress.of and now < self._not_before.get(chat_id, 0.0)):
                continue
            self._not_before[chat_id] = now + interval
            self._parts.latest.put(("run", chat_id), self._showing(run, chat_id, text, known))

    async def progress(self, run: Run) -> Progress:
        """How far a run is."""
        if run.state != "canary":
            return await asyncio.to_thread(read_progress, run, self.folder(run))
        trial = await trials.trial_of_run(self._parts.database, run.id)
        return Progress(await trials.trial_ratings(self._parts.database, trial), self._parts.settings.canary.ratings) if trial else Progress()

    def _showing(self, run: Run, chat_id: int, text: str, known: str) -> Callable[[], Awaitable[None]]:
        async def show() -> None:
            message_id = (await runs.followers(self._parts.database, run.id)).get(chat_id)
            priority = Priority.ANSWER if run.finished else Priority.COSMETIC
            if message_id is None or not await self._edit(chat_id, message_id, text, priority):
                await self._send(run, chat_id, text)
            self._shown[chat_id] = known
        return show

    async def _edit(self, chat_id: int, message_id: int, text: str, priority: Priority) -> bool:
        """False where the message is gone."""
        try:
            await self._parts.bot.edit_message_text(text, chat_id, message_id, rate_limit_args=priority)
        except BadRequest as error:
            return is_unchanged(error)
        return True

    async def _send(self, run: Run, chat_id: int, text: str) -> None:
        """The message that goes on with the run; nobody's phone has to ring for it. Nothing for who shut the bot out."""
        if (await runs.find(self._parts.database, run.id)).finished:
            return
        try:
            with noted_by(lambda message_id: runs.follow(self._parts.database, run.id, chat_id, message_id)):
                await self._parts.bot.send_message(chat_id, text, disable_notification=True, link_preview_options=NO_PREVIEW,
                                                   rate_limit_args=Priority.ANSWER)
        except (Forbidden, BadRequest) as error:
            log.info("admin %d can't be told of run %d: %s", chat_id, run.id, error)

    async def tell(self) -> None:
        """Tell every admin what came of runs that they haven't been told of yet: each thing once."""
        async with self._telling:
            for what in ("judged", "ended"):
                for run, chat_id in await news.untold(self._parts.database, self._chats, what):
                    await self.show(run)
                    await self._tell(run, chat_id, what)

    async def _tell(self, run: Run, chat_id: int, what: str) -> None:
        async def told(_: int = 0) -> None:
            await news.tell(self._parts.database, run.id, chat_id, what)
            if run.finished:
                await news.tell(self._parts.database, run.id, chat_id, "ended")

        language = await self.language(chat_id)
        report = Report(self._parts, run, self.folder(run), language)
        text = await report.text()
        try:
            picture = await self._picture(report)
            with noted_by(told):
                if picture:
                    await self._parts.bot.send_photo(chat_id, picture, caption=truncate_for_telegram(text, max_units=CAPTION), rate_limit_args=Priority.FINAL)
                else:
                    await self._parts.bot.send_message(chat_id, truncate_for_telegram(text), link_preview_options=NO_PREVIEW, rate_limit_args=Priority.FINAL)
        except (Forbidden, BadRequest) as error:
            log.info("admin %d can't be told of run %d: %s", chat_id, run.id, error)
            await told()
        except (TelegramError, Shed) as error:
            log.warning("admin %d is told of run %d later: %s", chat_id, run.id, error)

    async def _picture(self, report: Report) -> bytes | None:
        """A run's end is told all the same where its picture can't be drawn."""
        try:
            return await report.picture()
        except JokebotError as error:
            log.error("%s", error)
            return None

    async def language(self, chat_id: int) -> str:
        """The language that an admin speaks with the bot."""
        return self._parts.words.language(await news.language_of(self._parts.database, chat_id))
