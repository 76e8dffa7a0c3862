"""A rolling swap: a new pool replaces the champion's, server by server, so that at most one more than usual is loaded.

Each step starts and checks one new server, moves its share of the users to it, then drains one old server and puts it
to sleep. A step that fails is undone with all before it: users go back to the old pool, the new servers of this swap
end, and the old ones wake.
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
        """Raises ServeError; everything is as before then."""
        try:
            # A canary's servers are up already, and one old server for each can go.
            self._shift_traffic()
            await self._retire_old()
            while self._new_pool.up < self._target_count:
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
        share = min(1.0, self._new_pool.up / self._target_count)
        if share:
            self._pools.router.set_incoming(self._pools.served_model(self._new_pool.model), share)

    async def _retire_old(self) -> None:
        """Put the old servers to sleep that new ones replace, except the last: it goes when nothing is routed to it."""
        if self._settings.servers.previous_model == "keep_running":
            return
        while self._old_pool.up > max(1, self._target_count - self._new_pool.up):
            servers = reversed(self._old_pool.servers)
            await self._drain_and_sleep(next(server for server in servers if server.accepts_requests))

    async def _finish(self) -> None:
        self._pools.router.set_champion(self._pools.served_model(self._new_pool.model))
        log.info("%s has replaced %s", self._new_pool.model.name, self._old_pool.model.name)
        if self._settings.servers.previous_model == "keep_running":
            return
        # Photos that come to it late go to the new champion.
        self._old_pool.close()
        for server in list(self._old_pool.servers):
            try:
                if server.state == "ready" and self._settings.servers.previous_model == "sleep":
                    await self._drain_and_sleep(server)
                elif server.state == "ready":
                    await server.drain(self._settings.servers.drain_timeout_s)
            except EngineError as error:
                log.warning("%s can't sleep and is ended: %s", server.name, error)
            if server.state != "asleep" or self._settings.servers.previous_model == "stop":
                await self._old_pool.drop(server)

    async def _drain_and_sleep(self, server: SupervisedServer) -> None:
        if not await server.drain(self._settings.servers.drain_timeout_s):
            log.warning("%s did not answer all requests in time; the new model answers them", server.name)
        await server.sleep()

    async def _undo(self) -> None:
        self._pools.router.clear_incoming()
        for server in self._added:
            await server.drain(self._settings.servers.drain_timeout_s)
            await self._new_pool.drop(server)
        await self._pools.wake_pool(self._old_pool)


async def swap_during_pause(pools: ServerPools, new_pool: ServerPool, settings: Settings) -> None:
    """A swap where memory holds no extra server: requests wait, the old servers sleep, the new ones start.

    Raises ServeError; everything is as before then, and the old servers answer what waited.
    """
    try:
        await pools.suspend_all("swap")
        while new_pool.up < settings.server_count:
            await pools.add_server(new_pool)
        pools.router.set_champion(pools.served_model(new_pool.model))
    except BaseException as error:
        for server in list(new_pool.servers):
            await new_pool.drop(server)
        if isinstance(error, EngineError):
            raise ServeError(f"The swap to {new_pool.model.name} was undone: {error}") from error
        raise
    finally:
        await pools.resume_all()
