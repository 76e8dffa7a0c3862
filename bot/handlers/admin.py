"""Commands for admins alone, and the question with a yes and a no that comes before what can't be taken back easily."""
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import (
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MaybeInaccessibleMessage,
    Message,
    Update,
    User,
)

from bot.handlers.reading import is_private
from bot.outgoing import Priority
from bot.parts import Parts
from bot.telegram.text import NO_PREVIEW, reply_to, truncate_for_telegram
from storage import news

DECIDED = re.compile(r"(?P<answer>yes|no):(?P<person>\d{1,18}):(?P<what>[a-z]{1,16}):(?P<number>\d{1,18})")
Handler = Callable[[Parts, Update], Awaitable[None]]


@dataclass(frozen=True)
class Decided:
    """A pressed yes or no: to what was asked (`what`, as "promote"), and about which model or run (`number`)."""

    yes: bool
    what: str
    number: int


def is_admin(parts: Parts, person: User | None) -> bool:
    return person is not None and person.id in parts.settings.telegram.admins


def for_admins(handler: Handler) -> Handler:
    """The handler, with a kind no for everybody else. Whoever is one has their language noted, for what comes unasked."""
    async def handle(parts: Parts, update: Update) -> None:
        message, person = update.effective_message, update.effective_user
        if message is None or person is None:
            return
        if not is_admin(parts, person):
            await parts.messenger.reply(message, "admins-only")
            return
        await news.note_language(parts.database, person.id, parts.language(person))
        await handler(parts, update)
    return handle


async def in_private(parts: Parts, update: Update, otherwise: str) -> Message | None:
    """The command's message, in a chat of the admin's own; None, with the words `otherwise`, in a group."""
    message = update.effective_message
    if message is None or is_private(message):
        return message
    await parts.messenger.reply(message, otherwise)
    return None


def words_after(message: Message) -> list[str]:
    """What stands after the command."""
    return (message.text or "").split()[1:]


async def ask(parts: Parts, message: Message, what: str, number: int, text: str) -> None:
    """Ask the sender of `message`; the buttons are named by the words `WHAT-yes` and `WHAT-no`."""
    person = message.from_user
    if person is None:
        return
    language = parts.language(person)
    row = [InlineKeyboardButton(parts.words.say(language, f"{what}-{answer}"), callback_data=f"{answer}:{person.id}:{what}:{number}")
           for answer in ("yes", "no")]
    await parts.bot.send_message(message.chat.id, text, reply_parameters=reply_to(message.message_id), link_preview_options=NO_PREVIEW,
                                 reply_markup=InlineKeyboardMarkup([row]), rate_limit_args=Priority.ANSWER)


async def decided(parts: Parts, query: CallbackQuery) -> Decided | None:
    """What the one who was asked decided; None, with a word to them, for anybody else, who may no longer be an admin either."""
    match, person = DECIDED.fullmatch(query.data or ""), query.from_user
    if match and int(match["person"]) == person.id and is_admin(parts, person):
        return Decided(match["answer"] == "yes", match["what"], int(match["number"]))
    await parts.messenger.answer_button(query, "not-your-button", alert=True)
    return None


async def pressed_by_admin(parts: Parts, query: CallbackQuery, pattern: re.Pattern[str],
                           message: type[MaybeInaccessibleMessage] = MaybeInaccessibleMessage) -> re.Match[str] | None:
    """What an admin pressed, in a chat of their own, as `pattern` reads it; None, with a word to them, for anything else.

    `message` is the kind that the button has to stand under: Message where an old one, which Telegram no longer shows, won't do.
    """
    match, person = pattern.fullmatch(query.data or ""), query.from_user
    if match and is_admin(parts, person) and isinstance(query.message, message) and query.message.chat.id == person.id:
        return match
    await parts.messenger.answer_button(query, "not-your-button", alert=True)
    return None


async def answer(parts: Parts, message: Message, text: str) -> None:
    """Say something that is put together already, as an answer to a message."""
    await parts.bot.send_message(message.chat.id, truncate_for_telegram(text), reply_parameters=reply_to(message.message_id),
                                 link_preview_options=NO_PREVIEW, rate_limit_args=Priority.ANSWER)
