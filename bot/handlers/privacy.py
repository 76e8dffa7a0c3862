"""/forget: a person's photos, jokes and ratings go for good, after they have said so twice."""
import logging

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update

from bot.outgoing import Priority
from bot.parts import Parts
from bot.telegram.text import reply_to
from storage.people import forget

log = logging.getLogger(__name__)


async def forget_me(parts: Parts, update: Update) -> None:
    """Ask first. In a group the buttons are for the one who asked."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    language = parts.language(person)
    row = [InlineKeyboardButton(parts.words.say(language, f"forget-{answer}"), callback_data=f"f:{person.id}:{answer}")
           for answer in ("yes", "no")]
    await parts.bot.send_message(message.chat.id, parts.words.say(language, "forget-ask"), reply_parameters=reply_to(message.message_id),
                                 reply_markup=InlineKeyboardMarkup([row]), rate_limit_args=Priority.ANSWER)


async def forget_pressed(parts: Parts, update: Update) -> None:
    """Yes or no. Telegram says who pressed, so nobody can have another person forgotten."""
    query = update.callback_query
    if query is None:
        return
    language, person = parts.language(query.from_user), query.from_user.id
    if query.data not in (f"f:{person}:yes", f"f:{person}:no"):
        await parts.messenger.answer_button(query, "forget-not-yours", alert=True)
        return
    if query.data == f"f:{person}:no":
        await parts.messenger.close_question(query, parts.words.say(language, "forget-kept"))
        return
    storage = parts.settings.storage
    await parts.names.forget(person)
    forgotten = await forget(parts.database, person, storage.photos, storage.datasets)
    parts.languages.forget(person)
    parts.chats.forget(person)
    log.info("a person was forgotten: %d photos, %d jokes, %d ratings", forgotten.photos, forgotten.jokes, forgotten.ratings)
    numbers = {"photos": forgotten.photos, "jokes": forgotten.jokes, "ratings": forgotten.ratings}
    await parts.messenger.close_question(query, parts.words.say(language, "forget-done" if any(numbers.values()) else "forget-nothing", **numbers))
