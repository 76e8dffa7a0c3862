"""python-telegram-bot's client for the configured Bot API server, with updates as plain JSON."""

from typing import Any
from urllib.parse import urlsplit

from telegram.error import NetworkError
from telegram.ext import ExtBot

from bot.telegram.http import AiohttpRequest
from bot.telegram.rate_limiter import Priority, RateLimiter
from configs.settings import Settings

MAX_CONNECTIONS = 64
TIMEOUT_S = 15.0
"""For connecting and for each pause in a response. It is long, because a retried message may arrive twice."""
UPDATE_TYPES = ["message", "callback_query"]


class TelegramClient(ExtBot[Priority]):
    """A bot at a Bot API server. All calls except getUpdates pass the rate limiter."""

    __slots__ = ()

    def __init__(self, settings: Settings) -> None:
        telegram = settings.telegram
        base = telegram.base_url.rstrip("/")
        proxied = urlsplit(base).hostname not in ("127.0.0.1", "localhost", "::1")
        super().__init__(
            telegram.token.get_secret_value(),
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=AiohttpRequest(MAX_CONNECTIONS, TIMEOUT_S, trust_env=proxied),
            get_updates_request=AiohttpRequest(1, TIMEOUT_S, trust_env=proxied),
            rate_limiter=RateLimiter(settings.limits),
        )

    async def shutdown(self) -> None:
        """Close all connections, also where Telegram has rejected the token."""
        await super().shutdown()
        for request in self._request:
            await request.shutdown()

    async def raw_updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """Updates from `offset` on, as Telegram's JSON. Waits up to `timeout_s` for one. Raises TelegramError."""
        data = {"offset": offset, "timeout": timeout_s, "limit": 100, "allowed_updates": UPDATE_TYPES}
        updates = await self._post("getUpdates", data, read_timeout=timeout_s + TIMEOUT_S)
        if not isinstance(updates, list):
            raise NetworkError("getUpdates returned no list.")
        return updates

    async def download(self, url: str) -> bytes:
        """A file's bytes, from the URL of get_file. Raises TelegramError."""
        return await self.request.retrieve(url)
