"""A photo, in any of its forms: fetched, checked, kept, answered with a joke."""

import logging

from telegram import Message

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.daily_quota import DailyQuota
from bot.handlers.album_joke import AlbumJokeHandlers
from bot.handlers.duel import DuelHandlers
from bot.handlers.error_messages import words_for
from bot.handlers.joke_delivery import JokeDelivery
from bot.handlers.routes import IncomingMessage, Route, command, message
from bot.jokes.album_tracker import AlbumState, AlbumTracker
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
from configs.settings import Settings
from storage.media.photos import PhotoError

log = logging.getLogger(__name__)


class PhotoHandlers:
    """Answers photos, and /joke about the photo that it replies to."""

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
    ) -> None:
        self._limits, self._one_for_album = settings.limits, settings.joke.album == "one"
        self._messenger, self._chats, self._quota = messenger, chats, quota
        self._limiter, self._overflow, self._albums, self._intake = limiter, overflow, albums, intake
        self._album_jokes, self._duels, self._delivery = album_jokes, duels, delivery

    def routes(self) -> list[Route]:
        return [command("joke", self.on_joke_command), message(HAS_IMAGE, self.on_photo)]

    async def on_photo(self, incoming: IncomingMessage) -> None:
        """A message with a picture. In groups it, or another of its album, has to call the bot or reply to it."""
        found, bot = incoming.message, self._messenger.client
        album = await self._albums.join(incoming.update, found) if found.media_group_id else None
        picture, hint = find_image(found), caption_hint(found, bot)
        meant = is_private(found) or mentions_bot(found, bot) or is_reply_to_bot(found, bot)
        unasked = not meant and self._chats.of(found.chat.id).answers == "photos" and is_photo(found)
        if picture and (meant or unasked or (album and await self._albums.is_called(album))):
            await self.answer_photo(incoming, found, picture, hint, album, unasked=unasked)

    async def on_joke_command(self, incoming: IncomingMessage) -> None:
        """A /joke command or a mention: the photo is in the message that it replies to."""
        asking, bot = incoming.message, self._messenger.client
        target = asking.reply_to_message
        picture = find_image(target) if target else None
        if target is None or picture is None:
            await self._messenger.reply(asking, "joke-about-what")
            return
        hint = caption_hint(asking, bot) or caption_hint(target, bot) or self._albums.known_hint(target)
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
        """Answer the picture in `target` with a joke, or say why not; without a caption it gets its album's."""
        user, chat, update_id = incoming.user, self._chats.of(target.chat.id), incoming.update_id
        whole = album if self._one_for_album else None
        limited = chat.daily is not None and not (whole and whole.let_in)
        # The delivery asks too; this saves a download.
        if limited and await self._quota.is_full(chat.chat_id, update_id):
            await self._delivery.reply_quota_used_up(chat, user, update_id, incoming.message.message_id)
            return
        try:
            if whole:
                await self._album_jokes.deliver(incoming, picture, caption, whole, unasked=unasked)
                return
            with self._limiter.acquire(user.id):
                photo = await self._intake.receive(picture, user.id)
                if album and caption is None:
                    caption = await self._albums.hint(album)
                request = self._delivery.request_for(
                    incoming, target.message_id, chat.chat_id, caption, unasked=unasked
                )
                if not await self._duels.deliver(request, photo):
                    await self._delivery.deliver(request, photo)
        except TooManyPending:
            if not unasked:
                self._overflow.set_aside(incoming.message)
        except (PhotoError, PhotoDownloadError) as error:
            log.info("update %d: no photo: %s", update_id, error)
            key, values = words_for(error, self._limits)
            if not unasked:
                await self._messenger.reply(incoming.message, key, **values)
