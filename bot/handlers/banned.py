"""What a banned person meets: one kind sentence a day, and otherwise silence. /forget is theirs as everybody's."""
from telegram import Update

from bot.handlers.rating import respond
from bot.handlers.reading import is_private
from bot.handlers.saying import say_text
from bot.loop.progress import day_and_time
from bot.parts import Parts


async def turned_away(parts: Parts, update: Update) -> bool:
    """Whether the update comes from somebody who is banned; then this is all that is done about it.

    A pressed button is always answered, with nothing where there is nothing to say, so that no app waits for it. Groups
    hear nothing: whom an admin has banned is nobody else's business.
    """
    person, query, message = update.effective_user, update.callback_query, update.effective_message
    if person is None or not parts.bans.holds(person.id):
        return False
    if query:
        due = await parts.bans.word_due(person.id)
        await respond(query, words_of(parts, update) if due else "", alert=due)
    elif message and is_private(message) and await parts.bans.word_due(person.id):
        await say_text(parts, message, words_of(parts, update))
    return True


def words_of(parts: Parts, update: Update) -> str:
    """The sentence, in the person's language."""
    person = update.effective_user
    ban = parts.bans.of(person.id) if person else None
    return parts.words.say(parts.language(person), "banned", until=day_and_time(ban.until) if ban and ban.until else "good")
