"""Which handler gets which update."""
from collections.abc import Awaitable, Callable
from typing import Any

from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, MessageHandler, filters

from bot.handlers.admin import decided, for_admins
from bot.handlers.admin_models import promote, promote_decided, rollback, show_models
from bot.handlers.admin_people import ban, show_users, unban, users_pressed
from bot.handlers.admin_retrain import retrain, retrain_decided, show_runs
from bot.handlers.admin_review import review_pressed, show_review
from bot.handlers.admin_status import show_status
from bot.handlers.another import another
from bot.handlers.banned import turned_away
from bot.handlers.best import best, mine
from bot.handlers.duel import duel_pressed
from bot.handlers.explain import explain
from bot.handlers.help import show_help, start
from bot.handlers.language import language, language_pressed
from bot.handlers.photo import photo, pointed_at
from bot.handlers.privacy import forget_me, forget_pressed
from bot.handlers.private import privacy, private
from bot.handlers.rating import rating, unknown
from bot.handlers.reading import picture_in
from bot.handlers.settings import moved, settings, settings_pressed, style
from bot.handlers.stats import show_stats, stats_pressed
from bot.handlers.unsupported import other
from bot.handlers.whole_album import number_pressed
from bot.parts import Parts

COMMANDS = {"start": start, "help": show_help, "joke": pointed_at, "explain": explain, "best": best, "mine": mine,
            "stats": show_stats, "style": style, "settings": settings, "language": language, "privacy": privacy, "private": private, "forget": forget_me}
"""The commands, in the order in which Telegram's menu shows them."""
ADMIN_COMMANDS = {"status": show_status, "retrain": retrain, "runs": show_runs, "review": show_review, "models": show_models, "promote": promote, "rollback": rollback,
                  "users": show_users, "ban": ban, "unban": unban}
"""Those of admins, which only their menu shows."""
FOR_ALL = (forget_me, forget_pressed)
"""What somebody who is banned may do too."""
DECISIONS = {"retrain": retrain_decided, "promote": promote_decided}
"""What a yes or a no to a question of `bot.handlers.admin.ask` leads to."""


class HasPicture(filters.MessageFilter):
    """Messages with a picture, whichever way it was sent."""

    def filter(self, message: Any) -> bool:
        return picture_in(message) is not None


async def decide(parts: Parts, update: Update) -> None:
    """A yes or a no of an admin."""
    query = update.callback_query
    pressed = await decided(parts, query) if query else None
    if pressed and pressed.what in DECISIONS:
        await DECISIONS[pressed.what](parts, update, pressed)


def register(application: Application, parts: Parts) -> None:
    """Add all handlers. The first that fits gets the update."""
    def bound(handler: Callable[[Parts, Update], Awaitable[None]]) -> Callable[[Update, Any], Awaitable[None]]:
        async def handle(update: Update, context: Any) -> None:
            parts.names.note(update.effective_user)
            if handler in FOR_ALL or not await turned_away(parts, update):
                await handler(parts, update)
        return handle

    application.add_handler(CallbackQueryHandler(bound(rating), r"^r:"))
    application.add_handler(CallbackQueryHandler(bound(another), r"^a:"))
    application.add_handler(CallbackQueryHandler(bound(number_pressed), r"^n:"))
    application.add_handler(CallbackQueryHandler(bound(duel_pressed), r"^d:"))
    application.add_handler(CallbackQueryHandler(bound(forget_pressed), r"^f:"))
    application.add_handler(CallbackQueryHandler(bound(language_pressed), r"^l:"))
    application.add_handler(CallbackQueryHandler(bound(settings_pressed), r"^c:"))
    application.add_handler(CallbackQueryHandler(bound(review_pressed), r"^v:"))
    application.add_handler(CallbackQueryHandler(bound(users_pressed), r"^u:"))
    application.add_handler(CallbackQueryHandler(bound(stats_pressed), r"^s:"))
    application.add_handler(CallbackQueryHandler(bound(decide), r"^(yes|no):"))
    application.add_handler(CallbackQueryHandler(bound(unknown)))
    for name, handler in COMMANDS.items():
        application.add_handler(CommandHandler(name, bound(handler)))
    for name, handler in ADMIN_COMMANDS.items():
        application.add_handler(CommandHandler(name, bound(for_admins(handler))))
    application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, bound(moved)))
    application.add_handler(MessageHandler(HasPicture(), bound(photo)))
    application.add_handler(MessageHandler(filters.ALL, bound(other)))
