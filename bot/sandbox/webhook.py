"""Delivers updates to the bot's webhook one by one; repeats each until the bot answers 2xx."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp

from bot.sandbox.updates import UpdateQueue

MAX_RETRY_S = 60.0
ANSWER_TIMEOUT_S = 60.0


class WebhookSender:
    """Delivers to at most one URL.

    `retry_s`: pause after the first failure; doubles with each further one. `changed`: called after each delivery,
    successful or not.
    """

    def __init__(self, updates: UpdateQueue, retry_s: float = 1.0, changed: Callable[[], None] = lambda: None) -> None:
        self._updates = updates
        self._changed = changed
        self._retry_s = retry_s
        self._task: asyncio.Task[None] | None = None
        self.url = ""
        self.max_connections = 40
        self.last_error: tuple[int, str] | None = None

    async def set(self, url: str, secret_token: str = "", max_connections: int = 40) -> None:
        """Deliver to this URL from now on; "" ends delivery."""
        await self.stop()
        self.url = url
        self.max_connections = max_connections
        self.last_error = None
        if url:
            self._updates.end_poll()
            self._task = asyncio.create_task(self._deliver(url, secret_token))

    async def stop(self) -> None:
        """End delivery; unconfirmed updates stay queued."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def info(self) -> dict[str, Any]:
        """Telegram's WebhookInfo object."""
        info: dict[str, Any] = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates),
        }
        if self.url:
            info["max_connections"] = self.max_connections
        if self.last_error:
            info["last_error_date"], info["last_error_message"] = self.last_error
        if self._updates.allowed:
            info["allowed_updates"] = self._updates.allowed
        return info

    async def _deliver(self, url: str, secret_token: str) -> None:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret_token} if secret_token else {}
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            pause_s = self._retry_s
            while True:
                update = await self._updates.first()
                error = await self._post(session, url, update)
                if error is None:
                    self._updates.confirm(update["update_id"] + 1)
                    pause_s = self._retry_s
                else:
                    self.last_error = (int(time.time()), error)
                self._changed()
                if error is not None:
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, MAX_RETRY_S)

    async def _post(self, session: aiohttp.ClientSession, url: str, update: dict[str, Any]) -> str | None:
        """Post one update; returns the error in Telegram's wording, or None."""
        try:
            async with session.post(url, json=update, allow_redirects=False) as response:
                if 200 <= response.status < 300:
                    return None
                return f"Wrong response from the webhook: {response.status} {response.reason}"
        except aiohttp.ClientConnectorError:
            return "Connection refused"
        except TimeoutError:
            return "Read timeout expired"
        except (aiohttp.ClientError, OSError) as error:
            return f"Connection failed: {error}"
