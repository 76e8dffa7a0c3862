"""Short answers, and the words for everything that can go wrong."""
import logging
from typing import TYPE_CHECKING, Any

from telegram import LinkPreviewOptions, Message, ReplyParameters
from telegram.error import Forbidden

from bot.engine.client import EngineError
from bot.engine.queue import QueueFull
from bot.hands import HandsFull
from bot.joker import JokeBlocked, PhotoMissing
from bot.outgoing import Priority, Shed
from configs.errors import JokebotError
from configs.log_lines import REQUEST
from configs.settings import Limits
from storage.photos import PhotoError

if TYPE_CHECKING:
    from bot.parts import Parts

log = logging.getLogger(__name__)

TEXT_UNITS = 4096
"""Telegram's limit for a message, in UTF-16 code units."""
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class PhotoLost(JokebotError):
    """Telegram would not hand out a photo's file."""


async def say(parts: "Parts", message: Message, name: str, **values: Any) -> None:
    """Answer a message in its sender's language, quoting it. Does nothing where the bot was shut out or the chat is flooded."""
    await say_text(parts, message, parts.words.say(parts.language(message.from_user), name, **values))


async def say_text(parts: "Parts", message: Message, text: str) -> None:
    """The same with a text that is put together already."""
    try:
        await parts.bot.send_message(message.chat.id, fitting(text), reply_parameters=reply_to(message.message_id),
                                     link_preview_options=NO_PREVIEW, rate_limit_args=Priority.ANSWER)
    except (Shed, Forbidden) as error:
        log.info("an answer to chat %d was dropped: %r", message.chat.id, error)


def reply_to(message_id: int) -> ReplyParameters:
    """Quote that message, if it is still there."""
    return ReplyParameters(message_id, allow_sending_without_reply=True)


def words_for(error: JokebotError, limits: Limits) -> tuple[str, dict[str, Any]]:
    """The message, and what to fill into it, for an error that a person meets."""
    match error:
        case PhotoError():
            return f"photo-{error.reason}", {"megabytes": limits.photo_bytes // 1_000_000, "megapixels": limits.photo_pixels // 1_000_000}
        case EngineError():
            return f"engine-{error.kind}", {}
        case HandsFull():
            return "queue-mine", {"limit": limits.photos_waiting_per_person}
        case QueueFull():
            return ("queue-mine", {"limit": limits.photos_waiting_per_person}) if error.mine else ("queue-full", {})
        case PhotoLost():
            return "photo-lost", {}
        case PhotoMissing():
            return "photo-gone", {}
        case JokeBlocked():
            return "joke-blocked", {}
        case _:
            return "defect", {}


def apology(parts: "Parts", language: str, name: str) -> str:
    """A message about a failure of ours, with the id under which the log has it; a person can pass it on to an admin."""
    said, number = parts.words.say(language, name), REQUEST.get()
    return f"{said}\n\n{parts.words.say(language, 'apology-number', id=number)}" if number else said


def no_joke(parts: "Parts", language: str, error: JokebotError) -> str:
    """What is said in place of a joke."""
    name, values = words_for(error, parts.settings.limits)
    return apology(parts, language, name) if name == "defect" else parts.words.say(language, name, **values)


def fitting(text: str, ending: str = "…", *, most: int = TEXT_UNITS) -> str:
    """The text, cut where Telegram would refuse it as too long (`most` UTF-16 units); never between the halves of a character."""
    if len(text) * 2 <= most or len(text.encode("utf-16-le")) // 2 <= most:
        return text
    room = 2 * (most - len(ending))
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + ending
