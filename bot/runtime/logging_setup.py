"""Logging to stderr, as text or JSON lines, with every secret cut out of every line."""

import logging
import re
import sys
from collections.abc import Callable, Iterable
from urllib.parse import quote

from pydantic import SecretStr

from configs.log_context import ContextFormatter
from configs.settings import Settings

BOT_TOKEN = re.compile(r"\d{5,}(?::|%3A)[\w-]{30,}", re.IGNORECASE)
CHATTY = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "telegram", "aiohttp.access", "asyncio", "PIL")
"""They log each request (httpx with its address, which holds the token) or say what the bot says itself."""


def without(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces these in a text, and whatever looks like a bot's token."""
    forms = sorted(
        {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}, key=len, reverse=True
    )

    def clean(text: str) -> str:
        for form in forms:
            text = text.replace(form, "[secret]")
        return BOT_TOKEN.sub("[token]", text)

    return clean


def secrets_of(settings: Settings) -> list[str]:
    """Every SecretStr in the settings that is set."""
    sections = [getattr(settings, name) for name in type(settings).model_fields]
    values = [getattr(section, name) for section in sections for name in type(section).model_fields]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value()]


def configure(settings: Settings) -> None:
    """Send all logging to stderr as the settings ask for. What ends the process is logged too, so cleaned too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ContextFormatter(settings.log.format, without(secrets_of(settings))))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log.level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log.level)))
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: logging.getLogger("jokebot").critical(
        "stopped by a defect", exc_info=(kind, error, trace)
    )


def complain(error: Exception) -> None:
    """Say on stderr why a command ends: in words for a person, or as one more JSON line where lines are JSON."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    if any(isinstance(one, ContextFormatter) and one.json for one in formatters):
        logging.getLogger("jokebot").critical("%s", error)
    else:
        print(f"jokebot: {error}", file=sys.stderr)
