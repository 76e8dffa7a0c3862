"""The rating buttons 😂 🙂 😐. A user has one rating of a joke and can change it, and none of an own punchline."""

from telegram import CallbackQuery

from bot.handlers.callback_data import RateButton, rejection_key
from bot.handlers.keyboards import JokeKeyboards
from bot.handlers.routes import ButtonPress, Route, any_button, button
from bot.i18n.formatting import EMOJI, format_rating_counts
from bot.messaging.messenger import Messenger
from storage.chat.flags import is_hidden
from storage.chat.jokes import get_joke
from storage.chat.ratings import get_counts, get_rating, record_rating
from storage.database import Database


class RatingHandlers:
    """Handles presses of the rating buttons."""

    def __init__(self, messenger: Messenger, database: Database, keyboards: JokeKeyboards) -> None:
        self._messenger, self._database, self._keyboards = messenger, database, keyboards

    def routes(self) -> list[Route]:
        return [button(RateButton, self.on_rate)]

    async def on_rate(self, press: ButtonPress[RateButton]) -> None:
        """Store the rating, then answer the press and update the counts on the buttons.

        In a group the answer has the counts, since they are not on the buttons while there are few.
        """
        joke_id, value = press.data.joke_id, press.data.value
        chat_id, message_id = press.message.chat.id, press.message.message_id
        if not await self._keyboards.is_joke_button(press, joke_id):
            await self._messenger.reject_button(press.query)
            return
        if key := await self._refusal(joke_id, press.user.id):
            await self._messenger.reject_button(press.query, key)
            return
        same = await get_rating(self._database, joke_id, press.user.id) == value
        if same:
            counts = await get_counts(self._database, joke_id)
        else:
            counts = await record_rating(
                self._database, joke_id, press.user.id, value, press.update_id, hidden_s=self._keyboards.rule.listed_s
            )
            if not await self._keyboards.are_hidden(chat_id, message_id, counts):
                self._keyboards.refresh(chat_id, message_id, joke_id)
        key = "rated-same" if same else "rated"
        if chat_id > 0:
            await self._messenger.answer_button(press.query, key, emoji=EMOJI[value])
            return
        shown = format_rating_counts(counts)
        await self._messenger.answer_button(press.query, f"{key}-group", emoji=EMOJI[value], counts=shown)

    async def _refusal(self, joke_id: int, user_id: int) -> str | None:
        """The key of the refusal for a joke that the user may not rate; None for others."""
        if await is_hidden(self._database, joke_id):
            return "flag-is-hidden"
        joke = await get_joke(self._database, joke_id)
        return "rated-own" if joke and joke.author_id == user_id else None


class UnknownButtonHandlers:
    """Rejects presses that no other route matches."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    def routes(self) -> list[Route]:
        return [any_button(self.on_unknown_button)]

    async def on_unknown_button(self, query: CallbackQuery) -> None:
        await self._messenger.reject_button(query, rejection_key(query.data))
