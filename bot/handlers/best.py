"""/best: the best liked jokes of a chat. /mine: a user's latest jokes and punchlines.

One message shows one joke under its photo, with its ratings; buttons show the next and the previous one in its place.
Each press reads the list again, so what was hidden or erased meanwhile is not shown.
"""

import logging
from dataclasses import replace

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, User
from telegram.error import BadRequest, ChatMigrated, Forbidden

from bot.chats.bylines import Bylines
from bot.handlers.callback_data import JokeListButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button, command
from bot.i18n.formatting import format_rating_counts
from bot.messaging.messenger import Messenger
from bot.messaging.stored_photos import StoredPhotoSender
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.text import CAPTION_UNITS, reply_to, truncate_for_telegram
from storage.chat import best
from storage.chat.best import MIN_RATINGS_IN_GROUPS, BestJoke
from storage.database import Database
from storage.media.photos import get_photo

log = logging.getLogger(__name__)

MAX_LISTED = 5
MAX_JOKE_UNITS = 600
"""Longest joke of a list without photos in UTF-16 code units, so that all of them fit into one message."""
RATINGS_UNITS = 120
"""Room in a caption for the author's name and the ratings."""


class BestJokeHandlers:
    """Shows jokes with their photos and ratings, one at a time."""

    def __init__(self, messenger: Messenger, database: Database, bylines: Bylines, photos: StoredPhotoSender) -> None:
        self._messenger, self._database, self._bylines, self._photos = messenger, database, bylines, photos

    def routes(self) -> list[Route]:
        return [command("best", self.on_best), command("mine", self.on_mine), button(JokeListButton, self.on_place)]

    async def on_best(self, incoming: IncomingMessage) -> None:
        """Show the best liked jokes of this chat only; other chats' jokes are private."""
        await self._show(incoming, JokeListButton("best", 0, 1, 1))

    async def on_mine(self, incoming: IncomingMessage) -> None:
        """Show the user's latest jokes; in a group only those delivered there."""
        await self._show(incoming, JokeListButton("mine", incoming.user.id, 1, 1))

    async def on_place(self, press: ButtonPress[JokeListButton]) -> None:
        """Show another joke in the same message; a list of /mine is only for its user."""
        chat_id, at = press.message.chat.id, press.data
        if at.user_id not in (0, press.user.id):
            await self._messenger.reject_button(press.query, at.REJECTION)
            return
        count = await self._count(chat_id, at)
        if not count:
            await self._messenger.reject_button(press.query, f"{at.name}-none")
            return
        await self._messenger.answer_button(press.query)
        for tries in range(min(count, MAX_LISTED)):
            here = replace(at, place=(at.place - 1 + tries * at.step) % count + 1)
            for joke in await self._list(chat_id, here, 1):
                if await self._replace(press, joke, here, count):
                    return

    async def _show(self, incoming: IncomingMessage, first: JokeListButton) -> None:
        """Send the first joke that has its photo; the texts alone where none has, or no photo may be sent."""
        message = incoming.message
        jokes = await self._list(message.chat.id, first, MAX_LISTED)
        if not jokes:
            await self._messenger.reply(message, f"{first.name}-none")
            return
        count = await self._count(message.chat.id, first)
        try:
            for place, joke in enumerate(jokes, 1):
                if await self._send(incoming, joke, replace(first, place=place), count):
                    return
        except CallDropped as error:
            log.info("a reply in chat %d was dropped: %r", message.chat.id, error)
            return
        except (BadRequest, Forbidden, ChatMigrated) as error:
            log.info("chat %d gets its jokes without photos: %s", message.chat.id, error)
        texts = [f"{place}. {await self._entry(joke, incoming.user)}" for place, joke in enumerate(jokes, 1)]
        title = self._messenger.text(incoming.user, f"{first.name}-title")
        await self._messenger.reply_text(message, "\n\n".join([title, *texts]))

    async def _send(self, incoming: IncomingMessage, joke: BestJoke, at: JokeListButton, count: int) -> bool:
        """Send a joke with its photo; False where the photo is gone."""
        message, caption = incoming.message, await self._caption(incoming.user, joke, at)

        async def call(photo: str | bytes) -> Message:
            return await self._messenger.client.send_photo(
                message.chat.id,
                photo,
                caption=caption,
                reply_parameters=reply_to(message.message_id),
                reply_markup=page_buttons(at, count),
                rate_limit_args=Priority.NORMAL,
            )

        photo = await get_photo(self._database, joke.photo_id)
        return photo is not None and await self._photos.send(photo, call) is not None

    async def _replace(
        self, press: ButtonPress[JokeListButton], joke: BestJoke, at: JokeListButton, count: int
    ) -> bool:
        """Show a joke in the message of the button; False where its photo is gone."""
        message, caption = press.message, await self._caption(press.user, joke, at)

        async def call(photo: str | bytes) -> Message | bool:
            buttons = page_buttons(at, count)
            return await self._messenger.edit_photo(message.chat.id, message.message_id, photo, caption, buttons)

        photo = await get_photo(self._database, joke.photo_id)
        try:
            return photo is not None and await self._photos.send(photo, call) is not None
        except BadRequest as error:
            log.info("message %d in chat %d can't be edited: %s", message.message_id, message.chat.id, error)
            return True

    async def _list(self, chat_id: int, at: JokeListButton, limit: int) -> list[BestJoke]:
        """Up to `limit` jokes from that place on."""
        part = {"limit": limit, "offset": at.place - 1}
        if at.name == "best":
            return await best.list_best_jokes(self._database, chat_id, minimum=_min_ratings(chat_id), **part)
        return await best.list_latest_jokes(self._database, at.user_id, chat_id=_only_in(chat_id), **part)

    async def _count(self, chat_id: int, at: JokeListButton) -> int:
        if at.name == "best":
            return await best.count_best_jokes(self._database, chat_id, minimum=_min_ratings(chat_id))
        return await best.count_latest_jokes(self._database, at.user_id, chat_id=_only_in(chat_id))

    async def _caption(self, user: User, joke: BestJoke, at: JokeListButton) -> str:
        """The list's title and the joke, cut to a caption's length."""
        title = self._messenger.text(user, f"{at.name}-title")
        room = CAPTION_UNITS - len(title.encode("utf-16-le")) // 2 - RATINGS_UNITS
        return f"{title}\n\n{await self._entry(joke, user, room)}"

    async def _entry(self, joke: BestJoke, user: User, max_units: int = MAX_JOKE_UNITS) -> str:
        """A joke, with its author where a user wrote it, and its ratings."""
        lines = [truncate_for_telegram(joke.text, max_units=max_units)]
        if joke.author_id is not None:
            lines.append(await self._bylines.line(joke.author_id, self._messenger.language(user)))
        return "\n".join([*lines, format_rating_counts(joke.counts)]).rstrip()


def _min_ratings(chat_id: int) -> int:
    return MIN_RATINGS_IN_GROUPS if chat_id < 0 else 1


def _only_in(chat_id: int) -> int | None:
    """The chat to which /mine is limited: a group."""
    return chat_id if chat_id < 0 else None


def page_buttons(at: JokeListButton, count: int) -> InlineKeyboardMarkup | None:
    """Buttons for the previous, this and the next joke of a list; none for a single joke."""
    if count < 2:
        return None
    steps = (("◀️", -1, -1), (f"{at.place} / {count}", 0, 1), ("▶️", 1, 1))
    row = [
        InlineKeyboardButton(label, callback_data=replace(at, place=at.place + by, step=step).encode())
        for label, by, step in steps
    ]
    return InlineKeyboardMarkup([row])
