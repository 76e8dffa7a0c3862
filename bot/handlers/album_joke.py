"""One joke for a whole album: about its first photo, with buttons 1 … N for jokes about the others.

The first update whose photo is stored delivers the joke; the others add their photos to the album's row and end. So no
update waits for another, and after a kill each update resumes its own work: the joke, or the button of a late photo.
"""

import logging
from dataclasses import replace

from bot.handlers.another_joke import StoredPhotoAccess
from bot.handlers.callback_data import AlbumPhotoButton
from bot.handlers.joke_delivery import JokeDelivery
from bot.handlers.keyboards import JokeKeyboards, is_own_button
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button
from bot.jokes.album_tracker import AlbumState, AlbumTracker
from bot.jokes.photo_intake import PhotoIntake
from bot.jokes.styles import StyleRotation
from bot.jokes.user_limiter import UserLimiter
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import IncomingImage
from storage.chat import albums
from storage.chat.albums import AlbumPhoto
from storage.chat.jokes import get_delivery, get_joke, list_shown_styles
from storage.database import Database
from storage.media.photos import Photo, get_photo

log = logging.getLogger(__name__)


class AlbumJokeHandlers:
    """Delivers one joke for an album, and handles presses of the photo numbers under it."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        keyboards: JokeKeyboards,
        tracker: AlbumTracker,
        limiter: UserLimiter,
        intake: PhotoIntake,
        styles: StyleRotation,
        photos: StoredPhotoAccess,
        delivery: JokeDelivery,
    ) -> None:
        self._messenger, self._database, self._keyboards = messenger, database, keyboards
        self._albums, self._limiter, self._intake = tracker, limiter, intake
        self._styles, self._photos, self._delivery = styles, photos, delivery

    def routes(self) -> list[Route]:
        return [button(AlbumPhotoButton, self.on_photo_number)]

    async def deliver(
        self,
        incoming: IncomingMessage,
        picture: IncomingImage,
        caption: str | None,
        album: AlbumState,
        *,
        unasked: bool,
    ) -> None:
        """Store a photo of an album, and deliver the album's joke if this update is the first of them.

        Raises TooManyPending, and as PhotoIntake.receive does.
        """
        message, user_id = incoming.message, incoming.user.id
        with album.hold_token(self._limiter, user_id):
            with album.mark_downloading(incoming.update_id):
                stored = await self._intake.receive(picture, user_id, incoming.update)
                joined = await albums.join_album(
                    self._database,
                    message.chat.id,
                    str(message.media_group_id),
                    incoming.update_id,
                    user_id,
                    message_id=message.message_id,
                    photo_id=stored.id,
                    caption=caption,
                )
            if joined.message_id is None and joined.update_id == incoming.update_id:
                await self._albums.wait_complete(album)
                photo_count = await self._deliver_first(incoming, album, joined.id, unasked=unasked)
                if len(await albums.list_album_photos(self._database, joined.id)) == photo_count:
                    return
            await self._refresh_buttons(joined.id)

    async def on_photo_number(self, press: ButtonPress[AlbumPhotoButton]) -> None:
        """Deliver a joke about that photo, in another style where the chat has had one about it."""
        found = await self._find(press)
        if found is None:
            await self._messenger.reject_button(press.query)
            return
        chosen, caption = found
        await self._photos.with_stored_photo(
            press, chosen.photo_id, lambda photo: self._deliver_for_photo(press, chosen, photo, caption)
        )

    async def _deliver_first(
        self, incoming: IncomingMessage, album: AlbumState, album_id: int, *, unasked: bool
    ) -> int:
        """Deliver the album's joke as a reply to its first photo; returns how many photos the album had then."""
        photos = await albums.list_album_photos(self._database, album_id)
        # A joke made before a kill decides about which photo the album's joke is, even if others have joined since.
        joke_id = incoming.resume.joke_id if incoming.resume else None
        earlier_joke = await get_joke(self._database, joke_id) if joke_id else None
        matches = [entry for entry in photos if earlier_joke and entry.photo_id == earlier_joke.photo_id]
        first = next(iter(matches or photos), None)
        photo = await get_photo(self._database, first.photo_id) if first else None
        if first is None or photo is None:
            log.info("update %d: the album's photos are gone", incoming.update_id)
            return len(photos)
        request = self._delivery.request_for(
            incoming,
            first.message_id,
            incoming.message.chat.id,
            first.caption or album.hint,
            unasked=unasked and not album.called.is_set(),
            album_id=album_id,
        )
        await self._delivery.deliver(request, photo)
        return len(photos)

    async def _refresh_buttons(self, album_id: int) -> None:
        """Update the photo buttons under an album's joke; does nothing where the joke isn't delivered yet."""
        album = await albums.get_album(self._database, album_id)
        if album is None or album.message_id is None:
            return
        if delivery := await get_delivery(self._database, album.chat_id, album.message_id):
            self._keyboards.refresh(delivery.chat_id, delivery.message_id, delivery.joke_id)
            await self._keyboards.wait_refreshed(delivery.chat_id, delivery.message_id)

    async def _deliver_for_photo(
        self, press: ButtonPress[AlbumPhotoButton], chosen: AlbumPhoto, photo: Photo, caption: str | None
    ) -> None:
        chat_id = press.message.chat.id
        request = self._delivery.request_for(press, chosen.message_id, chat_id, caption)
        if await list_shown_styles(self._database, photo.id, chat_id, request.language):
            await self._messenger.answer_button(press.query, "another-coming")
        else:
            await self._messenger.answer_button(press.query, "number-coming", number=chosen.number)
        first = request.style or self._delivery.default_style(request.language)
        async with self._styles.another(request.language, chat_id, photo.id, first=first) as style:
            await self._delivery.deliver(replace(request, style=style), photo)

    async def _find(self, press: ButtonPress[AlbumPhotoButton]) -> tuple[AlbumPhoto, str | None] | None:
        """The photo of the button, and a caption for it; None unless the button is under its own album's joke.

        A message that was sent just before a crash may not be recorded as the album's; then `is_own_button` decides.
        """
        found = await albums.get_album_of_photo(self._database, press.data.album_photo_id)
        if found is None or press.message.chat.id != found[0].chat_id:
            return None
        album, photos = found
        if press.message.message_id != album.message_id and not is_own_button(press.query):
            return None
        chosen = next(photo for photo in photos if photo.id == press.data.album_photo_id)
        return chosen, chosen.caption or next((photo.caption for photo in photos if photo.caption), None)
