"""Which handler gets which update."""
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, MessageHandler, TypeHandler, filters

from bot.handlers.admin import AdminAccess
from bot.handlers.admin_models import ModelAdmin
from bot.handlers.admin_people import BanAdmin, UserListAdmin
from bot.handlers.admin_retrain import RetrainAdmin
from bot.handlers.admin_review import ReviewAdmin
from bot.handlers.admin_status import StatusAdmin
from bot.handlers.another import another
from bot.handlers.banned import GROUP, AccessControl
from bot.handlers.best import BestJokeHandlers
from bot.handlers.command_menu import menu_commands
from bot.handlers.duel import duel_pressed
from bot.handlers.explain import explain
from bot.handlers.help import HelpHandlers
from bot.handlers.language import LanguageHandlers
from bot.handlers.photo import photo, pointed_at
from bot.handlers.privacy import ForgetHandlers
from bot.handlers.private import PrivacyHandlers
from bot.handlers.rating import RatingHandlers, UnknownButtonHandlers
from bot.handlers.reading import picture_in
from bot.handlers.routing import Route
from bot.handlers.settings import SettingsHandlers
from bot.handlers.settings_pages import SettingsPages
from bot.handlers.stats import StatsHandlers
from bot.handlers.unsupported import other
from bot.handlers.whole_album import number_pressed
from bot.messaging.admin_notifier import AdminNotifier
from bot.parts import Parts
from bot.status import Status

COMMANDS = ("start", "help", "joke", "explain", "best", "mine", "stats", "style", "settings", "language", "privacy",
            "private", "forget")
ADMIN_COMMANDS = ("status", "retrain", "runs", "review", "models", "promote", "rollback", "users", "ban", "unban")
"""The commands in the order of the menu, for the reference pages. `add_routes` fails where the routes have others."""


class HasPicture(filters.MessageFilter):
    """Messages with a picture, whichever way it was sent."""

    def filter(self, message: Any) -> bool:
        return picture_in(message) is not None


def register(application: Application, parts: Parts) -> list[Route]:
    """Add all handlers and return their routes."""
    def bound(handler: Callable[[Parts, Update], Awaitable[None]]) -> Callable[[Update, Any], Awaitable[None]]:
        async def handle(update: Update, context: Any) -> None:
            await handler(parts, update)
        return handle

    def pressed(handler: Callable[[Parts, Update], Awaitable[None]], pattern: str) -> Route:
        return Route(CallbackQueryHandler(bound(handler), pattern))

    access = AdminAccess(parts.messenger, parts.database, parts.settings.telegram.admins)
    routes = [*RatingHandlers(parts.messenger, parts.database, parts.keyboards).routes(),
              pressed(another, r"^a:"), pressed(number_pressed, r"^n:"), pressed(duel_pressed, r"^d:"),
              *HelpHandlers(parts.messenger, access, parts.settings.joke.album).routes(),
              Route(CommandHandler("joke", bound(pointed_at)), "joke"),
              Route(CommandHandler("explain", bound(explain)), "explain"),
              *_routes_of_users(parts, access), *_routes_of_admins(parts, access),
              *UnknownButtonHandlers(parts.messenger).routes(),
              Route(MessageHandler(HasPicture(), bound(photo))), Route(MessageHandler(filters.ALL, bound(other)))]
    add_routes(application, AccessControl(parts.messenger, parts.bans, parts.names, routes), routes)
    return routes


def _routes_of_users(parts: Parts, access: AdminAccess) -> list[Route]:
    messenger, database, settings = parts.messenger, parts.database, parts.settings
    pages = SettingsPages(messenger, database, parts.languages, parts.chats, parts.prompts, settings.weekly)
    handlers = [BestJokeHandlers(messenger, database),
                StatsHandlers(messenger, database, access, settings.storage.directory),
                SettingsHandlers(messenger, parts.chats, pages, parts.latest),
                LanguageHandlers(messenger, database, parts.languages),
                PrivacyHandlers(messenger, database, settings.retention, settings.backup),
                ForgetHandlers(messenger, database, settings.storage, parts.names, parts.languages, parts.chats)]
    return [route for one in handlers for route in one.routes()]


def _routes_of_admins(parts: Parts, access: AdminAccess) -> list[Route]:
    messenger, database, settings, orchestrator = parts.messenger, parts.database, parts.settings, parts.conductor
    assert orchestrator is not None
    notifier = AdminNotifier(messenger, settings.telegram.admins, database)
    handlers = [StatusAdmin(messenger, access, lambda language: Status(parts, language).text()),
                RetrainAdmin(messenger, database, access, orchestrator, settings),
                ReviewAdmin(messenger, database, access, settings),
                ModelAdmin(messenger, database, access, orchestrator.service),
                UserListAdmin(messenger, database, access, parts.names),
                BanAdmin(messenger, access, parts.names, parts.bans, notifier)]
    return [route for one in handlers for route in one.routes()]


def add_routes(application: Application, access: AccessControl, routes: Sequence[Route]) -> None:
    """Add the middleware and all routes; the first that fits gets the update.

    Raises ValueError where the routes' commands are not COMMANDS and ADMIN_COMMANDS.
    """
    if menu_commands(routes, for_admins=True) != [*COMMANDS, *ADMIN_COMMANDS]:
        raise ValueError("COMMANDS and ADMIN_COMMANDS have to name the commands of the routes, in their order")
    application.add_handler(TypeHandler(Update, access.check), GROUP)
    for route in routes:
        application.add_handler(route.handler)
