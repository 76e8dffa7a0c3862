"""/users shows who is here; /ban and /unban put somebody out and let them in again."""
import logging
import re
import time
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import MessageEntityType
from telegram.error import BadRequest, TelegramError

from bot.handlers.admin import in_private, pressed_by_admin
from bot.handlers.rating import respond
from bot.handlers.saying import NO_PREVIEW, fitting, reply_to, say
from bot.latest import is_unchanged
from bot.loop.progress import day_and_time
from bot.names import plain
from bot.outgoing import Priority, Shed
from bot.parts import Parts
from storage import crowd, news
from storage.crowd import Active, Named

log = logging.getLogger(__name__)

PRESSED = re.compile(r"u:(?P<page>\d{1,6})")
A_PAGE = 8
UNITS_S = {"m": 60, "分钟": 60, "h": 3600, "小时": 3600, "d": 86400, "天": 86400, "w": 7 * 86400, "周": 7 * 86400}
SPAN = re.compile(rf"(?P<count>\d{{1,4}})(?P<unit>{'|'.join(UNITS_S)})", re.IGNORECASE)
REASON = 200
"""Longest reason that is kept, characters."""


@dataclass(frozen=True)
class Target:
    """Whom a command is about, and the words after that."""

    person: Named
    words: list[str]


async def show_users(parts: Parts, update: Update) -> None:
    """The first page. In private alone: these are people's names."""
    message = await in_private(parts, update, "users-in-private")
    if message is None:
        return
    text, markup = await page_of(parts, parts.language(message.from_user), 1)
    await parts.bot.send_message(message.chat.id, text, reply_parameters=reply_to(message.message_id), link_preview_options=NO_PREVIEW,
                                 reply_markup=markup, rate_limit_args=Priority.ANSWER)


async def users_pressed(parts: Parts, update: Update) -> None:
    """Another page, in the same message."""
    query = update.callback_query
    if query is None:
        return
    person, language = query.from_user, parts.language(query.from_user)
    match = await pressed_by_admin(parts, query, PRESSED)
    if match is None:
        return
    await respond(query, "")
    text, markup = await page_of(parts, language, int(match["page"]))
    try:
        await parts.bot.edit_message_text(text, person.id, query.message.message_id, reply_markup=markup, link_preview_options=NO_PREVIEW,
                                          rate_limit_args=Priority.FINAL)
    except BadRequest as error:
        if not is_unchanged(error):
            raise


