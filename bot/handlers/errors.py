"""What a person hears when something breaks on our side: never a traceback."""
import logging

from telegram import Update
from telegram.error import Forbidden, TelegramError

from bot.handlers.rating import respond
from bot.handlers.saying import say
from bot.outgoing import Shed
from bot.parts import Parts

log = logging.getLogger(__name__)


async def apologise(parts: Parts, update: Update, error: BaseException | None) -> bool:
    """Log a failure and apologise for it. False where it was none: nobody is there to talk to, or an unimportant call was dropped."""
    if isinstance(error, Shed | Forbidden):
        log.info("update %d: %r", update.update_id, error)
        return False
    log.error("update %d failed", update.update_id, exc_info=error)
    await _tell(parts, update, "defect", "button-failed")
    return True


async def give_up(parts: Parts, update: Update) -> None:
    """An update that was begun several times and never finished."""
    log.error("update %d is given up", update.update_id)
    await _tell(parts, update, "given-up", "button-failed")


async def _tell(parts: Parts, update: Update, words: str, button_words: str) -> None:
    try:
        if query := update.callback_query:
            await respond(query, parts.words.say(parts.language(query.from_user), button_words))
        elif update.effective_message:
            await say(parts, update.effective_message, words)
    except (TelegramError, Shed) as error:
        log.info("update %d: the apology did not arrive: %s", update.update_id, error)
