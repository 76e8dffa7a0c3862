"""Telling a joke about a stored photo: queue, engine, message, delivery. For a new photo and for 🔁 alike."""
import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from telegram import User
from telegram.error import Forbidden

from bot.engine.queue import QueueFull
from bot.handlers.buttons import buttons
from bot.handlers.live import Live
from bot.handlers.saying import words_for
from bot.parts import Parts
from configs.errors import JokebotError
from storage.jokes import add_delivery
from storage.photos import Photo

log = logging.getLogger(__name__)


TURN_S = 2.0
"""Longest wait for another chat's message to get through."""


@dataclass(frozen=True)
class Asked:
    """Who asks for a joke, with which update, and which message the joke answers."""

    update_id: int
    person: User
    chat_id: int
    message_id: int
    caption: str | None


async def tell(parts: Parts, asked: Asked, photo: Photo, *, style: str | None = None) -> None:
    """Get a joke and show it; or say kindly why there is none. `style` None leaves the choice as it is for a new photo."""
    language = parts.language(asked.person)
    async with Live(parts, asked.update_id, asked.chat_id, asked.message_id, language) as live:
        try:
            joke = await parts.joker.joke(photo, person_id=asked.person.id, language=parts.joke_language(asked.person),
                                          style=style, caption=asked.caption, chat_id=asked.chat_id, update_id=asked.update_id,
                                          on_place=live.place, on_text=live.text)
        except JokebotError as error:
            name, values = words_for(error, parts.settings.limits)
            log.log(logging.INFO if isinstance(error, QueueFull) else logging.WARNING, "update %d gets no joke: %s", asked.update_id, error)
            await live.end(parts.words.say(language, name, **values))
            return
        try:
            async with _in_turn(parts, live.again):
                message_id = await live.end(joke.text, buttons(joke.id))
                await add_delivery(parts.database, joke.id, asked.chat_id, message_id, asked.update_id)
        except Forbidden:
            log.info("joke %d can't be delivered: chat %d has shut the bot out", joke.id, asked.chat_id)
            return
    log.info("update %d: joke %d for photo %d, engine %.2f s", asked.update_id, joke.id, photo.id, joke.latency_s)


@asynccontextmanager
async def _in_turn(parts: Parts, again: bool) -> AsyncIterator[None]:
    """After a restart many jokes are ready at once. Shown one by one, at most one of them is shown twice after a next kill."""
    held = False
    if again:
        with suppress(TimeoutError):
            async with asyncio.timeout(TURN_S):
                held = await parts.turn.acquire()
    try:
        yield
    finally:
        if held:
            parts.turn.release()
