"""The rating buttons 😂 🙂 😐. A user has one rating of a joke and can change it."""

from telegram import CallbackQuery

from bot.handlers.callback_data import RateButton, rejection_key
from bot.handlers.keyboards import JokeKeyboards
from bot.handlers.routes import ButtonPress, Route, any_button, button
from bot.i18n.formatting import EMOJI
from bot.messaging.messenger import Messenger
from storage.chat.flags import is_hidden
from storage.chat.ratings import get_rating, record_rating
from storage.database import Database


class RatingHandlers:
    """Handles presses of the rating buttons."""

    def __init__(self, messenger: Messenger, database: Database, keyboards: JokeKeyboards) -> None:
        self._messenger, self._database, self._keyboards = messenger, database, keyboards

    def routes(self) -> list[Route]:
        return [button(RateButton, self.on_rate)]

    async def on_rate(self, press: ButtonPress[RateButton]) -> None:
        """Store the rating, then answer the press and update the counts on the buttons."""
        joke_id, value = press.data.joke_id, press.data.value
        if not await self._keyboards.is_joke_button(press, joke_id):
            await self._messenger.reject_button(press.query)
            return
        if await is_hidden(self._database, joke_id):
            await self._messenger.reject_button(press.query, "flag-is-hidden")
            return
        emoji = EMOJI[value]
        if await get_rating(self._database, joke_id, press.user.id) == value:
            await self._messenger.answer_button(press.query, "rated-same", emoji=emoji)
            return
        await record_rating(self._database, joke_id, press.user.id, value, press.update_id)
        self._keyboards.refresh(press.message.chat.id, press.message.message_id, joke_id)
        await self._messenger.answer_button(press.query, "rated", emoji=emoji)


class UnknownButtonHandlers:
    """Rejects presses that no other route matches."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    def routes(self) -> list[Route]:
        return [any_button(self.on_unknown_button)]

    async def on_unknown_button(self, query: CallbackQuery) -> None:
        await self._messenger.reject_button(query, rejection_key(query.data))
