"""The beginning of a round of Oogiri: the bot's entry is written, the round is stored, its opening is sent."""

import logging
import time
from dataclasses import dataclass
from typing import Literal

from telegram import User

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.daily_quota import DailyQuota
from bot.handlers.oogiri_rounds import MINUTE_S, OogiriRounds
from bot.jokes.generator import JokeGenerator
from configs.errors import JokebotError
from configs.settings import OogiriSettings
from storage.chat import rounds
from storage.database import Database
from storage.media.photos import Photo

log = logging.getLogger(__name__)

StartOutcome = Literal["begun", "running", "full"]


@dataclass(frozen=True)
class RoundRequest:
    """A round that is asked for. `user` is None for the schedule; the group itself stands in their place then.

    `update_id` identifies the request and is negative for the schedule. `quoted_id`: the message with the photo, None
    where the bot sends the photo. `joke_id`: the bot's entry, if it was written before a restart.
    """

    chat_id: int
    user: User | None
    update_id: int
    photo: Photo
    quoted_id: int | None = None
    joke_id: int | None = None


class RoundStarter:
    """Begins rounds, for /oogiri and for the schedule. `gentle`: the default of the chats' setting of that name."""

    def __init__(
        self,
        database: Database,
        chats: ChatSettingsStore,
        quota: DailyQuota,
        generator: JokeGenerator,
        course: OogiriRounds,
        settings: OogiriSettings,
        *,
        gentle: bool,
    ) -> None:
        self._database, self._chats, self._quota, self._generator = database, chats, quota, generator
        self._course, self._settings, self._gentle = course, settings, gentle

    async def start(self, request: RoundRequest) -> StartOutcome:
        """Begin a round; a request that is made again continues the round that it has begun.

        "running": the chat has another round; "full": its jokes of the day are used up. Raises JokebotError where the
        bot's entry can't be written, TelegramError and CallDropped where the opening can't be sent now.
        """
        chat_id, update_id = request.chat_id, request.update_id
        asker = request.user.id if request.user else chat_id
        limited = self._chats.get(chat_id).daily is not None or self._quota.limits_strangers
        if limited and not await self._quota.reserve(chat_id, update_id):
            return "full"
        try:
            joke_id = await self._write_entry(request, asker)
        except JokebotError:
            await self._quota.release(chat_id, update_id)
            raise
        due_at = time.time() + MINUTE_S * self._settings.collect_minutes
        found = await rounds.begin_round(
            self._database, chat_id, asker, joke_id, update_id, due_at, quoted_id=request.quoted_id
        )
        if found is None:
            await self._quota.release(chat_id, update_id)
            return "running"
        log.info("update %d: round %d for photo %d", update_id, found.id, request.photo.id)
        await self._course.open(found.id)
        return "begun"

    async def _write_entry(self, request: RoundRequest, asker: int) -> int:
        """The id of the bot's entry. Raises JokebotError."""
        chat, language, style = self._chats.joke_options(request.chat_id, request.user)
        if request.user is None:
            language = self._chats.group_language(request.chat_id)
        stored = await self._generator.stored(request.joke_id, language) if request.joke_id else None
        joke = stored or await self._generator.generate(
            request.photo,
            user_id=asker,
            language=language,
            style=style,
            chat_id=chat.chat_id,
            update_id=request.update_id,
            gentle=self._gentle if chat.gentle is None else bool(chat.gentle),
        )
        return joke.id
