"""The servers of one model behind one face: a photo goes to the one with the fewest in work, and to another if that fails."""
import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from bot.engine.client import EngineError, Reply
from bot.engine.server import Server
from configs.settings import Settings
from storage.models import Model


class Fleet:
    """What an Arm asks. `make` makes a further server; who grows and shrinks the fleet is `OwnedServers`."""

    def __init__(self, model: Model, settings: Settings, make: Callable[[Model, Callable[[], None]], Server]) -> None:
        self.model, self.servers = model, list[Server]()
        self._settings, self._make = settings, make
        self._changed = asyncio.Event()
        self._closed = False
        self._down_since: float | None = time.monotonic()

    @property
    def up(self) -> int:
        """How many servers take photos."""
        return sum(server.free for server in self.servers)

    async def ask(self, **question: Any) -> Reply:
        """As EngineClient.ask. Waits for a server that starts again, for as long as the settings say. Raises EngineError."""
        limits, failed = self._settings.engine, set[Server]()
        left_s, error = limits.total_timeout_s, None
        for attempt in range(1, limits.attempts + 1):
            server = await self._free(failed)
            began = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    return await server.ask(**question)
            except TimeoutError:
                raise EngineError("slow", f"The servers of {self.model.name} took too long.") from None
            except EngineError as caught:
                error, left_s = caught, left_s - (time.monotonic() - began)
                if not (error.passing or error.kind == "slow") or left_s <= 0:
                    raise
            failed.add(server)
            if not any(other.free for other in self.servers if other not in failed):
                failed.clear()
                await asyncio.sleep(max(error.retry_after_s, limits.retry_delay_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)))
        raise error or AssertionError("at least one try is made")

    async def ready(self) -> bool:
        """Whether a photo would be answered now."""
        return self.up > 0

    async def wait_up(self) -> None:
        """Wait until a server takes photos."""
        while not self.up:
            self._changed.clear()
            await self._changed.wait()

    def reasons(self) -> str:
        """Why its servers are not ready, or how far they have come."""
        return "; ".join(filter(None, (server.trouble or server.says for server in self.servers))) or "there is none"

    def new(self) -> Server:
        """A further server, not started yet."""
        server = self._make(self.model, self.note)
        self.servers.append(server)
        return server

    async def drop(self, server: Server) -> None:
        """End a server of it."""
        await server.stop()
        if server in self.servers:
            self.servers.remove(server)
        self.note()

    def close(self) -> None:
        """Nobody waits for a server here any more: there will be none."""
        self._closed = True
        self.note()

    def reopen(self) -> None:
        self._closed = False

    def note(self) -> None:
        """Something about a server has changed: whoever waits for one looks again."""
        if self.up:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()
        self._changed.set()

    async def _free(self, failed: set[Server]) -> Server:
        """The one with the fewest photos in work. Raises EngineError "down" where none is there for too long."""
        while True:
            free = [server for server in self.servers if server.free]
            if free:
                return min(free, key=lambda server: (server in failed, server.outstanding))
            down_s = time.monotonic() - (self._down_since or time.monotonic())
            if self._closed or down_s >= self._settings.servers.wait_s:
                raise EngineError("down", f"No server of {self.model.name} is ready ({self.reasons()}).", passing=not self._closed)
            self._changed.clear()
            try:
                async with asyncio.timeout(max(0.01, self._settings.servers.wait_s - down_s)):
                    await self._changed.wait()
            except TimeoutError:
                continue
