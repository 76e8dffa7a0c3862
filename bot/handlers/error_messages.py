"""Error messages for users."""

from typing import Any

from bot.engine.client import EngineError
from bot.engine.fair_queue import QueueFull
from bot.i18n.translator import Translator
from bot.jokes.generator import PhotoFileMissing
from bot.jokes.photo_intake import PhotoDownloadError, PhotoUnreachable
from bot.jokes.reply_writer import JokeBlocked
from bot.jokes.user_limiter import TooManyPending
from configs.errors import JokebotError
from configs.log_context import REQUEST
from configs.settings import LimitSettings
from storage.media.photos import PhotoError


def error_message_key(error: JokebotError, limits: LimitSettings) -> tuple[str, dict[str, Any]]:
    """The key of the message for an error, and its values."""
    match error:
        case PhotoError():
            return f"photo-{error.reason}", {
                "megabytes": limits.photo_bytes // 1_000_000,
                "megapixels": limits.photo_pixels // 1_000_000,
            }
        case EngineError():
            return f"engine-{error.kind}", {}
        case TooManyPending():
            return "queue-mine", {"limit": limits.max_queued_photos_per_user}
        case QueueFull():
            return ("queue-mine", {"limit": limits.max_queued_photos_per_user}) if error.mine else ("queue-full", {})
        case PhotoUnreachable():
            return "photo-unreachable", {}
        case PhotoDownloadError():
            return "photo-lost", {}
        case PhotoFileMissing():
            return "photo-gone", {}
        case JokeBlocked():
            return "joke-blocked", {}
        case _:
            return "defect", {}


def error_message_with_id(translator: Translator, language: str, key: str) -> str:
    """A message about an internal error, with the request id of the log for the admin."""
    text, request_id = translator.format(language, key), REQUEST.get()
    return f"{text}\n\n{translator.format(language, 'apology-number', id=request_id)}" if request_id else text


def error_text(translator: Translator, limits: LimitSettings, language: str, error: JokebotError) -> str:
    """The message that is sent in place of a joke."""
    key, values = error_message_key(error, limits)
    return (
        error_message_with_id(translator, language, key)
        if key == "defect"
        else translator.format(language, key, **values)
    )
