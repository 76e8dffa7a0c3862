"""The buttons under jokes, the checks of their presses, and updates of their counts."""

import logging
import time
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.callback_data import (
    AlbumPhotoButton,
    AnotherJokeButton,
    BetterButton,
    FlagButton,
    RateButton,
    UnflagButton,
    WithdrawButton,
)
from bot.handlers.routes import ButtonPress
from bot.i18n.formatting import EMOJI
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.rate_limiter import CallDropped, Priority
from storage.chat import hidden_votes
from storage.chat.albums import AlbumPhoto, list_photos_under_message
from storage.chat.flags import is_hidden
from storage.chat.hidden_votes import VoteRule
from storage.chat.jokes import add_delivery, get_delivery, get_joke
from storage.chat.ratings import RatingCounts, get_counts
from storage.database import Database

log = logging.getLogger(__name__)

ANOTHER, PHOTO, FLAG, UNFLAG, BETTER, WITHDRAW = "🔁", "🖼", "🚩", "↩️", "✍️", "🗑"
POLL_INTERVAL_S = 15.0
BUTTONS_PER_ROW, MAX_NUMBERS = 4, 50
"""Phones cut longer rows. A Telegram album has 10 photos, a message up to 100 buttons."""


def joke_keyboard(
    joke_id: int, rated: RatingCounts | None = None, album: Sequence[AlbumPhoto] = (), *, better: bool = True
) -> InlineKeyboardMarkup:
    """The three ratings with their counts, 🔁, 🚩 and, with `better`, ✍️; below them an album's photo numbers.

    Six buttons make two rows, because phones cut counts in a longer one.
    """
    ratings, others = (
        _ratings(joke_id, rated),
        [
            InlineKeyboardButton(ANOTHER, callback_data=AnotherJokeButton(joke_id).encode()),
            InlineKeyboardButton(FLAG, callback_data=FlagButton(joke_id).encode()),
        ],
    )
    pen = InlineKeyboardButton(BETTER, callback_data=BetterButton(joke_id).encode())
    rows = [ratings, [*others, pen]] if better else [[*ratings, *others]]
    return InlineKeyboardMarkup([*rows, *_number_rows(album)] if len(album) > 1 else rows)


def punchline_keyboard(joke_id: int, rated: RatingCounts | None = None, *, better: bool = True) -> InlineKeyboardMarkup:
    """The buttons under a user's punchline: the three ratings; 🗑 for its author, 🚩, and ✍️ with `better`."""
    flag = InlineKeyboardButton(FLAG, callback_data=FlagButton(joke_id).encode())
    pen = InlineKeyboardButton(BETTER, callback_data=BetterButton(joke_id).encode())
    others = [_withdraw(joke_id), flag, *([pen] if better else [])]
    return InlineKeyboardMarkup([_ratings(joke_id, rated), others])


def hidden_keyboard(joke_id: int, album: Sequence[AlbumPhoto] = (), *, punchline: bool = False) -> InlineKeyboardMarkup:
    """The buttons under a flagged joke: ↩️ and 🔁, or 🗑 for a punchline, and the photo numbers of an album's joke."""
    row = [
        InlineKeyboardButton(UNFLAG, callback_data=UnflagButton(joke_id).encode()),
        _withdraw(joke_id)
        if punchline
        else InlineKeyboardButton(ANOTHER, callback_data=AnotherJokeButton(joke_id).encode()),
    ]
    return InlineKeyboardMarkup([row, *_number_rows(album)] if len(album) > 1 else [row])


def _ratings(joke_id: int, rated: RatingCounts | None) -> list[InlineKeyboardButton]:
    """The three ratings with their counts."""
    rated = rated or RatingCounts()
    votes = {3: rated.funny, 2: rated.somewhat, 1: rated.unfunny}
    return [
        InlineKeyboardButton(
            f"{emoji} {votes[value]}" if votes[value] else emoji, callback_data=RateButton(joke_id, value).encode()
        )
        for value, emoji in EMOJI.items()
    ]


def _withdraw(joke_id: int) -> InlineKeyboardButton:
    return InlineKeyboardButton(WITHDRAW, callback_data=WithdrawButton(joke_id).encode())


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
    """Checks presses of the buttons under jokes, and updates the counts on them.

    `rule`: when the counts of a group's votes are shown. `job` shows those whose time is over. `better`: whether users
    can write punchlines, where the chat's setting allows it.
    """

    def __init__(
        self,
        client: TelegramClient,
        database: Database,
        chats: ChatSettingsStore,
        coalescer: Coalescer,
        rule: VoteRule,
        *,
        better: bool,
    ) -> None:
        self._client, self._database, self._chats = client, database, chats
        self._coalescer, self.rule, self._better = coalescer, rule, better

    def job(self) -> Periodic:
        """Calls `show_due` every POLL_INTERVAL_S."""
        return Periodic("hidden-votes", POLL_INTERVAL_S, self.show_due)

    async def show_due(self) -> None:
        """Show the counts that are no longer hidden. What Telegram doesn't get now is tried again in the next round."""
        for due in await hidden_votes.list_due(self._database, time.time()):
            if self.rule.hides(due.chat_id, await get_counts(self._database, due.joke_id)):
                try:
                    await self._edit(due.chat_id, due.message_id, due.joke_id)
                except (BadRequest, Forbidden) as error:
                    log.info("the counts of joke %d can't be shown: %s", due.joke_id, error)
                except (TelegramError, CallDropped) as error:
                    log.info("the counts of joke %d are shown later: %s", due.joke_id, error)
                    continue
            await hidden_votes.delete_hidden(self._database, due.delivery_id)

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

    async def are_hidden(self, chat_id: int, message_id: int, counts: RatingCounts) -> bool:
        """Whether a joke's counts must not be on the buttons of a message now."""
        return await hidden_votes.are_hidden(self._database, chat_id, message_id, counts, self.rule)

    def refresh(self, chat_id: int, message_id: int, joke_id: int) -> None:
        """Schedule an update of the counts and photo numbers; of several changes the last is shown."""
        self._coalescer.submit((chat_id, message_id), partial(self._edit, chat_id, message_id, joke_id))

    async def current(self, chat_id: int, message_id: int, joke_id: int) -> InlineKeyboardMarkup:
        """The buttons that a message with the joke should have now."""
        joke = await get_joke(self._database, joke_id)
        punchline = joke is not None and joke.author_id is not None
        album = await list_photos_under_message(self._database, chat_id, message_id)
        if await is_hidden(self._database, joke_id):
            return hidden_keyboard(joke_id, album, punchline=punchline)
        counts = await hidden_votes.get_shown_counts(self._database, chat_id, message_id, joke_id, self.rule)
        better = self._better and self._chats.get(chat_id).punchlines
        if punchline:
            return punchline_keyboard(joke_id, counts, better=better)
        return joke_keyboard(joke_id, counts, album, better=better)

    async def wait_refreshed(self, chat_id: int, message_id: int) -> None:
        """Wait until no update of a message's buttons is pending."""
        await self._coalescer.wait_idle((chat_id, message_id))

    async def _edit(self, chat_id: int, message_id: int, joke_id: int) -> None:
        """Show the counts and photo numbers as they are now. Raises TelegramError, CallDropped."""
        markup = await self.current(chat_id, message_id, joke_id)
        await self._client.edit_message_reply_markup(
            chat_id, message_id, reply_markup=markup, rate_limit_args=Priority.ESSENTIAL
        )
