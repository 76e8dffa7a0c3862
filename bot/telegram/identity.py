"""Asks Telegram which bot a token belongs to: the one check of `jokebot setup` and `jokebot doctor`.

A module of its own: the doctor needs no client with a rate limiter.
"""

from telegram import Bot, User

from bot.telegram.http import AiohttpRequest
from configs.chat import TelegramSettings
from configs.host_environment import telegram_proxy

TIMEOUT_S = 15.0


async def fetch_bot_user(telegram: TelegramSettings) -> User:
    """The bot of the settings' token, by getMe.

    Raises InvalidToken where Telegram refuses the token, TelegramError where it can't be reached, and SettingsError for
    a proxy that is not supported. Messages of TelegramErrors may hold the token.
    """
    base = telegram.base_url.rstrip("/")
    request = AiohttpRequest(1, TIMEOUT_S, proxy=telegram_proxy(base, telegram.proxy.get_secret_value()))
    async with Bot(telegram.token.get_secret_value(), base_url=f"{base}/bot", request=request) as bot:
        return bot.bot
