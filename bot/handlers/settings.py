"""/settings and /style: what a chat can set, in one message that its buttons edit.

In a group its administrators may change settings, anonymous ones too, or all members where that is set. Each
button press checks whether its user may change settings; Telegram says in which chat it was pressed, and by whom.
"""

from telegram import InlineKeyboardMarkup, MaybeInaccessibleMessage, User
from telegram.constants import ChatType
from telegram.ext import filters

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.group_admins import is_administrator
from bot.handlers.callback_data import SettingsButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button, command, message
from bot.handlers.settings_pages import CLOSE, MAIN, SettingsContext, SettingsPages
from bot.messaging.messenger import Messenger
from bot.telegram.coalescer import Coalescer
from bot.telegram.message_parsing import is_private

GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)


class SettingsHandlers:
    """Shows the settings pages to users who may change them, and a summary to others."""

    def __init__(
        self, messenger: Messenger, chats: ChatSettingsStore, pages: SettingsPages, coalescer: Coalescer
    ) -> None:
        self._messenger, self._chats, self._pages, self._coalescer = messenger, chats, pages, coalescer
        self._client = messenger.client

    def routes(self) -> list[Route]:
        return [
            command("style", self.on_style),
            command("settings", self.on_settings),
            button(SettingsButton, self.on_press),
            message(filters.StatusUpdate.MIGRATE, self.on_chat_migrated),
        ]

    async def on_settings(self, incoming: IncomingMessage) -> None:
        """Show all settings, with buttons for users who may change them."""
        await self._open(incoming, MAIN)

    async def on_style(self, incoming: IncomingMessage) -> None:
        """Show the page of styles."""
        await self._open(incoming, "style")

    async def on_press(self, press: ButtonPress[SettingsButton]) -> None:
        """Open a page or store a choice, then update the message."""
        query, message, page, value = press.query, press.message, press.data.page, press.data.value
        context = SettingsContext(message.chat.id, press.user, is_private(message))
        if not self._is_settings_message(message) or not self._pages.is_offered(context, page, value):
            await self._messenger.reject_button(query)
            return
        if not await self._may_change(message, press.user, page if value else None):
            await self._messenger.reject_button(query, "settings-admins-only")
            return
        if value is not None:
            await self._pages.choose(context, page, value)
        await self._messenger.answer_button(query, "settings-saved" if value is not None else "")
        self._refresh(message.message_id, context, page)

    async def on_chat_migrated(self, incoming: IncomingMessage) -> None:
        """Move the settings of a group that became a supergroup. Both chats get a notice, in any order."""
        notice = incoming.message
        if notice.migrate_to_chat_id:
            await self._chats.move(notice.chat.id, notice.migrate_to_chat_id)
        elif notice.migrate_from_chat_id:
            await self._chats.move(notice.migrate_from_chat_id, notice.chat.id)

    async def _open(self, incoming: IncomingMessage, page: str) -> None:
        message, user = incoming.message, incoming.user
        context, keyboard = SettingsContext(message.chat.id, user, is_private(message)), None
        if await self._may_change(message, user):
            text, keyboard = self._pages.main(context) if page == MAIN else self._pages.page(context, page)
        else:
            key = "settings-look" if page == MAIN else "settings-look-style"
            text = f"{self._pages.summary(context)}\n\n{self._messenger.text(user, key)}"
        await self._messenger.reply_text(message, text, keyboard)

    def _refresh(self, message_id: int, context: SettingsContext, page: str) -> None:
        """Schedule an edit of the message; of several presses the last is shown."""

        async def edit() -> None:
            await self._messenger.edit(context.chat_id, message_id, *await self._content(context, page))

        self._coalescer.submit(("settings", context.chat_id, message_id), edit)

    async def _content(self, context: SettingsContext, page: str) -> tuple[str, InlineKeyboardMarkup | None]:
        if page == CLOSE:
            return self._pages.summary(context), None
        if page == MAIN:
            return self._pages.main(context)
        wants_photos = page == "answers" and self._chats.get(context.chat_id).answers == "photos"
        misses_photos = wants_photos and not await self._sees_all(context.chat_id)
        return self._pages.page(
            context, page, self._messenger.text(context.user, "settings-blind") if misses_photos else ""
        )

    def _is_settings_message(self, message: object) -> bool:
        """Whether it is a settings message of the bot. A modified client can press buttons under any message."""
        sender, markup = getattr(message, "from_user", None), getattr(message, "reply_markup", None)
        rows = markup.inline_keyboard if markup else ()
        return bool(
            sender
            and sender.id == self._client.id
            and any(SettingsButton.decode(str(key.callback_data)) for row in rows for key in row)
        )

    async def _may_change(self, message: MaybeInaccessibleMessage, user: User, page: str | None = None) -> bool:
        """Whether a user may change settings in the message's chat; the page "changers" is for administrators only.

        `page` is the page of a choice, None where a page is opened.
        """
        if is_private(message):
            return message.chat.id == user.id
        if message.chat.type not in GROUPS:
            return False
        if self._chats.get(message.chat.id).changers == "all" and page != "changers":
            return True
        if user.id == message.chat.id:
            return True  # An anonymous administrator: messages come from the group, button presses from the user.
        return await is_administrator(self._client, message.chat.id, user.id)

    async def _sees_all(self, chat_id: int) -> bool:
        """Whether the bot gets all messages of a group: with privacy mode off, or as an administrator.

        See https://core.telegram.org/bots/features#privacy-mode.
        """
        if self._client.bot.can_read_all_group_messages:
            return True
        return await is_administrator(self._client, chat_id, self._client.id)
