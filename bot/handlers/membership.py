"""Changes of the bot's right to write: its membership in a chat, and topics that are opened again."""

from telegram import ChatMember, ChatMemberRestricted, ChatMemberUpdated
from telegram.ext import filters

from bot.handlers.routes import IncomingMessage, Route, membership, message
from bot.telegram.write_access import WriteAccess, current_topic


class MembershipHandlers:
    """Notes where the bot may write, so that no joke is made for a chat that can't get it."""

    def __init__(self, access: WriteAccess) -> None:
        self._access = access

    def routes(self) -> list[Route]:
        return [
            membership(self.on_membership),
            message(filters.StatusUpdate.FORUM_TOPIC_REOPENED, self.on_topic_reopened),
        ]

    async def on_membership(self, change: ChatMemberUpdated) -> None:
        """Note whether the bot may write in the chat after a change of its membership or rights."""
        member, chat_id = change.new_chat_member, change.chat.id
        muted = isinstance(member, ChatMemberRestricted) and not member.can_send_messages
        if muted or member.status in (ChatMember.LEFT, ChatMember.BANNED):
            self._access.refuse(chat_id, f"its status is {member.status}")
        else:
            self._access.allow(chat_id)

    async def on_topic_reopened(self, incoming: IncomingMessage) -> None:
        """Note that the bot may write in the topic."""
        chat_id = incoming.message.chat.id
        self._access.allow(chat_id, current_topic(chat_id))
