"""A photo, in any of its forms: fetched, checked, kept, answered with a joke."""
import asyncio
import logging
from dataclasses import replace

from telegram import Message, Update, User
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter

from bot.api import TelegramBot
from bot.handlers.albums import Album
from bot.handlers.duel import tell_both
from bot.handlers.error_messages import words_for
from bot.handlers.reading import Picture, answers_bot, calls_bot, hint_in, is_photo, is_private, picture_in
from bot.handlers.telling import Asked, say_full, tell
from bot.handlers.whole_album import tell_whole
from bot.hands import HandsFull
from bot.jokes.photo_intake import PhotoDownloadError
from bot.outgoing import seconds_of
from bot.parts import Parts
from bot.runtime.backoff import backoff
from bot.style_names import wished
from storage.albums import join_album
from storage.photos import CheckedPhoto, Photo, PhotoError, check_photo, keep_photo

log = logging.getLogger(__name__)

FETCH_TRIES = 7
"""With pauses of 0.5 s that double, half a minute in all."""


async def photo(parts: Parts, update: Update) -> None:
    """A message with a picture. In groups the bot answers it only when it, or another of its album, calls the bot or replies to it."""
    message = update.effective_message
    if message is None:
        return
    album = await parts.albums.join(update, message)
    meant = is_private(message) or calls_bot(message, parts.bot) or answers_bot(message, parts.bot)
    every = not meant and parts.chats.of(message.chat.id).answers == "photos" and is_photo(message)
    if meant or every or (album and await parts.albums.is_called(album)):
        await answer(parts, update, message, hint_in(message, parts.bot), album, unasked=every)


async def pointed_at(parts: Parts, update: Update) -> None:
    """A /joke command or a mention: the photo is in the message that it replies to."""
    message = update.effective_message
    if message is None:
        return
    target = message.reply_to_message
    if target is None or picture_in(target) is None:
        await parts.messenger.reply(message, "joke-about-what")
        return
    await answer(parts, update, target, hint_in(message, parts.bot) or hint_in(target, parts.bot) or parts.albums.known_hint(target))


async def answer(parts: Parts, update: Update, message: Message, caption: str | None, album: Album | None = None, *,
                 unasked: bool = False) -> None:
    """Answer the picture in `message` with a joke, or say what is wrong with it. Without a caption of its own it gets its album's."""
    picture, person, asking = picture_in(message), update.effective_user, update.effective_message
    if picture is None or person is None or asking is None:
        return
    whole = album if parts.settings.joke.album == "one" else None
    if not (whole and whole.let_in) and await parts.daily.is_full(message.chat.id, update.update_id):
        await say_full(parts, message.chat.id, asking.message_id, update.update_id, person)
        return
    try:
        asked = Asked(update.update_id, person, message.chat.id, message.message_id, caption, unasked=unasked)
        if whole:
            await _join(parts, asked, picture, whole, str(message.media_group_id))
            return
        with parts.hands.hold(person.id):
            stored = await get_photo(parts, picture, person)
            if album and caption is None:
                caption = await parts.albums.hint(album)
            style, caption = wished(parts.words, parts.prompts, caption)
            asked = replace(asked, style=style, caption=caption)
            if not await tell_both(parts, asked, stored):
                await tell(parts, asked, stored)
    except HandsFull:
        if not unasked:
            parts.asides.set_aside(asking)
    except (PhotoError, PhotoDownloadError) as error:
        name, values = words_for(error, parts.settings.limits)
        log.info("update %d: no photo: %s", update.update_id, error)
        if not unasked:
            await parts.messenger.reply(asking, name, **values)


async def _join(parts: Parts, asked: Asked, picture: Picture, album: Album, media_group_id: str) -> None:
    """A photo of an album that gets one joke: stored, and counted among its album's. Raises as `get_photo`, and HandsFull."""
    with album.one_hand(parts.hands, asked.person.id):
        with album.fetch(asked.update_id):
            stored = await get_photo(parts, picture, asked.person)
            joined = await join_album(parts.database, asked.chat_id, media_group_id, asked.update_id, asked.person.id,
                                      message_id=asked.message_id, photo_id=stored.id, caption=asked.caption)
        await tell_whole(parts, asked, album, joined)


async def get_photo(parts: Parts, picture: Picture, person: User) -> Photo:
    """Fetch, check and keep a picture. Raises PhotoError, PhotoDownloadError; nothing is kept of a picture that is refused."""
    limits = parts.settings.limits
    if (picture.bytes or 0) > limits.photo_bytes:
        raise PhotoError("too_many_bytes")
    async with parts.fetches:
        data = await fetch(parts.bot, picture)
        checked = await asyncio.get_running_loop().run_in_executor(parts.decoders, _check, data, limits.photo_bytes, limits.photo_pixels)
        await parts.moderator.check(checked)
        return await keep_photo(parts.database, parts.settings.storage.photos, checked, person.id)


def _check(data: bytes, max_bytes: int, max_pixels: int) -> CheckedPhoto:
    return check_photo(data, max_bytes=max_bytes, max_pixels=max_pixels)


async def fetch(bot: TelegramBot, picture: Picture) -> bytes:
    """The picture's bytes; a download that breaks off begins again. Raises PhotoError for what is too big, PhotoDownloadError."""
    pauses = backoff()
    for left in reversed(range(FETCH_TRIES)):
        try:
            file = await bot.get_file(picture.file_id)
            return await bot.download(str(file.file_path))
        except BadRequest as error:
            if "too big" in str(error).lower():
                raise PhotoError("too_many_bytes") from None
            raise PhotoDownloadError(f"Telegram does not give the file: {error}") from None
        except (NetworkError, InvalidToken, RetryAfter) as error:  # InvalidToken stands for any 404: an address that has expired
            log.info("a download broke off (%s), %d tries left", type(error).__name__, left)
            if left:
                await asyncio.sleep(seconds_of(error) if isinstance(error, RetryAfter) else next(pauses))
    raise PhotoDownloadError("The download broke off again and again.")
