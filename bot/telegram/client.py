"""The bot's side of the Bot API: python-telegram-bot's client, told where the server is, handing out updates as
JSON.
"""

from typing import Any
from urllib.parse import urlsplit

from telegram.ext import ExtBot

from bot.telegram.http import AiohttpRequest
from bot.telegram.rate_limiter import Priority, RateLimiter
from configs.settings import Settings

CONNECTIONS = 64
TIMEOUT_S = 15.0
"""For one call, to connect and for each pause in its answer.

A message sent again after it may come twice: better long.
"""
UPDATES = ["message", "callback_query"]


class TelegramClient(ExtBot[Priority]):
    """One bot at one Bot API server. Every call but getUpdates passes the rate limiter."""

    __slots__ = ()

    def __init__(self, settings: Settings) -> None:
        telegram = settings.telegram
        base = telegram.base_url.rstrip("/")
        proxied = urlsplit(base).hostname not in ("127.0.0.1", "localhost", "::1")
        super().__init__(
            telegram.token.get_secret_value(),
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=AiohttpRequest(CONNECTIONS, TIMEOUT_S, trust_env=proxied),
            get_updates_request=AiohttpRequest(1, TIMEOUT_S, trust_env=proxied),
            rate_limiter=RateLimiter(settings.limits),
        )

    async def shutdown(self) -> None:
        """Close all connections, also those of a bot that Telegram didn't let in."""
        await super().shutdown()
        for request in self._request:
            await request.shutdown()

    async def raw_updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """Updates from `offset` on, as Telegram's JSON; waits up to `timeout_s` for a first. Raises TelegramError."""
        data = {"offset": offset, "timeout": timeout_s, "limit": 100, "allowed_updates": UPDATES}
        return await self._post("getUpdates", data, read_timeout=timeout_s + TIMEOUT_S)

    async def download(self, address: str) -> bytes:
        """A file's bytes, from the address that get_file gave. Raises TelegramError."""
        return await self.request.retrieve(address)
