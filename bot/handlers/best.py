"""/best: what a chat laughed at most. /mine: one's own latest jokes, and what people thought of them."""
from telegram import Message, Update

from bot.handlers.buttons import EMOJI
from bot.handlers.reading import is_private
from bot.handlers.saying import fitting, say, say_text
from bot.parts import Parts
from storage.best import Told, best_of_chat, latest_of_person
from storage.ratings import Counts

SHOWN = 5
LEAST_IN_GROUPS = 2
"""One person's laugh doesn't make a joke the best of a group. In a private chat there is only one person to laugh."""
JOKE_UNITS = 600
"""What is shown of a long joke, in UTF-16 code units: all of them fit into one message."""


async def best(parts: Parts, update: Update) -> None:
    """The best liked jokes of this chat and no other: jokes from elsewhere are other people's affair."""
    message = update.effective_message
    if message is None:
        return
    jokes = await best_of_chat(parts.database, message.chat.id, minimum=1 if is_private(message) else LEAST_IN_GROUPS, limit=SHOWN)
    await _show(parts, message, "best", jokes)


async def mine(parts: Parts, update: Update) -> None:
    """In a group, only what was shown there: the rest is between the person and the bot."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    jokes = await latest_of_person(parts.database, person.id, chat_id=None if is_private(message) else message.chat.id, limit=SHOWN)
    await _show(parts, message, "mine", jokes)


async def _show(parts: Parts, message: Message, name: str, jokes: list[Told]) -> None:
    if not jokes:
        await say(parts, message, f"{name}-none")
        return
    lines = [parts.words.say(parts.language(message.from_user), f"{name}-title")]
    lines += [f"{place}. {fitting(joke.text, most=JOKE_UNITS)}\n{given(joke.counts)}".rstrip() for place, joke in enumerate(jokes, 1)]
    await say_text(parts, message, "\n\n".join(lines))


def given(counts: Counts) -> str:
    """"😂 2 · 😐 1": the verdicts that somebody gave; "" where nobody has."""
    each = zip(EMOJI.values(), (counts.funny, counts.somewhat, counts.unfunny), strict=True)
    return " · ".join(f"{emoji} {count}" for emoji, count in each if count)
