"""Commands and buttons for admins only, and the confirmation before actions that can't be undone easily."""

from collections.abc import Collection
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MaybeInaccessibleMessage, Message, User

from bot.handlers.callback_data import CallbackData, Confirmation
from bot.handlers.routes import ButtonPress, IncomingMessage, OnButton, OnMessage, Route, button, command
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import is_private
from storage.chat import languages
from storage.database import Database


class AdminAccess:
    """Makes routes for admins only. `admins` are Telegram user ids."""

    def __init__(self, messenger: Messenger, database: Database, admins: Collection[int]) -> None:
        self._messenger, self._database, self._admins = messenger, database, frozenset(admins)

    def is_admin(self, user_id: int) -> bool:
        return user_id in self._admins

    def command(self, name: str, handle: OnMessage, *, refusal_in_groups: str = "") -> Route:
        """A route for an admin's /name.

        With `refusal_in_groups`, a message key, the command works only in private chats; groups get that message.
        """
        return command(name, self.admin_only(handle, refusal_in_groups=refusal_in_groups), admin_only=True)

    def button(self, kind: type[CallbackData], handle: OnButton, *, accessible: bool = False) -> Route:
        """A route for a button in an admin's private chat.

        `accessible`: Telegram must still give the bot access to the message, as is needed to replace its photo.
        """
        message_type = Message if accessible else MaybeInaccessibleMessage

        async def on_press(press: ButtonPress[Any]) -> None:
            in_private = isinstance(press.message, message_type) and press.message.chat.id == press.user.id
            await self._pass_or_reject(press, handle, allowed=in_private)

        return button(kind, on_press)

    def confirmation(self, kind: type[Confirmation], handle: OnButton) -> Route:
        """A route for the answer to a question of `ask_confirmation`, by the admin who was asked."""

        async def on_press(press: ButtonPress[Any]) -> None:
            await self._pass_or_reject(press, handle, allowed=press.data.user_id == press.user.id)

        return button(kind, on_press)

    def admin_only(self, handle: OnMessage, *, refusal_in_groups: str = "") -> OnMessage:
        """Wrap a handler: other users get a refusal. `refusal_in_groups` is as in `command`."""

        async def on_message(incoming: IncomingMessage) -> None:
            if not self.is_admin(incoming.user.id):
                await self._messenger.reply(incoming.message, "admins-only")
                return
            await self.note_language(incoming.user)
            if refusal_in_groups and not is_private(incoming.message):
                await self._messenger.reply(incoming.message, refusal_in_groups)
                return
            await handle(incoming)

        return on_message

    async def note_language(self, admin: User) -> None:
        """Store the admin's language for notifications."""
        await languages.record_spoken_language(self._database, admin.id, self._messenger.language(admin))

    async def ask_confirmation(
        self, incoming: IncomingMessage, kind: type[Confirmation], number: int, text: str
    ) -> None:
        """Ask the admin for confirmation. The buttons' labels have the keys `WHAT-yes` and `WHAT-no`."""
        row = [
            InlineKeyboardButton(
                self._messenger.text(incoming.user, f"{kind.WHAT}-{answer}"),
                callback_data=kind(answer, incoming.user.id, kind.WHAT, number).encode(),
            )
            for answer in ("yes", "no")
        ]
        await self._messenger.reply_text(incoming.message, text, InlineKeyboardMarkup([row]))

    async def _pass_or_reject(self, press: ButtonPress[Any], handle: OnButton, *, allowed: bool) -> None:
        if allowed and self.is_admin(press.user.id):
            await handle(press)
        else:
            await self._messenger.reject_button(press.query, press.data.REJECTION)
