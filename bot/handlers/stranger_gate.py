"""Turns away users and groups that may not use the bot, and asks the admins about them."""

import logging
from contextlib import suppress

from telegram import Chat, Message, Update, User
from telegram.constants import ChatType
from telegram.error import BadRequest, Forbidden

from bot.chats.access_list import AccessList
from bot.chats.user_names import UserNames
from bot.messaging.access_notices import AccessNotices
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import find_image, is_command_for, is_private, is_reply_to_bot, mentions_bot
from configs.chat import SHARED_IDS
from storage.chat import access, held_updates
from storage.chat.access import AccessRecord
from storage.database import Database

log = logging.getLogger(__name__)

WELCOME_TO_GROUP = "access-welcome-group"


class StrangerGate:
    """Decides whether an update is handled. A stranger is told once to wait, or why the bot doesn't answer."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        access_list: AccessList,
        names: UserNames,
        notices: AccessNotices,
    ) -> None:
        self._messenger, self._database, self._access = messenger, database, access_list
        self._names, self._notices = names, notices

    async def admit_or_turn_away(self, update: Update, user: User) -> bool:
        """Whether an update of a stranger is handled all the same; if not, the stranger has been answered.

        Service messages about a group's new id are; so is an update whose sender was let in meanwhile.
        """
        query, message = update.callback_query, update.message
        if query:
            await self._messenger.answer_button(query, "access-button", alert=True)
            return False
        if message is None:
            return False
        if message.migrate_to_chat_id or message.migrate_from_chat_id:
            return True
        return await self._turn_away(update.update_id, message, user) if self._calls(message) else False

    async def handle_added(self, update_id: int, chat: Chat, user: User) -> None:
        """Ask the admins about a group to which a user has added the bot. A group to which an admin adds it is let in.

        The bot leaves groups that were refused, and all unknown ones where the settings refuse strangers.
        """
        if chat.type not in (ChatType.GROUP, ChatType.SUPERGROUP):
            return
        if self._access.is_admin(user.id):
            await access.allow_chat(self._database, chat.id, by=user.id, title=chat.title, told=WELCOME_TO_GROUP)
            self._access.note_decision(chat.id, allowed=True)
            return
        if await self._access.may_use(chat.id, chat.id):
            return
        record = await access.get_access(self._database, chat.id)
        if record is None or record.state != "refused":
            self._names.note(user)
            await self._request(chat, chat.id if user.id in SHARED_IDS else user.id, self._messenger.language(user))
            key = self.notice_key(chat.id)
            if await access.claim_notice(self._database, chat.id, update_id, key):
                await self._say(chat.id, self._messenger.text(user, key, id=str(user.id)))
            if self._access.asks_admins or self._access.has_no_admin:
                return
        await self._notices.leave(chat.id)

    async def handle_removed(self, chat_id: int) -> None:
        """End the request of a group that has removed the bot, or of a user who has blocked it."""
        await access.withdraw(self._database, chat_id)
        self._notices.wake()

    def notice_key(self, chat_id: int) -> str:
        """The key of the message for a stranger, by the settings."""
        word = "wait" if self._access.asks_admins else "no-admin" if self._access.has_no_admin else "closed"
        return f"access-{word}{'-group' if chat_id < 0 else ''}"

    async def _turn_away(self, update_id: int, message: Message, user: User) -> bool:
        chat_id = message.chat.id
        record = await access.get_access(self._database, chat_id)
        if record is None or record.state == "withdrawn":
            record = await self._request(message.chat, user.id, self._messenger.language(user))
        if record.state in ("refused", "allowed"):
            return record.state == "allowed"
        if self._access.asks_admins and self._wants_joke(message):
            await held_updates.hold_update(self._database, update_id, chat_id, user.id)
        key = self.notice_key(chat_id)
        if await access.claim_notice(self._database, chat_id, update_id, key):
            await self._messenger.reply(message, key, id=str(user.id))
        if not await self._access.may_use(user.id, chat_id):
            return False
        await held_updates.drop_held(self._database, update_id)
        return True

    async def _request(self, chat: Chat, user_id: int, language: str) -> AccessRecord:
        title = (chat.title or "") if chat.id < 0 else None
        record = await access.request_access(self._database, chat.id, asked_by=user_id, title=title, language=language)
        log.info("chat %d isn't known; its request is stored", chat.id)
        self._notices.wake()
        return record

    async def _say(self, chat_id: int, text: str) -> None:
        with suppress(Forbidden, BadRequest):
            await self._messenger.send(chat_id, text)

    def _calls(self, message: Message) -> bool:
        """Whether the message is for the bot."""
        client = self._messenger.client
        return (
            is_private(message)
            or mentions_bot(message, client)
            or is_reply_to_bot(message, client)
            or is_command_for(message, client)
        )

    def _wants_joke(self, message: Message) -> bool:
        """Whether a message that is for the bot asks for a joke about a photo."""
        if find_image(message):
            return True
        replied = message.reply_to_message
        return replied is not None and find_image(replied) is not None and mentions_bot(message, self._messenger.client)
