"""The buttons under jokes, the checks of their presses, and updates of their counts."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from bot.handlers.callback_data import AlbumPhotoButton, AnotherJokeButton, FlagButton, RateButton, UnflagButton
from bot.handlers.routes import ButtonPress
from bot.i18n.formatting import EMOJI
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import Priority
from storage.chat.albums import AlbumPhoto, list_photos_under_message
from storage.chat.flags import is_hidden
from storage.chat.jokes import add_delivery, get_delivery, get_joke
from storage.chat.ratings import RatingCounts, get_counts
from storage.database import Database

ANOTHER, PHOTO, FLAG, UNFLAG = "🔁", "🖼", "🚩", "↩️"
BUTTONS_PER_ROW, MAX_NUMBERS = 4, 50
"""Phones cut longer rows. A Telegram album has 10 photos, a message up to 100 buttons."""


def joke_keyboard(
    joke_id: int, rated: RatingCounts | None = None, album: Sequence[AlbumPhoto] = ()
) -> InlineKeyboardMarkup:
    """A row with the three ratings, their counts, 🔁 and 🚩; below it the photo numbers of an album's joke."""
    rated = rated or RatingCounts()
    votes = {3: rated.funny, 2: rated.somewhat, 1: rated.unfunny}
    row = []
    for value, emoji in EMOJI.items():
        label = f"{emoji} {votes[value]}" if votes[value] else emoji
        row.append(InlineKeyboardButton(label, callback_data=RateButton(joke_id, value).encode()))
    row.append(InlineKeyboardButton(ANOTHER, callback_data=AnotherJokeButton(joke_id).encode()))
    row.append(InlineKeyboardButton(FLAG, callback_data=FlagButton(joke_id).encode()))
    return InlineKeyboardMarkup([row, *_number_rows(album)] if len(album) > 1 else [row])


def hidden_keyboard(joke_id: int, album: Sequence[AlbumPhoto] = ()) -> InlineKeyboardMarkup:
    """The buttons under a flagged joke: ↩️ and 🔁, and the photo numbers of an album's joke."""
    row = [
        InlineKeyboardButton(UNFLAG, callback_data=UnflagButton(joke_id).encode()),
        InlineKeyboardButton(ANOTHER, callback_data=AnotherJokeButton(joke_id).encode()),
    ]
    return InlineKeyboardMarkup([row, *_number_rows(album)] if len(album) > 1 else [row])


def _number_rows(album: Sequence[AlbumPhoto]) -> list[list[InlineKeyboardButton]]:
    """The photos of an album with several photos."""
    numbers = [
        InlineKeyboardButton(f"{PHOTO} {photo.number}", callback_data=AlbumPhotoButton(photo.id).encode())
        for photo in album[:MAX_NUMBERS]
    ]
    return _even_rows(numbers)


def _even_rows(numbers: list[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """Rows whose lengths differ by at most one button, the longer ones first."""
    count = -(-len(numbers) // BUTTONS_PER_ROW)
    short, longer = divmod(len(numbers), count)
    ends = list(accumulate(short + (row < longer) for row in range(count)))
    return [numbers[start:end] for start, end in pairwise([0, *ends])]


def is_own_button(query: CallbackQuery) -> bool:
    """Whether the button is under a message of the bot. Clients can send any data; the message comes from Telegram."""
    markup, sender = getattr(query.message, "reply_markup", None), getattr(query.message, "from_user", None)
    if markup is None or sender is None or sender.id != query.get_bot().id:
        return False
    return any(button.callback_data == query.data for row in markup.inline_keyboard for button in row)


class JokeKeyboards:
    """Checks presses of the buttons under jokes, and updates the counts on them."""

    def __init__(self, client: TelegramClient, database: Database, coalescer: Coalescer) -> None:
        self._client, self._database, self._coalescer = client, database, coalescer

    async def is_joke_button(self, press: ButtonPress[Any], joke_id: int) -> bool:
        """Whether the pressed button is under a message with that joke.

        A message that was sent just before a crash has no delivery yet; it is stored here.
        """
        chat_id, message_id = press.message.chat.id, press.message.message_id
        delivery = await get_delivery(self._database, chat_id, message_id)
        if delivery:
            return delivery.joke_id == joke_id
        if not is_own_button(press.query) or not await get_joke(self._database, joke_id):
            return False
        await add_delivery(self._database, joke_id, chat_id, message_id)
        return True

    def refresh(self, chat_id: int, message_id: int, joke_id: int) -> None:
        """Schedule an update of the counts and photo numbers; of several changes the last is shown."""

        async def edit() -> None:
            markup = await self.current(chat_id, message_id, joke_id)
            await self._client.edit_message_reply_markup(
                chat_id, message_id, reply_markup=markup, rate_limit_args=Priority.ESSENTIAL
            )

        self._coalescer.submit((chat_id, message_id), edit)

    async def current(self, chat_id: int, message_id: int, joke_id: int) -> InlineKeyboardMarkup:
        """The buttons that a message with the joke should have now."""
        album = await list_photos_under_message(self._database, chat_id, message_id)
        if await is_hidden(self._database, joke_id):
            return hidden_keyboard(joke_id, album)
        return joke_keyboard(joke_id, await get_counts(self._database, joke_id), album)

    async def wait_refreshed(self, chat_id: int, message_id: int) -> None:
        """Wait until no update of a message's buttons is pending."""
        await self._coalescer.wait_idle((chat_id, message_id))
