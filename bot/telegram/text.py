"""Telegram's text limits, and how the bot quotes a message."""

from telegram import LinkPreviewOptions, ReplyParameters
from telegram.error import BadRequest, TelegramError

TEXT_UNITS, CAPTION_UNITS = 4096, 1024
"""Telegram's limits for a message and for a caption, in UTF-16 code units."""
PHOTO_BYTES, PHOTO_SIDES = 10_000_000, 10_000
"""Telegram's limits of a photo that a bot sends: bytes, and width plus height in pixels
(https://core.telegram.org/bots/api#sendphoto)."""
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


def reply_to(message_id: int) -> ReplyParameters:
    """Reply parameters that quote a message, or nothing where it no longer exists."""
    return ReplyParameters(message_id, allow_sending_without_reply=True)


def truncate_for_telegram(text: str, ending: str = "…", *, max_units: int = TEXT_UNITS) -> str:
    """The text, cut to `max_units` UTF-16 code units including `ending`, never inside a surrogate pair."""
    if len(text) * 2 <= max_units or len(text.encode("utf-16-le")) // 2 <= max_units:
        return text
    max_bytes = 2 * (max_units - len(ending))
    return text.encode("utf-16-le")[:max_bytes].decode("utf-16-le", "ignore") + ending


def is_unchanged(error: TelegramError) -> bool:
    """Whether an edit failed only because the message already has that content."""
    return isinstance(error, BadRequest) and "not modified" in str(error).lower()
