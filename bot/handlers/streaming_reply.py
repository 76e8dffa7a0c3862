"""The message that answers a photo: it shows the queue position, then the partial joke, then the joke."""

import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from telegram import InlineKeyboardMarkup, User
from telegram.error import TelegramError

from bot.engine.fair_queue import FairQueue
from bot.jokes.album_turn import AlbumTurn
from bot.messaging.delay_notices import DelayNotices
from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.send_journal import MessageNotRecorded, Note
from storage.chat import inbox
from storage.chat.inbox import AnswerProgress
from storage.database import Database
from storage.write_retry import repeat_write

log = logging.getLogger(__name__)

FIRST_MESSAGE_AFTER_S = 1.0
"""A joke that is finished by then is sent without intermediate states."""
BEGINNING_LENGTH = 20
"""Characters."""
TYPING_AFTER_S, TYPING_LASTS_S = 2.5, 4.5
"""Telegram shows "typing" for 5 s. It counts as a message in the rate limits, so it isn't sent for quick jokes."""


class StreamingReply:
    """A context manager: call `show_position` and `show_partial` on each change, and `finish` once."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        queue: FairQueue,
        delays: DelayNotices,
        unrecorded: dict[int, int],
        interval_s: float,
        *,
        update_id: int,
        chat_id: int,
        quoted_id: int,
        user: User,
        resume: AnswerProgress | None = None,
        turn: AlbumTurn | None = None,
    ) -> None:
        self._messenger, self._database, self._queue, self._interval_s = messenger, database, queue, interval_s
        self._delays, self._unrecorded = delays, unrecorded
        self._update_id, self._chat_id, self._quoted_id, self._user = update_id, chat_id, quoted_id, user
        self._message_id = (resume.message_id or unrecorded.get(update_id)) if resume else None
        self._turn = turn
        self._position_text = self._text = self._shown = ""
        self._not_before = self._started_at = 0.0
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()
        self._start_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._started_at = time.monotonic()
        self._start_timer = asyncio.get_running_loop().call_later(FIRST_MESSAGE_AFTER_S, self._start_updates)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop_updates()
        if error is None:
            self._unrecorded.pop(self._update_id, None)

    @property
    def is_visible(self) -> bool:
        """Whether the message has been sent."""
        return self._message_id is not None

    async def show_position(self, position: int) -> None:
        """The photo's position in the queue has changed; 1 is the first."""
        pause_reason = self._queue.hold_reason
        key = f"place-{pause_reason}" if pause_reason else "place"
        self._position_text = self._messenger.text(self._user, key, place=position)
        self._changed.set()

    async def show_partial(self, text: str) -> None:
        """More of the joke has been written. A short beginning is shown later, with what follows it."""
        if not self._text and len(text) < BEGINNING_LENGTH:
            self._not_before = max(self._not_before, time.monotonic() + self._interval_s)
        self._text = text
        self._changed.set()

    async def show_delay(self) -> None:
        """Say that the answer has to wait, because it can't be stored now: in the message, if it has been sent."""
        await self._stop_updates()
        if self._message_id is None:
            await self._delays.tell(self._chat_id, self._user, self._quoted_id)
            return
        lines = [self._text.strip(), self._messenger.text(self._user, "storage-wait")]
        with suppress(TelegramError, CallDropped):
            await self._messenger.edit(
                self._chat_id, self._message_id, "\n\n".join(filter(None, lines)), priority=Priority.NORMAL
            )

    async def finish(self, text: str, keyboard: InlineKeyboardMarkup | None = None, note: Note | None = None) -> None:
        """Show the final text; `note` records the message's id, and is repeated until it can. Raises TelegramError."""
        await self._stop_updates()
        if self._message_id is not None and await self._messenger.edit(self._chat_id, self._message_id, text, keyboard):
            if note:
                await self._note(note, self._message_id)
            return
        note = note or self._record_message
        if self._turn:
            await self._turn.wait_to_answer()
        try:
            await self._messenger.send(
                self._chat_id,
                text,
                quoted_id=self._quoted_id,
                keyboard=keyboard,
                priority=Priority.ESSENTIAL,
                note=note,
            )
        except MessageNotRecorded as error:
            await repeat_write(error, partial(note, error.message_id))

    async def discard(self) -> None:
        """Delete the message, if it has been sent."""
        await self._stop_updates()
        if self._message_id is not None:
            with suppress(TelegramError, CallDropped):
                await self._messenger.client.delete_message(
                    self._chat_id, self._message_id, rate_limit_args=Priority.NORMAL
                )

    async def _note(self, note: Note, message_id: int) -> None:
        try:
            await note(message_id)
        except sqlite3.OperationalError as error:
            await repeat_write(error, partial(note, message_id))

    async def _record_message(self, message_id: int) -> None:
        try:
            await inbox.record_message(self._database, self._update_id, message_id)
        except sqlite3.Error as error:
            log.warning("the reply's message can't be recorded: %s", error)
            self._unrecorded[self._update_id] = message_id

    async def _stop_updates(self) -> None:
        """Stop the updates. Waits for one that is being sent, so that none arrives after the final text."""
        async with self._sending:
            if self._start_timer:
                self._start_timer.cancel()
            if self._task:
                self._task.cancel()

    def _start_updates(self) -> None:
        self._task = asyncio.create_task(self._send_updates())

    async def _send_updates(self) -> None:
        typing_at = self._started_at + TYPING_AFTER_S
        while True:
            try:
                async with asyncio.timeout(max(0.0, typing_at - time.monotonic())):
                    await self._changed.wait()
            except TimeoutError:
                await self._show_typing()
                typing_at = time.monotonic() + TYPING_LASTS_S
                continue
            wait = self._not_before - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            if self._turn and self._message_id is None:
                await self._turn.wait_to_answer()
            self._changed.clear()
            await self._show()
            if self._turn and self._message_id is not None:
                self._turn.mark_answered()
            typing_at = time.monotonic() + TYPING_LASTS_S

    async def _show_typing(self) -> None:
        async with self._sending:
            if self._message_id is None:
                with suppress(CallDropped, TelegramError):
                    await self._messenger.client.send_chat_action(
                        self._chat_id, "typing", rate_limit_args=Priority.BEST_EFFORT
                    )

    async def _show(self) -> None:
        async with self._sending:
            text = self._text.strip() or self._position_text
            if text == self._shown:
                return
            self._not_before = time.monotonic() + self._interval_s
            try:
                await self._send_or_edit(text)
            except CallDropped:
                self._changed.set()
            except TelegramError:
                return
            else:
                self._shown = text

    async def _send_or_edit(self, text: str) -> None:
        if self._message_id is None:
            self._message_id = await self._messenger.send(
                self._chat_id, text, quoted_id=self._quoted_id, priority=Priority.BEST_EFFORT, note=self._record_message
            )
        else:
            await self._messenger.edit(self._chat_id, self._message_id, text, priority=Priority.BEST_EFFORT)


class StreamingReplies:
    """Makes streaming replies. `interval_s`: the shortest time between two edits of one."""

    def __init__(
        self, messenger: Messenger, database: Database, queue: FairQueue, delays: DelayNotices, interval_s: float
    ) -> None:
        self._messenger, self._database, self._queue, self._interval_s = messenger, database, queue, interval_s
        self._delays = delays
        self._unrecorded: dict[int, int] = {}
        """Messages that could not be recorded, by update, for an update that is handled again."""

    def begin(
        self,
        update_id: int,
        chat_id: int,
        quoted_id: int,
        user: User,
        resume: AnswerProgress | None,
        turn: AlbumTurn | None = None,
    ) -> StreamingReply:
        """A reply to message `quoted_id`; with `resume`, in the message that was sent before the restart.

        `turn`: it is sent in the photo's turn among those of its album.
        """
        return StreamingReply(
            self._messenger,
            self._database,
            self._queue,
            self._delays,
            self._unrecorded,
            self._interval_s,
            update_id=update_id,
            chat_id=chat_id,
            quoted_id=quoted_id,
            user=user,
            resume=resume,
            turn=turn,
        )
