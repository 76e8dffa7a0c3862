"""The buttons under a joke: what they show, what they send, and keeping their counts up to date."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from bot.handlers.callback_data import AlbumPhotoButton, AnotherJokeButton, RateButton
from bot.handlers.routes import ButtonPress
from bot.i18n.formatting import EMOJI
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import Priority
from storage.chat.albums import AlbumPhoto, photos_under
from storage.chat.jokes import add_delivery, get_delivery, get_joke
from storage.chat.ratings import RatingCounts, counts
from storage.database import Database

ANOTHER, PHOTO = "🔁", "🖼"
IN_A_ROW, MOST_NUMBERS = 4, 50
"""More beside each other are cut on a phone. Telegram's albums have 10 photos, and a message at most 100 buttons."""


def joke_keyboard(
    joke_id: int, given: RatingCounts | None = None, album: Sequence[AlbumPhoto] = ()
) -> InlineKeyboardMarkup:
    """One row: the three ratings with their counts, and another one.

    Under an album's joke its photos by number, too.
    """
    given = given or RatingCounts()
    votes = {3: given.funny, 2: given.somewhat, 1: given.unfunny}
    row = []
    for value, emoji in EMOJI.items():
        label = f"{emoji} {votes[value]}" if votes[value] else emoji
        row.append(InlineKeyboardButton(label, callback_data=RateButton(joke_id, value).encode()))
    row.append(InlineKeyboardButton(ANOTHER, callback_data=AnotherJokeButton(joke_id).encode()))
    if len(album) < 2:
        return InlineKeyboardMarkup([row])
    numbers = [
        InlineKeyboardButton(f"{PHOTO} {photo.number}", callback_data=AlbumPhotoButton(photo.id).encode())
        for photo in album[:MOST_NUMBERS]
    ]
    return InlineKeyboardMarkup([row, *_even_rows(numbers)])


def _even_rows(numbers: list[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """Rows that differ by one button at most, the longer ones first."""
    count = -(-len(numbers) // IN_A_ROW)
    short, longer = divmod(len(numbers), count)
    ends = list(accumulate(short + (row < longer) for row in range(count)))
    return [numbers[start:end] for start, end in pairwise([0, *ends])]


def is_own_button(query: CallbackQuery) -> bool:
    """Whether a message of ours has that button, as Telegram's server says: a modified client can send any data."""
    markup, sender = getattr(query.message, "reply_markup", None), getattr(query.message, "from_user", None)
    if markup is None or sender is None or sender.id != query.get_bot().id:
        return False
    return any(button.callback_data == query.data for row in markup.inline_keyboard for button in row)


class JokeKeyboards:
    """Checks presses of the buttons under jokes, and keeps the counts on them up to date."""

    def __init__(self, client: TelegramClient, database: Database, latest: Coalescer) -> None:
        self._client, self._database, self._latest = client, database, latest

    async def is_joke_button(self, press: ButtonPress[Any], joke_id: int) -> bool:
        """Whether the pressed button is under the message that shows that joke.

        A joke whose message was sent just before a crash has no delivery yet; it gets one here.
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
        """Bring the counts, and an album's numbers, to the buttons, soon; of several changes the last is shown."""

        async def edit() -> None:
            album = await photos_under(self._database, chat_id, message_id)
            markup = joke_keyboard(joke_id, await counts(self._database, joke_id), album)
            await self._client.edit_message_reply_markup(
                chat_id, message_id, reply_markup=markup, rate_limit_args=Priority.ESSENTIAL
            )

        self._latest.submit((chat_id, message_id), edit)

    async def wait_refreshed(self, chat_id: int, message_id: int) -> None:
        """Wait until no change of a message's buttons is under way."""
        await self._latest.wait_idle((chat_id, message_id))
