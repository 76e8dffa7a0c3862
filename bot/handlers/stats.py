"""/stats: a person's numbers and everybody's; admins get the picture as well, in light or dark."""
import logging
import re
from contextlib import suppress

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, Message, Update
from telegram.error import BadRequest

from bot import charts
from bot.drawing.draw import DrawingError, draw
from bot.handlers.admin import is_admin, pressed_by_admin
from bot.handlers.reading import is_private
from bot.outgoing import Priority, Shed
from bot.parts import Parts
from bot.telegram.text import is_unchanged, reply_to
from storage import news, stats

log = logging.getLogger(__name__)

PRESSED = re.compile(r"s:(?P<look>light|dark)")
BUTTONS = {"light": ("🌙", "s:dark"), "dark": ("☀️", "s:light")}
"""The button under a picture of each look, which brings the other one."""


async def show_stats(parts: Parts, update: Update) -> None:
    """Words for everybody; in a chat of their own, admins get them under the picture."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    text = await words_of(parts, person.id, parts.language(person))
    if not is_admin(parts, person) or not is_private(message):
        await parts.messenger.reply_text(message, text)
        return
    await news.note_language(parts.database, person.id, parts.language(person))
    with suppress(Shed):
        await parts.bot.send_chat_action(message.chat.id, "upload_photo", rate_limit_args=Priority.COSMETIC)
    picture = await picture_of(parts, parts.language(person), "light")
    if picture is None:
        await parts.messenger.reply_text(message, text)
        return
    await parts.bot.send_photo(message.chat.id, picture, caption=text, reply_parameters=reply_to(message.message_id),
                               reply_markup=button("light"), rate_limit_args=Priority.ANSWER)


async def stats_pressed(parts: Parts, update: Update) -> None:
    """The same in the other look, drawn anew, in the same message."""
    query = update.callback_query
    if query is None:
        return
    person, language = query.from_user, parts.language(query.from_user)
    match = await pressed_by_admin(parts, query, PRESSED, Message)
    if match is None:
        return
    await parts.messenger.answer_button(query)
    picture = await picture_of(parts, language, match["look"])
    if picture is None:
        return
    media = InputMediaPhoto(picture, caption=await words_of(parts, person.id, language))
    try:
        await parts.bot.edit_message_media(media, person.id, query.message.message_id, reply_markup=button(match["look"]),
                                           rate_limit_args=Priority.FINAL)
    except BadRequest as error:
        if not is_unchanged(error):
            raise


async def words_of(parts: Parts, person_id: int, language: str) -> str:
    """What somebody sent, was told and thought of it, and all people together."""
    mine, ours = await stats.of_person(parts.database, person_id), await stats.overall(parts.database)
    return parts.words.say(language, "stats", photos=mine.photos, jokes=mine.jokes, ratings=mine.ratings, liking=round(100 * mine.liking),
                           **{"all-photos": ours.photos, "all-jokes": ours.jokes, "all-ratings": ours.ratings, "all-liking": round(100 * ours.liking)})


async def picture_of(parts: Parts, language: str, look: str) -> bytes | None:
    """The picture, a PNG; None where it can't be drawn, which the log says why."""
    content = await charts.content(parts.database, parts.words, language, dark=look == "dark")
    try:
        return await draw("stats", content, parts.settings.storage.directory)
    except DrawingError as error:
        log.error("%s", error)
        return None


def button(look: str) -> InlineKeyboardMarkup:
    label, data = BUTTONS[look]
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=data)]])
