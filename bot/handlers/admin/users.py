"""/users lists the users; /ban and /unban reject a user's updates and accept them again."""

import logging
import re
import time
from dataclasses import dataclass
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, User
from telegram.constants import MessageEntityType

from bot.chats.bans import BanList
from bot.chats.user_names import UserNames, display_name, sanitize_name
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import UsersPageButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route
from bot.i18n.formatting import day_and_time
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import command_arguments
from configs.chat import MAX_TELEGRAM_ID, SHARED_IDS
from storage.chat import user_activity
from storage.chat.user_activity import UserActivity, UserName
from storage.database import Database

log = logging.getLogger(__name__)

USERS_PER_PAGE = 8
UNITS_S = {"m": 60, "分钟": 60, "h": 3600, "小时": 3600, "d": 86400, "天": 86400, "w": 7 * 86400, "周": 7 * 86400}
TIME_SPAN = re.compile(rf"(?P<count>\d{{1,4}})(?P<unit>{'|'.join(UNITS_S)})", re.IGNORECASE)
USER_REFERENCE = re.compile(r"@\w{1,32}|-?[1-9]\d{2,15}", re.ASCII)
"""An @username or a Telegram id: of a user, or of a chat in whose name messages are sent."""
MAX_REASON = 200
"""Longest stored reason in characters."""


@dataclass(frozen=True)
class TargetUser:
    """The user of a command, and the words after that."""

    user: UserName
    words: list[str]


