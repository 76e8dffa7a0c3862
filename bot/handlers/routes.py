"""What a route is: a command, a kind of button or a kind of message, with the method that handles it.

update_router.py passes updates to the routes.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from telegram import CallbackQuery, ChatMemberUpdated, MaybeInaccessibleMessage, Message, Update, User
from telegram.ext import (
    BaseHandler,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    MessageHandler,
    filters,
)
from telegram.ext.filters import BaseFilter

from bot.handlers.callback_data import CallbackData
from bot.telegram.dispatcher import RESUME
from storage.chat.inbox import AnswerProgress

T = TypeVar("T", bound=CallbackData)


@dataclass(frozen=True)
class IncomingMessage:
    """A message and its sender, who may be a chat (`bot/telegram/senders.py`). `update` is the update that brought it.

    `resume`: what was done for the update before a restart; None for a new update.
    """

    update_id: int
    update: Update
    message: Message
    user: User
    resume: AnswerProgress | None


@dataclass(frozen=True)
class ButtonPress(Generic[T]):
    """A pressed button with its decoded data, the message it is under, and the user who pressed it.

    `resume` is as in IncomingMessage.
    """

    update_id: int
    query: CallbackQuery
    message: MaybeInaccessibleMessage
    user: User
    data: T
    resume: AnswerProgress | None


OnMessage = Callable[[IncomingMessage], Awaitable[None]]
OnButton = Callable[[ButtonPress[Any]], Awaitable[None]]


@dataclass(frozen=True)
class Route:
    """A handler of python-telegram-bot. `command` is the name in the menu, None for none.

    `admin_only`: only the menus of admins have the command. `for_banned`: the route is open to banned users too.
    """

    handler: BaseHandler[Any, Any, Any]
    command: str | None = None
    admin_only: bool = False
    for_banned: bool = False


class HandlerGroup(Protocol):
    """A class with methods that handle updates."""

    def routes(self) -> list[Route]:
        """Its routes, in the order of the menu."""


def command(name: str, handle: OnMessage, *, admin_only: bool = False, for_banned: bool = False) -> Route:
    """A route for /name. `handle` has to check who is an admin; AdminAccess does."""
    return Route(CommandHandler(name, _on_message(handle), filters.UpdateType.MESSAGE), name, admin_only, for_banned)


def message(kind: BaseFilter, handle: OnMessage) -> Route:
    """A route for messages of one kind."""
    return Route(MessageHandler(kind & filters.UpdateType.MESSAGE, _on_message(handle)))


def edited_text(handle: OnMessage) -> Route:
    """A route for text messages that their sender has edited. No other route gets those."""
    return Route(MessageHandler(filters.TEXT & filters.UpdateType.EDITED_MESSAGE, _on_message(handle)))


def button(kind: type[CallbackData], handle: OnButton, *, for_banned: bool = False) -> Route:
    """A route for one kind of button. Data that doesn't decode goes to `any_button`."""
    return Route(_ButtonHandler(kind, handle), for_banned=for_banned)


def membership(handle: Callable[[int, ChatMemberUpdated], Awaitable[None]]) -> Route:
    """A route for changes of the bot's own rights in a chat, also by banned users. `handle` gets the update id too."""

    async def on_update(update: Update, context: Any) -> None:
        if update.my_chat_member:
            await handle(update.update_id, update.my_chat_member)

    return Route(ChatMemberHandler(on_update, ChatMemberHandler.MY_CHAT_MEMBER), for_banned=True)


def any_button(handle: Callable[[CallbackQuery], Awaitable[None]]) -> Route:
    """A route for buttons that no other route matches."""

    async def on_update(update: Update, context: Any) -> None:
        if update.callback_query:
            await handle(update.callback_query)

    return Route(CallbackQueryHandler(on_update))


class _ButtonHandler(BaseHandler[Update, Any, None]):
    """Matches by decoding. python-telegram-bot's handler would match buttons without data to any pattern."""

    def __init__(self, kind: type[CallbackData], handle: OnButton) -> None:
        super().__init__(self._on_update)
        self._kind, self._handle = kind, handle

    def check_update(self, update: object) -> CallbackData | None:
        query = update.callback_query if isinstance(update, Update) else None
        return self._kind.decode(query.data) if query and query.message else None

    async def _on_update(self, update: Update, context: Any) -> None:
        query, data = update.callback_query, self.check_update(update)
        if query and query.message and data:
            resume = update.api_kwargs.get(RESUME)
            await self._handle(ButtonPress(update.update_id, query, query.message, query.from_user, data, resume))


def _on_message(handle: OnMessage) -> Callable[[Update, Any], Coroutine[Any, Any, None]]:
    async def on_update(update: Update, context: Any) -> None:
        message, user = update.effective_message, update.effective_user
        if message and user:
            await handle(IncomingMessage(update.update_id, update, message, user, update.api_kwargs.get(RESUME)))

    return on_update
