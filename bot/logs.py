"""Logging to stderr, with every secret cut out of every line."""
import logging
import re
import sys
from collections.abc import Iterable
from urllib.parse import quote

from pydantic import SecretStr

from configs.settings import Settings

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
BOT_TOKEN = re.compile(r"\d{5,}(?::|%3A)[\w-]{30,}", re.IGNORECASE)
CHATTY = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "telegram", "aiohttp.access", "asyncio", "PIL")
"""They log each request (httpx with its address, which holds the token) or say what the bot says itself."""


class Redacting(logging.Formatter):
    """Formats a record, its traceback too, and replaces the secrets in it, and whatever looks like a bot's token."""

    def __init__(self, secrets: Iterable[str], format: str = FORMAT) -> None:
        super().__init__(format)
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
        self._secrets = sorted(forms, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return BOT_TOKEN.sub("[token]", text)


def secrets_of(settings: Settings) -> list[str]:
    """Every SecretStr in the settings that is set."""
    sections = [getattr(settings, name) for name in type(settings).model_fields]
    values = [getattr(section, name) for section in sections for name in type(section).model_fields]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value()]


def configure(settings: Settings) -> None:
    """Send all logging to stderr at the level the settings ask for. What ends the process is logged too, so redacted too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting(secrets_of(settings)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log.level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log.level)))
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: logging.getLogger("jokebot").critical("stopped by a defect", exc_info=(kind, error, trace))
