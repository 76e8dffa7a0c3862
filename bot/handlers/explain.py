"""/explain, or a reply that says just "explain": what is funny about one of the bot's jokes."""
import logging

from telegram import Message, Update
from telegram.error import Forbidden

from bot.bans import Banned
from bot.handlers.another import kept_photo
from bot.handlers.error_messages import error_text
from bot.handlers.live import Live
from bot.handlers.reading import answers_bot, hint_in
from bot.hands import HandsFull
from bot.parts import Parts
from configs.errors import JokebotError
from storage.jokes import Joke, get_delivery, get_joke
from storage.photos import Photo

log = logging.getLogger(__name__)


async def explain(parts: Parts, update: Update) -> None:
    """The command: it is a reply to the joke."""
    message = update.effective_message
    if message is not None and not await explain_replied(parts, update, message):
        await parts.messenger.reply(message, "explain-what")


def asks_why(parts: Parts, message: Message) -> bool:
    """Whether a message says nothing but "explain" to the bot, in any of the languages."""
    if not answers_bot(message, parts.bot):
        return False
    said = (hint_in(message, parts.bot) or "").strip(" .!?。！？…").casefold()
    words = (parts.words.say(language, "explain-words") for language in parts.words.languages)
    return said in {word.strip().casefold() for line in words for word in line.split(",")}


async def explain_replied(parts: Parts, update: Update, message: Message) -> bool:
    """Explain the joke that `message` replies to; False where that is none."""
    replied, person = message.reply_to_message, update.effective_user
    delivery = await get_delivery(parts.database, message.chat.id, replied.message_id) if replied else None
    joke = await get_joke(parts.database, delivery.joke_id) if delivery else None
    if joke is None or person is None:
        return False
    photo = await kept_photo(parts, joke.photo_id)
    if photo is None:
        await parts.messenger.reply(message, "photo-gone")
        return True
    try:
        with parts.hands.hold(person.id):
            await _answer(parts, update, message, joke, photo)
    except HandsFull:
        await parts.messenger.reply(message, "queue-mine", limit=parts.settings.limits.photos_waiting_per_person)
    return True


async def _answer(parts: Parts, update: Update, message: Message, joke: Joke, photo: Photo) -> None:
    person = message.from_user
    language = parts.language(person)
    async with Live(parts, update.update_id, message.chat.id, message.message_id, language) as live:
        try:
            text = await parts.joker.explain(joke, photo, person_id=person.id if person else 0, language=parts.joke_language(person, message.chat.id),
                                             on_place=live.place, on_text=live.text)
        except Banned:
            await live.drop()
            return
        except JokebotError as error:
            log.warning("update %d gets no explanation: %s", update.update_id, error)
            text = error_text(parts.words, parts.settings.limits, language, error)
        try:
            await live.end(text)
        except Forbidden:
            log.info("joke %d can't be explained: chat %d has shut the bot out", joke.id, message.chat.id)
