"""/forget: deletes a user's photos, jokes and ratings for good, after a confirmation."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import TelegramError

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.languages import LanguagePreferences
from bot.chats.user_names import UserNames
from bot.handlers.callback_data import ForgetButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button, command
from bot.handlers.settings import is_administrator
from bot.jokes.judge_source import StoredJudgeSource
from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import CallDropped
from bot.telegram.senders import is_chat_sender
from configs.settings import StorageSettings
from storage.chat import rounds
from storage.chat.rounds import Round
from storage.database import Database
from storage.maintenance.forget_person import forget_user

log = logging.getLogger(__name__)


class ForgetHandlers:
    """Deletes a user's data from the database, the files and the caches. Banned users can use it too."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        storage: StorageSettings,
        names: UserNames,
        languages: LanguagePreferences,
        chats: ChatSettingsStore,
        judges: StoredJudgeSource,
    ) -> None:
        self._messenger, self._database, self._storage = messenger, database, storage
        self._names, self._languages, self._chats, self._judges = names, languages, chats, judges

    def routes(self) -> list[Route]:
        return [
            command("forget", self.on_forget, for_banned=True),
            button(ForgetButton, self.on_answer, for_banned=True),
        ]

    async def on_forget(self, incoming: IncomingMessage) -> None:
        """Ask for confirmation. In a group the buttons are for the user who asked.

        An anonymous administrator asks for what was sent in the group's name. A channel can't press a button.
        """
        user = incoming.user
        if is_chat_sender(user) and user.id != incoming.message.chat.id:
            await self._messenger.reply(incoming.message, "own-name")
            return
        row = [
            InlineKeyboardButton(
                self._messenger.text(user, f"forget-{answer}"), callback_data=ForgetButton(user.id, answer).encode()
            )
            for answer in ("yes", "no")
        ]
        await self._messenger.reply_text(
            incoming.message,
            self._messenger.text(user, "forget-ask-chat" if is_chat_sender(user) else "forget-ask"),
            InlineKeyboardMarkup([row]),
        )

    async def on_answer(self, press: ButtonPress[ForgetButton]) -> None:
        """Delete, or cancel. Telegram says who pressed, so no user can delete another's data."""
        user = press.user
        if not await self._may_answer(press):
            await self._messenger.reject_button(press.query, press.data.REJECTION)
            return
        if press.data.answer == "no":
            await self._messenger.close_question(press.query, self._messenger.text(user, "forget-kept"))
            return
        language = self._messenger.language(user)  # before the stored choice is deleted
        counts = await self._forget(press.data.user_id)
        key = "forget-done" if any(counts.values()) else "forget-nothing"
        await self._messenger.close_question(press.query, self._messenger.translator.format(language, key, **counts))

    async def _may_answer(self, press: ButtonPress[ForgetButton]) -> bool:
        """Whether the user asked, or administers the group in whose name an anonymous administrator asked."""
        asked_by = press.data.user_id
        if asked_by == press.user.id:
            return True
        in_group = asked_by < 0 and asked_by == press.message.chat.id
        return in_group and await is_administrator(self._messenger.client, asked_by, press.user.id)

    async def _forget(self, user_id: int) -> dict[str, int]:
        """Delete a user's data; returns how many photos, jokes and ratings were deleted."""
        await self._names.forget(user_id)
        storage, open_rounds = self._storage, await rounds.list_open_rounds(self._database)
        forgotten = await forget_user(self._database, user_id, storage.photos, storage.datasets, judges=storage.judges)
        await self._judges.refresh()
        await self._end_lost_rounds(open_rounds)
        self._languages.forget(user_id)
        if user_id > 0:
            self._chats.forget(user_id)
        counts = {"photos": forgotten.photos, "jokes": forgotten.jokes, "ratings": forgotten.ratings}
        log.info("a user's data was deleted: %d photos, %d jokes, %d ratings", *counts.values())
        return counts

    async def _end_lost_rounds(self, open_rounds: Sequence[Round]) -> None:
        """Say in the chats of those rounds that were deleted with the user's data that they are over."""
        for lost in open_rounds:
            if await rounds.get_round(self._database, lost.id) is not None:
                continue
            text = self._messenger.translator.format(self._chats.chat_language(lost.chat_id), "oogiri-gone")
            for message_id, caption in ((lost.message_id, lost.quoted_id is None), (lost.ballot_id, False)):
                with suppress(TelegramError, CallDropped):
                    if message_id is not None:
                        await self._messenger.edit(lost.chat_id, message_id, text, caption=caption)
