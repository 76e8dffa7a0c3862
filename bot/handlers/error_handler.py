"""Apologies to users after internal errors, without a traceback."""

import logging

from telegram import Update
from telegram.error import ChatMigrated, Forbidden, TelegramError

from bot.handlers.callback_data import AlbumPhotoButton, AnotherJokeButton
from bot.handlers.error_messages import error_message_with_id
from bot.messaging.delay_notices import DelayNotices
from bot.messaging.messenger import Messenger
from bot.telegram.dispatcher import RESUME
from bot.telegram.message_parsing import is_private, is_reply_to_bot, mentions_bot, quoted_message_id
from bot.telegram.rate_limiter import CallDropped, Priority
from storage.chat import inbox
from storage.database import Database

log = logging.getLogger(__name__)

JOKE_BUTTONS = (AnotherJokeButton, AlbumPhotoButton)
"""Buttons whose press is answered with a message."""


class ErrorReporter:
    """Logs errors and apologises to users."""

    def __init__(self, messenger: Messenger, database: Database, delays: DelayNotices) -> None:
        self._messenger, self._database, self._delays = messenger, database, delays

    async def report_error(self, update: Update, error: BaseException | None) -> bool:
        """Log an error and apologise; False where it is none: no right to write, or a dropped call."""
        if isinstance(error, CallDropped | ChatMigrated | Forbidden):
            level = logging.DEBUG if isinstance(error, Forbidden) else logging.INFO  # WriteAccess logs a Forbidden
            log.log(level, "update %d: %r", update.update_id, error)
            return False
        log.error("update %d failed", update.update_id, exc_info=error)
        try:
            if update.callback_query:
                await self._messenger.answer_button(update.callback_query, "button-failed")
            elif update.effective_message:
                await self._messenger.reply_text(update.effective_message, self._apology(update, "defect"))
        except (TelegramError, CallDropped) as failure:
            log.info("update %d: the apology could not be sent: %s", update.update_id, failure)
        return True

    async def report_delay(self, update: Update) -> None:
        """Tell the user that the update is handled later, because its results can't be stored now.

        In groups only where the message addresses the bot.
        """
        query, message, bot = update.callback_query, update.effective_message, self._messenger.client
        if query:
            try:
                await self._messenger.answer_button(query, "button-wait")
            except (TelegramError, CallDropped) as error:
                log.info("update %d: the press could not be answered: %s", update.update_id, error)
        elif message and (is_private(message) or mentions_bot(message, bot) or is_reply_to_bot(message, bot)):
            await self._delays.tell(message.chat.id, update.effective_user, message.message_id)

    async def abandon_update(self, update: Update) -> None:
        """Apologise for an update that was tried several times and never finished, in place of its reply."""
        log.error("update %d is abandoned", update.update_id)
        query, message = update.callback_query, update.effective_message
        try:
            if query:
                await self._messenger.answer_button(query, "button-failed")
            if message and (query is None or any(kind.decode(query.data) for kind in JOKE_BUTTONS)):
                quoted_id = quoted_message_id(message) if query else message.message_id
                await self._reply_in_place(update, message.chat.id, quoted_id, self._apology(update, "given-up"))
        except (TelegramError, CallDropped) as error:
            log.info("update %d: the apology could not be sent: %s", update.update_id, error)

    def _apology(self, update: Update, key: str) -> str:
        return error_message_with_id(self._messenger.translator, self._messenger.language(update.effective_user), key)

    async def _reply_in_place(self, update: Update, chat_id: int, quoted_id: int, text: str) -> None:
        """Replace a partial reply, so that no partial joke stays; else send a new message."""
        resume: inbox.AnswerProgress | None = update.api_kwargs.get(RESUME)
        if resume and resume.message_id:
            await self._messenger.edit(chat_id, resume.message_id, text, priority=Priority.NORMAL)
        else:
            await self._messenger.send(
                chat_id,
                text,
                quoted_id=quoted_id,
                note=lambda message_id: inbox.record_message(self._database, update.update_id, message_id),
            )
