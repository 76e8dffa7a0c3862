"""The button ✍️: the bot asks a user for a punchline, and takes their reply to that message as one."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from telegram import ForceReply, MessageEntity, User
from telegram.error import TelegramError

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.user_names import sanitize_name
from bot.handlers.callback_data import BetterButton
from bot.handlers.flagged_messages import FlaggedMessages
from bot.handlers.routes import ButtonPress, Route, button
from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.text import NO_PREVIEW, reply_to
from storage.chat import punchlines
from storage.chat.flags import is_hidden
from storage.chat.punchlines import PunchlineRequest
from storage.database import Database

log = logging.getLogger(__name__)


class PunchlineRequests:
    """Asks for punchlines. A user has one open request in a chat; `per_day` is how many punchlines they may write."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        chats: ChatSettingsStore,
        messages: FlaggedMessages,
        per_day: int,
    ) -> None:
        self._messenger, self._database, self._chats = messenger, database, chats
        self._messages, self._per_day = messages, per_day

    def routes(self) -> list[Route]:
        return [button(BetterButton, self.on_better)]

    async def on_better(self, press: ButtonPress[BetterButton]) -> None:
        """Answer the press, then ask for the punchline."""
        joke_id, chat_id = press.data.joke_id, press.message.chat.id
        if not await self._messages.has_joke(press, joke_id):
            await self._messenger.reject_button(press.query)
        elif key := await self._refusal(joke_id, press.user.id, chat_id):
            await self._messenger.answer_button(press.query, key, alert=True, limit=self._per_day)
        elif self._messenger.client.write_access.is_refused(chat_id):
            await self._messenger.answer_button(press.query)
        else:
            await self._messenger.answer_button(press.query)
            await self.ask(chat_id, press.user, joke_id, press.message.message_id)

    async def ask(self, chat_id: int, user: User, joke_id: int, quoted_id: int) -> None:
        """Send the request, which opens the user's reply field; it replaces their earlier one in the chat."""
        language = self._messenger.language(user)
        say, name = self._messenger.translator.format, sanitize_name(user.full_name)
        text = say(language, "punchline-ask", user=name)
        mentions = _mentions(text, name, user) if chat_id < 0 else []
        field = ForceReply(selective=True, input_field_placeholder=say(language, "punchline-placeholder"))
        try:
            message = await self._messenger.client.send_message(
                chat_id,
                text,
                entities=mentions,
                reply_markup=field,
                reply_parameters=reply_to(quoted_id),
                link_preview_options=NO_PREVIEW,
                rate_limit_args=Priority.NORMAL,
            )
        except CallDropped as error:
            log.info("a request in chat %d was dropped: %r", chat_id, error)
            return
        request = PunchlineRequest(chat_id, message.message_id, user.id, joke_id)
        await self.delete_messages(chat_id, await punchlines.add_request(self._database, request))

    async def find(self, chat_id: int, message_id: int) -> PunchlineRequest | None:
        """The request in that message, or None."""
        return await punchlines.get_request(self._database, chat_id, message_id)

    async def close(self, chat_id: int, user_id: int) -> None:
        """Delete a user's request in a chat."""
        await self.delete_messages(chat_id, await punchlines.delete_requests(self._database, user_id, chat_id))

    async def delete_messages(self, chat_id: int, message_ids: Sequence[int]) -> None:
        """Delete messages of the bot that are no longer of use; they stay where that fails."""
        for message_id in message_ids:
            with suppress(TelegramError, CallDropped):
                await self._messenger.client.delete_message(chat_id, message_id, rate_limit_args=Priority.NORMAL)

    async def _refusal(self, joke_id: int, user_id: int, chat_id: int) -> str | None:
        """The key of the refusal for a user who can't write a punchline now; None for others."""
        if not self._per_day or not self._chats.get(chat_id).punchlines:
            return "better-off"
        if await is_hidden(self._database, joke_id):
            return "flag-is-hidden"
        return "punchline-limit" if await punchlines.count_today(self._database, user_id) >= self._per_day else None


def _mentions(text: str, name: str, user: User) -> list[MessageEntity]:
    """The mention of a user by name in a text: a selective reply field opens for users who are mentioned."""
    before, found, _ = text.partition(name)
    if not found:
        return []
    offset, length = (len(part.encode("utf-16-le")) // 2 for part in (before, name))
    return [MessageEntity(MessageEntity.TEXT_MENTION, offset, length, user=user)]
