"""Which handler gets which update."""
from collections.abc import Awaitable, Callable
from typing import Any

from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, MessageHandler, filters

from bot.handlers.another import another
from bot.handlers.help import show_help, show_stats, start
from bot.handlers.photo import photo, pointed_at
from bot.handlers.privacy import forget_me, forget_pressed
from bot.handlers.private import privacy, private
from bot.handlers.rating import rating, unknown
from bot.handlers.reading import picture_in
from bot.handlers.unsupported import other
from bot.parts import Parts

COMMANDS = {"start": start, "help": show_help, "joke": pointed_at, "stats": show_stats, "privacy": privacy, "private": private, "forget": forget_me}
"""The commands, in the order in which Telegram's menu shows them."""


class HasPicture(filters.MessageFilter):
    """Messages with a picture, whichever way it was sent."""

    def filter(self, message: Any) -> bool:
        return picture_in(message) is not None


def register(application: Application, parts: Parts) -> None:
    """Add all handlers. The first that fits gets the update."""
    def bound(handler: Callable[[Parts, Update], Awaitable[None]]) -> Callable[[Update, Any], Awaitable[None]]:
        async def handle(update: Update, context: Any) -> None:
            await handler(parts, update)
        return handle

    application.add_handler(CallbackQueryHandler(bound(rating), r"^r:"))
    application.add_handler(CallbackQueryHandler(bound(another), r"^a:"))
    application.add_handler(CallbackQueryHandler(bound(forget_pressed), r"^f:"))
    application.add_handler(CallbackQueryHandler(bound(unknown)))
    for name, handler in COMMANDS.items():
        application.add_handler(CommandHandler(name, bound(handler)))
    application.add_handler(MessageHandler(HasPicture(), bound(photo)))
    application.add_handler(MessageHandler(filters.ALL, bound(other)))
