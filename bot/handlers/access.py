"""Middleware before all handlers: notes the user's name and rejects banned users. /forget is open to them too."""

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

from telegram import Update, User
from telegram.error import TelegramError
from telegram.ext import ApplicationHandlerStop

from bot.chats.bans import BanList
from bot.chats.user_names import UserNames
from bot.handlers.routes import Route
from bot.i18n.formatting import day_and_time
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import is_private
from bot.telegram.rate_limiter import CallDropped

log = logging.getLogger(__name__)

GROUP = -1
"""python-telegram-bot's group of handlers in which `check` stands: before group 0, which has the routes."""


class AccessControl:
    """Lets an update pass to the routes, or ends it. `open_routes` are open to banned users too."""

    def __init__(self, messenger: Messenger, bans: BanList, names: UserNames, open_routes: Sequence[Route]) -> None:
        self._messenger, self._bans, self._names = messenger, bans, names
        self._open = [route.handler for route in open_routes if route.for_banned]

    async def check(self, update: Update, context: Any) -> None:
        """Raises ApplicationHandlerStop for an update of a banned user."""
        user = update.effective_user
        self._names.note(user)
        if user is None or not self._bans.is_banned(user.id):
            return
        if any(handler.check_update(update) not in (None, False) for handler in self._open):
            return
        try:
            await self._reject(update, user)
        except (TelegramError, CallDropped, sqlite3.Error) as error:
            log.warning("banned user %d can't be told so: %r", user.id, error)
        except Exception:
            log.exception("banned user %d can't be told so", user.id)
        raise ApplicationHandlerStop  # whatever happened: an error that left here would let the update pass

    async def _reject(self, update: Update, user: User) -> None:
        """One sentence a day, otherwise silence. A pressed button is always answered, so that no app waits for it.

        Groups hear nothing: a ban is between the admin and the user.
        """
        query, message = update.callback_query, update.effective_message
        if query:
            due = await self._bans.should_notify(user.id)
            await self._messenger.answer_button(query, "banned" if due else "", alert=due, until=self._until(user.id))
        elif message and is_private(message) and await self._bans.should_notify(user.id):
            await self._messenger.reply(message, "banned", until=self._until(user.id))

    def _until(self, user_id: int) -> str:
        ban = self._bans.of(user_id)
        return day_and_time(ban.until) if ban and ban.until else "good"
