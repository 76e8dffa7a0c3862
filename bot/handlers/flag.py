"""The button 🚩: hides a joke, tells the admins, and keeps it out of what models learn. ↩️ shows it again."""

import logging
from typing import Any

from telegram.error import TelegramError

from bot.chats.group_admins import GroupAdmins
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import FlagButton, UnflagButton
from bot.handlers.flag_notices import FlagNotices
from bot.handlers.flagged_messages import FlaggedMessages
from bot.handlers.routes import ButtonPress, Route, button
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import is_private
from storage.chat.flags import decide, flag_joke, get_flag_state, withdraw_flags
from storage.chat.jokes import Joke, get_joke
from storage.database import Database

log = logging.getLogger(__name__)


class FlagHandlers:
    """Handles presses of 🚩 and ↩️.

    Every user of a chat may flag a joke. In groups `most` is how many jokes a member may hide in 24 hours; no limit
    applies to the group's administrators, the bot's admins, and the user who asked for the joke. The admins are told of
    as many flags of one user.
    """

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        messages: FlaggedMessages,
        notices: FlagNotices,
        group_admins: GroupAdmins,
        access: AdminAccess,
        most: int,
    ) -> None:
        self._messenger, self._database, self._messages = messenger, database, messages
        self._notices, self._group_admins, self._access, self._most = notices, group_admins, access, most

    def routes(self) -> list[Route]:
        return [button(FlagButton, self.on_flag), button(UnflagButton, self.on_unflag)]

    async def on_flag(self, press: ButtonPress[FlagButton]) -> None:
        """Hide the joke, then tell the admins."""
        joke = await self._joke(press)
        if joke is None:
            await self._messenger.reject_button(press.query)
            return
        trusted = press.user.id == joke.person_id or await self._may_decide(press)
        flag = await flag_joke(self._database, joke.id, press.user.id, most=None if trusted else self._most)
        if flag.outcome != "hidden":
            await self._messenger.answer_button(press.query, f"flag-{flag.outcome}", alert=True, limit=self._most)
            return
        log.info("user %d flags joke %d", press.user.id, joke.id)
        await self._messenger.answer_button(press.query, "flag-done")
        await self._messages.update(joke.id, press.user)
        # A press that is handled again after a restart may not have told all admins.
        if flag.today <= self._most and (flag.first or press.resume):
            await self._notices.tell(joke, press)

    async def on_unflag(self, press: ButtonPress[UnflagButton]) -> None:
        """Show the joke again: for who flagged it or asked for it, and for administrators."""
        joke = await self._joke(press)
        if joke is None:
            await self._messenger.reject_button(press.query)
            return
        state, user_id = await get_flag_state(self._database, joke.id), press.user.id
        if self._access.is_admin(user_id):
            await decide(self._database, joke.id, hidden=False, asked_by=user_id)
        elif state and state.decision == "hidden":
            await self._messenger.reject_button(press.query, "flag-kept")
            return
        elif state and user_id not in (*state.user_ids, joke.person_id) and not await self._may_decide(press):
            await self._messenger.reject_button(press.query, "flag-not-yours")
            return
        else:
            await withdraw_flags(self._database, joke.id)
        await self._messenger.answer_button(press.query, "flag-undone")
        await self._messages.update(joke.id, press.user)

    async def _joke(self, press: ButtonPress[Any]) -> Joke | None:
        """The joke of a button that is under its message."""
        if not await self._messages.has_joke(press, press.data.joke_id):
            return None
        return await get_joke(self._database, press.data.joke_id)

    async def _may_decide(self, press: ButtonPress[Any]) -> bool:
        """Whether the chat is the user's own, or they are an administrator of the group or an admin of the bot."""
        if self._access.is_admin(press.user.id) or is_private(press.message):
            return True
        try:
            return await self._group_admins.is_administrator(press.message.chat.id, press.user.id)
        except TelegramError as error:
            log.info("chat %d: whether a user is its administrator is unknown: %s", press.message.chat.id, error)
            return False
