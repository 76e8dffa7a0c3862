"""Who has sent a message. Some of Telegram's user ids are shared by everybody who posts in the name of a chat.

Anonymous administrators of all groups have one id, messages in the name of channels another one, automatic forwards of
a linked channel a third (https://core.telegram.org/bots/api#message, `sender_chat`). There the chat counts as the
sender: the bot handles it as a user with the chat's negative id. Button presses always come from real users.
"""

from typing import Any

from telegram import Message, Update, User

from configs.chat import SHARED_IDS


def is_chat_sender(user: User | None) -> bool:
    """Whether a sender is a chat: anonymous administrators of a group, or a channel."""
    return user is not None and user.id < 0


def sender_of(message: Message) -> User | None:
    """The sender of a message, who may be a chat; None where no sender can be told apart from others."""
    user, chat = message.from_user, message.sender_chat
    if chat is None and (user is None or user.id not in SHARED_IDS):
        return user
    chat = chat or message.chat
    return User(chat.id, chat.title or "", is_bot=False, username=chat.username) if chat.id < 0 else None


def sender_of_update(update: Update) -> User | None:
    """The sender of the update's message, or else who caused the update."""
    message = update.message
    return sender_of(message) if message else update.effective_user


def complete_users(value: Any) -> None:
    """Give an empty first name to users in an update's JSON who have none; Telegram sends it for some accounts."""
    if isinstance(value, dict):
        if "is_bot" in value and not isinstance(value.get("first_name"), str):
            value["first_name"] = ""
        for part in value.values():
            complete_users(part)
    elif isinstance(value, list):
        for part in value:
            complete_users(part)
