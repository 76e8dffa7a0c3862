"""The message that answers a photo, while the joke comes about: a place in line, the joke as it is written, the joke."""
import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest, TelegramError

from bot.outgoing import Priority, Shed
from bot.parts import Parts
from bot.replies import Note, noted_by
from bot.telegram.text import NO_PREVIEW, is_unchanged, reply_to, truncate_for_telegram
from storage import inbox

log = logging.getLogger(__name__)

FIRST_LOOK_S = 1.0
"""A joke that is there by then needs no word in between."""
TYPING_AFTER_S, TYPING_LASTS_S = 2.5, 4.5
"""Telegram shows "typing" for 5 seconds; it counts as a message, so it is not sent for a joke that comes quickly."""


class Live:
    """Use as a context manager, call `place` and `text` as often as there is news, and `end` once."""

    def __init__(self, parts: Parts, update_id: int, chat_id: int, reply_to_id: int, language: str) -> None:
        self._parts, self._update_id, self._chat_id, self._reply_to_id, self._language = parts, update_id, chat_id, reply_to_id, language
        self._interval_s = parts.settings.limits.edit_interval_s
        self._note = self._text = self._shown = ""
        self._not_before = 0.0
        self._message_id: int | None = None
        self._news = asyncio.Event()
        self._showing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """A message that an earlier process began, and was killed over, is gone on with."""
        self._message_id = (await inbox.begun(self._parts.database, self._update_id)).message_id
        self._task = asyncio.create_task(self._follow())
        return self

    @property
    def begun(self) -> bool:
        """Whether there is a message already."""
        return self._message_id is not None

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._quiet()

    async def place(self, place: int) -> None:
        """News: the photo is at this place in the queue."""
        held = self._parts.joker.queue.held
        self._note = self._parts.words.say(self._language, f"place-{held}" if held else "place", place=place)
        self._news.set()

    async def text(self, text: str) -> None:
        """News: the joke as far as it is written."""
        if not self._text:
            self._not_before = max(self._not_before, time.monotonic() + self._interval_s)
        self._text = text
        self._news.set()

    async def end(self, text: str, markup: InlineKeyboardMarkup | None = None, note: Note | None = None) -> int:
        """Show the final text and return its message's id, once `note` has written it down. Raises TelegramError."""
        await self._quiet()
        text = truncate_for_telegram(text)
        if self._message_id is not None and await self._edit_finally(text, markup):
            if note:
                await note(self._message_id)
            return self._message_id
        with noted_by(note or self._remember):
            message = await self._parts.bot.send_message(
                self._chat_id, text, reply_markup=markup, reply_parameters=reply_to(self._reply_to_id),
                link_preview_options=NO_PREVIEW, rate_limit_args=Priority.FINAL)
        return message.message_id

    async def drop(self) -> None:
        """Show nothing after all: what was begun goes."""
        await self._quiet()
        if self._message_id is not None:
            with suppress(TelegramError, Shed):
                await self._parts.bot.delete_message(self._chat_id, self._message_id, rate_limit_args=Priority.ANSWER)

    async def _remember(self, message_id: int) -> None:
        try:
            await inbox.show(self._parts.database, self._update_id, message_id)
        except sqlite3.Error as error:
            log.warning("a message that is begun can't be noted: %s", error)

    async def _edit_finally(self, text: str, markup: InlineKeyboardMarkup | None) -> bool:
        """False where the message is gone, as when somebody deleted it."""
        try:
            await self._parts.bot.edit_message_text(text, self._chat_id, self._message_id, reply_markup=markup,
                                                    link_preview_options=NO_PREVIEW, rate_limit_args=Priority.FINAL)
        except BadRequest as error:
            return is_unchanged(error)
        return True

    async def _quiet(self) -> None:
        """No more news: whatever is being sent arrives before, so that nothing comes after the end."""
        async with self._showing:
            if self._task:
                self._task.cancel()

    async def _follow(self) -> None:
        started = time.monotonic()
        await asyncio.sleep(FIRST_LOOK_S)
        typing_at = started + TYPING_AFTER_S
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
                try:
                    await self._parts.bot.send_chat_action(self._chat_id, "typing", rate_limit_args=Priority.COSMETIC)
                except (Shed, TelegramError):
                    return

    async def _show(self) -> None:
        async with self._showing:
            text = truncate_for_telegram(self._text.strip()) or self._note
            if text == self._shown:
                return
            self._not_before = time.monotonic() + self._interval_s
            try:
                await self._show_now(text)
            except Shed:
                self._news.set()
            except TelegramError:
                return
            else:
                self._shown = text

    async def _show_now(self, text: str) -> None:
        bot = self._parts.bot
        if self._message_id is None:
            with noted_by(self._remember):
                message = await bot.send_message(self._chat_id, text, reply_parameters=reply_to(self._reply_to_id),
                                                 link_preview_options=NO_PREVIEW, rate_limit_args=Priority.COSMETIC)
            self._message_id = message.message_id
        else:
            await bot.edit_message_text(text, self._chat_id, self._message_id, link_preview_options=NO_PREVIEW,
                                        rate_limit_args=Priority.COSMETIC)
