"""What a user is told about an error."""

from typing import Any

from bot.engine.client import EngineError
from bot.engine.fair_queue import QueueFull
from bot.i18n.translator import Translator
from bot.jokes.generator import JokeBlocked, PhotoFileMissing
from bot.jokes.photo_intake import PhotoDownloadError
from bot.jokes.user_limiter import TooManyPending
from configs.errors import JokebotError
from configs.log_context import REQUEST
from configs.settings import LimitSettings
from storage.media.photos import PhotoError


def words_for(error: JokebotError, limits: LimitSettings) -> tuple[str, dict[str, Any]]:
    """The key of the message for an error that a user meets, and the values to fill into it."""
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
        case PhotoDownloadError():
            return "photo-lost", {}
        case PhotoFileMissing():
            return "photo-gone", {}
        case JokeBlocked():
            return "joke-blocked", {}
        case _:
            return "defect", {}


def error_message_with_id(words: Translator, language: str, key: str) -> str:
    """A message about a failure of ours, with the request id of the log, which the user can pass on to an admin."""
    text, number = words.format(language, key), REQUEST.get()
    return f"{text}\n\n{words.format(language, 'apology-number', id=number)}" if number else text


def error_text(words: Translator, limits: LimitSettings, language: str, error: JokebotError) -> str:
    """What is sent in place of a joke."""
    key, values = words_for(error, limits)
    return error_message_with_id(words, language, key) if key == "defect" else words.format(language, key, **values)
