"""Delivers a joke about a stored photo: quota, generator, message, delivery row."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from telegram import InlineKeyboardMarkup, User
from telegram.error import Forbidden

from bot.chats.bans import UserBanned
from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.daily_quota import DailyQuota
from bot.engine.fair_queue import QueueFull
from bot.handlers.error_messages import error_text
from bot.handlers.keyboards import joke_keyboard
from bot.handlers.routes import ButtonPress, IncomingMessage
from bot.handlers.streaming_reply import StreamingReplies, StreamingReply
from bot.jokes.generator import JokeGenerator, PhotoForgotten
from bot.jokes.styles import style_from_caption
from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import Priority
from configs.errors import JokebotError
from configs.prompts import Prompts
from configs.settings import Settings
from storage.chat.albums import AlbumPhoto, list_album_photos
from storage.chat.chats import ChatSettings
from storage.chat.inbox import AnswerProgress
from storage.chat.jokes import add_delivery
from storage.database import Database
from storage.media.photos import Photo

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JokeRequest:
    """A user's request for a joke. `message_id` is the message that the joke replies to.

    `language` is the joke's; `style` None stands for that language's default. `unasked`: no user addressed the bot, so
    there is no error message where there is no joke. `album_id`: the joke answers that album and gets buttons for its
    photos. `resume`: what was done for the update before a restart.
    """

    update_id: int
    user: User
    chat: ChatSettings
    message_id: int
    language: str
    caption: str | None = None
    style: str | None = None
    unasked: bool = False
    album_id: int | None = None
    resume: AnswerProgress | None = None


def daily_full_key(chat_id: int) -> str:
    """The key of the message that today's jokes of a chat are used up."""
    return "daily-full" if chat_id < 0 else "daily-full-private"


class JokeDelivery:
    """Makes jokes and delivers them."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        chats: ChatSettingsStore,
        quota: DailyQuota,
        generator: JokeGenerator,
        replies: StreamingReplies,
        prompts: Prompts,
        settings: Settings,
    ) -> None:
        self._messenger, self._database, self._chats, self._quota = messenger, database, chats, quota
        self._generator, self._replies, self._prompts = generator, replies, prompts
        self._limits, self._default_style = settings.limits, settings.joke.style
        self._gentle, self._better = settings.safety.gentle, settings.punchlines.per_day > 0

    def request_for(
        self,
        incoming: IncomingMessage | ButtonPress[Any],
        message_id: int,
        chat_id: int,
        caption: str | None,
        **more: Any,
    ) -> JokeRequest:
        """A request with the caption's style and hint, else the chat's style. `more` are further fields of it."""
        requested, hint = (
            style_from_caption(self._messenger.translator, self._prompts, caption) if caption else (None, None)
        )
        chat, language, style = self._chats.joke_options(chat_id, incoming.user, requested)
        return JokeRequest(
            incoming.update_id, incoming.user, chat, message_id, language, hint, style, resume=incoming.resume, **more
        )

    def default_style(self, language: str) -> str:
        """The style of a joke in `language` for which none is chosen."""
        return self._default_style or self._prompts.language(language).default

    async def deliver(self, request: JokeRequest, photo: Photo) -> None:
        """Make a joke and deliver it, or an error message."""
        chat_id, user, update_id, resume = request.chat.chat_id, request.user, request.update_id, request.resume
        gentle, limited = self._is_gentle(request.chat), request.chat.daily is not None or self._quota.limits_strangers
        if limited and not await self._quota.reserve(chat_id, update_id):
            await self.reply_quota_used_up(request.chat, user, update_id, request.message_id)
            return
        async with self._replies.begin(update_id, chat_id, request.message_id, user, resume) as reply:
            try:
                stored_id = resume.joke_id if resume else None
                joke = await self._generator.stored(stored_id, request.language) if stored_id else None
                joke = joke or await self._generator.generate(
                    photo,
                    user_id=user.id,
                    language=request.language,
                    style=request.style,
                    caption=request.caption,
                    chat_id=chat_id,
                    update_id=update_id,
                    on_position=None if request.unasked else reply.show_position,
                    on_text=reply.show_partial,
                    gentle=gentle,
                    on_wait=None if request.unasked else reply.show_delay,
                )
            except JokebotError as error:
                await self._quota.release(chat_id, update_id)
                await self._finish_with_error(request, reply, error)
                return
            # The delivery of an album's joke doesn't end its update: late photos may still lack their buttons.
            ended_id = update_id if request.album_id is None else None
            note = partial(
                add_delivery, self._database, joke.id, chat_id, update_id=ended_id, album_id=request.album_id
            )
            album = await list_album_photos(self._database, request.album_id) if request.album_id else []
            try:
                await reply.finish(joke.text, self._keyboard(joke.id, request, album), note)
            except Forbidden:
                log.debug("joke %d can't be delivered: the bot may not write in chat %d", joke.id, chat_id)
                return
        log.info("update %d: joke %d for photo %d, engine %.2f s", update_id, joke.id, photo.id, joke.latency_s)

    async def reply_quota_used_up(self, chat: ChatSettings, user: User, update_id: int, quoted_id: int) -> None:
        """Reply that the quota of the day is used up; once a day, later requests get no reply."""
        chat_id = chat.chat_id
        if not await self._quota.should_notify(chat_id, update_id):
            return
        text = self._messenger.translator.format(
            self._chats.chat_language(chat_id, user), daily_full_key(chat_id), jokes=self._quota.limit(chat_id) or 0
        )
        with suppress(Forbidden):
            await self._messenger.send(chat_id, text, quoted_id=quoted_id, priority=Priority.ESSENTIAL)

    def _keyboard(self, joke_id: int, request: JokeRequest, album: Sequence[AlbumPhoto]) -> InlineKeyboardMarkup:
        return joke_keyboard(joke_id, album=album, better=self._better and request.chat.takes_punchlines)

    def _is_gentle(self, chat: ChatSettings) -> bool:
        """Whether the chat's jokes spare faces, bodies and children."""
        return self._gentle if chat.gentle is None else bool(chat.gentle)

    async def _finish_with_error(self, request: JokeRequest, reply: StreamingReply, error: JokebotError) -> None:
        """Show an error message.

        None to a banned user, about an erased photo, nor to an unasked photo whose reply isn't visible yet.
        """
        expected = isinstance(error, UserBanned | QueueFull | PhotoForgotten)
        log.log(logging.INFO if expected else logging.WARNING, "update %d gets no joke: %s", request.update_id, error)
        if isinstance(error, UserBanned | PhotoForgotten):
            await reply.discard()
        elif not request.unasked or reply.is_visible:
            language = self._messenger.language(request.user)
            await reply.finish(error_text(self._messenger.translator, self._limits, language, error))
