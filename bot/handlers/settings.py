"""/settings and /style: what a chat can set, in one message that its buttons change in place.

In a group its administrators may change settings, anonymous ones too, or all members where that is set. Telegram says
in which chat and by whom a button was pressed; whether that user may change settings is checked at each press.
"""

from telegram import InlineKeyboardMarkup, Message, User
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest
from telegram.ext import filters

from bot.chats.chat_settings import ChatSettingsStore
from bot.handlers.callback_data import SettingsButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button, command, message
from bot.handlers.settings_pages import CLOSE, MAIN, SettingsContext, SettingsPages
from bot.messaging.messenger import Messenger
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.message_parsing import is_private

ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)


class SettingsHandlers:
    """Shows the pages of settings to users who may change them, and a summary to others."""

    def __init__(self, messenger: Messenger, chats: ChatSettingsStore, pages: SettingsPages, latest: Coalescer) -> None:
        self._messenger, self._chats, self._pages, self._latest = messenger, chats, pages, latest
        self._client = messenger.client

    def routes(self) -> list[Route]:
        return [
            command("style", self.on_style),
            command("settings", self.on_settings),
            button(SettingsButton, self.on_press),
            message(filters.StatusUpdate.MIGRATE, self.on_chat_migrated),
        ]

    async def on_settings(self, incoming: IncomingMessage) -> None:
        """All settings, with buttons for users who may change them."""
        await self._open(incoming, MAIN)

    async def on_style(self, incoming: IncomingMessage) -> None:
        """The same, opened at the page of styles."""
        await self._open(incoming, "style")

    async def on_press(self, press: ButtonPress[SettingsButton]) -> None:
        """Turn a page, or store a choice; then the message shows the settings as they are now."""
        query, shown, page, value = press.query, press.message, press.data.page, press.data.value
        place = SettingsContext(shown.chat.id, press.user, is_private(shown))
        if not self._is_settings_message(shown) or not self._pages.is_offered(place, page, value):
            await self._messenger.reject_button(query)
            return
        if not await self._may_change(shown, press.user, page if value else None):
            await self._messenger.reject_button(query, "settings-admins-only")
            return
        if value is not None:
            await self._pages.choose(place, page, value)
        await self._messenger.answer_button(query, "settings-saved" if value is not None else "")
        self._refresh(shown.message_id, place, page)

    async def on_chat_migrated(self, incoming: IncomingMessage) -> None:
        """A group became a supergroup: Telegram says so in both chats, in either order."""
        notice = incoming.message
        if notice.migrate_to_chat_id:
            await self._chats.move(notice.chat.id, notice.migrate_to_chat_id)
        elif notice.migrate_from_chat_id:
            await self._chats.move(notice.migrate_from_chat_id, notice.chat.id)

    async def _open(self, incoming: IncomingMessage, page: str) -> None:
        asked, user = incoming.message, incoming.user
        place, keyboard = SettingsContext(asked.chat.id, user, is_private(asked)), None
        if await self._may_change(asked, user):
            text, keyboard = self._pages.main(place) if page == MAIN else self._pages.page(place, page)
        else:
            key = "settings-look" if page == MAIN else "settings-look-style"
            text = f"{self._pages.summary(place)}\n\n{self._messenger.text(user, key)}"
        await self._messenger.reply_text(asked, text, keyboard)

    def _refresh(self, message_id: int, place: SettingsContext, page: str) -> None:
        """Bring the message up to date, soon; of several presses the last is shown."""

        async def edit() -> None:
            await self._messenger.edit(place.chat_id, message_id, *await self._content(place, page))

        self._latest.submit(("settings", place.chat_id, message_id), edit)

    async def _content(self, place: SettingsContext, page: str) -> tuple[str, InlineKeyboardMarkup | None]:
        if page == CLOSE:
            return self._pages.summary(place), None
        if page == MAIN:
            return self._pages.main(place)
        wants_photos = page == "answers" and self._chats.of(place.chat_id).answers == "photos"
        blind = wants_photos and not await self._sees_all(place.chat_id)
        return self._pages.page(place, page, self._messenger.text(place.person, "settings-blind") if blind else "")

    def _is_settings_message(self, shown: object) -> bool:
        """Whether it is the bot's own message with settings, as Telegram's server says.

        A modified client can name any message.
        """
        sender, markup = getattr(shown, "from_user", None), getattr(shown, "reply_markup", None)
        rows = markup.inline_keyboard if markup else ()
        return bool(
            sender
            and sender.id == self._client.id
            and any(SettingsButton.decode(str(key.callback_data)) for row in rows for key in row)
        )

    async def _may_change(self, shown: Message, user: User, page: str | None = None) -> bool:
        """Whether a user may change settings in the message's chat; `page` is the one with the choice, None for none.

        Who may, administrators alone decide.
        """
        if is_private(shown):
            return shown.chat.id == user.id
        if shown.chat.type not in GROUPS:
            return False
        if self._chats.of(shown.chat.id).changers == "all" and page != "changers":
            return True
        speaks_for = getattr(shown, "sender_chat", None)
        if speaks_for and speaks_for.id == shown.chat.id and shown.from_user == user:
            return True  # Anonymous administrators send messages in the group's name, but press buttons in their own.
        return await is_administrator(self._client, shown.chat.id, user.id)

    async def _sees_all(self, chat_id: int) -> bool:
        """Whether Telegram shows the bot every message in a group: with group privacy off, or as an administrator
        (https://core.telegram.org/bots/features#privacy-mode)."""
        if self._client.bot.can_read_all_group_messages:
            return True
        return await is_administrator(self._client, chat_id, self._client.id)


async def is_administrator(client: TelegramClient, chat_id: int, user_id: int) -> bool:
    """Whether a user is an administrator of a group. Raises TelegramError where Telegram doesn't say."""
    try:
        return (await client.get_chat_member(chat_id, user_id)).status in ADMINS
    except BadRequest:  # where members are hidden from bots, administrators are not
        return any(member.user.id == user_id for member in await client.get_chat_administrators(chat_id))
