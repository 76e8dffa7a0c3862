"""The button 🔁: another joke about the same photo, in another style, in a message of its own."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.daily_quota import DailyQuota
from bot.handlers.callback_data import AnotherJokeButton
from bot.handlers.joke_delivery import JokeDelivery, JokeRequest, daily_full_key
from bot.handlers.keyboards import JokeKeyboards
from bot.handlers.routes import ButtonPress, Route, button
from bot.jokes.photo_intake import PhotoIntake
from bot.jokes.styles import StyleRotation
from bot.jokes.user_limiter import TooManyPending, UserLimiter
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import quoted_message_id
from bot.telegram.write_access import WriteAccess
from storage.chat.jokes import get_joke
from storage.database import Database
from storage.media.photos import Photo


class StoredPhotoAccess:
    """Checks whether a joke about a stored photo may be made for a button press."""

    def __init__(
        self,
        messenger: Messenger,
        quota: DailyQuota,
        limiter: UserLimiter,
        intake: PhotoIntake,
        access: WriteAccess,
    ) -> None:
        self._messenger, self._quota = messenger, quota
        self._limiter, self._intake, self._access = limiter, intake, access

    async def with_stored_photo(
        self, press: ButtonPress[Any], photo_id: int, handle: Callable[[Photo], Awaitable[None]]
    ) -> None:
        """Call `handle` with the photo, or answer that it is gone or that a limit of chat or user is reached.

        Only answer the press where the bot may not write.
        """
        if self._access.is_refused(press.message.chat.id):
            await self._messenger.answer_button(press.query)
            return
        photo = await self._intake.find_stored(photo_id)
        if photo is None:
            await self._messenger.reject_button(press.query, "photo-gone")
            return
        chat_id = press.message.chat.id
        if await self._quota.is_full(chat_id, press.update_id):
            jokes = self._quota.limit(chat_id) or 0
            await self._messenger.answer_button(press.query, daily_full_key(chat_id), alert=True, jokes=jokes)
            return
        try:
            with self._limiter.acquire(press.user.id):
                await handle(photo)
        except TooManyPending:
            await self._messenger.answer_button(press.query, "queue-mine", alert=True, limit=self._limiter.limit)


class AnotherJokeHandlers:
    """Handles presses of 🔁."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        keyboards: JokeKeyboards,
        chats: ChatSettingsStore,
        styles: StyleRotation,
        photos: StoredPhotoAccess,
        delivery: JokeDelivery,
    ) -> None:
        self._messenger, self._database, self._keyboards = messenger, database, keyboards
        self._chats, self._styles, self._photos, self._delivery = chats, styles, photos, delivery

    def routes(self) -> list[Route]:
        return [button(AnotherJokeButton, self.on_another_joke)]

    async def on_another_joke(self, press: ButtonPress[AnotherJokeButton]) -> None:
        """Answer the press at once, then deliver the joke."""
        joke_id, chat_id = press.data.joke_id, press.message.chat.id
        joke = await get_joke(self._database, joke_id) if await self._keyboards.is_joke_button(press, joke_id) else None
        if joke is None:
            await self._messenger.reject_button(press.query)
            return

        async def deliver(photo: Photo) -> None:
            await self._messenger.answer_button(press.query, "another-coming")
            chat, language, _ = self._chats.joke_options(chat_id, press.user)
            async with self._styles.another(language, chat_id, photo.id, pressed=joke.style) as style:
                request = JokeRequest(
                    press.update_id,
                    press.user,
                    chat,
                    quoted_message_id(press.message),
                    language,
                    joke.caption,
                    style,
                    resume=press.resume,
                )
                await self._delivery.deliver(request, photo)

        await self._photos.with_stored_photo(press, joke.photo_id, deliver)
