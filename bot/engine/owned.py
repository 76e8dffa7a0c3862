"""Servers that the bot runs itself: kinds "cpu" and "lmdeploy". One change at a time; what fails leaves what was."""
import asyncio
import logging
from collections.abc import Callable
from itertools import count

from bot.engine.client import EngineError
from bot.engine.cores import share_out
from bot.engine.fleet import Fleet
from bot.engine.launch import Launcher, launcher
from bot.engine.process import StartError
from bot.engine.router import Arm, Router
from bot.engine.server import Server
from bot.engine.servers import NoRoom, ServerError, ServerState
from bot.engine.swap import Swap, swap_asleep
from configs.settings import Settings
from storage.models import Model

log = logging.getLogger(__name__)


class OwnedServers:
    """See Servers. `on_pause` is called with the reason of a pause, and with "" at its end: the queue holds photos back."""

    def __init__(self, settings: Settings, champion: Model, launch: Launcher | None = None) -> None:
        self._settings, self._launch = settings, launch or launcher(settings)
        self._changing = asyncio.Lock()
        self._fleets: dict[int, Fleet] = {}
        self._pinned: list[int] = []
        self.paused = ""
        self.on_pause: Callable[[str], None] = lambda reason: None
        self.router = Router(Arm(champion, self.fleet(champion)), turn_s=3600 * settings.engine.canary_turn_h)

    async def start(self) -> None:
        """Begin to serve the champion; a server that doesn't start is tried again and again."""
        fleet = self._fleets[self.router.champion.model.id]
        for _ in range(self._settings.server_count):
            fleet.new().keep()

    async def wait_ready(self) -> str:
        """Wait for the first server, for as long as a start may take. Raises ServerError."""
        model = self.router.champion.model
        fleet = self._fleets[model.id]
        try:
            async with asyncio.timeout(self._settings.servers.start_timeout_s):
                await fleet.wait_up()
        except TimeoutError:
            raise ServerError(f"{model.name} is not served yet ({fleet.reasons()}).") from None
        return f"{self._settings.engine.kind} engine serves {model.name}"

    async def ready(self) -> bool:
        return await self.router.champion.client.ready()

    async def serve(self, model: Model) -> Arm:
        """Start a version beside the others, or find it served. Raises ServerError, NoRoom."""
        async with self._changing:
            fleet = self._fleets.get(model.id)
            if fleet and fleet.up:
                return self.arm(model)
            self.refuse_while_paused()
            if not self._settings.servers.extra:
                raise NoRoom(f"{model.name} can't be served beside the champion: the setting servers.extra says that memory holds no further server.")
            fleet = self.fleet(model)
            try:
                for _ in range(self._settings.servers.canary_count):
                    await self.raise_one(fleet)
            except BaseException:
                await self._forget(model.id)
                raise
            return self.arm(model)

    async def swap(self, model: Model) -> Arm:
        """Make a version the champion: beside the old one where memory holds one more server, else in a pause. Raises ServerError."""
        async with self._changing:
            before = self.router.champion
            if model.id == before.model.id:
                return before
            self.refuse_while_paused()
            blue, green = self._fleets[before.model.id], self.fleet(model)
            if self._settings.servers.extra:
                await Swap(self, blue, green, self._settings).run()
            else:
                await swap_asleep(self, green, self._settings)
            await self._after_swap(blue)
            return self.router.champion

    async def end(self, model_id: int) -> None:
        """Answer what is in work and end a version's servers. Raises ServerError for the champion."""
        if model_id == self.router.champion.model.id:
            raise ServerError("The champion is in service and can't be ended.")
        if self.router.canary and self.router.canary.model.id == model_id:
            self.router.clear_canary()
        async with self._changing:
            await self._forget(model_id)

    async def pause(self, reason: str) -> None:
        """Hold photos back, answer those in work, put all servers to sleep. Raises ServerError; all goes on then."""
        async with self._changing:
            if self.paused:
                return
            try:
                await self.lay_down(reason)
            except EngineError as error:
                await self.stand_up()
                raise ServerError(f"The servers don't sleep: {error}") from error

    async def resume(self) -> None:
        """Wake those that get deliveries, and answer what waits. One that doesn't wake is started again and again."""
        async with self._changing:
            if self.paused:
                await self.stand_up()

    def status(self) -> list[ServerState]:
        return [ServerState(fleet.model.id, fleet.model.name, server.name, "draining" if server.draining and server.state == "ready" else server.state,
                            server.trouble or server.says, server.outstanding, server.restarts)
                for fleet in self._fleets.values() for server in fleet.servers]

    async def stop(self) -> None:
        """End all servers, at the same time."""
        for fleet in self._fleets.values():
            fleet.close()
        await asyncio.gather(*(server.stop() for fleet in self._fleets.values() for server in fleet.servers))

    # What swaps are made of (bot/engine/swap.py).

    def arm(self, model: Model) -> Arm:
        """The arm of a version, the same one for as long as it is routed to."""
        return self.router.arm_of(model.id) or Arm(model, self._fleets[model.id])

    def fleet(self, model: Model) -> Fleet:
        """The version's fleet, an empty one where there is none yet."""
        if model.id not in self._fleets:
            self._fleets[model.id] = Fleet(model, self._settings, self._make_server)
        return self._fleets[model.id]

    async def raise_one(self, fleet: Fleet) -> Server:
        """One server more that takes photos: one that drains or sleeps, else a new one. Raises ServerError, and leaves the fleet as it was."""
        fleet.reopen()
        resting = [server for server in fleet.servers if server.draining or server.state == "asleep"]
        server = next(iter(sorted(resting, key=lambda one: one.state == "asleep")), None) or fleet.new()
        try:
            if server in resting and server.state != "asleep":
                server.draining = False
                fleet.note()
            elif server in resting:
                await server.wake()
            else:
                await server.start()
        except StartError as error:
            await fleet.drop(server)
            raise ServerError(f"{fleet.model.name} can't be served, and all is as it was. {error}") from error
        except BaseException:
            await fleet.drop(server)
            raise
        return server

    async def lay_down(self, reason: str) -> None:
        """Hold photos back, drain every server and put it to sleep. Raises EngineError."""
        self.paused = reason
        self.on_pause(reason)
        servers = [server for fleet in self._fleets.values() for server in fleet.servers if server.state == "ready"]
        await asyncio.gather(*(server.drain(self._settings.servers.drain_s) for server in servers))
        for server in servers:
            await server.sleep()

    async def stand_up(self) -> None:
        """Wake what gets deliveries, and let photos come again."""
        await asyncio.gather(*(self.wake_all(self._fleets[arm.model.id]) for arm in self.router.arms))
        self.paused = ""
        self.on_pause("")

    async def wake_all(self, fleet: Fleet) -> None:
        """All of a fleet's servers take photos again; one that doesn't wake is started again beside other work."""
        async def wake(server: Server) -> None:
            server.draining = False
            if server.state == "asleep":
                try:
                    await server.wake()
                except StartError as error:
                    log.error("%s It is started again.", error)
                    server.wake_somehow()
        fleet.reopen()
        await asyncio.gather(*(wake(server) for server in fleet.servers))
        fleet.note()

    def refuse_while_paused(self) -> None:
        if self.paused:
            raise ServerError("The servers sleep while a run trains; try again when it has ended.")

    async def _after_swap(self, blue: Fleet) -> None:
        """Of the versions that get nothing any more, only the one before is kept, as the settings say."""
        keep = {arm.model.id for arm in self.router.arms}
        if self._settings.servers.predecessor != "end":
            keep.add(blue.model.id)
        for model_id in [one for one in self._fleets if one not in keep]:
            await self._forget(model_id)

    async def _forget(self, model_id: int) -> None:
        fleet = self._fleets.get(model_id)
        if fleet is None:
            return
        fleet.close()
        await asyncio.gather(*(server.drain(self._settings.servers.drain_s) for server in fleet.servers if server.state == "ready"))
        for server in list(fleet.servers):
            await fleet.drop(server)
        self._fleets.pop(model_id, None)

    def _make_server(self, model: Model, changed: Callable[[], None]) -> Server:
        def noted() -> None:
            changed()
            self._share_cores()
        # The lowest free number, so that their logs don't become more with each swap.
        taken = {server.name for fleet in self._fleets.values() for server in fleet.servers}
        name = next(name for number in count(1) if (name := f"server-{number}") not in taken)
        return Server(name, model, self._launch, self._settings, self._settings.storage.directory / "logs", noted)

    def _share_cores(self) -> None:
        """Whenever a server begins, sleeps or ends."""
        if not self._settings.servers.cores_apart:
            return
        awake = [server.pid for fleet in self._fleets.values() for server in fleet.servers if server.pid and server.state != "asleep"]
        if awake != self._pinned:
            self._pinned = awake
            share_out(awake)