async def page_of(parts: Parts, language: str, page: int) -> tuple[str, InlineKeyboardMarkup | None]:
    """A page's text and buttons; a page that is no longer there is the last one."""
    await parts.names.write()
    async with parts.database.separate_reader() as database:
        count = await crowd.people(database)
        pages = max(1, -(-count // A_PAGE))
        page = min(max(1, page), pages)
        shown = await crowd.most_active(database, A_PAGE, (page - 1) * A_PAGE)
    if not shown:
        return parts.words.say(language, "users-none"), None
    lines = [parts.words.say(language, "users-title", people=count)]
    lines += [f"\n{place}. {line_of(parts, language, one)}" for place, one in enumerate(shown, (page - 1) * A_PAGE + 1)]
    row = [InlineKeyboardButton(label, callback_data=f"u:{number}")
           for label, number in (("◀️", page - 1), (f"{page} / {pages}", page), ("▶️", page + 1)) if 1 <= number <= pages]
    return fitting("\n".join(lines)), InlineKeyboardMarkup([row]) if pages > 1 else None


def line_of(parts: Parts, language: str, one: Active) -> str:
    """Somebody's name and number, and what they did; whether they are banned comes first."""
    lines = [called(Named(one.person_id, one.name or "?", one.username))]
    if is_admin_id(parts, one.person_id):
        lines[0] = f"🛠 {lines[0]}"
    if one.banned:
        lines[0] = f"🚫 {lines[0]}"
        lines.append(parts.words.say(language, "users-banned", until=until_of(one.until)))
    lines.append(parts.words.say(language, "users-did", photos=one.photos, jokes=one.jokes, ratings=one.ratings,
                                 liking=round(100 * one.liked / one.ratings) if one.ratings else 0,
                                 last=day_and_time(one.last_at)[:10] if one.last_at else "none"))
    return "\n     ".join(lines)


async def ban(parts: Parts, update: Update) -> None:
    """Put somebody out, at once: /unban takes it back."""
    message, admin = update.effective_message, update.effective_user
    if message is None or admin is None:
        return
    target = await target_of(parts, message, "ban-how")
    if target is None:
        return
    if is_admin_id(parts, target.person.person_id):
        await say(parts, message, "ban-admin")
        return
    words = list(target.words)
    span = SPAN.fullmatch(words[0]) if words else None
    if span:
        words.pop(0)
    until = time.time() + int(span["count"]) * UNITS_S[span["unit"].lower()] if span else None
    reason = plain(" ".join(words), REASON) if words else ""
    await parts.bans.ban(target.person.person_id, by=admin.id, until=until, reason=reason)
    log.info("admin %d bans person %d, until %s", admin.id, target.person.person_id, until_of(until))
    values = {"who": called(target.person), "person": str(target.person.person_id), "until": until_of(until), "reason": reason or "none"}
    await say(parts, message, "ban-done", **values)
    await tell_others(parts, admin.id, "ban-news", admin=plain(admin.full_name), **values)


async def unban(parts: Parts, update: Update) -> None:
    """Let somebody in again."""
    message, admin = update.effective_message, update.effective_user
    if message is None or admin is None:
        return
    target = await target_of(parts, message, "unban-how")
    if target is None:
        return
    who, person_id = called(target.person), target.person.person_id
    if not await parts.bans.lift(person_id, by=admin.id):
        await say(parts, message, "unban-none", who=who)
        return
    log.info("admin %d lifts the ban of person %d", admin.id, person_id)
    await say(parts, message, "unban-done", who=who)
    await tell_others(parts, admin.id, "unban-news", admin=plain(admin.full_name), who=who)


async def target_of(parts: Parts, message: Message, how: str) -> Target | None:
    """Whom a message means: who wrote what it replies to, somebody it mentions, an @username or a number. None once it was said why not."""
    words = (message.text or "").split()[1:]
    mentioned = next((one for one in message.entities if one.type == MessageEntityType.TEXT_MENTION and one.user), None)
    replied = message.reply_to_message
    user = mentioned.user if mentioned else replied.from_user if replied else None
    if user:
        if user.is_bot:
            await say(parts, message, "ban-bot")
            return None
        if mentioned:
            words = (message.text or "").replace(message.parse_entity(mentioned), " ", 1).split()[1:]
        return Target(Named(user.id, plain(user.full_name), user.username), words)
    match words:
        case [name, *rest] if re.fullmatch(r"@\w{1,32}", name, re.ASCII):
            person = await parts.names.find(name[1:])
        case [number, *rest] if re.fullmatch(r"[1-9]\d{2,15}", number, re.ASCII):
            person = await parts.names.of(int(number)) or Named(int(number), "?")
        case _:
            await say(parts, message, how)
            return None
    if person is None:
        await say(parts, message, "ban-unknown", who=words[0])
        return None
    return Target(person, rest)


async def tell_others(parts: Parts, admin_id: int, name: str, **values: object) -> None:
    """The other admins hear of it, each in their own language."""
    for chat_id in parts.settings.telegram.admins:
        if chat_id == admin_id:
            continue
        language = parts.words.language(await news.language_of(parts.database, chat_id))
        try:
            await parts.bot.send_message(chat_id, fitting(parts.words.say(language, name, **values)), link_preview_options=NO_PREVIEW,
                                         disable_notification=True, rate_limit_args=Priority.ANSWER)
        except (TelegramError, Shed) as error:
            log.info("admin %d can't be told of a ban: %s", chat_id, error)


def is_admin_id(parts: Parts, person_id: int) -> bool:
    return person_id in parts.settings.telegram.admins


def called(person: Named) -> str:
    """A name with what it takes to find or ban its bearer."""
    return " · ".join(filter(None, (person.name, f"@{person.username}" if person.username else "", str(person.person_id))))


def until_of(until: float | None) -> str:
    return day_and_time(until) if until else "good"
