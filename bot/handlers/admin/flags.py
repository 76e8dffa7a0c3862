"""Admins' decisions about flagged jokes (🚩): restore, keep hidden, or ban a user."""

import logging

from telegram import User

from bot.chats.bans import BanList
from bot.chats.user_names import UserNames, display_name, sanitize_name
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import FlagDecisionButton
from bot.handlers.flag_notices import FlagNotices
from bot.handlers.flagged_messages import FlaggedMessages
from bot.handlers.routes import ButtonPress, Route
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.telegram.rate_limiter import Priority
from storage.chat.flags import FlagState, decide, get_flag_state
from storage.chat.jokes import get_joke
from storage.chat.user_activity import UserName
from storage.database import Database

log = logging.getLogger(__name__)


class FlagAdmin:
    """Handles the buttons under the notices. A decision can be changed by another press."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        access: AdminAccess,
        messages: FlaggedMessages,
        notices: FlagNotices,
        bans: BanList,
        names: UserNames,
        notifier: AdminNotifier,
    ) -> None:
        self._messenger, self._database, self._access = messenger, database, access
        self._messages, self._notices, self._bans = messages, notices, bans
        self._names, self._notifier = names, notifier

    def routes(self) -> list[Route]:
        return [self._access.button(FlagDecisionButton, self.on_decision)]

    async def on_decision(self, press: ButtonPress[FlagDecisionButton]) -> None:
        """Store the decision, show it in the joke's messages, and mark the pressed button."""
        admin, answer, joke_id = press.user, press.data.answer, press.data.joke_id
        if answer == "ban":
            await self._ban(press, admin)
        elif not await decide(self._database, joke_id, hidden=answer == "keep", asked_by=admin.id):
            await self._messenger.reject_button(press.query, "review-gone")
            return
        else:
            log.info("joke %d was flagged: %s", joke_id, answer)
            await self._messenger.answer_button(press.query, f"flag-{answer}-done")
            await self._messages.update(joke_id)
        await self._mark(press)

    async def _ban(self, press: ButtonPress[FlagDecisionButton], admin: User) -> None:
        user_id = press.data.user_id
        if self._access.is_admin(user_id):
            await self._messenger.reject_button(press.query, "ban-admin")
            return
        if not self._bans.is_banned(user_id):
            await self._bans.ban(user_id, by=admin.id, reason="🚩")
            log.info("admin %d bans user %d after a flag", admin.id, user_id)
        who = display_name(await self._names.get(user_id) or UserName(user_id, "?"))
        await self._messenger.answer_button(press.query, "flag-ban-done", person=str(user_id))
        await self._notifier.notify(
            "ban-news",
            except_for=(admin.id,),
            silent=True,
            admin=sanitize_name(admin.full_name),
            who=who,
            until="good",
            reason="🚩",
        )

    async def _mark(self, press: ButtonPress[FlagDecisionButton]) -> None:
        joke = await get_joke(self._database, press.data.joke_id)
        if joke is None:
            return
        state = await get_flag_state(self._database, joke.id) or FlagState(None, ())
        language = self._messenger.language(press.user)
        keyboard = await self._notices.keyboard(language, joke, state, chosen=press.data.encode())
        await self._messenger.client.edit_message_reply_markup(
            press.user.id, press.message.message_id, reply_markup=keyboard, rate_limit_args=Priority.ESSENTIAL
        )
