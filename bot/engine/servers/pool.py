"""The servers of one model version as one backend: it asks one of them, and another one if that fails.

Where servers keep the photos that they have seen, a photo goes to its own server; else to the least busy one.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from bot.engine.client import EngineReply
from bot.engine.errors import EngineError
from bot.engine.photo_affinity import choose_server, photo_digest
from bot.engine.servers.supervised_server import SupervisedServer
from configs.settings import Settings
from storage.learning.models import Model


class ServerPool:
    """The backend of a ServedModel. `make_server` gets the model and the callback for changes of a server's state."""

    def __init__(
        self, model: Model, settings: Settings, make_server: Callable[[Model, Callable[[], None]], SupervisedServer]
    ) -> None:
        self.model, self.servers = model, list[SupervisedServer]()
        self._settings, self._make_server = settings, make_server
        self._changed = asyncio.Event()
        self._closed = False
        self._down_since: float | None = time.monotonic()

    @property
    def ready_count(self) -> int:
        """How many servers accept requests."""
        return sum(server.accepts_requests for server in self.servers)

    async def ask(self, **question: Any) -> EngineReply:
        """As EngineClient.ask. Waits up to `servers.recovery_wait_s` for a restarting server. Raises EngineError."""
        limits, failed = self._settings.engine, set[SupervisedServer]()
        left_s, error = limits.total_timeout_s, None
        for attempt in range(1, limits.attempts + 1):
            server = await self._next_server(question["photo"], failed)
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    return await server.ask(**question)
            except TimeoutError:
                raise EngineError("slow", f"The servers of {self.model.name} took too long.") from None
            except EngineError as caught:
                error, left_s = caught, left_s - (time.monotonic() - asked_at)
                if not (error.retryable or error.kind == "slow") or left_s <= 0:
                    raise
            failed.add(server)
            if not any(other.accepts_requests for other in self.servers if other not in failed):
                failed.clear()
                delay_s = limits.retry_delay_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                await asyncio.sleep(max(error.retry_after_s, delay_s))
        raise error or AssertionError("at least one attempt is made")

    async def ready(self) -> bool:
        """Whether a server accepts requests now."""
        return self.ready_count > 0

    async def wait_ready(self) -> None:
        """Wait until a server accepts requests."""
        while not self.ready_count:
            self._changed.clear()
            await self._changed.wait()

    def describe_failures(self) -> str:
        """Why its servers are not ready, or the progress of their starts."""
        return "; ".join(filter(None, (server.failure or server.details for server in self.servers))) or "no servers"

    def create_server(self) -> SupervisedServer:
        """Add a server, not started yet."""
        server = self._make_server(self.model, self.notify_change)
        self.servers.append(server)
        return server

    async def remove_server(self, server: SupervisedServer) -> None:
        """End and remove a server."""
        await server.stop()
        if server in self.servers:
            self.servers.remove(server)
        self.notify_change()

    def close(self) -> None:
        """From now on, fail requests at once if no server accepts them, instead of waiting for one."""
        self._closed = True
        self.notify_change()

    def reopen(self) -> None:
        """Undo `close`: requests wait for a server again."""
        self._closed = False

    def notify_change(self) -> None:
        """Called after a server's change: wakes the requests that wait for a server."""
        if self.ready_count:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()
        self._changed.set()

    async def _next_server(self, photo: bytes, failed: set[SupervisedServer]) -> SupervisedServer:
        """The server to ask; one of `failed` only if there is no other.

        Raises EngineError "down" if no server has accepted requests for `servers.recovery_wait_s`.
        """
        while True:
            available = [server for server in self.servers if server.accepts_requests]
            if available:
                return self._choose([server for server in available if server not in failed] or available, photo)
            down_s = time.monotonic() - (self._down_since or time.monotonic())
            if self._closed or down_s >= self._settings.servers.recovery_wait_s:
                raise EngineError(
                    "down",
                    f"No server of {self.model.name} is ready ({self.describe_failures()}).",
                    retryable=not self._closed,
                )
            self._changed.clear()
            try:
                async with asyncio.timeout(max(0.01, self._settings.servers.recovery_wait_s - down_s)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _choose(self, servers: list[SupervisedServer], photo: bytes) -> SupervisedServer:
        """The photo's own server where servers keep photos, else the one with the fewest requests in progress."""
        if len(servers) == 1 or not self._settings.reuses_photos:
            return min(servers, key=lambda server: server.outstanding)
        chosen = choose_server(photo_digest(photo), {server.name: server.outstanding for server in servers})
        return next(server for server in servers if server.name == chosen)
