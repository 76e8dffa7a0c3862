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
from bot.handlers.another import AnotherJokeHandlers, StoredPhotoAccess
from bot.handlers.banned import GROUP, AccessControl
from bot.handlers.best import best, mine
from bot.handlers.duel import DuelHandlers
from bot.handlers.explain import ExplainHandlers
from bot.handlers.help import show_help, start
from bot.handlers.joke_delivery import JokeDelivery
from bot.handlers.language import language, language_pressed
from bot.handlers.live import StreamingReplies
from bot.handlers.photo import PhotoHandlers
from bot.handlers.privacy import forget_me, forget_pressed
from bot.handlers.private import privacy, private
from bot.handlers.rating import RatingHandlers, UnknownButtonHandlers
from bot.handlers.routing import Route
from bot.handlers.settings import moved, settings, settings_pressed, style
from bot.handlers.stats import show_stats, stats_pressed
from bot.handlers.unsupported import FallbackHandlers
from bot.handlers.whole_album import AlbumJokeHandlers
from bot.parts import Parts

COMMANDS = {"start": start, "help": show_help, "best": best, "mine": mine,
            "stats": show_stats, "style": style, "settings": settings, "language": language, "privacy": privacy, "private": private, "forget": forget_me}
"""The commands, in the order in which Telegram's menu shows them."""
ADMIN_COMMANDS = {"status": show_status, "retrain": retrain, "runs": show_runs, "review": show_review, "models": show_models, "promote": promote, "rollback": rollback,
                  "users": show_users, "ban": ban, "unban": unban}
"""Those of admins, which only their menu shows."""
DECISIONS = {"retrain": retrain_decided, "promote": promote_decided}
"""What a yes or a no to a question of `bot.handlers.admin.ask` leads to."""


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

    photo_routes = _photo_routes(parts)
    routes = [*RatingHandlers(parts.messenger, parts.database, parts.keyboards).routes(), *photo_routes[:-1],
              pressed(forget_pressed, r"^f:", for_banned=True), pressed(language_pressed, r"^l:"),
              pressed(settings_pressed, r"^c:"), pressed(review_pressed, r"^v:"), pressed(users_pressed, r"^u:"),
              pressed(stats_pressed, r"^s:"), pressed(decide, r"^(yes|no):"),
              *UnknownButtonHandlers(parts.messenger).routes()]
    routes += [Route(CommandHandler(name, bound(handler)), name, for_banned=name == "forget") for name, handler in COMMANDS.items()]
    routes += [Route(CommandHandler(name, bound(for_admins(handler))), name, admin_only=True) for name, handler in ADMIN_COMMANDS.items()]
    routes += [Route(MessageHandler(filters.StatusUpdate.MIGRATE, bound(moved))), photo_routes[-1]]
    access = AccessControl(parts.messenger, parts.bans, parts.names, routes)
    application.add_handler(TypeHandler(Update, access.check), GROUP)
    for route in routes:
        application.add_handler(route.handler)


def _photo_routes(parts: Parts) -> list[Route]:
    settings, messenger, database, router = parts.settings, parts.messenger, parts.database, parts.servers.router
    replies = StreamingReplies(messenger, database, parts.joker_queue, settings.limits.edit_interval_s)
    delivery = JokeDelivery(messenger, database, parts.chats, parts.daily, parts.joker, replies, parts.prompts, settings)
    stored = StoredPhotoAccess(messenger, parts.chats, parts.daily, parts.hands, parts.intake)
    duels = DuelHandlers(messenger, database, parts.joker, replies, router, settings.duel.every)
    album_jokes = AlbumJokeHandlers(messenger, database, parts.keyboards, parts.chats, parts.albums, parts.hands, parts.intake,
                                    parts.styles, stored, delivery)
    photos = PhotoHandlers(settings, messenger, parts.chats, parts.daily, parts.hands, parts.asides, parts.albums, parts.intake,
                           album_jokes, duels, delivery)
    explain = ExplainHandlers(messenger, database, parts.chats, parts.hands, parts.intake, parts.joker, replies, settings.limits)
    another = AnotherJokeHandlers(messenger, database, parts.keyboards, parts.chats, parts.styles, stored, delivery)
    return [route for handlers in (album_jokes, duels, photos, explain, another, FallbackHandlers(messenger, parts.albums, photos, explain))
            for route in handlers.routes()]
