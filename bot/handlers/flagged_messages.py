"""The messages of jokes that were flagged or corrected: each shows a notice while its joke is hidden, else the joke."""

from typing import Any

from telegram import User

from bot.chats.bylines import Bylines
from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.duel_messages import DuelMessages
from bot.handlers.keyboards import JokeKeyboards
from bot.handlers.routes import ButtonPress
from bot.messaging.messenger import Messenger
from storage.chat.duels import get_duel_of_joke
from storage.chat.flags import is_hidden, list_deliveries
from storage.chat.jokes import get_joke
from storage.database import Database


class FlaggedMessages:
    """Updates the messages after a flag or a decision: those of single jokes, and duels."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        chats: ChatSettingsStore,
        keyboards: JokeKeyboards,
        duels: DuelMessages,
        bylines: Bylines,
    ) -> None:
        self._messenger, self._database, self._chats, self._bylines = messenger, database, chats, bylines
        self._keyboards, self._duels = keyboards, duels

    async def has_joke(self, press: ButtonPress[Any], joke_id: int) -> bool:
        """Whether the pressed button is under a message with that joke."""
        if duel := await get_duel_of_joke(self._database, joke_id):
            return await self._duels.is_duel_button(press, duel)
        return await self._keyboards.is_joke_button(press, joke_id)

    async def update(self, joke_id: int, user: User | None = None) -> None:
        """Let all messages with the joke show its state; `user` decides about the language where the chat has none.

        Raises TelegramError where Telegram can't be reached.
        """
        joke = await get_joke(self._database, joke_id)
        if joke is None:
            return
        if duel := await get_duel_of_joke(self._database, joke_id):
            await self._duels.update(duel.id, user)
        hidden = await is_hidden(self._database, joke_id)
        for delivery in await list_deliveries(self._database, joke_id):
            chat_id, message_id = delivery.chat_id, delivery.message_id
            language = self._chats.chat_language(chat_id, user)
            shown = await self._bylines.shown_text(joke, language)
            text = self._messenger.translator.format(language, "flag-hidden") if hidden else shown
            await self._keyboards.wait_refreshed(chat_id, message_id)  # it may still show the earlier buttons
            keyboard = await self._keyboards.current(chat_id, message_id, joke_id)
            await self._messenger.edit(chat_id, message_id, text, keyboard)
