"""The server pools of all model versions that the bot serves itself, their router and their pauses."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from itertools import count

from bot.engine.errors import EngineError
from bot.engine.router import Router, ServedModel
from bot.engine.servers.base import ServeError
from bot.engine.servers.cpu_affinity import assign_cores
from bot.engine.servers.launch import Launcher, launcher_on
from bot.engine.servers.pool import ServerPool
from bot.engine.servers.server_process import StartFailed
from bot.engine.servers.supervised_server import SupervisedServer
from configs.settings import Settings
from storage.learning.models import Model

log = logging.getLogger(__name__)


class ServerPools:
    """One pool for each model version. The methods don't lock: the caller makes one change at a time.

    `on_pause` is called with the reason when a pause begins, and with "" when it ends.
    """

    def __init__(
        self, settings: Settings, champion: Model, launcher: Launcher, on_pause: Callable[[str], None]
    ) -> None:
        self._settings, self._launcher, self._on_pause = settings, launcher, on_pause
        self._pools: dict[int, ServerPool] = {}
        self._gpus = settings.serving_gpus
        self._pinned: list[int] = []
        self.paused = ""
        self.router = Router(
            ServedModel(champion, self.pool(champion)), rotation_s=3600 * settings.canary.rotation_hours
        )

    def __iter__(self) -> Iterator[ServerPool]:
        """All pools, the oldest first."""
        return iter(list(self._pools.values()))

    @property
    def servers(self) -> list[SupervisedServer]:
        """The servers of all pools."""
        return [server for pool in self._pools.values() for server in pool.servers]

    @property
    def champion(self) -> ServerPool:
        """The pool of the router's champion."""
        return self._pools[self.router.champion.model.id]

    def get(self, model_id: int) -> ServerPool | None:
        """The pool of a version, or None."""
        return self._pools.get(model_id)

    def pool(self, model: Model) -> ServerPool:
        """The pool of a version; an empty one is created if there is none."""
        if model.id not in self._pools:
            self._pools[model.id] = ServerPool(model, self._settings, self._make_server)
        return self._pools[model.id]

    def served_model(self, model: Model) -> ServedModel:
        """The router's entry for a version; the same object as long as the router has it."""
        return self.router.served_model(model.id) or ServedModel(model, self._pools[model.id])

    def gpu_load(self, gpu: str) -> int:
        """How many servers a GPU holds, without those that sleep."""
        return len(self._awake_on(gpu))

    def ensure_not_paused(self) -> None:
        """Raises ServeError during a pause."""
        if self.paused:
            raise ServeError("The servers sleep while a run trains; try again when the run has ended.")

    async def add_server(self, pool: ServerPool) -> SupervisedServer:
        """Make one more server of a pool accept requests: a draining one, else a sleeping one, else a new one.

        Among several, the one on the GPU with the fewest of its model's servers. Raises ServeError. A draining or
        sleeping server that failed is removed from the pool.
        """
        pool.reopen()
        resting = [server for server in pool.servers if server.draining or server.state == "asleep"]
        server = min(resting, key=self._wake_order, default=None) or pool.create_server()
        try:
            if server in resting and server.state != "asleep":
                server.draining = False
                pool.notify_change()
            elif server in resting:
                await server.wake()
            else:
                await server.start()
        except StartFailed as error:
            await pool.remove_server(server)
            raise ServeError(f"{pool.model.name} can't be served; nothing has changed. {error}") from error
        except BaseException:
            await pool.remove_server(server)
            raise
        return server

    async def suspend_all(self, reason: str) -> None:
        """Begin a pause: drain every server and put it to sleep.

        Raises EngineError; the caller undoes a half-made pause with `resume_all`.
        """
        self.paused = reason
        self._on_pause(reason)
        servers = [server for server in self.servers if server.state == "ready"]
        await asyncio.gather(*(server.drain(self._settings.servers.drain_timeout_s) for server in servers))
        for server in servers:
            await server.sleep()

    async def resume_all(self) -> None:
        """End a pause: wake the pools that the router uses."""
        await asyncio.gather(*(self.wake_pool(self._pools[arm.model.id]) for arm in self.router.served_models))
        self.paused = ""
        self._on_pause("")

    async def wake_pool(self, pool: ServerPool) -> None:
        """Make all servers of a pool accept requests; one that fails to wake is restarted in the background."""

        async def wake(server: SupervisedServer) -> None:
            server.draining = False
            if server.state == "asleep":
                try:
                    await server.wake()
                except StartFailed as error:
                    log.error("%s The server is restarted.", error)
                    server.wake_in_background()

        pool.reopen()
        await asyncio.gather(*(wake(server) for server in pool.servers))
        pool.notify_change()

    async def put_to_sleep(self, pool: ServerPool) -> None:
        """Drain a pool's servers and put them to sleep; one that can't sleep is ended."""
        pool.close()
        for server in [server for server in pool.servers if server.state == "ready"]:
            try:
                await server.drain(self._settings.servers.drain_timeout_s)
                await server.sleep()
            except EngineError as error:
                log.warning("%s can't be put to sleep and is ended: %s", server.name, error)
                await pool.remove_server(server)

    async def remove(self, model_id: int) -> None:
        """Drain and end a version's servers, and remove its pool."""
        pool = self._pools.get(model_id)
        if pool is None:
            return
        pool.close()
        ready = [server for server in pool.servers if server.state == "ready"]
        await asyncio.gather(*(server.drain(self._settings.servers.drain_timeout_s) for server in ready))
        for server in list(pool.servers):
            await pool.remove_server(server)
        self._pools.pop(model_id, None)

    async def stop(self) -> None:
        """End all servers, at the same time, without draining."""
        for pool in self:
            pool.close()
        await asyncio.gather(*(server.stop() for server in self.servers))

    def _make_server(self, model: Model, changed: Callable[[], None]) -> SupervisedServer:
        def on_change() -> None:
            changed()
            self._assign_cores()

        # The lowest free number, so that swaps don't create more and more log files.
        used_names = {server.name for server in self.servers}
        name = next(name for number in count(1) if (name := f"server-{number}") not in used_names)
        logs = self._settings.storage.directory / "logs"
        gpu = min(self._gpus.ids, key=lambda gpu: self._placement_order(gpu, model), default="")
        launcher = launcher_on(self._launcher, self._gpus.variables(gpu)) if gpu else self._launcher
        return SupervisedServer(name, model, launcher, self._settings, logs, on_change, gpu=gpu)

    def _placement_order(self, gpu: str, model: Model) -> tuple[int, int]:
        """A model's servers are divided evenly among the GPUs; then the GPU with the fewest servers comes first."""
        own = sum(server.model.id == model.id for server in self._awake_on(gpu))
        return own, self.gpu_load(gpu)

    def _wake_order(self, server: SupervisedServer) -> tuple[bool, int, int]:
        """Draining servers first, then by the placement of their GPUs."""
        return server.state == "asleep", *self._placement_order(server.gpu, server.model)

    def _awake_on(self, gpu: str) -> list[SupervisedServer]:
        return [server for server in self.servers if server.gpu == gpu and server.state not in ("asleep", "ended")]

    def _assign_cores(self) -> None:
        """Called whenever a server starts, sleeps or ends."""
        if not self._settings.servers.dedicated_cores:
            return
        awake = [server.pid for server in self.servers if server.pid and server.state != "asleep"]
        if awake != self._pinned:
            self._pinned = awake
            assign_cores(awake)
