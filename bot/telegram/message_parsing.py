"""What a message holds, and whether it is meant for the bot."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from telegram import Bot, MaybeInaccessibleMessage, Message
from telegram.constants import ChatType, MessageEntityType
from telegram.ext import filters
from telegram.ext.filters import MessageFilter

EXTENSIONS = {
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
}


@dataclass(frozen=True)
class IncomingImage:
    """A picture at Telegram, not fetched yet; `bytes` is its size where Telegram says it."""

    file_id: str
    bytes: int | None


def find_image(message: Message) -> IncomingImage | None:
    """The picture of a message: a photo, a file that claims to be one by its type or name, a sticker that stands
    still, or the still (a JPEG of at most 320 × 320) that Telegram supplies with an animation or a video."""
    if message.photo:
        return IncomingImage(message.photo[-1].file_id, message.photo[-1].file_size)
    if moving := message.animation or message.video:
        return IncomingImage(moving.thumbnail.file_id, moving.thumbnail.file_size) if moving.thumbnail else None
    if sticker := message.sticker:
        return None if sticker.is_animated or sticker.is_video else IncomingImage(sticker.file_id, sticker.file_size)
    file = message.document
    if file is None:
        return None
    named = PurePath(file.file_name or "").suffix.lower() in EXTENSIONS
    if named or (file.mime_type or "").startswith("image/"):
        return IncomingImage(file.file_id, file.file_size)
    return None


def is_photo(message: Message) -> bool:
    """Whether it is a photo, or a picture as a file: no sticker, animation or video."""
    return find_image(message) is not None and not (message.sticker or message.animation or message.video)


def is_private(message: Message) -> bool:
    return message.chat.type == ChatType.PRIVATE


def is_reply_to_bot(message: Message, bot: Bot) -> bool:
    """Whether it is a reply to one of the bot's messages."""
    replied = message.reply_to_message
    return bool(replied and replied.from_user and replied.from_user.id == bot.id)


def mentions_bot(message: Message, bot: Bot) -> bool:
    """Whether its text or caption mentions the bot or is a /joke command."""
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities
    return bool(_calls(bot.username).search(text)) or any(
        one.type == MessageEntityType.TEXT_MENTION and one.user and one.user.id == bot.id for one in entities
    )


def caption_hint(message: Message, bot: Bot) -> str | None:
    """What a person wrote beside the picture, without the words that call the bot."""
    text = message.text or message.caption or ""
    return " ".join(_calls(bot.username).sub(" ", text).split()) or None


def command_arguments(message: Message) -> list[str]:
    """The words after the command."""
    return (message.text or "").split()[1:]


def quoted_message_id(message: MaybeInaccessibleMessage) -> int:
    """The message that this one replies to, a joke's photo; the message itself where that is gone."""
    quoted = getattr(message, "reply_to_message", None)
    return quoted.message_id if quoted else message.message_id


class _HasImage(MessageFilter):
    def filter(self, message: Message) -> bool:
        return find_image(message) is not None


HAS_IMAGE = filters.PHOTO | _HasImage()
"""Messages with a picture, whichever way it was sent. Plain photos, which most of them are, need no further look."""


@cache
def _calls(username: str) -> re.Pattern[str]:
    name = re.escape(username)
    return re.compile(rf"(?<![\w@/])@{name}(?!\w)|(?<!\S)/joke(?:@{name})?(?!\S)", re.IGNORECASE)
