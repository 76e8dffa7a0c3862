"""Text messages: in the user's language, quoting their message, within Telegram's limits."""

import logging
from contextlib import nullcontext
from typing import Any

from telegram import CallbackQuery, InlineKeyboardMarkup, InputMediaPhoto, Message, User
from telegram.error import BadRequest, ChatMigrated, Forbidden

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.languages import LanguagePreferences
from bot.i18n.translator import Translator
from bot.telegram.client import TelegramClient
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.send_journal import Note, journal_sends
from bot.telegram.senders import is_chat_sender
from bot.telegram.text import CAPTION_UNITS, NO_PREVIEW, is_unchanged, reply_to, truncate_for_telegram

log = logging.getLogger(__name__)


class Messenger:
    """Sends and edits all text messages. Owns the Telegram client, the translator and the language preferences."""

    def __init__(
        self,
        client: TelegramClient,
        translator: Translator,
        languages: LanguagePreferences,
        chats: ChatSettingsStore | None = None,
    ) -> None:
        self.client, self.translator, self._languages, self._chats = client, translator, languages, chats

    def language(self, user: User | None) -> str:
        """The language of texts for a user; that of a chat which is the sender; the default language for None."""
        if user is not None and is_chat_sender(user) and self._chats:
            return self._chats.chat_language(user.id)
        return self._languages.language_for(user)

    def text(self, user: User | None, key: str, **values: Any) -> str:
        """A message in the user's language. Raises KeyError for an unknown key."""
        return self.translator.format(self.language(user), key, **values)

    async def send(
        self,
        chat_id: int,
        text: str,
        *,
        quoted_id: int | None = None,
        keyboard: InlineKeyboardMarkup | None = None,
        silent: bool | None = None,
        priority: Priority = Priority.NORMAL,
        note: Note | None = None,
        photo: bytes | None = None,
    ) -> int:
        """Send a text into a chat, quoting message `quoted_id`, and return the new message's id.

        With `photo` it is sent as the caption of that picture. `note` records the id before the next message is sent.
        A text that is too long is truncated. Where the group has become a supergroup, the text goes there without the
        quote, unless it is best-effort.
        Raises CallDropped, Forbidden and other TelegramErrors.
        """
        try:
            message = await self._post(chat_id, text, photo, keyboard, quoted_id, silent, priority, note)
        except ChatMigrated as error:
            if self._chats is None or priority is Priority.BEST_EFFORT:
                raise
            await self._chats.move(chat_id, error.new_chat_id)
            return await self.send(
                error.new_chat_id, text, keyboard=keyboard, silent=silent, priority=priority, note=note, photo=photo
            )
        return message.message_id

    async def _post(
        self,
        chat_id: int,
        text: str,
        photo: bytes | None,
        keyboard: InlineKeyboardMarkup | None,
        quoted_id: int | None,
        silent: bool | None,
        priority: Priority,
        note: Note | None,
    ) -> Message:
        """Send a text, or a picture with the text as its caption."""
        with journal_sends(note) if note else nullcontext():
            quoted = reply_to(quoted_id) if quoted_id is not None else None
            if photo is not None:
                return await self.client.send_photo(
                    chat_id,
                    photo,
                    caption=truncate_for_telegram(text, max_units=CAPTION_UNITS),
                    reply_markup=keyboard,
                    disable_notification=silent,
                    reply_parameters=quoted,
                    rate_limit_args=priority,
                )
            return await self.client.send_message(
                chat_id,
                truncate_for_telegram(text),
                reply_markup=keyboard,
                disable_notification=silent,
                reply_parameters=quoted,
                link_preview_options=NO_PREVIEW,
                rate_limit_args=priority,
            )

    async def reply(self, message: Message, key: str, **values: Any) -> None:
        """Answer a message in its sender's language, quoting it. See `reply_text`."""
        await self.reply_text(message, self.text(message.from_user, key, **values))

    async def reply_text(self, message: Message, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
        """Answer a message with a text. Only logs where the bot is blocked or the rate limiter drops the call."""
        try:
            await self.send(message.chat.id, text, quoted_id=message.message_id, keyboard=keyboard)
        except CallDropped as error:
            log.info("a reply in chat %d was dropped: %r", message.chat.id, error)
        except Forbidden as error:
            log.debug("chat %d gets no reply: %r", message.chat.id, error)

    async def edit(
        self,
        chat_id: int,
        message_id: int,
        text: str,
        keyboard: InlineKeyboardMarkup | None = None,
        *,
        priority: Priority = Priority.ESSENTIAL,
        caption: bool = False,
    ) -> bool:
        """Replace a message's text and buttons; False where it is gone. Raises CallDropped, TelegramError.

        With `caption` the message is a picture, whose caption is replaced.
        """
        try:
            if caption:
                short = truncate_for_telegram(text, max_units=CAPTION_UNITS)
                await self.client.edit_message_caption(
                    chat_id, message_id, caption=short, reply_markup=keyboard, rate_limit_args=priority
                )
            else:
                await self.client.edit_message_text(
                    truncate_for_telegram(text),
                    chat_id,
                    message_id,
                    reply_markup=keyboard,
                    link_preview_options=NO_PREVIEW,
                    rate_limit_args=priority,
                )
        except (BadRequest, ChatMigrated) as error:
            if not is_unchanged(error):
                log.info("message %d in chat %d can't be edited: %s", message_id, chat_id, error)
                return False
        return True

    async def edit_photo(
        self,
        chat_id: int,
        message_id: int,
        photo: str | bytes,
        caption: str | None,
        keyboard: InlineKeyboardMarkup | None,
    ) -> Message | bool:
        """Replace a message's picture, caption and buttons; a text becomes the caption of a picture.

        `photo`: its file or Telegram's id of it. Returns the message, or True where it is as asked already. Raises
        CallDropped, TelegramError.
        """
        media = InputMediaPhoto(photo, caption=caption)
        try:
            return await self.client.edit_message_media(
                media, chat_id, message_id, reply_markup=keyboard, rate_limit_args=Priority.ESSENTIAL
            )
        except BadRequest as error:
            if not is_unchanged(error):
                raise
            return True

    async def answer_button(self, query: CallbackQuery, key: str = "", *, alert: bool = False, **values: Any) -> None:
        """Answer a pressed button in the user's language; without a key, with nothing.

        Telegram's refusal of an answer as too old, as after a long outage, is ignored.
        """
        try:
            await query.answer(self.text(query.from_user, key, **values) if key else "", show_alert=alert)
        except BadRequest as error:
            if "too old" not in str(error).lower():
                raise

    async def reject_button(self, query: CallbackQuery, key: str = "button-unknown") -> None:
        """Show the user an alert that the button does nothing for them."""
        await self.answer_button(query, key, alert=True)

    async def close_question(self, query: CallbackQuery, text: str) -> None:
        """Replace a question by its outcome, without buttons."""
        await self.answer_button(query)
        if query.message:
            await self.edit(query.message.chat.id, query.message.message_id, text)
