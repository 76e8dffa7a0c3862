"""/language: what the bot speaks with a person, and what language their jokes are in."""
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update

from bot.outgoing import Priority
from bot.parts import Parts
from bot.telegram.text import reply_to

AS_APP = "app"


async def language(parts: Parts, update: Update) -> None:
    """Offer all languages, each by its own name, and the app's. In a group the buttons are for the one who asked."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    words, spoken, chosen = parts.words, parts.language(person), parts.languages.chosen(person.id)
    names = {**{one: words.say(one, "language-name") for one in words.languages}, AS_APP: words.say(spoken, "language-app")}
    rows = [[InlineKeyboardButton(f"✓ {name}" if code == (chosen or AS_APP) else name, callback_data=f"l:{person.id}:{code}")]
            for code, name in names.items()]
    await parts.bot.send_message(message.chat.id, words.say(spoken, "language-ask"), reply_parameters=reply_to(message.message_id),
                                 reply_markup=InlineKeyboardMarkup(rows), rate_limit_args=Priority.ANSWER)


async def language_pressed(parts: Parts, update: Update) -> None:
    """Keep the choice, and say so in the language that was chosen. Telegram says who pressed."""
    query = update.callback_query
    if query is None:
        return
    person, choices = query.from_user, (*parts.words.languages, AS_APP)
    choice = next((code for code in choices if query.data == f"l:{person.id}:{code}"), None)
    if choice is None:
        await parts.messenger.answer_button(query, "not-your-button", alert=True)
        return
    await parts.languages.choose(parts.database, person.id, None if choice == AS_APP else choice)
    await parts.messenger.close_question(
        query, parts.words.say(parts.language(person), "language-as-app" if choice == AS_APP else "language-chosen"))
