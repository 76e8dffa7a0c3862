"""Telling a joke about a stored photo: queue, engine, message, delivery. For a new photo and for 🔁 alike."""
import logging
from contextlib import suppress
from dataclasses import dataclass

from telegram import User
from telegram.error import Forbidden

from bot.bans import Banned
from bot.engine.queue import QueueFull
from bot.handlers.buttons import buttons
from bot.handlers.error_messages import error_text
from bot.handlers.live import Live
from bot.outgoing import Priority
from bot.parts import Parts
from bot.telegram.text import NO_PREVIEW, reply_to
from configs.errors import JokebotError
from storage.albums import AlbumPhoto, photos_of
from storage.jokes import add_delivery
from storage.photos import Photo

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """Who asks for a joke, with which update, and which message the joke answers.

    `style` is the one wished for; None leaves it to the chat. `unasked`: a photo that nobody called the bot for, so that there
    is nobody to tell why it gets no joke. `album_id`: the joke is the answer to that album and gets buttons for its photos.
    """

    update_id: int
    person: User
    chat_id: int
    message_id: int
    caption: str | None
    style: str | None = None
    unasked: bool = False
    album_id: int | None = None


async def tell(parts: Parts, asked: Asked, photo: Photo) -> None:
    """Get a joke and show it; or say kindly why there is none."""
    if not await parts.daily.take(asked.chat_id, asked.update_id):
        await say_full(parts, asked.chat_id, asked.message_id, asked.update_id, asked.person)
        return
    language, jokes_in = parts.language(asked.person), parts.joke_language(asked.person, asked.chat_id)
    async with Live(parts, asked.update_id, asked.chat_id, asked.message_id, language) as live:
        try:
            joke = await parts.joker.joke(photo, person_id=asked.person.id, language=jokes_in,
                                          style=parts.chats.style(asked.chat_id, jokes_in, asked.style),
                                          caption=asked.caption, chat_id=asked.chat_id, update_id=asked.update_id,
                                          on_place=None if asked.unasked else live.place, on_text=live.text)
        except Banned as error:
            log.info("update %d gets no joke: %s", asked.update_id, error)
            await parts.daily.give_back(asked.chat_id, asked.update_id)
            await live.drop()
            return
        except JokebotError as error:
            log.log(logging.INFO if isinstance(error, QueueFull) else logging.WARNING, "update %d gets no joke: %s", asked.update_id, error)
            await parts.daily.give_back(asked.chat_id, asked.update_id)
            await _say_why(parts, asked, live, error)
            return
        try:
            await live.end(joke.text, buttons(joke.id, album=await _album(parts, asked)),
                           lambda message_id: _delivered(parts, asked, joke.id, message_id))
        except Forbidden:
            log.info("joke %d can't be delivered: chat %d has shut the bot out", joke.id, asked.chat_id)
            return
    log.info("update %d: joke %d for photo %d, engine %.2f s", asked.update_id, joke.id, photo.id, joke.latency_s)


async def _album(parts: Parts, asked: Asked) -> list[AlbumPhoto]:
    return await photos_of(parts.database, asked.album_id) if asked.album_id else []


async def _delivered(parts: Parts, asked: Asked, joke_id: int, message_id: int) -> None:
    """An update whose delivery is known is done with at a restart. That of an album is not: photos that came meanwhile lack their buttons."""
    update_id = asked.update_id if asked.album_id is None else None
    await add_delivery(parts.database, joke_id, asked.chat_id, message_id, update_id, album_id=asked.album_id)


async def say_full(parts: Parts, chat_id: int, message_id: int, update_id: int, person: User | None) -> None:
    """Say that the chat has had all of today's jokes, to the first who asks for one more; silence for the rest of the day."""
    if not await parts.daily.is_news(chat_id, update_id):
        return
    text = parts.words.say(parts.chats.spoken(chat_id, person), "daily-full", jokes=parts.chats.of(chat_id).daily)
    with suppress(Forbidden):
        await parts.bot.send_message(chat_id, text, reply_parameters=reply_to(message_id), link_preview_options=NO_PREVIEW,
                                     rate_limit_args=Priority.FINAL)


async def _say_why(parts: Parts, asked: Asked, live: Live, error: JokebotError) -> None:
    """There is no joke: say why, or nothing where nobody asked and nothing is shown yet."""
    if asked.unasked and not live.begun:
        return
    await live.end(error_text(parts.words, parts.settings.limits, parts.language(asked.person), error))
