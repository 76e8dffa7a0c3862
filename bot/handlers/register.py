"""Which handler gets which update."""
from collections.abc import Awaitable, Callable
from typing import Any

from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, MessageHandler, TypeHandler, filters

from bot.handlers.admin import decided, for_admins
from bot.handlers.admin_models import promote, promote_decided, rollback, show_models
from bot.handlers.admin_people import ban, show_users, unban, users_pressed
from bot.handlers.admin_retrain import retrain, retrain_decided, show_runs
from bot.handlers.admin_review import review_pressed, show_review
from bot.handlers.admin_status import show_status
from bot.handlers.another import another
from bot.handlers.banned import GROUP, AccessControl
from bot.handlers.best import best, mine
from bot.handlers.duel import duel_pressed
from bot.handlers.explain import explain
from bot.handlers.help import show_help, start
from bot.handlers.language import language, language_pressed
from bot.handlers.photo import photo, pointed_at
from bot.handlers.privacy import forget_me, forget_pressed
from bot.handlers.private import privacy, private
from bot.handlers.rating import RatingHandlers, UnknownButtonHandlers
from bot.handlers.reading import picture_in
from bot.handlers.routing import Route
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
            await handler(parts, update)
        return handle

    def pressed(handler: Callable[[Parts, Update], Awaitable[None]], pattern: str, **more: Any) -> Route:
        return Route(CallbackQueryHandler(bound(handler), pattern), **more)

    routes = [*RatingHandlers(parts.messenger, parts.database, parts.keyboards).routes(),
              pressed(another, r"^a:"), pressed(number_pressed, r"^n:"), pressed(duel_pressed, r"^d:"),
              pressed(forget_pressed, r"^f:", for_banned=True), pressed(language_pressed, r"^l:"),
              pressed(settings_pressed, r"^c:"), pressed(review_pressed, r"^v:"), pressed(users_pressed, r"^u:"),
              pressed(stats_pressed, r"^s:"), pressed(decide, r"^(yes|no):"),
              *UnknownButtonHandlers(parts.messenger).routes()]
    routes += [Route(CommandHandler(name, bound(handler)), name, for_banned=name == "forget") for name, handler in COMMANDS.items()]
    routes += [Route(CommandHandler(name, bound(for_admins(handler))), name, admin_only=True) for name, handler in ADMIN_COMMANDS.items()]
    routes += [Route(MessageHandler(filters.StatusUpdate.MIGRATE, bound(moved))), Route(MessageHandler(HasPicture(), bound(photo))),
               Route(MessageHandler(filters.ALL, bound(other)))]
    access = AccessControl(parts.messenger, parts.bans, parts.names, routes)
    application.add_handler(TypeHandler(Update, access.check), GROUP)
    for route in routes:
        application.add_handler(route.handler)
