"""Coalesced calls: for each key one call runs at a time, and of the waiting calls only the newest."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Hashable

from telegram.error import TelegramError

from bot.telegram.rate_limiter import CallDropped
from bot.telegram.text import is_unchanged
from configs.log_context import REQUEST, about

log = logging.getLogger(__name__)


class Coalescer:
    """Runs submitted calls in the background. A newer call for the same key replaces one that waits."""

    def __init__(self) -> None:
        self._next: dict[Hashable, tuple[Callable[[], Awaitable[object]], str]] = {}
        self._running: dict[Hashable, asyncio.Task[None]] = {}

    def submit(self, key: Hashable, call: Callable[[], Awaitable[object]]) -> None:
        """Run the call now, or after the one that runs for the key. Telegram errors are logged."""
        self._next[key] = call, REQUEST.get()
        if key not in self._running:
            # a context of its own: the task may outlive the update that starts it
            self._running[key] = asyncio.create_task(self._run(key), context=contextvars.Context())

    async def wait_idle(self, key: Hashable) -> None:
        """Wait until no call for a key runs or waits."""
        while task := self._running.get(key):
            await asyncio.wait({task})

    async def drain(self, grace_s: float) -> None:
        """Wait for running calls up to `grace_s` seconds, then cancel them."""
        tasks = list(self._running.values())
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Hashable) -> None:
        try:
            while entry := self._next.pop(key, None):
                call, request = entry
                with about(request=request):
                    await self._call(call)
        finally:
            del self._running[key]

    async def _call(self, call: Callable[[], Awaitable[object]]) -> None:
        try:
            await call()
        except CallDropped:
            pass
        except TelegramError as error:
            if not is_unchanged(error):
                log.info("a message could not be changed: %s", error)
        except Exception:
            log.exception("a message could not be changed")
