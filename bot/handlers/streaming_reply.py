"""The message that answers a photo: a place in line, then the joke as it is written, then the joke."""

import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from telegram import InlineKeyboardMarkup, User
from telegram.error import TelegramError

from bot.engine.fair_queue import FairQueue
from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.send_journal import Note
from storage.chat import inbox
from storage.chat.inbox import AnswerProgress
from storage.database import Database

log = logging.getLogger(__name__)

FIRST_LOOK_S = 1.0
"""A joke that is there by then needs no word in between."""
TYPING_AFTER_S, TYPING_LASTS_S = 2.5, 4.5
"""Telegram shows "typing" for 5 seconds; it counts as a message, so it is not sent for a joke that comes quickly."""


class StreamingReply:
    """A context manager: call `show_position` and `show_partial` as often as there is news, and `finish` once."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        queue: FairQueue,
        interval_s: float,
        *,
        update_id: int,
        chat_id: int,
        quoted_id: int,
        user: User,
        resume: AnswerProgress | None = None,
    ) -> None:
        self._messenger, self._database, self._queue, self._interval_s = messenger, database, queue, interval_s
        self._update_id, self._chat_id, self._quoted_id, self._user = update_id, chat_id, quoted_id, user
        self._message_id = resume.message_id if resume else None
        self._note = self._text = self._shown = ""
        self._not_before = self._started_at = 0.0
        self._news = asyncio.Event()
        self._showing = asyncio.Lock()
        self._start: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._started_at = time.monotonic()
        self._start = asyncio.get_running_loop().call_later(FIRST_LOOK_S, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._quiet()

    @property
    def is_visible(self) -> bool:
        """Whether there is a message already."""
        return self._message_id is not None

    async def show_position(self, place: int) -> None:
        """News: the photo is at this place in the queue, from 1 on."""
        held = self._queue.hold_reason
        self._note = self._messenger.text(self._user, f"place-{held}" if held else "place", place=place)
        self._news.set()

    async def show_partial(self, text: str) -> None:
        """News: the joke as far as it is written."""
        if not self._text:
            self._not_before = max(self._not_before, time.monotonic() + self._interval_s)
        self._text = text
        self._news.set()

    async def finish(self, text: str, keyboard: InlineKeyboardMarkup | None = None, note: Note | None = None) -> None:
        """Show the final text, once `note` has written its message's id down. Raises TelegramError."""
        await self._quiet()
        if self._message_id is not None and await self._messenger.edit(self._chat_id, self._message_id, text, keyboard):
            if note:
                await note(self._message_id)
            return
        await self._messenger.send(
            self._chat_id,
            text,
            quoted_id=self._quoted_id,
            keyboard=keyboard,
            priority=Priority.ESSENTIAL,
            note=note or self._remember,
        )

    async def discard(self) -> None:
        """Show nothing after all: a message that was begun is deleted."""
        await self._quiet()
        if self._message_id is not None:
            with suppress(TelegramError, CallDropped):
                await self._messenger.client.delete_message(
                    self._chat_id, self._message_id, rate_limit_args=Priority.NORMAL
                )

    async def _remember(self, message_id: int) -> None:
        try:
            await inbox.record_message(self._database, self._update_id, message_id)
        except sqlite3.Error as error:
            log.warning("a message that is begun can't be noted: %s", error)

    async def _quiet(self) -> None:
        """No more news: what is being sent arrives before, so that nothing comes after the end."""
        async with self._showing:
            if self._start:
                self._start.cancel()
            if self._task:
                self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        typing_at = self._started_at + TYPING_AFTER_S
        while True:
            try:
                async with asyncio.timeout(max(0.0, typing_at - time.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                await self._show_typing()
                typing_at = time.monotonic() + TYPING_LASTS_S
                continue
            wait = self._not_before - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            self._news.clear()
            await self._show()
            typing_at = time.monotonic() + TYPING_LASTS_S

    async def _show_typing(self) -> None:
        async with self._showing:
            if self._message_id is None:
                with suppress(CallDropped, TelegramError):
                    await self._messenger.client.send_chat_action(
                        self._chat_id, "typing", rate_limit_args=Priority.BEST_EFFORT
                    )

    async def _show(self) -> None:
        async with self._showing:
            text = self._text.strip() or self._note
            if text == self._shown:
                return
            self._not_before = time.monotonic() + self._interval_s
            try:
                await self._show_now(text)
            except CallDropped:
                self._news.set()
            except TelegramError:
                return
            else:
                self._shown = text

    async def _show_now(self, text: str) -> None:
        if self._message_id is None:
            self._message_id = await self._messenger.send(
                self._chat_id, text, quoted_id=self._quoted_id, priority=Priority.BEST_EFFORT, note=self._remember
            )
        else:
            await self._messenger.edit(self._chat_id, self._message_id, text, priority=Priority.BEST_EFFORT)


class StreamingReplies:
    """Begins such messages. `interval_s`: the shortest time between two changes of one."""

    def __init__(self, messenger: Messenger, database: Database, queue: FairQueue, interval_s: float) -> None:
        self._messenger, self._database, self._queue, self._interval_s = messenger, database, queue, interval_s

    def begin(
        self, update_id: int, chat_id: int, quoted_id: int, user: User, resume: AnswerProgress | None
    ) -> StreamingReply:
        """The answer to message `quoted_id`; the message that an earlier process began (`resume`) is gone on with."""
        return StreamingReply(
            self._messenger,
            self._database,
            self._queue,
            self._interval_s,
            update_id=update_id,
            chat_id=chat_id,
            quoted_id=quoted_id,
            user=user,
            resume=resume,
        )
