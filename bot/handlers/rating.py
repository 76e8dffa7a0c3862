"""😂 🙂 😐: one person has one verdict on a joke and can change it."""
from telegram import CallbackQuery, Update
from telegram.error import BadRequest

from bot.handlers.buttons import EMOJI, find_pressed, show_buttons
from bot.parts import Parts
from storage.ratings import rate, verdict


async def rating(parts: Parts, update: Update) -> None:
    """A verdict: the row first, then a word to the person, and the counts on the buttons."""
    query = update.callback_query
    if query is None:
        return
    language, pressed = parts.language(query.from_user), await find_pressed(parts, query)
    if pressed is None or pressed.value is None:
        await respond(query, parts.words.say(language, "button-unknown"), alert=True)
        return
    emoji, person_id = EMOJI[pressed.value], query.from_user.id
    if await verdict(parts.database, pressed.joke_id, person_id) == pressed.value:
        await respond(query, parts.words.say(language, "rated-same", emoji=emoji))
        return
    await rate(parts.database, pressed.joke_id, person_id, pressed.value, update.update_id)
    show_buttons(parts, query.message.chat.id, query.message.message_id, pressed.joke_id)
    await respond(query, parts.words.say(language, "rated", emoji=emoji))


async def unknown(parts: Parts, update: Update) -> None:
    """A button that none of ours sends."""
    query = update.callback_query
    if query:
        await respond(query, parts.words.say(parts.language(query.from_user), "button-unknown"), alert=True)


async def respond(query: CallbackQuery, text: str, *, alert: bool = False) -> None:
    """Answer a pressed button; after a long outage Telegram takes no answer any more, and nobody waits for it."""
    try:
        await query.answer(text, show_alert=alert)
    except BadRequest as error:
        if "too old" not in str(error).lower():
            raise
