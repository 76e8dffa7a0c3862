"""The HTTP client of python-telegram-bot: aiohttp instead of httpx, which takes a third of the CPU time per call."""

import asyncio
from typing import Any

import aiohttp
from telegram._utils.types import ODVInput
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.telegram.update_check import parse_deep_updates

KEEP_ALIVE_S = 30.0
POOL_TIMEOUT_S = 60.0
"""How long a call may wait for a free connection."""


class AiohttpRequest(BaseRequest):
    """Up to `connections` at a time; `timeout_s` applies to connecting and to each pause in a response.

    `proxy`: URL of an HTTP proxy, or None.
    Raises TimedOut and NetworkError, as python-telegram-bot expects. Neither says whether
    Telegram has executed the call.
    """

    def __init__(self, connections: int, timeout_s: float, *, proxy: str | None = None) -> None:
        self._connections, self._timeout_s, self._proxy = connections, timeout_s, proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._timeout_s

    async def initialize(self) -> None:
        """Open the pool of connections."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE_S)
            self._session = aiohttp.ClientSession(
                connector=connector,
                proxy=self._proxy,
                headers={"User-Agent": self.USER_AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
            )

    async def shutdown(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        write_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        connect_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        pool_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """The status and the body of the response."""
        if self._session is None:
            raise RuntimeError("initialize comes first")
        timeout = aiohttp.ClientTimeout(
            connect=POOL_TIMEOUT_S, sock_connect=self._seconds(connect_timeout), sock_read=self._seconds(read_timeout)
        )
        try:
            async with self._session.request(method, url, data=_body(request_data), timeout=timeout) as response:
                return response.status, await response.read()
        except asyncio.TimeoutError as error:  # noqa: UP041  (aiohttp's own are subclasses of it)
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(f"{type(error).__name__}: {error}") from error

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The response's JSON. Raises TelegramError if it is none, or nested too deeply outside of updates."""
        try:
            return BaseRequest.parse_json_payload(payload)
        except RecursionError:
            try:
                return {"ok": True, "result": parse_deep_updates(payload.decode("utf-8", "replace"))}
            except ValueError:
                raise NetworkError("The response is nested too deeply.") from None

    def _seconds(self, timeout: Any) -> float | None:
        return timeout if timeout is None or isinstance(timeout, int | float) else self._timeout_s


def _body(data: RequestData | None) -> aiohttp.FormData | dict[str, str] | None:
    if data is None:
        return None
    files = data.multipart_data
    if not files:
        return data.json_parameters
    form = aiohttp.FormData(data.json_parameters)
    for name, (file_name, content, media_type) in files.items():
        form.add_field(name, content, filename=file_name, content_type=media_type)
    return form
