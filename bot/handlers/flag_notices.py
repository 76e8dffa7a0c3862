"""Messages to the admins about a flagged joke, with buttons for their decision."""

import asyncio
import logging
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MaybeInaccessibleMessage

from bot.chats.user_names import UserNames, display_name, sanitize_name
from bot.handlers.callback_data import FlagDecisionButton
from bot.handlers.routes import ButtonPress
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import is_private
from bot.telegram.text import PHOTO_BYTES, PHOTO_SIDES
from configs.settings import StorageSettings
from storage.chat.consent import is_private as has_private_data
from storage.chat.flags import FlagState, get_flag_state
from storage.chat.jokes import Joke
from storage.chat.user_activity import UserName
from storage.database import Database
from storage.media.photos import get_photo, read_photo

log = logging.getLogger(__name__)

CHOSEN_MARK = "✔️ "


class FlagNotices:
    """Tells all admins of a flagged joke. The photo comes with it unless its sender has sent /private."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        notifier: AdminNotifier,
        names: UserNames,
        storage: StorageSettings,
    ) -> None:
        self._messenger, self._database, self._notifier, self._names = messenger, database, notifier, names
        self._photos = storage.photos

    async def tell(self, joke: Joke, press: ButtonPress[Any]) -> None:
        """Send the notices. As replies to the update of the press they are recorded, so that a restart repeats none."""
        state, photo = await get_flag_state(self._database, joke.id), await self._photo(joke)
        if state is None:
            return
        flagged_by, asked_by = await self._name(press.user.id), await self._name(joke.person_id)
        for admin_id in self._notifier.admins:
            language = await self._notifier.language(admin_id)
            text = self._messenger.translator.format(
                language,
                "flag-notice",
                joke=joke.text,
                who=flagged_by,
                asker=asked_by,
                chat=_chat_title(press.message),
                kind="joke" if joke.author_id is None else "punchline",
            )
            keyboard = await self.keyboard(language, joke, state)
            await self._notifier.send(admin_id, text, photo=photo, keyboard=keyboard)

    async def keyboard(
        self, language: str, joke: Joke, state: FlagState, chosen: str | None = None
    ) -> InlineKeyboardMarkup:
        """Restore, keep hidden, and a ban of the user who asked for the joke or of one who flagged it."""
        rows = [[self._button(language, answer, joke.id, 0, chosen) for answer in ("restore", "keep")]]
        for user_id in dict.fromkeys((joke.person_id, *state.user_ids[:1])):
            if user_id > 0 and user_id not in self._notifier.admins:  # a group's id stands for its anonymous admins
                name = await self._name(user_id)
                rows.append([self._button(language, "ban", joke.id, user_id, chosen, who=name)])
        return InlineKeyboardMarkup(rows)

    def _button(
        self, language: str, answer: str, joke_id: int, user_id: int, chosen: str | None, **values: str
    ) -> InlineKeyboardButton:
        label = self._messenger.translator.format(language, f"flag-{answer}", **values)
        data = FlagDecisionButton(answer, joke_id, user_id).encode()
        return InlineKeyboardButton((CHOSEN_MARK if data == chosen else "") + label, callback_data=data)

    async def _name(self, user_id: int) -> str:
        return display_name(await self._names.get(user_id) or UserName(user_id, "?"))

    async def _photo(self, joke: Joke) -> bytes | None:
        """The photo's file; None where it may not be shown, can't be read or is too large for Telegram."""
        photo = await get_photo(self._database, joke.photo_id)
        if photo is None or await has_private_data(self._database, joke.person_id):
            return None
        if photo.bytes > PHOTO_BYTES or photo.width + photo.height > PHOTO_SIDES:
            return None
        try:
            return await asyncio.to_thread(read_photo, self._photos, photo)
        except OSError as error:
            log.info("the photo of joke %d can't be shown: %s", joke.id, error)
            return None


def _chat_title(message: MaybeInaccessibleMessage) -> str:
    return "private" if is_private(message) else sanitize_name(message.chat.title or "")
