"""/best: what a chat laughed at most. /mine: one's own latest jokes, and what people thought of them."""
from telegram import Message, Update

from bot.handlers.reading import is_private
from bot.i18n.formatting import format_rating_counts
from bot.parts import Parts
from bot.telegram.text import truncate_for_telegram
from storage.best import LEAST_IN_GROUPS, Told, best_of_chat, latest_of_person

SHOWN = 5
JOKE_UNITS = 600
"""What is shown of a long joke, in UTF-16 code units: all of them fit into one message."""


async def best(parts: Parts, update: Update) -> None:
    """The best liked jokes of this chat and no other: jokes from elsewhere are other people's affair."""
    message = update.effective_message
    if message is None:
        return
    jokes = await best_of_chat(parts.database, message.chat.id, least=1 if is_private(message) else LEAST_IN_GROUPS, most=SHOWN)
    await _show(parts, message, "best", jokes)


async def mine(parts: Parts, update: Update) -> None:
    """In a group, only what was shown there: the rest is between the person and the bot."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    jokes = await latest_of_person(parts.database, person.id, chat_id=None if is_private(message) else message.chat.id, most=SHOWN)
    await _show(parts, message, "mine", jokes)


async def _show(parts: Parts, message: Message, name: str, jokes: list[Told]) -> None:
    if not jokes:
        await parts.messenger.reply(message, f"{name}-none")
        return
    lines = [parts.words.say(parts.language(message.from_user), f"{name}-title")]
    lines += [f"{place}. {truncate_for_telegram(joke.text, max_units=JOKE_UNITS)}\n{format_rating_counts(joke.counts)}".rstrip() for place, joke in enumerate(jokes, 1)]
    await parts.messenger.reply_text(message, "\n\n".join(lines))
