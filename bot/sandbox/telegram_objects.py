"""Users and chats of the sandbox and their Telegram objects."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

FIRST_USER_ID = 1001
FIRST_GROUP_ID = -1_001_000_000_001

ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
"""The sender of anonymous administrators (https://core.telegram.org/bots/api#message, `sender_chat`)."""

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SandboxUser:
    """A simulated Telegram user."""

    id: int
    name: str
    language_code: str
    username: str | None = None

    def user_object(self) -> dict[str, Any]:
        """Telegram's User object."""
        name = {"username": self.username} if self.username else {}
        return {"id": self.id, "is_bot": False, "first_name": self.name, **name, "language_code": self.language_code}

    def summary(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "language_code": self.language_code}


@dataclass(slots=True)
class SandboxChat:
    """A private chat (with the user's id), a group or a supergroup. `messages`: the newest messages by id, in order.

    As in Telegram, each supergroup has its own counter of message ids; all other chats share one.
    """

    id: int
    type: str
    title: str
    members: list[int]
    message_ids: "count[int]"
    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    blocked: bool = False
    muted: bool = False
    """Whether the bot is restricted from sending messages."""
    left: bool = False
    """Whether the bot has left the chat: it gets no updates from there and may not write."""
    administrators: dict[int, bool] = field(default_factory=dict)
    """User id → whether anonymous; without the owner, who is the group's first member."""
    hides_members: bool = False
    upgraded_to: int | None = None
    game: bool = False
    """Whether the page offers a round of Oogiri here: scripted players are members."""

    def sender(self, user: SandboxUser) -> tuple[dict[str, Any], dict[str, Any]]:
        """The field `from` of the user's messages here, and further fields for an anonymous administrator."""
        if self.administrators.get(user.id):
            return ANONYMOUS, {"sender_chat": self.chat_object()}
        return user.user_object(), {}

    def chat_object(self) -> dict[str, Any]:
        """Telegram's Chat object, as messages carry it."""
        name = "first_name" if self.type == "private" else "title"
        return {"id": self.id, name: self.title, "type": self.type}

    def summary(self) -> dict[str, Any]:
        return {"id": self.id, "type": self.type, "title": self.title, "members": self.members, "game": self.game}


def bot_user(bot_id: int, username: str, name: str) -> dict[str, Any]:
    """Telegram's User object of the bot, as getMe returns it."""
    return {
        "id": bot_id,
        "is_bot": True,
        "first_name": name,
        "username": username,
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
    }