class UserListAdmin:
    """Lists the users page by page, the most active first."""

    def __init__(self, messenger: Messenger, database: Database, access: AdminAccess, names: UserNames) -> None:
        self._messenger, self._database, self._access, self._names = messenger, database, access, names

    def routes(self) -> list[Route]:
        return [
            self._access.command("users", self.on_users, refusal_in_groups="users-in-private"),
            self._access.button(UsersPageButton, self.on_page),
        ]

    async def on_users(self, incoming: IncomingMessage) -> None:
        """Show the first page. In private chats only, because it has users' names."""
        text, keyboard = await self._page(incoming.user, 1)
        await self._messenger.reply_text(incoming.message, text, keyboard)

    async def on_page(self, press: ButtonPress[UsersPageButton]) -> None:
        """Show another page in the same message."""
        await self._messenger.answer_button(press.query)
        text, keyboard = await self._page(press.user, press.data.page)
        await self._messenger.edit(press.user.id, press.message.message_id, text, keyboard)

    async def _page(self, admin: User, page: int) -> tuple[str, InlineKeyboardMarkup | None]:
        """A page's text and buttons; the last page for a page beyond it."""
        await self._names.write()
        async with self._database.separate_reader() as database:
            count = await user_activity.count_users(database)
            pages = max(1, -(-count // USERS_PER_PAGE))
            page = min(max(1, page), pages)
            users = await user_activity.list_most_active(database, USERS_PER_PAGE, (page - 1) * USERS_PER_PAGE)
        if not users:
            return self._messenger.text(admin, "users-none"), None
        lines = [self._messenger.text(admin, "users-title", people=count)]
        first = (page - 1) * USERS_PER_PAGE + 1
        lines += [f"\n{number}. {self._entry(admin, user)}" for number, user in enumerate(users, first)]
        return "\n".join(lines), _page_buttons(page, pages) if pages > 1 else None

    def _entry(self, admin: User, user: UserActivity) -> str:
        """A user's name, id, ban and activity."""
        lines = [display_name(UserName(user.person_id, user.name or "?", user.username))]
        if self._access.is_admin(user.person_id):
            lines[0] = f"🛠 {lines[0]}"
        if user.banned:
            lines[0] = f"🚫 {lines[0]}"
            lines.append(self._messenger.text(admin, "users-banned", until=_until(user.until)))
        lines.append(
            self._messenger.text(
                admin,
                "users-did",
                photos=user.photos,
                jokes=user.jokes,
                ratings=user.ratings,
                liking=round(100 * user.liked / user.ratings) if user.ratings else 0,
                last=day_and_time(user.last_at)[:10] if user.last_at else "none",
            )
        )
        return "\n     ".join(lines)


class BanAdmin:
    """Bans users and lifts bans, and notifies the other admins."""

    def __init__(
        self, messenger: Messenger, access: AdminAccess, names: UserNames, bans: BanList, notifier: AdminNotifier
    ) -> None:
        self._messenger, self._access, self._names = messenger, access, names
        self._bans, self._notifier = bans, notifier

    def routes(self) -> list[Route]:
        return [self._access.command("ban", self.on_ban), self._access.command("unban", self.on_unban)]

    async def on_ban(self, incoming: IncomingMessage) -> None:
        """Ban a user, without confirmation: /unban undoes it."""
        message, admin = incoming.message, incoming.user
        target = await self._target(message, "ban-how")
        if target is None:
            return
        user_id, words = target.user.person_id, list(target.words)
        if self._access.is_admin(user_id):
            await self._messenger.reply(message, "ban-admin")
            return
        time_span = TIME_SPAN.fullmatch(words[0]) if words else None
        if time_span:
            words.pop(0)
        until = time.time() + int(time_span["count"]) * UNITS_S[time_span["unit"].lower()] if time_span else None
        reason = sanitize_name(" ".join(words), MAX_REASON) if words else ""
        await self._bans.ban(user_id, by=admin.id, until=until, reason=reason)
        log.info("admin %d bans user %d, until %s", admin.id, user_id, _until(until))
        values = {
            "who": display_name(target.user),
            "person": str(user_id),
            "until": _until(until),
            "reason": reason or "none",
        }
        await self._messenger.reply(message, "ban-done", **values)
        await self._notify_others(admin, "ban-news", **values)

    async def on_unban(self, incoming: IncomingMessage) -> None:
        """Lift a ban."""
        message, admin = incoming.message, incoming.user
        target = await self._target(message, "unban-how")
        if target is None:
            return
        who, user_id = display_name(target.user), target.user.person_id
        if not await self._bans.lift(user_id, by=admin.id):
            await self._messenger.reply(message, "unban-none", who=who)
            return
        log.info("admin %d lifts the ban of user %d", admin.id, user_id)
        await self._messenger.reply(message, "unban-done", who=who)
        await self._notify_others(admin, "unban-news", who=who)

    async def _target(self, message: Message, usage: str) -> TargetUser | None:
        """The user of a command: a mention, the author of the quoted message, an @username or an id.

        None where there is none, after a reply that says why; `usage` is the key of the reply to a command without one.
        """
        words = command_arguments(message)
        mention = next(
            (entity for entity in message.entities if entity.type == MessageEntityType.TEXT_MENTION and entity.user),
            None,
        )
        quoted = message.reply_to_message
        user = mention.user if mention else quoted.from_user if quoted else None
        if user and user.is_bot:
            await self._messenger.reply(message, "ban-bot")
            return None
        if user:
            if mention:
                words = (message.text or "").replace(message.parse_entity(mention), " ", 1).split()[1:]
            return TargetUser(UserName(user.id, sanitize_name(user.full_name), user.username), words)
        if not words or not _is_user_reference(words[0]):
            await self._messenger.reply(message, usage)
            return None
        found = await self._find(words[0])
        if found is None:
            await self._messenger.reply(message, "ban-unknown", who=words[0])
            return None
        return TargetUser(found, words[1:])

    async def _find(self, word: str) -> UserName | None:
        """The user with that @username, None where unknown; or with that id, even if unknown."""
        if word.startswith("@"):
            return await self._names.find(word[1:])
        return await self._names.get(int(word)) or UserName(int(word), "?")

    async def _notify_others(self, admin: User, key: str, **values: Any) -> None:
        await self._notifier.notify(
            key, except_for=(admin.id,), silent=True, admin=sanitize_name(admin.full_name), **values
        )


def _is_user_reference(word: str) -> bool:
    """Whether a word is an @username or the id of one user or chat. Ids that Telegram's users share are none."""
    if not USER_REFERENCE.fullmatch(word):
        return False
    return word.startswith("@") or (abs(int(word)) <= MAX_TELEGRAM_ID and int(word) not in SHARED_IDS)


def _page_buttons(page: int, pages: int) -> InlineKeyboardMarkup:
    """Buttons for the previous, this and the next page."""
    labels = (("◀️", page - 1), (f"{page} / {pages}", page), ("▶️", page + 1))
    row = [
        InlineKeyboardButton(label, callback_data=UsersPageButton(number).encode())
        for label, number in labels
        if 1 <= number <= pages
    ]
    return InlineKeyboardMarkup([row])


def _until(until: float | None) -> str:
    return day_and_time(until) if until else "good"
