"""What admins hear from a bot that must stop because its database is damaged: once, however often it is started again."""
import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from telegram.error import TelegramError

from bot.api import TelegramBot
from bot.outgoing import Priority, Shed
from bot.telegram.text import truncate_for_telegram
from bot.words import Words
from configs.settings import Settings

log = logging.getLogger(__name__)

FILE = "stopped.told"
PATIENCE_S = 20.0


def told_of(settings: Settings) -> Path:
    """There once admins were told. A file, since there is no database to write it into."""
    return settings.storage.directory / FILE


async def say_last_words(settings: Settings, bot: TelegramBot, error: Exception) -> None:
    """Tell the admins why the bot stops, unless they know. In the language of the settings: theirs stand in the database."""
    file, text = told_of(settings), str(error)
    if file.exists() or not settings.telegram.admins:
        return
    words = Words(default=settings.joke.language)
    said = truncate_for_telegram(words.say(words.language(None), "alert-damaged", why=text))
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            for chat_id in settings.telegram.admins:
                try:
                    await bot.initialize()
                    await bot.send_message(chat_id, said, rate_limit_args=Priority.ANSWER)
                except (TelegramError, Shed) as failure:
                    log.info("admin %d can't be told: %s", chat_id, failure)
    with suppress(OSError):
        file.write_text(text, encoding="utf-8")


def take_back(settings: Settings) -> None:
    """All is well again: the next time is news."""
    told_of(settings).unlink(missing_ok=True)
