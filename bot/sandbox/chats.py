"""The sandbox's users, chats and messages, in memory; used from one event loop."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from bot.sandbox.errors import SandboxError
from bot.sandbox.events import EventStream
from bot.sandbox.telegram_objects import FIRST_GROUP_ID, FIRST_USER_ID, Message, SandboxChat, SandboxUser
from bot.sandbox.updates import UpdateQueue, first_number

RESTRICTED_RIGHTS = (
    "can_change_info",
    "can_edit_tag",
    "can_react_to_messages",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
)
"""What a restricted member may not do (https://core.telegram.org/bots/api#chatmemberrestricted)."""


class ChatStore:
    """Stores users, chats and messages; emits an event for each change.

    `bot`: Telegram's User object of the bot. `messages_kept`: maximum messages per chat; the oldest are dropped.
    `first_message_id`: first message id in each chat. `clock`: Unix time in seconds.
    """

    def __init__(
        self,
        bot: dict[str, Any],
        updates: UpdateQueue,
        messages_kept: int = 1000,
        first_message_id: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bot = bot
        self.updates = updates
        self.messages_kept = messages_kept
        self.clock = clock
        self.events = EventStream()
        self.users: dict[int, SandboxUser] = {}
        self.chats: dict[int, SandboxChat] = {}
        self._first_message_id = first_message_id
        self.private_message_ids = count(first_message_id)
        self._ids = count(first_number(clock()))
        members = [self.add_user(name, code).id for name, code in (("Alice", "en"), ("Bob", "en"), ("小明", "zh"))]
        self.group_id = self.add_chat("supergroup", "Joke lovers", members)

    def restore_chats(self, users: Iterable[SandboxUser], chats: Iterable[dict[str, Any]], group_id: int) -> None:
        """Replace users and chats by those of an earlier sandbox; new messages get higher ids than the restored ones.

        A chat has SandboxChat's fields; `administrators` is a list of pairs, `messages` a list in order. Raises
        KeyError or TypeError if a field is missing or unknown.
        """
        restored, last_private = {}, 0
        for fields in chats:
            messages = OrderedDict((message["message_id"], message) for message in fields["messages"])
            last = max(messages, default=0)
            ids = count(max(self._first_message_id, last + 1))
            values = {**fields, "messages": messages, "administrators": dict(fields["administrators"])}
            restored[fields["id"]] = SandboxChat(**values, message_ids=ids)
            last_private = max(last_private, 0 if fields["type"] == "supergroup" else last)
        self.private_message_ids = count(max(self._first_message_id, last_private + 1))
        for chat in restored.values():
            if chat.type != "supergroup":
                chat.message_ids = self.private_message_ids
        self.users, self.chats, self.group_id = {user.id: user for user in users}, restored, group_id

    def add_user(self, name: str, language_code: str = "en", username: str | None = None) -> SandboxUser:
        """Add a user with an open private chat with the bot."""
        user = SandboxUser(FIRST_USER_ID + len(self.users), name, language_code, username)
        self.users[user.id] = user
        self.chats[user.id] = SandboxChat(user.id, "private", name, [user.id], self.private_message_ids)
        self.events.emit({"type": "person", "person": user.summary()})
        return user

    def add_group(self, title: str, member_ids: Iterable[int], *, game: bool = False) -> int:
        """Add a supergroup of these users and the bot; the first user is the owner. `game`: see SandboxChat.

        Returns the group's id. Raises SandboxError if there is no member or a user is unknown.
        """
        members = [self.user(member).id for member in member_ids]
        if not members:
            raise SandboxError("A group needs at least one person.")
        group_id = self.add_chat("supergroup", title, members, game=game)
        self.put_membership_update(self.chats[group_id], self.users[members[0]], "left", "member")
        return group_id

    def add_chat(self, kind: str, title: str, members: list[int], *, game: bool = False) -> int:
        """Add a chat of type `kind` without an update for the bot; returns the chat's id."""
        groups = sum(chat.type != "private" for chat in self.chats.values())
        chat = SandboxChat(FIRST_GROUP_ID - groups, kind, title, members, count(self._first_message_id), game=game)
        self.chats[chat.id] = chat
        self.events.emit({"type": "chat", "chat": chat.summary()})
        return chat.id

    def private_chat(self, user_id: int) -> int:
        """The id of the user's chat with the bot. Raises SandboxError if the user is unknown."""
        return self.user(user_id).id

    def user(self, user_id: int) -> SandboxUser:
        """Raises SandboxError if the user is unknown."""
        if user_id not in self.users:
            raise SandboxError(f"There is no person {user_id}.")
        return self.users[user_id]

    def block(self, user_id: int, blocked: bool = True) -> None:
        """Let the user block or unblock the bot; a blocked bot's calls to the private chat are refused with 403."""
        chat = self.chats[self.private_chat(user_id)]
        chat.blocked = blocked
        statuses = ("member", "kicked") if blocked else ("kicked", "member")
        self.put_membership_update(chat, self.user(user_id), *statuses)

    def put_membership_update(self, chat: SandboxChat, user: SandboxUser, before: str, after: str) -> None:
        """Tell the bot that `user` has changed its status in the chat."""

        def member(status: str) -> dict[str, Any]:
            until = {"until_date": 0} if status in ("kicked", "restricted") else {}
            rights = {"is_member": True, **dict.fromkeys(RESTRICTED_RIGHTS, False)} if status == "restricted" else {}
            return {"user": self.bot_user(), "status": status, **until, **rights}

        self.updates.put(
            "my_chat_member",
            {
                "chat": chat.chat_object(),
                "from": user.user_object(),
                "date": int(self.clock()),
                "old_chat_member": member(before),
                "new_chat_member": member(after),
            },
        )

    def leave(self, chat: SandboxChat) -> None:
        """Let the bot leave a group."""
        chat.left = True
        self.put_membership_update(chat, self.users[chat.members[0]], "member", "left")

    def bot_user(self) -> dict[str, Any]:
        """The bot's User object as messages carry it."""
        return {key: self.bot[key] for key in ("id", "is_bot", "first_name", "username")}

    def new_id(self) -> str:
        """A new id for a callback query or an album."""
        return str(next(self._ids))

    def post_message(
        self, chat: SandboxChat, sender: dict[str, Any], content: dict[str, Any], replied: Message | None = None
    ) -> Message:
        """Add a message to a chat; `replied` is the message that it replies to."""
        message: Message = {
            "message_id": next(chat.message_ids),
            "from": sender,
            "chat": chat.chat_object(),
            "date": int(self.clock()),
        }
        if replied:
            message["reply_to_message"] = {key: value for key, value in replied.items() if key != "reply_to_message"}
        message.update(content)
        chat.messages[message["message_id"]] = message
        while len(chat.messages) > self.messages_kept:
            chat.messages.popitem(last=False)
        self.events.emit({"type": "message", "chat_id": chat.id, "message": message})
        return message

    def replace_message(self, message: Message) -> Message:
        """Replace the message with the same chat and id; sets `edit_date`."""
        edited = {**message, "edit_date": int(self.clock())}
        chat = self.chats[message["chat"]["id"]]
        chat.messages[message["message_id"]] = edited
        self.events.emit({"type": "edit", "chat_id": chat.id, "message": edited})
        return edited

    def delete_message(self, chat: SandboxChat, message_id: int) -> None:
        """Delete a message. Raises KeyError if there is none with this id."""
        del chat.messages[message_id]
        self.events.emit(
            {"type": "delete", "chat_id": chat.id, "message_id": message_id, "message": {"message_id": message_id}}
        )

    def message(self, chat_id: int, message_id: int) -> Message | None:
        chat = self.chats.get(chat_id)
        return chat.messages.get(message_id) if chat else None

    def messages(self, chat_id: int) -> list[Message]:
        """The chat's current messages, oldest first. Raises SandboxError if the chat is unknown."""
        if chat_id not in self.chats:
            raise SandboxError(f"There is no chat {chat_id}.")
        return list(self.chats[chat_id].messages.values())
