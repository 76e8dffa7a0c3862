"""Changes of the bot's membership: where it may write, groups that it was added to, topics that are opened again."""

from telegram import ChatMember, ChatMemberRestricted, ChatMemberUpdated
from telegram.ext import filters

from bot.handlers.routes import IncomingMessage, Route, membership, message
from bot.handlers.stranger_gate import StrangerGate
from bot.telegram.write_access import WriteAccess, current_topic


class MembershipHandlers:
    """Notes where the bot may write, so that no joke is made for a chat that can't get it."""

    def __init__(self, access: WriteAccess, gate: StrangerGate) -> None:
        self._access, self._gate = access, gate

    def routes(self) -> list[Route]:
        return [
            membership(self.on_membership),
            message(filters.StatusUpdate.FORUM_TOPIC_REOPENED, self.on_topic_reopened),
        ]

    async def on_membership(self, update_id: int, change: ChatMemberUpdated) -> None:
        """Note whether the bot may write in the chat after a change of its membership or rights.

        Admins are asked about groups that it was added to. A request ends when the bot is removed or blocked.
        """
        member, chat_id = change.new_chat_member, change.chat.id
        muted = isinstance(member, ChatMemberRestricted) and not member.can_send_messages
        if muted or member.status in (ChatMember.LEFT, ChatMember.BANNED):
            self._access.refuse(chat_id, f"its status is {member.status}")
        else:
            self._access.allow(chat_id)
        if is_member(member) and not is_member(change.old_chat_member):
            await self._gate.handle_added(update_id, change.chat, change.from_user)
        elif not is_member(member):
            await self._gate.handle_removed(chat_id)

    async def on_topic_reopened(self, incoming: IncomingMessage) -> None:
        """Note that the bot may write in the topic."""
        chat_id = incoming.message.chat.id
        self._access.allow(chat_id, current_topic(chat_id))


def is_member(member: ChatMember) -> bool:
    """Whether the bot is in the chat with that status."""
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status not in (ChatMember.LEFT, ChatMember.BANNED)
