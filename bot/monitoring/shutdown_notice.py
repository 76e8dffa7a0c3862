"""What admins hear from a bot that must stop because its database is damaged: once, however often it is started
again.
"""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from telegram.error import TelegramError

from bot.chats.languages import LanguagePreferences
from bot.i18n.translator import Translator
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.telegram.client import TelegramClient
from configs.prompts import load_prompts
from configs.settings import Settings

log = logging.getLogger(__name__)

FILE = "stopped.told"
PATIENCE_S = 20.0


def shutdown_notice_file(settings: Settings) -> Path:
    """There once admins were told. A file, since there is no database to write it into."""
    return settings.storage.directory / FILE


async def notify_shutdown(settings: Settings, client: TelegramClient, error: Exception) -> None:
    """Tell the admins why the bot stops, unless they know.

    In the language of the settings: theirs stand in the database.
    """
    file, text, words = shutdown_notice_file(settings), str(error), Translator(default=settings.joke.language)
    if file.exists() or not settings.telegram.admins:
        return
    messenger = Messenger(client, words, LanguagePreferences(words, load_prompts(), settings.joke.language, {}))
    notifier = AdminNotifier(messenger, settings.telegram.admins, _unknown_language)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await client.initialize()
            await notifier.notify("alert-damaged", why=text)
    except (TelegramError, TimeoutError) as failure:
        log.info("admins can't be told: %s", failure)
    with suppress(OSError):
        file.write_text(text, encoding="utf-8")


async def _unknown_language(admin_id: int) -> None:
    """The languages of the admins are in the database, which is damaged."""


def clear_shutdown_notice(settings: Settings) -> None:
    """All is well again: the next time is news."""
    shutdown_notice_file(settings).unlink(missing_ok=True)
