"""Servers that the bot runs itself: kinds "cpu" and "lmdeploy". One change at a time; a failed change is undone."""

import asyncio
from collections.abc import Callable

from bot.engine.errors import EngineError
from bot.engine.router import ServedModel
from bot.engine.servers.base import NoCapacity, ServeError, ServerStatus
from bot.engine.servers.launch import Launcher, make_launcher
from bot.engine.servers.pool import ServerPool
from bot.engine.servers.pools import ServerPools
from bot.engine.servers.rolling_swap import RollingSwap, swap_during_pause
from configs.settings import Settings
from storage.learning.models import Model


class ManagedServers:
    """Implements ModelServers. `on_pause` gets the reason when a pause begins, and "" when it ends."""

    def __init__(
        self,
        settings: Settings,
        champion: Model,
        launch: Launcher | None = None,
        *,
        on_pause: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self.pools = ServerPools(settings, champion, launch or make_launcher(settings), on_pause)
        self.router = self.pools.router
        self._base_before = "none"
        """What the base's servers did before it was served beside the champion: none, asleep or running."""

    @property
    def paused(self) -> str:
        return self.pools.paused

    async def start(self) -> None:
        """Begin to serve the champion; the start of a server is retried until it succeeds."""
        for _ in range(self._settings.server_count):
            self.pools.champion.create_server().supervise()

    async def wait_ready(self) -> str:
        """Wait for the first ready server, at most `servers.start_timeout_s`. Raises ServeError."""
        pool = self.pools.champion
        try:
            async with asyncio.timeout(self._settings.servers.start_timeout_s):
                await pool.wait_ready()
        except TimeoutError:
            raise ServeError(f"{pool.model.name} is not served yet ({pool.describe_failures()}).") from None
        return f"{self._settings.engine.kind} engine serves {pool.model.name}"

    async def ready(self) -> bool:
        return await self.router.champion.client.ready()

    async def serve(self, model: Model) -> ServedModel:
        """Start servers of a version beside the others, unless it has some. Raises ServeError, NoCapacity."""
        async with self._lock:
            pool = self.pools.get(model.id)
            if pool and pool.ready_count:
                return self.pools.served_model(model)
            self.pools.ensure_not_paused()
            await self._end_base()
            if not self._settings.servers.allow_extra_server:
                raise NoCapacity(
                    f"{model.name} can't be served beside the champion: the setting "
                    "servers.allow_extra_server allows no further server."
                )
            pool = self.pools.pool(model)
            try:
                for _ in range(self._settings.servers.canary_count):
                    await self.pools.add_server(pool)
            except BaseException:
                await self.pools.remove(model.id)
                raise
            return self.pools.served_model(model)

    async def swap(self, model: Model) -> ServedModel:
        """Make a version the champion: without a gap if the settings allow an extra server, else in a pause.

        Raises ServeError.
        """
        async with self._lock:
            previous = self.router.champion
            if model.id == previous.model.id:
                return previous
            self.pools.ensure_not_paused()
            await self._end_base()
            old_pool, new_pool = self.pools.champion, self.pools.pool(model)
            if self._settings.servers.allow_extra_server:
                await RollingSwap(self.pools, old_pool, new_pool, self._settings).run()
            else:
                await swap_during_pause(self.pools, new_pool, self._settings)
            await self._remove_unused(old_pool)
            return self.router.champion

    async def end(self, model_id: int) -> None:
        """Drain and end a version's servers. Raises ServeError for the champion."""
        if model_id == self.router.champion.model.id:
            raise ServeError("The champion is in service; its servers can't be ended.")
        if self.router.canary and self.router.canary.model.id == model_id:
            self.router.clear_canary()
        async with self._lock:
            await self.pools.remove(model_id)

    async def serve_base(self, model: Model, share: float) -> None:
        """Start or wake a server of the base, and give it that share of the photos. Raises ServeError, NoCapacity.

        It takes the room of the extra server: the next `serve`, `swap` or `pause` ends it.
        """
        async with self._lock:
            self.pools.ensure_not_paused()
            if self.router.base or self.router.canary:
                raise ServeError("Another model has the room of the extra server.")
            if not self._settings.servers.allow_extra_server:
                raise NoCapacity("The setting servers.allow_extra_server allows no further server.")
            pool = self.pools.pool(model)
            self._base_before = "running" if pool.ready_count else "asleep" if pool.servers else "none"
            try:
                if not pool.ready_count:
                    await self.pools.add_server(pool)
            except BaseException:
                if self._base_before == "none":
                    await self.pools.remove(model.id)
                raise
            self.router.set_base(self.pools.served_model(model), share)

    async def end_base(self) -> None:
        """Let the base's server do what it did before."""
        async with self._lock:
            await self._end_base()

    async def pause(self, reason: str) -> None:
        """Hold new photos, answer those in progress, then put all servers to sleep.

        Raises ServeError; the pause is undone then.
        """
        async with self._lock:
            if self.paused:
                return
            await self._end_base()
            try:
                await self.pools.suspend_all(reason)
            except EngineError as error:
                await self.pools.resume_all()
                raise ServeError(f"The servers can't be put to sleep: {error}") from error

    async def resume(self) -> None:
        """Wake the servers that the router uses. One that fails to wake is restarted until it succeeds."""
        async with self._lock:
            if self.paused:
                await self.pools.resume_all()

    def status(self) -> list[ServerStatus]:
        return [
            ServerStatus(
                server.model.id,
                server.model.name,
                f"{server.name} (GPU {server.gpu})" if server.gpu else server.name,
                "draining" if server.draining and server.state == "ready" else server.state,
                server.failure or server.details,
                server.outstanding,
                server.restarts,
                server.prompt_tokens,
                server.cached_tokens,
            )
            for server in self.pools.servers
        ]

    async def stop(self) -> None:
        """End all servers, at the same time."""
        await self.pools.stop()

    async def _end_base(self) -> None:
        base = self.router.base
        if base is None:
            return
        self.router.clear_base()
        pool = self.pools.get(base.model.id)
        if pool and self._base_before == "asleep":
            await self.pools.put_to_sleep(pool)
        elif self._base_before == "none":
            await self.pools.remove(base.model.id)

    async def _remove_unused(self, old_pool: ServerPool) -> None:
        """Remove the pools that the router doesn't use, except the previous champion's if the settings keep it."""
        retained = {arm.model.id for arm in self.router.served_models}
        if self._settings.servers.previous_model != "stop":
            retained.add(old_pool.model.id)
        for pool in self.pools:
            if pool.model.id not in retained:
                await self.pools.remove(pool.model.id)
