"""/review: admins see, joke by joke, what a run would learn next, and keep or drop it."""
import asyncio
import contextlib
import logging
import re

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update

from bot.handlers.admin import in_private, pressed_by_admin
from bot.handlers.rating import respond
from bot.handlers.saying import fitting, say
from bot.loop import processes
from bot.outgoing import Priority, Shed
from bot.parts import Parts
from storage import review
from storage.learning.retrain_preview import PreviewError
from storage.photos import get_photo, photo_path
from storage.review import Waiting

log = logging.getLogger(__name__)

PRESSED = re.compile(r"v:(?P<answer>keep|drop):(?P<joke>\d{1,18})")
CAPTION_UNITS = 1024
"""Telegram's limit for a caption, in UTF-16 code units."""


async def show_review(parts: Parts, update: Update) -> None:
    """Look what would be learnt and show the best of it. In private alone: the photos are other people's."""
    message = await in_private(parts, update, "review-in-private")
    if message is None:
        return
    with contextlib.suppress(Shed):
        await parts.bot.send_chat_action(message.chat.id, "typing")
    try:
        found = await processes.look(parts.settings)
    except PreviewError as error:
        await say(parts, message, "retrain-cannot-look", why=str(error))
        return
    await review.line_up(parts.database, found.jokes)
    await show_next(parts, message.chat.id, parts.language(message.from_user))


async def review_pressed(parts: Parts, update: Update) -> None:
    """Keep or drop; the first word about a joke brings the next one, a later one only changes it."""
    query = update.callback_query
    if query is None:
        return
    person, language = query.from_user, parts.language(query.from_user)
    match = await pressed_by_admin(parts, query, PRESSED)
    if match is None:
        return
    joke_id, answer = int(match["joke"]), match["answer"]
    first = await review.decide(parts.database, joke_id, kept=answer == "keep", asked_by=person.id)
    if first is None:
        await respond(query, parts.words.say(language, "review-gone"), alert=True)
        return
    log.info("joke %d is reviewed: %s", joke_id, answer)
    await respond(query, parts.words.say(language, f"review-{answer}-done"))
    await parts.bot.edit_message_reply_markup(person.id, query.message.message_id, reply_markup=buttons(parts, language, joke_id, answer),
                                              rate_limit_args=Priority.FINAL)
    if first:
        await show_next(parts, person.id, language)


async def show_next(parts: Parts, chat_id: int, language: str) -> None:
    """The next joke with its photo, verdicts and buttons, or a word that there is none."""
    waiting = await review.next_waiting(parts.database)
    if waiting is None:
        await parts.bot.send_message(chat_id, parts.words.say(language, "review-none"), rate_limit_args=Priority.ANSWER)
        return
    text = parts.words.say(language, "review-joke", joke=waiting.text, model=waiting.model, funny=waiting.funny, somewhat=waiting.somewhat,
                           unfunny=waiting.unfunny, left=waiting.left)
    markup, data = buttons(parts, language, waiting.joke_id), await _picture(parts, waiting)
    if data is None:
        await parts.bot.send_message(chat_id, fitting(text), reply_markup=markup, rate_limit_args=Priority.ANSWER)
    else:
        await parts.bot.send_photo(chat_id, data, caption=fitting(text, most=CAPTION_UNITS), reply_markup=markup, rate_limit_args=Priority.ANSWER)


def buttons(parts: Parts, language: str, joke_id: int, chosen: str | None = None) -> InlineKeyboardMarkup:
    """Keep and drop; what was chosen is marked."""
    row = [InlineKeyboardButton(("✔️ " if answer == chosen else "") + parts.words.say(language, f"review-{answer}"),
                                callback_data=f"v:{answer}:{joke_id}") for answer in ("keep", "drop")]
    return InlineKeyboardMarkup([row])


async def _picture(parts: Parts, waiting: Waiting) -> bytes | None:
    """The photo's file; None where it is gone, which the joke is shown without."""
    photo = await get_photo(parts.database, waiting.photo_id)
    try:
        return await asyncio.to_thread(photo_path(parts.settings.storage.photos, photo).read_bytes) if photo else None
    except OSError as error:
        log.warning("the photo of joke %d can't be read: %s", waiting.joke_id, error)
        return None
