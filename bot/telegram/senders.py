"""Who has sent a message. Some of Telegram's user ids are shared by everybody who posts in the name of a chat.

Anonymous administrators of all groups have one id, messages in the name of channels another one, automatic forwards of
a linked channel a third (https://core.telegram.org/bots/api#message, `sender_chat`). There the chat counts as the
sender: in the updates that the bot handles, `from` is a user with the chat's negative id. Button presses always come
from real users.
"""

from typing import Any

from telegram import User

from configs.chat import SHARED_IDS


def is_chat_sender(user: User | None) -> bool:
    """Whether a sender is a chat: anonymous administrators of a group, or a channel."""
    return user is not None and user.id < 0


def normalize_senders(value: dict[str, Any] | list[Any]) -> None:
    """Make chats the senders of messages in their names, at any depth of an update's JSON.

    Users without a first name, which Telegram sends for some accounts, get an empty one.
    """
    parts = value if isinstance(value, list) else value.values()
    if isinstance(value, dict):
        if "chat" in value and "from" in value:
            _normalize_message(value)
        if "is_bot" in value and not isinstance(value.get("first_name"), str):
            value["first_name"] = ""
    for part in parts:
        if isinstance(part, dict | list):
            normalize_senders(part)


def _normalize_message(message: dict[str, Any]) -> None:
    """Replace the sender of a message in a chat's name. Without such a chat a shared sender is removed."""
    sender, chat = message["from"], message.get("sender_chat")
    if not isinstance(chat, dict):
        if not isinstance(sender, dict) or sender.get("id") not in SHARED_IDS:
            return
        chat = message["chat"]
    chat_id = chat.get("id") if isinstance(chat, dict) else None
    if not isinstance(chat_id, int) or chat_id >= 0:
        del message["from"]
        return
    username = {"username": chat["username"]} if chat.get("username") else {}
    message["from"] = {"id": chat_id, "is_bot": False, "first_name": chat.get("title") or "", **username}
