"""python-telegram-bot's client for the configured Bot API server, with updates as plain JSON."""

import asyncio
from typing import Any

from telegram.error import BadRequest, Forbidden, NetworkError
from telegram.ext import ExtBot

from bot.telegram.http import AiohttpRequest
from bot.telegram.local_files import LOCAL_PATH, LocalFileMissing, read_local_file
from bot.telegram.rate_limiter import Priority, RateLimiter
from bot.telegram.write_access import TOPIC, WriteAccess, current_topic
from configs.host_environment import telegram_proxy
from configs.settings import Settings

MAX_CONNECTIONS = 64
TIMEOUT_S = 15.0
"""For connecting and for each pause in a response. It is long, because a retried message may arrive twice."""
UPDATE_TYPES = ["message", "edited_message", "callback_query", "my_chat_member"]


class TelegramClient(ExtBot[Priority]):
    """A bot at a Bot API server. All calls except getUpdates pass the rate limiter.

    Messages go into the topic of the current update.
    """

    __slots__ = ("_access", "_file_problem")

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where the environment or the settings name a proxy that is not supported."""
        telegram = settings.telegram
        base = telegram.base_url.rstrip("/")
        proxy = telegram_proxy(base, telegram.proxy.get_secret_value())
        super().__init__(
            telegram.token.get_secret_value(),
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=AiohttpRequest(MAX_CONNECTIONS, TIMEOUT_S, proxy=proxy),
            get_updates_request=AiohttpRequest(1, TIMEOUT_S, proxy=proxy),
            rate_limiter=RateLimiter(settings.limits),
        )
        self._access = WriteAccess()
        self._file_problem: str | None = None

    @property
    def write_access(self) -> WriteAccess:
        """Where the bot may not write."""
        return self._access

    @property
    def file_problem(self) -> str | None:
        """Why files of a server in local mode can't be read; "" if they can, None before the first of them."""
        return self._file_problem

    async def shutdown(self) -> None:
        """Close all connections, also where Telegram has rejected the token."""
        await super().shutdown()
        for request in self._request:
            await request.shutdown()

    async def _do_post(self, endpoint: str, data: dict[str, Any], **timeouts: Any) -> Any:
        """One call of the Bot API. Raises TelegramError; Forbidden where the bot may not write."""
        chat_id = data.get("chat_id")
        if chat_id is None or not endpoint.startswith(("send", "edit")):
            return await super()._do_post(endpoint, data, **timeouts)
        topic = current_topic(chat_id) if TOPIC.get() else None
        if topic and endpoint.startswith("send"):
            data.setdefault("message_thread_id", topic)
        try:
            response = await super()._do_post(endpoint, data, **timeouts)
        except (BadRequest, Forbidden) as error:
            raise self._access.record_error(endpoint, chat_id, error) from error
        if self._access.refused and endpoint == "sendMessage":
            self._access.allow(chat_id, topic)
        return response

    async def raw_updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """Updates from `offset` on, as Telegram's JSON. Waits up to `timeout_s` for one. Raises TelegramError."""
        data = {"offset": offset, "timeout": timeout_s, "limit": 100, "allowed_updates": UPDATE_TYPES}
        updates = await self._post("getUpdates", data, read_timeout=timeout_s + TIMEOUT_S)
        if not isinstance(updates, list):
            raise NetworkError("getUpdates returned no list.")
        return updates

    async def fetch_file(self, file_id: str, max_bytes: int) -> bytes:
        """A file's bytes: over HTTP, or from this host's disk where the Bot API server runs in local mode.

        Raises TelegramError, LocalFileMissing. `max_bytes` applies to files on the disk; Telegram's own are small.
        """
        answer = await self._post("getFile", {"file_id": file_id})
        path = answer.get("file_path") if isinstance(answer, dict) else None
        if not path:
            raise NetworkError("getFile returned no path.")
        if not LOCAL_PATH.match(str(path)):
            return await self.request.retrieve(f"{self.base_file_url}/{path}")
        try:
            data = await asyncio.to_thread(read_local_file, str(path), max_bytes, self.token)
        except LocalFileMissing as error:
            self._file_problem = str(error)
            raise
        self._file_problem = ""
        return data
