"""Photos and other images, which are answered with jokes."""

import logging
from contextlib import nullcontext
from typing import Any

from telegram import Message

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.daily_quota import DailyQuota
from bot.handlers.album_joke import AlbumJokeHandlers
from bot.handlers.duel import DuelHandlers
from bot.handlers.error_messages import error_message_key
from bot.handlers.joke_delivery import JokeDelivery
from bot.handlers.routes import IncomingMessage, Route, command, message
from bot.jokes.album_tracker import AlbumState, AlbumTracker
from bot.jokes.album_turn import AlbumTurn
from bot.jokes.photo_intake import PhotoDownloadError, PhotoIntake
from bot.jokes.user_limiter import TooManyPending, UserLimiter
from bot.messaging.messenger import Messenger
from bot.messaging.overflow_notices import OverflowNotices
from bot.telegram.message_parsing import (
    HAS_IMAGE,
    IncomingImage,
    caption_hint,
    find_image,
    is_photo,
    is_private,
    is_reply_to_bot,
    mentions_bot,
)
from bot.telegram.write_access import WriteAccess
from configs.settings import Settings
from storage.chat.chats import ChatSettings
from storage.media.photos import Photo, PhotoError, SenderForgotten

log = logging.getLogger(__name__)


class PhotoHandlers:
    """Answers photos, and /joke as a reply to a photo."""

    def __init__(
        self,
        settings: Settings,
        messenger: Messenger,
        chats: ChatSettingsStore,
        quota: DailyQuota,
        limiter: UserLimiter,
        overflow: OverflowNotices,
        albums: AlbumTracker,
        intake: PhotoIntake,
        album_jokes: AlbumJokeHandlers,
        duels: DuelHandlers,
        delivery: JokeDelivery,
        access: WriteAccess,
    ) -> None:
        self._limits, self._one_for_album = settings.limits, settings.joke.album_mode == "per_album"
        self._messenger, self._chats, self._quota = messenger, chats, quota
        self._limiter, self._overflow, self._albums, self._intake = limiter, overflow, albums, intake
        self._album_jokes, self._duels, self._delivery = album_jokes, duels, delivery
        self._access = access

    def routes(self) -> list[Route]:
        return [command("joke", self.on_joke_command), message(HAS_IMAGE, self.on_photo)]

    async def on_photo(self, incoming: IncomingMessage) -> None:
        """Answer a message with an image.

        In groups it or its album has to address the bot, unless the chat is set to answer all photos.
        """
        message, bot = incoming.message, self._messenger.client
        album = await self._albums.join(incoming.update, message) if message.media_group_id else None
        picture, hint = find_image(message), caption_hint(message, bot)
        addressed = is_private(message) or mentions_bot(message, bot) or is_reply_to_bot(message, bot)
        unasked = not addressed and self._chats.get(message.chat.id).answers == "photos" and is_photo(message)
        if picture and (addressed or unasked or (album and await self._albums.is_called(album))):
            await self.answer_photo(incoming, message, picture, hint, album, unasked=unasked)

    async def on_joke_command(self, incoming: IncomingMessage) -> None:
        """Answer /joke, or a mention, about the photo in the message that it replies to."""
        request, bot = incoming.message, self._messenger.client
        target = request.reply_to_message
        picture = find_image(target) if target else None
        if target is None or picture is None:
            await self._messenger.reply(request, "joke-about-what")
            return
        hint = caption_hint(request, bot) or caption_hint(target, bot) or self._albums.known_hint(target)
        await self.answer_photo(incoming, target, picture, hint)

    async def answer_photo(
        self,
        incoming: IncomingMessage,
        target: Message,
        picture: IncomingImage,
        caption: str | None,
        album: AlbumState | None = None,
        *,
        unasked: bool = False,
    ) -> None:
        """Answer the image in `target` with a joke or an error message; its album's caption stands in for its own."""
        if self._access.refused and self._access.is_refused(target.chat.id):
            return
        user, chat, quoted_id = incoming.user, self._chats.get(target.chat.id), target.message_id
        whole_album = album if self._one_for_album else None
        admitted = whole_album is not None and whole_album.is_admitted
        limited = chat.daily is not None or self._quota.limits_strangers
        if limited and not admitted and await self._is_over_quota(incoming, chat):
            return
        try:
            if whole_album:
                await self._album_jokes.deliver(incoming, picture, caption, whole_album, unasked=unasked)
                return
            turn = AlbumTurn(album.turns, quoted_id) if album else None
            with turn or nullcontext(), self._limiter.acquire(user.id):
                photo = await self._intake.receive(picture, user.id, incoming.update)
                if album and caption is None:
                    caption = await self._albums.wait_hint(album)
                if turn:
                    await turn.enter_queue()
                await self._deliver(incoming, quoted_id, photo, caption, unasked=unasked, turn=turn)
        except TooManyPending:
            if not unasked:
                self._overflow.add_photo(incoming.message)
        except (PhotoError, PhotoDownloadError, SenderForgotten) as error:
            log.info("update %d: the photo is rejected: %s", incoming.update_id, error)
            key, values = error_message_key(error, self._limits)
            if not (unasked or isinstance(error, SenderForgotten)):
                await self._messenger.reply(incoming.message, key, **values)

    async def _deliver(
        self, incoming: IncomingMessage, quoted_id: int, photo: Photo, caption: str | None, **more: Any
    ) -> None:
        """Deliver a duel or a joke. `more` are further fields of the request."""
        chat_id = incoming.message.chat.id
        request = self._delivery.request_for(incoming, quoted_id, chat_id, caption, **more)
        if not await self._duels.deliver(request, photo):
            await self._delivery.deliver(request, photo)

    async def _is_over_quota(self, incoming: IncomingMessage, chat: ChatSettings) -> bool:
        """Whether the day's jokes are used up and the user was told. JokeDelivery checks too; it saves a download."""
        if not await self._quota.is_full(chat.chat_id, incoming.update_id):
            return False
        message_id = incoming.message.message_id
        await self._delivery.reply_quota_used_up(chat, incoming.user, incoming.update_id, message_id)
        return True
