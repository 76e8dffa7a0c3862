"""What a person hears when something breaks on our side: never a traceback."""
import logging

from telegram import Update
from telegram.error import Forbidden, TelegramError

from bot.handlers.another import photo_message
from bot.handlers.error_messages import error_message_with_id
from bot.outgoing import Priority, Shed
from bot.parts import Parts
from bot.telegram.text import NO_PREVIEW, reply_to
from storage import inbox

log = logging.getLogger(__name__)


async def apologise(parts: Parts, update: Update, error: BaseException | None) -> bool:
    """Log a failure and apologise for it. False where it was none: nobody is there to talk to, or an unimportant call was dropped."""
    if isinstance(error, Shed | Forbidden):
        log.info("update %d: %r", update.update_id, error)
        return False
    log.error("update %d failed", update.update_id, exc_info=error)
    try:
        if query := update.callback_query:
            await parts.messenger.answer_button(query, "button-failed")
        elif update.effective_message:
            await parts.messenger.reply_text(update.effective_message, error_message_with_id(parts.words, parts.language(update.effective_user), "defect"))
    except (TelegramError, Shed) as failure:
        log.info("update %d: the apology did not arrive: %s", update.update_id, failure)
    return True


async def give_up(parts: Parts, update: Update) -> None:
    """Apologise for an update that was begun several times and never finished, where its answer was going to be."""
    log.error("update %d is given up", update.update_id)
    query, message = update.callback_query, update.effective_message
    try:
        if query:
            await parts.messenger.answer_button(query, "button-failed")
        if message and (query is None or (query.data or "").startswith(("a:", "n:"))):
            text = error_message_with_id(parts.words, parts.language(update.effective_user), "given-up")
            await _say_in_its_place(parts, update.update_id, message.chat.id, photo_message(message) if query else message.message_id, text)
    except (TelegramError, Shed) as error:
        log.info("update %d: the apology did not arrive: %s", update.update_id, error)


async def _say_in_its_place(parts: Parts, update_id: int, chat_id: int, reply_to_id: int, text: str) -> None:
    """In the message that was begun, so that no half joke stays; else in a new one."""
    begun = await inbox.begun(parts.database, update_id)
    if begun.message_id:
        await parts.bot.edit_message_text(text, chat_id, begun.message_id, rate_limit_args=Priority.ANSWER)
    else:
        sent = await parts.bot.send_message(chat_id, text, reply_parameters=reply_to(reply_to_id), link_preview_options=NO_PREVIEW,
                                            rate_limit_args=Priority.ANSWER)
        await inbox.show(parts.database, update_id, sent.message_id)
