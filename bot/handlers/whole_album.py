"""One joke for a whole album: about its first photo, with buttons 1 … N for a joke about another.

One update owes the answer, the first whose photo is stored; the others add theirs to the album's row and are done. So nobody waits
for anybody, and whatever a kill cuts off goes on: the answer as that update's, a late photo's button as that photo's.
"""
import logging
import re
from dataclasses import replace

from telegram import CallbackQuery, Update

from bot.handlers.albums import Album
from bot.handlers.another import tell_about
from bot.handlers.telling import Asked, tell
from bot.parts import Parts
from bot.style_names import wished
from storage import albums, inbox
from storage.albums import AlbumPhoto
from storage.jokes import get_delivery, get_joke, styles_told
from storage.photos import Photo, get_photo

log = logging.getLogger(__name__)

PRESSED = re.compile(r"n:(?P<photo>\d{1,18})")


async def tell_whole(parts: Parts, asked: Asked, album: Album, joined: albums.Album) -> None:
    """Answer an album with one joke, if that is this update's to do; else see that its joke has a button for the photo that has come."""
    if joined.message_id is None and joined.update_id == asked.update_id:
        await parts.albums.settled(album)
        shown = await _tell_first(parts, asked, album, joined.id)
        if len(await albums.photos_of(parts.database, joined.id)) == shown:
            return
    await _show_all(parts, joined.id)


async def number_pressed(parts: Parts, update: Update) -> None:
    """A joke about another photo of the album; a further one, in another style, where it has had one already."""
    query = update.callback_query
    if query is None:
        return
    found = await _find(parts, query)
    if found is None:
        await parts.messenger.answer_button(query, "button-unknown", alert=True)
        return
    pressed, caption = found
    await tell_about(parts, update, query, pressed.photo_id, lambda photo: _tell_number(parts, update, query, pressed, photo, caption))


async def _tell_first(parts: Parts, asked: Asked, album: Album, album_id: int) -> int:
    """The album's joke, under its first photo; returns how many photos there were by then."""
    photos = await albums.photos_of(parts.database, album_id)
    # A joke that was made before a kill decides which photo it is, whatever has joined since.
    made = await get_joke(parts.database, (await inbox.begun(parts.database, asked.update_id)).joke_id or 0)
    first = next((one for one in photos if made and one.photo_id == made.photo_id), photos[0] if photos else None)
    photo = await get_photo(parts.database, first.photo_id) if first else None
    if first is None or photo is None:
        log.info("update %d: the album's photos are gone", asked.update_id)
        return len(photos)
    style, caption = wished(parts.words, parts.prompts, first.caption or album.hint)
    unasked = asked.unasked and not album.called.is_set()
    await tell(parts, replace(asked, message_id=first.message_id, caption=caption, style=style, unasked=unasked, album_id=album_id), photo)
    return len(photos)


async def _show_all(parts: Parts, album_id: int) -> None:
    """Bring the buttons of an album's joke up to its photos; nothing where the joke is still to come."""
    album = await albums.get_album(parts.database, album_id)
    delivery = await get_delivery(parts.database, album.chat_id, album.message_id) if album and album.message_id else None
    if delivery:
        parts.keyboards.refresh(delivery.chat_id, delivery.message_id, delivery.joke_id)
        await parts.latest.settled((delivery.chat_id, delivery.message_id))


async def _tell_number(parts: Parts, update: Update, query: CallbackQuery, pressed: AlbumPhoto, photo: Photo, caption: str | None) -> None:
    person, chat_id = query.from_user, query.message.chat.id
    language, jokes_in = parts.language(person), parts.joke_language(person, chat_id)
    wish, caption = wished(parts.words, parts.prompts, caption)
    first = parts.chats.style(chat_id, jokes_in, wish) or parts.settings.joke.style or parts.prompts.language(jokes_in).default
    heard = bool(await styles_told(parts.database, photo.id, chat_id, jokes_in))
    await parts.messenger.answer_button(query, "another-coming") if heard else parts.words.say(language, "number-coming", number=pressed.number)
    async with parts.styles.another(jokes_in, chat_id, photo.id, first=first) as style:
        await tell(parts, Asked(update.update_id, person, chat_id, pressed.message_id, caption, style), photo)


async def _find(parts: Parts, query: CallbackQuery) -> tuple[AlbumPhoto, str | None] | None:
    """The photo that was asked for, and the caption for it; None unless the button is under its own album's joke.

    A message that was sent just before a crash is not noted as the album's: what Telegram's server says of it proves that it is ours.
    """
    match, message = PRESSED.fullmatch(query.data or ""), query.message
    found = await albums.find_photo(parts.database, int(match["photo"])) if match else None
    if found is None or message is None or message.chat.id != found[0].chat_id:
        return None
    album, photos = found
    if message.message_id != album.message_id:
        markup = getattr(message, "reply_markup", None)
        shown = {button.callback_data for row in markup.inline_keyboard for button in row} if markup else set()
        if not getattr(message, "from_user", None) or message.from_user.id != parts.bot.id or query.data not in shown:
            return None
    pressed = next(photo for photo in photos if photo.id == int(match["photo"]))
    return pressed, pressed.caption or next((photo.caption for photo in photos if photo.caption), None)
