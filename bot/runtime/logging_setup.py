"""Logging to stderr, as text or JSON lines. Secrets are removed from every line."""

import logging
import re
import sys
from collections.abc import Callable, Iterable
from urllib.parse import quote

from pydantic import SecretStr

from configs.log_context import ContextFormatter
from configs.settings import Settings

BOT_TOKEN = re.compile(r"\d{5,}(?::|%3A)[\w-]{30,}", re.IGNORECASE)
NOISY_LOGGERS = (
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "openai",
    "telegram",
    "aiohttp.access",
    "apscheduler",
    "asyncio",
    "PIL",
)
"""Loggers that log each request (httpx with its URL, which holds the token), each job, or repeat what the bot logs."""


def make_secret_filter(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces the secrets in a text, and everything that looks like a bot token."""
    forms = sorted(
        {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}, key=len, reverse=True
    )

    def remove_secrets(text: str) -> str:
        for form in forms:
            text = text.replace(form, "[secret]")
        return BOT_TOKEN.sub("[token]", text)

    return remove_secrets


def secrets_of(settings: Settings) -> list[str]:
    """The value of every SecretStr that is set in the settings."""
    sections = [getattr(settings, name) for name in type(settings).model_fields]
    values = [getattr(section, name) for section in sections for name in type(section).model_fields]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value()]


def configure_logging(settings: Settings) -> None:
    """Log to stderr, in the format and from the level of the settings.

    An exception that ends the process is logged too, so no secret reaches stderr through it.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ContextFormatter(settings.log.format, make_secret_filter(secrets_of(settings))))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log.level)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log.level)))
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: logging.getLogger("jokebot").critical(
        "stopped by a defect", exc_info=(kind, error, trace)
    )


def report_error(error: Exception) -> None:
    """Print to stderr why a command failed: as plain text, or as a JSON line if the log is JSON."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    if any(isinstance(formatter, ContextFormatter) and formatter.json for formatter in formatters):
        logging.getLogger("jokebot").critical("%s", error)
    else:
        print(f"jokebot: {error}", file=sys.stderr)
