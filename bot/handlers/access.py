"""Middleware before all routes: notes the user's name, and ends updates of banned users and of strangers.

Both reach only routes with `for_banned`, such as /forget.
"""

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

from telegram import Update, User
from telegram.error import TelegramError
from telegram.ext import ApplicationHandlerStop

from bot.chats.access_list import AccessList
from bot.chats.bans import BanList
from bot.chats.user_names import UserNames
from bot.handlers.routes import Route
from bot.handlers.stranger_gate import StrangerGate
from bot.i18n.formatting import day_and_time
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import is_private
from bot.telegram.rate_limiter import CallDropped

log = logging.getLogger(__name__)

ACCESS_GROUP = -1
"""The handler group of `check` in python-telegram-bot. It runs before group 0, which has the routes."""


class AccessControl:
    """Passes updates on to the routes, or ends them. Banned users and strangers reach only routes with `for_banned`."""

    def __init__(
        self,
        messenger: Messenger,
        bans: BanList,
        names: UserNames,
        access: AccessList,
        gate: StrangerGate,
        routes: Sequence[Route],
    ) -> None:
        self._messenger, self._bans, self._names = messenger, bans, names
        self._access, self._gate = access, gate
        self._open_handlers = [route.handler for route in routes if route.for_banned]

    async def check(self, update: Update, context: Any) -> None:
        """Note the user's name. Raises ApplicationHandlerStop for an update that is not handled."""
        user, chat = update.effective_user, update.effective_chat
        if user is None or update.my_chat_member:
            return
        self._names.note(user)
        try:
            banned = self._bans.is_banned(user.id)
            if not banned and (self._access.is_open or not chat or await self._access.may_use(user.id, chat.id)):
                return
            if await self._is_handled_all_the_same(update, user, banned=banned):
                return
        except (TelegramError, CallDropped, sqlite3.Error) as error:
            log.warning("user %d can't be told that they aren't answered: %r", user.id, error)
        except Exception:
            log.exception("user %d can't be told that they aren't answered", user.id)
        raise ApplicationHandlerStop  # also after an error, which would let the update pass

    async def _is_handled_all_the_same(self, update: Update, user: User, *, banned: bool) -> bool:
        """Whether an update of a banned user or a stranger is for an open route; if not, the user is told why.

        An edited message is ignored without a word.
        """
        if update.edited_message:
            return False
        if any(handler.check_update(update) not in (None, False) for handler in self._open_handlers):
            return True
        if not banned:
            return await self._gate.admit_or_turn_away(update, user)
        await self._reject(update, user)
        return False

    async def _reject(self, update: Update, user: User) -> None:
        """Notify the user of the ban, at most once a day and never in a group. Button presses are always answered."""
        query, message = update.callback_query, update.effective_message
        if query:
            notify = await self._bans.should_notify(user.id)
            await self._messenger.answer_button(
                query, "banned" if notify else "", alert=notify, until=self._until(user.id)
            )
        elif message and is_private(message) and await self._bans.should_notify(user.id):
            await self._messenger.reply(message, "banned", until=self._until(user.id))

    def _until(self, user_id: int) -> str:
        ban = self._bans.active_ban(user_id)
        return day_and_time(ban.until) if ban and ban.until else "good"
