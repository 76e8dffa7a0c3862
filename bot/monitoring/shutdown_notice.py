"""Notifies admins that the bot stops because its database is damaged: once, however often it restarts."""

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
NOTIFY_TIMEOUT_S = 20.0


def shutdown_notice_file(settings: Settings) -> Path:
    """Exists once admins were notified. It is a file because the database can't be written."""
    return settings.storage.directory / FILE


async def notify_shutdown(settings: Settings, client: TelegramClient, error: Exception) -> None:
    """Notify the admins why the bot stops, unless they were notified before.

    The message is in the language of the settings, since the admins' languages are in the database.
    """
    file, text, translator = shutdown_notice_file(settings), str(error), Translator(default=settings.joke.language)
    if file.exists() or not settings.telegram.admins:
        return
    languages = LanguagePreferences(translator, load_prompts(), settings.joke.language, {})
    messenger = Messenger(client, translator, languages)
    notifier = AdminNotifier(messenger, settings.telegram.admins, _unknown_language)
    try:
        async with asyncio.timeout(NOTIFY_TIMEOUT_S):
            await client.initialize()
            await notifier.notify("alert-damaged", why=text)
    except (TelegramError, TimeoutError) as failure:
        log.info("admins can't be notified: %s", failure)
    with suppress(OSError):
        file.write_text(text, encoding="utf-8")


async def _unknown_language(admin_id: int) -> None:
    """The languages of the admins are in the database, which is damaged."""


def clear_shutdown_notice(settings: Settings) -> None:
    """The database is intact: the next damage is notified again."""
    shutdown_notice_file(settings).unlink(missing_ok=True)
