"""Routes: which command, button or message leads to which method of a handler class."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from telegram import CallbackQuery, MaybeInaccessibleMessage, Message, Update, User
from telegram.ext import BaseHandler, CallbackQueryHandler, CommandHandler, MessageHandler
from telegram.ext.filters import BaseFilter

from bot.handlers.callback_data import CallbackData
from bot.telegram.dispatcher import RESUME
from storage.chat.inbox import AnswerProgress

T = TypeVar("T", bound=CallbackData)


@dataclass(frozen=True)
class IncomingMessage:
    """A message, and the user who sent it. `update` is the whole of it, for what is known about its album.

    `resume`: what an earlier process did for the update; None for an update that comes for the first time.
    """

    update_id: int
    update: Update
    message: Message
    user: User
    resume: AnswerProgress | None


@dataclass(frozen=True)
class ButtonPress(Generic[T]):
    """A pressed button: what it stands for (`data`), the message it is under, and the user who pressed it.

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
    """A handler of python-telegram-bot. `command` is its name in the menu, in an admin's alone with `admin_only`.

    `for_banned`: banned users reach it too.
    """

    handler: BaseHandler[Any, Any, Any]
    command: str | None = None
    admin_only: bool = False
    for_banned: bool = False


class HandlerGroup(Protocol):
    """A class whose methods handle updates."""

    def routes(self) -> list[Route]:
        """Its routes, in the order of the menu."""


def command(name: str, handle: OnMessage, *, admin_only: bool = False, for_banned: bool = False) -> Route:
    """A route for /name. Who is an admin, `handle` has to check."""
    return Route(CommandHandler(name, _on_message(handle)), name, admin_only, for_banned)


def message(kind: BaseFilter, handle: OnMessage) -> Route:
    """A route for messages of one kind."""
    return Route(MessageHandler(kind, _on_message(handle)))


def button(kind: type[CallbackData], handle: OnButton, *, for_banned: bool = False) -> Route:
    """A route for one kind of button. What doesn't decode is for `any_button`."""
    return Route(_ButtonHandler(kind, handle), for_banned=for_banned)


def any_button(handle: Callable[[CallbackQuery], Awaitable[None]]) -> Route:
    """A route for buttons that no other route takes."""

    async def on_update(update: Update, context: Any) -> None:
        if update.callback_query:
            await handle(update.callback_query)

    return Route(CallbackQueryHandler(on_update))


class _ButtonHandler(BaseHandler[Update, Any, None]):
    """python-telegram-bot's own handler takes a button without data for one that fits any pattern."""

    def __init__(self, kind: type[CallbackData], handle: OnButton) -> None:
        super().__init__(handle)
        self._kind = kind

    def check_update(self, update: object) -> CallbackData | None:
        query = update.callback_query if isinstance(update, Update) else None
        return self._kind.decode(query.data) if query and query.message else None

    async def handle_update(self, update: Update, application: Any, check_result: Any, context: Any) -> None:
        query = update.callback_query
        resume = update.api_kwargs.get(RESUME)
        await self.callback(ButtonPress(update.update_id, query, query.message, query.from_user, check_result, resume))


def _on_message(handle: OnMessage) -> Callable[[Update, Any], Awaitable[None]]:
    async def on_update(update: Update, context: Any) -> None:
        found, user = update.effective_message, update.effective_user
        if found and user:
            await handle(IncomingMessage(update.update_id, update, found, user, update.api_kwargs.get(RESUME)))

    return on_update
