"""Notifications to admins, each in their own language; recorded, so that a restart repeats none."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection
from contextlib import nullcontext
from typing import Any

from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.send_journal import journal_sends
from bot.telegram.text import CAPTION_UNITS, truncate_for_telegram

log = logging.getLogger(__name__)

NoteDelivery = Callable[[int], Awaitable[object]]
"""Records that an admin (by id) was notified or can't be reached."""


class AdminNotifier:
    """Writes to the admins' private chats.

    `language_of` gets an admin's Telegram user id and returns the code of their language, None where it is unknown.
    """

    def __init__(
        self, messenger: Messenger, admins: Collection[int], language_of: Callable[[int], Awaitable[str | None]]
    ) -> None:
        self.admins = tuple(admins)
        self._messenger, self._language_of = messenger, language_of

    async def language(self, admin_id: int) -> str:
        """The language of an admin; the default language where it is unknown or the database can't be read."""
        try:
            code = await self._language_of(admin_id)
        except sqlite3.Error:
            code = None
        return self._messenger.translator.language(code)

    async def notify(
        self,
        key: str,
        *,
        except_for: Collection[int] = (),
        note: NoteDelivery | None = None,
        silent: bool | None = None,
        **values: Any,
    ) -> list[int]:
        """Notify all admins but `except_for`; returns the ids of those to retry later.

        `note` is called with an admin's id before the next message is sent, so that a restart repeats none. Without it
        the messages are recorded as others are: in an update's handler, as replies to the update.
        """
        failed = []
        for admin_id in self.admins:
            if admin_id in except_for:
                continue
            text = self._messenger.translator.format(await self.language(admin_id), key, **values)
            if not await self.send(admin_id, text, note=note, silent=silent):
                failed.append(admin_id)
        return failed

    async def send(
        self,
        admin_id: int,
        text: str,
        *,
        photo: bytes | None = None,
        keyboard: InlineKeyboardMarkup | None = None,
        note: NoteDelivery | None = None,
        silent: bool | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> bool:
        """Send a text, as the caption where there is a photo; False where it should be retried later."""
        try:
            with journal_sends(lambda message_id: note(admin_id)) if note else nullcontext():
                if photo:
                    caption = truncate_for_telegram(text, max_units=CAPTION_UNITS)
                    await self._messenger.client.send_photo(
                        admin_id,
                        photo,
                        caption=caption,
                        reply_markup=keyboard,
                        disable_notification=silent,
                        rate_limit_args=priority,
                    )
                else:
                    await self._messenger.send(admin_id, text, keyboard=keyboard, silent=silent, priority=priority)
        except (Forbidden, BadRequest) as error:  # the admin blocked the bot, or never wrote to it
            log.info("admin %d can't be reached: %s", admin_id, error)
            if note:
                await note(admin_id)
        except (TelegramError, CallDropped) as error:
            log.warning("admin %d is notified later: %s", admin_id, error)
            return False
        return True
