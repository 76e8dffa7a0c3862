"""/settings and /style: what a chat can set, in one message that the buttons change in place.

In a group its administrators may change it, anonymous ones too, or everybody where they have set that. Telegram says in which
chat and by whom a button was pressed; whether that person may is asked anew each time.
"""
import re

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update, User
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest

from bot.handlers.reading import is_private
from bot.handlers.settings_pages import CLOSE, MAIN, Place, choose, is_offered, main_page, page_of, summary
from bot.outgoing import Priority
from bot.parts import Parts
from bot.telegram.text import NO_PREVIEW, reply_to

PRESSED = re.compile(r"c:(?P<page>[a-z]{1,16})(?::(?P<value>[\w-]{1,32}))?")
ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)


async def settings(parts: Parts, update: Update) -> None:
    """Show what is set, with buttons for those who may change it."""
    await _open(parts, update, MAIN)


async def style(parts: Parts, update: Update) -> None:
    """The same, opened at the page of styles."""
    await _open(parts, update, "style")


async def settings_pressed(parts: Parts, update: Update) -> None:
    """Turn a page, or keep a choice; then the message shows what holds now."""
    query = update.callback_query
    if query is None:
        return
    person, message = query.from_user, query.message
    match = PRESSED.fullmatch(query.data or "")
    if match is None or message is None or not _is_ours(parts, message):
        await parts.messenger.answer_button(query, "button-unknown", alert=True)
        return
    place, page, value = Place(message.chat.id, person, is_private(message)), match["page"], match["value"]
    if not is_offered(parts, place, page, value):
        await parts.messenger.answer_button(query, "button-unknown", alert=True)
        return
    if not await _may(parts, message, person, page if value else None):
        await parts.messenger.answer_button(query, "settings-admins-only", alert=True)
        return
    if value is not None:
        await choose(parts, place, page, value)
    await parts.messenger.answer_button(query, "settings-saved" if value is not None else "")
    _show(parts, query, place, page)


async def moved(parts: Parts, update: Update) -> None:
    """A group became a supergroup: Telegram says so in both, in either order."""
    message = update.effective_message
    if message is None:
        return
    if message.migrate_to_chat_id:
        await parts.chats.move(message.chat.id, message.migrate_to_chat_id)
    elif message.migrate_from_chat_id:
        await parts.chats.move(message.migrate_from_chat_id, message.chat.id)


async def _open(parts: Parts, update: Update, page: str) -> None:
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    place, markup = Place(message.chat.id, person, is_private(message)), None
    if await _may(parts, message, person):
        text, markup = main_page(parts, place) if page == MAIN else page_of(parts, place, page)
    else:
        name = "settings-look" if page == MAIN else "settings-look-style"
        text = f"{summary(parts, place)}\n\n{parts.words.say(parts.language(person), name)}"
    await parts.bot.send_message(message.chat.id, text, reply_parameters=reply_to(message.message_id), link_preview_options=NO_PREVIEW,
                                 reply_markup=markup, rate_limit_args=Priority.ANSWER)


def _show(parts: Parts, query: CallbackQuery, place: Place, page: str) -> None:
    """Bring the message up to date, soon; of several presses the last is shown."""
    message = query.message

    async def edit() -> None:
        text, markup = await _shown(parts, place, page)
        await parts.bot.edit_message_text(text, place.chat_id, message.message_id, reply_markup=markup, link_preview_options=NO_PREVIEW,
                                          rate_limit_args=Priority.FINAL)
    parts.latest.put(("settings", place.chat_id, message.message_id), edit)


async def _shown(parts: Parts, place: Place, page: str) -> tuple[str, InlineKeyboardMarkup | None]:
    if page == CLOSE:
        return summary(parts, place), None
    if page == MAIN:
        return main_page(parts, place)
    blind = page == "answers" and parts.chats.of(place.chat_id).answers == "photos" and not await _sees_all(parts, place.chat_id)
    return page_of(parts, place, page, parts.words.say(parts.language(place.person), "settings-blind") if blind else "")


def _is_ours(parts: Parts, message: object) -> bool:
    """Whether it is a message of /settings, by what Telegram's server says of it; a modified client can name any message."""
    sender, markup = getattr(message, "from_user", None), getattr(message, "reply_markup", None)
    shown = (button.callback_data or "" for row in markup.inline_keyboard for button in row) if markup else ()
    return bool(sender and sender.id == parts.bot.id and any(data.startswith("c:") for data in shown))


async def _may(parts: Parts, message: Message, person: User, changed: str | None = None) -> bool:
    """Whether a person may change settings in the message's chat. Who may, none but administrators decide."""
    if is_private(message):
        return message.chat.id == person.id
    if message.chat.type not in GROUPS:
        return False
    if parts.chats.of(message.chat.id).changers == "all" and changed != "changers":
        return True
    speaks_for = getattr(message, "sender_chat", None)
    if speaks_for and speaks_for.id == message.chat.id and message.from_user == person:
        return True  # An administrator who is anonymous sends messages in the group's name. Buttons are pressed in one's own.
    return await is_administrator(parts, message.chat.id, person.id)


async def is_administrator(parts: Parts, chat_id: int, person_id: int) -> bool:
    """Whether somebody is an administrator of a group. Raises TelegramError where Telegram doesn't say."""
    try:
        return (await parts.bot.get_chat_member(chat_id, person_id)).status in ADMINS
    except BadRequest:  # where members are hidden from bots, administrators are not
        return any(one.user.id == person_id for one in await parts.bot.get_chat_administrators(chat_id))


async def _sees_all(parts: Parts, chat_id: int) -> bool:
    """Whether Telegram shows the bot every message in a group: with group privacy off, or as an administrator
    (https://core.telegram.org/bots/features#privacy-mode)."""
    return bool(parts.bot.bot.can_read_all_group_messages) or await is_administrator(parts, chat_id, parts.bot.id)
