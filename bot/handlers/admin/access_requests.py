"""Admins let strangers in or turn them away: the buttons under the bot's questions, and /requests."""

import logging

from bot.chats.access_list import AccessList
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import AccessButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route
from bot.messaging.access_notices import AccessNotices
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import command_arguments
from storage.chat import access
from storage.database import Database

log = logging.getLogger(__name__)


class AccessAdmin:
    """Stores the admins' decisions about users and groups. `AccessNotices` tells everybody concerned."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        admin_access: AdminAccess,
        access_list: AccessList,
        notices: AccessNotices,
    ) -> None:
        self._messenger, self._database, self._admin_access = messenger, database, admin_access
        self._access, self._notices = access_list, notices

    def routes(self) -> list[Route]:
        return [
            self._admin_access.command("requests", self.on_requests, refusal_in_groups="requests-in-private"),
            self._admin_access.button(AccessButton, self.on_answer),
        ]

    async def on_requests(self, incoming: IncomingMessage) -> None:
        """Ask the admin again about all who wait; with "refuse", turn all of them away."""
        message, admin_id = incoming.message, incoming.user.id
        if not self._access.asks_admins:
            await self._messenger.reply(message, "requests-open" if self._access.is_open else "requests-closed")
            return
        match [word.lower() for word in command_arguments(message)]:
            case []:
                count = await access.count_waiting(self._database)
                await access.forget_questions(self._database, admin_id)
            case ["refuse"]:
                count = await access.refuse_all_waiting(self._database, by=admin_id)
                log.info("admin %d refuses %d requests", admin_id, count)
            case _:
                await self._messenger.reply(message, "requests-how")
                return
        refused = bool(command_arguments(message))
        await self._messenger.reply(message, "requests-refused" if refused else "requests-waiting", count=count)
        self._notices.wake()

    async def on_answer(self, press: ButtonPress[AccessButton]) -> None:
        """Store a decision. A later one replaces it."""
        record = await access.get_access_by_id(self._database, press.data.access_id)
        if record is None or record.state == "withdrawn":
            await self._messenger.reject_button(press.query, "access-gone")
            return
        allowed = press.data.answer == "yes"
        await access.decide(self._database, record.id, "allowed" if allowed else "refused", by=press.user.id)
        self._access.note_decision(record.chat_id, allowed=allowed)
        log.info("admin %d %s chat %d", press.user.id, "lets in" if allowed else "refuses", record.chat_id)
        await self._messenger.answer_button(press.query)
        self._notices.wake()
