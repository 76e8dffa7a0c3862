"""Reads messages: their image, their caption, and whether they address the bot."""

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

PEN = re.compile("\\s*✍[\ufe0f\U0001f3fb-\U0001f3ff]*\\s*")
"""✍️ in any skin tone."""


@dataclass(frozen=True)
class IncomingImage:
    """An image at Telegram that is not downloaded yet; `bytes` is its size where Telegram states it."""

    file_id: str
    bytes: int | None


def find_image(message: Message) -> IncomingImage | None:
    """The image of a message; None where it has none.

    It is a photo, a file with an image's type or extension, a static sticker, or the thumbnail of an animation or video
    (a JPEG of at most 320 × 320).
    """
    if message.photo:
        return IncomingImage(message.photo[-1].file_id, message.photo[-1].file_size)
    if moving := message.animation or message.video:
        return IncomingImage(moving.thumbnail.file_id, moving.thumbnail.file_size) if moving.thumbnail else None
    if sticker := message.sticker:
        return None if sticker.is_animated or sticker.is_video else IncomingImage(sticker.file_id, sticker.file_size)
    file = message.document
    if file is None:
        return None
    has_extension = PurePath(file.file_name or "").suffix.lower() in EXTENSIONS
    if has_extension or (file.mime_type or "").startswith("image/"):
        return IncomingImage(file.file_id, file.file_size)
    return None


def is_photo(message: Message) -> bool:
    """Whether a message is a photo or an image file, and no sticker, animation or video."""
    return find_image(message) is not None and not (message.sticker or message.animation or message.video)


def is_private(message: MaybeInaccessibleMessage) -> bool:
    return message.chat.type == ChatType.PRIVATE


def is_reply_to_bot(message: Message, bot: Bot) -> bool:
    """Whether a message is a reply to one of the bot's."""
    replied = message.reply_to_message
    return bool(replied and replied.from_user and replied.from_user.id == bot.id)


def mentions_bot(message: Message, bot: Bot) -> bool:
    """Whether a message's text or caption mentions the bot or has a /joke command."""
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities
    return bool(_mention_pattern(bot.username).search(text)) or any(
        entity.type == MessageEntityType.TEXT_MENTION and entity.user and entity.user.id == bot.id
        for entity in entities
    )


def is_command_for(message: Message, bot: Bot) -> bool:
    """Whether a message is a command with the bot's name, as /help@bot."""
    words = (message.text or "").split(maxsplit=1)
    return bool(words) and words[0].startswith("/") and words[0].lower().endswith(f"@{bot.username.lower()}")


def caption_hint(message: Message, bot: Bot) -> str | None:
    """The text or caption without mentions of the bot and /joke; None where nothing is left."""
    text = message.text or message.caption or ""
    return " ".join(_mention_pattern(bot.username).sub(" ", text).split()) or None


def command_arguments(message: Message) -> list[str]:
    """The words after the command."""
    return (message.text or "").split()[1:]


def command_text(message: Message) -> str:
    """What is written after the command, with its line breaks."""
    return re.sub(r"\A/\S+\s*", "", message.text or "")


def pen_text(message: Message) -> str | None:
    """What is written after a ✍️ at the beginning of a text; None for a text without one."""
    match = PEN.match(message.text or "")
    return (message.text or "")[match.end() :] if match else None


def quoted_message_id(message: MaybeInaccessibleMessage) -> int:
    """The id of the message that this one replies to (a joke's photo); its own id where that is gone."""
    quoted = getattr(message, "reply_to_message", None)
    return quoted.message_id if quoted else message.message_id


class _HasImage(MessageFilter):
    def filter(self, message: Message) -> bool:
        return find_image(message) is not None


HAS_IMAGE = filters.PHOTO | _HasImage()
"""Messages with an image of any kind. The filter for plain photos comes first, because it is cheap."""


@cache
def _mention_pattern(username: str) -> re.Pattern[str]:
    name = re.escape(username)
    return re.compile(rf"(?<![\w@/])@{name}(?!\w)|(?<!\S)/joke(?:@{name})?(?!\S)", re.IGNORECASE)
