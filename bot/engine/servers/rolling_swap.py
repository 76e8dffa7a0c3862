"""A rolling swap: a new pool replaces the champion's server by server, with at most one extra server loaded on a GPU.

Each step starts and checks one new server, routes its share of the users to it, then drains one old server and puts
it to sleep. If a step fails, the whole swap is undone: users are routed to the old pool again, the servers that the
swap started are ended, and the old ones wake.
"""

import logging

from bot.engine.errors import EngineError
from bot.engine.servers.base import ServeError
from bot.engine.servers.pool import ServerPool
from bot.engine.servers.pools import ServerPools
from bot.engine.servers.supervised_server import SupervisedServer
from configs.settings import Settings

log = logging.getLogger(__name__)


class RollingSwap:
    """One swap of the champion's pool; `run` it once."""

    def __init__(self, pools: ServerPools, old_pool: ServerPool, new_pool: ServerPool, settings: Settings) -> None:
        self._pools, self._old_pool, self._new_pool, self._settings = pools, old_pool, new_pool, settings
        self._target_count = settings.server_count
        self._added: list[SupervisedServer] = []

    async def run(self) -> None:
        """Swap the pools. Raises ServeError; after an error nothing has changed."""
        try:
            # A canary's servers are ready already; each replaces an old server.
            self._shift_traffic()
            await self._retire_old()
            while self._new_pool.ready_count < self._target_count:
                self._added.append(await self._pools.add_server(self._new_pool))
                self._shift_traffic()
                await self._retire_old()
        except BaseException as error:
            await self._undo()
            if isinstance(error, EngineError):
                raise ServeError(f"The swap to {self._new_pool.model.name} was undone: {error}") from error
            raise
        await self._finish()

    def _shift_traffic(self) -> None:
        """Route the share of requests to the new pool that it has servers for."""
        share = min(1.0, self._new_pool.ready_count / self._target_count)
        if share:
            self._pools.router.set_incoming(self._pools.served_model(self._new_pool.model), share)

    async def _retire_old(self) -> None:
        """Put the old servers to sleep that new ones replace. The last one stays until nothing is routed to it."""
        if self._settings.servers.previous_model == "keep_running":
            return
        while self._old_pool.ready_count > max(1, self._target_count - self._new_pool.ready_count):
            accepting = [server for server in reversed(self._old_pool.servers) if server.accepts_requests]
            await self._drain_and_sleep(max(accepting, key=lambda server: self._pools.gpu_load(server.gpu)))

    async def _finish(self) -> None:
        self._pools.router.set_champion(self._pools.served_model(self._new_pool.model))
        log.info("%s has replaced %s", self._new_pool.model.name, self._old_pool.model.name)
        if self._settings.servers.previous_model == "keep_running":
            return
        # Late requests to the old pool fail at once and go to the new champion.
        self._old_pool.close()
        for server in list(self._old_pool.servers):
            try:
                if server.state == "ready" and self._settings.servers.previous_model == "sleep":
                    await self._drain_and_sleep(server)
                elif server.state == "ready":
                    await server.drain(self._settings.servers.drain_timeout_s)
            except EngineError as error:
                log.warning("%s can't be put to sleep and is ended: %s", server.name, error)
            if server.state != "asleep" or self._settings.servers.previous_model == "stop":
                await self._old_pool.remove_server(server)

    async def _drain_and_sleep(self, server: SupervisedServer) -> None:
        if not await server.drain(self._settings.servers.drain_timeout_s):
            log.warning("%s did not answer all requests in time; the new model answers the rest", server.name)
        await server.sleep()

    async def _undo(self) -> None:
        self._pools.router.clear_incoming()
        for server in self._added:
            await server.drain(self._settings.servers.drain_timeout_s)
            await self._new_pool.remove_server(server)
        await self._pools.wake_pool(self._old_pool)


async def swap_during_pause(pools: ServerPools, new_pool: ServerPool, settings: Settings) -> None:
    """A swap without memory for an extra server: requests wait, the old servers sleep, the new ones start.

    Raises ServeError. After an error nothing has changed, and the old servers answer the requests that waited.
    """
    try:
        await pools.suspend_all("swap")
        while new_pool.ready_count < settings.server_count:
            await pools.add_server(new_pool)
        pools.router.set_champion(pools.served_model(new_pool.model))
    except BaseException as error:
        for server in list(new_pool.servers):
            await new_pool.remove_server(server)
        if isinstance(error, EngineError):
            raise ServeError(f"The swap to {new_pool.model.name} was undone: {error}") from error
        raise
    finally:
        await pools.resume_all()
